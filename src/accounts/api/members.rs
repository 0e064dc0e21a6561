//! `/members`: one's members, and the profile of the current one. Another's member is a 404.

use std::collections::BTreeMap;

use poem_openapi::param::{Path, Query};
use poem_openapi::types::Example;
use poem_openapi::{Object, OpenApi, Tags};

use super::shapes::Proof;
use super::{Caller, team_problem};
use crate::accounts::profile::{Profile, ProfileField, ProfileSource, ProfileValue};
use crate::accounts::{
    Access, Accounts, Agreed, Member, MemberChange, MemberKind, Name, Network, NewMember, Operation,
    OwnMember, OwnVisits, Region, Role, TimeZone,
};
use crate::clock::Timestamp;
use crate::http::page::{self, Cursor};
use crate::http::{ClientAddr, Created, FieldError, Json, NoContent, Problem};
use crate::ids::{MemberId, PolicyVersionId};
use crate::mail::Language;

crate::string_type!(TimeZone, "time-zone", "Europe/Berlin", None);

pub struct MembersApi {
    pub accounts: Accounts,
}

#[derive(Tags)]
enum Tag {
    /// Members, their profile and their team. A session has one current member (`PATCH /api/v1/session` chooses it), a
    /// token has its own; of any other member there is nothing to be seen here.
    Members,
}

/// A member.
#[derive(Debug, Object)]
#[oai(rename = "Member", example)]
pub struct MemberBody {
    pub id: MemberId,
    pub name: Name,
    pub kind: MemberKind,
    /// Where its data lives.
    pub region: Region,
    /// Of its mails to people who have not said which they prefer.
    pub language: Language,
    /// In which it counts its days.
    pub time_zone: TimeZone,
    pub created_at: Timestamp,
    /// It is leaving: its bars are off, and at this time all of it is deleted. Absent: it stays.
    pub ends_at: Option<Timestamp>,
}

impl From<Member> for MemberBody {
    fn from(member: Member) -> Self {
        let Member {
            id,
            name,
            kind,
            region,
            language,
            time_zone,
            created_at,
            ends_at,
        } = member;
        Self {
            id,
            name,
            kind,
            region,
            language,
            time_zone,
            created_at,
            ends_at,
        }
    }
}

fn example_name(text: &str) -> Name {
    text.parse().expect("this is a name")
}

impl Example for MemberBody {
    fn example() -> Self {
        Self {
            id: MemberId::from_uuid(uuid::Uuid::from_u128(7)),
            name: example_name("Herons & Sons"),
            kind: MemberKind::Entity,
            region: Region::Eu,
            language: Language::En,
            time_zone: TimeZone::utc(),
            created_at: Timestamp::from_secs(1_795_341_600),
            ends_at: None,
        }
    }
}

/// A member, and what you are to it.
#[derive(Debug, Object)]
#[oai(rename = "OwnMember", example)]
pub struct OwnMemberBody {
    pub member: MemberBody,
    pub role: Role,
    pub joined_at: Timestamp,
}

impl From<OwnMember> for OwnMemberBody {
    fn from(own: OwnMember) -> Self {
        Self {
            member: own.member.into(),
            role: own.role,
            joined_at: own.joined_at,
        }
    }
}

impl Example for OwnMemberBody {
    fn example() -> Self {
        let member = MemberBody::example();
        Self {
            joined_at: member.created_at,
            member,
            role: Role::Owner,
        }
    }
}

/// A page of your members, the oldest membership first.
#[derive(Debug, Object)]
pub struct OwnMembers {
    pub items: Vec<OwnMemberBody>,
    /// Where the next page begins, if there is one.
    pub next_cursor: Option<Cursor>,
}

/// A member to be.
#[derive(Debug, Object)]
#[oai(example)]
pub struct CreateMember {
    pub name: Name,
    #[oai(default = "individual")]
    pub kind: MemberKind,
    #[oai(default)]
    pub language: Language,
    /// `UTC` if you don't say.
    #[oai(default = "TimeZone::utc")]
    pub time_zone: TimeZone,
    /// The version of the privacy policy that you agree to for it; must be the current one.
    pub privacy_version: i32,
    /// The version of the terms that you agree to for it; must be the current one.
    pub terms_version: i32,
}

fn individual() -> MemberKind {
    MemberKind::Individual
}

impl Example for CreateMember {
    fn example() -> Self {
        Self {
            name: example_name("Herons & Sons"),
            kind: MemberKind::Entity,
            language: Language::En,
            time_zone: TimeZone::utc(),
            privacy_version: 1,
            terms_version: 1,
        }
    }
}

/// What to change; what is left out stays.
#[derive(Debug, Object)]
#[oai(example)]
pub struct UpdateMember {
    pub name: Option<Name>,
    pub kind: Option<MemberKind>,
    pub language: Option<Language>,
    pub time_zone: Option<TimeZone>,
}

impl Example for UpdateMember {
    fn example() -> Self {
        Self {
            name: Some(example_name("Herons & Daughters")),
            kind: None,
            language: None,
            time_zone: "Europe/Berlin".parse().ok(),
        }
    }
}

/// What of its own visits a member does not want counted.
#[derive(Debug, Object)]
#[oai(rename = "OwnVisits", example)]
pub struct OwnVisitsBody {
    /// Visits from these are not counted: addresses, or networks in CIDR form, of IPv4 at most a /8, of IPv6 a /16.
    pub addresses: Vec<String>,
    /// Whether visits in the browsers of the team are not counted: those that come from the same address, with the same
    /// user agent, as somebody who was logged in today or yesterday (UTC).
    pub users: bool,
    /// The address that this request came from, for putting it among the others.
    pub your_address: String,
}

impl OwnVisitsBody {
    fn of(own: OwnVisits, client: ClientAddr) -> Self {
        Self {
            addresses: own.addresses.iter().map(ToString::to_string).collect(),
            users: own.users,
            your_address: client.0.to_string(),
        }
    }
}

impl Example for OwnVisitsBody {
    fn example() -> Self {
        Self {
            addresses: vec!["192.0.2.7".to_owned(), "2001:db8:7::/48".to_owned()],
            users: true,
            your_address: "192.0.2.7".to_owned(),
        }
    }
}

/// What is not to be counted from now on.
#[derive(Debug, Object)]
#[oai(example)]
pub struct UpdateOwnVisits {
    /// Addresses such as `192.0.2.7`, or networks such as `192.0.2.0/24` and `2001:db8::/48`.
    #[oai(validator(max_items = 100))]
    pub addresses: Vec<String>,
    /// Whether visits in the browsers of those who are logged in stay uncounted.
    pub users: bool,
}

impl UpdateOwnVisits {
    /// The wishes, each network once, or all that is wrong with them.
    fn parsed(self) -> Result<OwnVisits, Problem> {
        let (mut addresses, mut faults) = (Vec::new(), Vec::new());
        for (index, text) in self.addresses.iter().enumerate() {
            match text.parse::<Network>() {
                Ok(network) if addresses.contains(&network) => {}
                Ok(network) => addresses.push(network),
                Err(error) => faults.push(FieldError::new(format!("addresses[{index}]"), error.to_string())),
            }
        }
        if addresses.len() > OwnVisits::MAX_ADDRESSES {
            faults.push(FieldError::new("addresses", "has more than 100 entries"));
        }
        if faults.is_empty() {
            Ok(OwnVisits {
                addresses,
                users: self.users,
            })
        } else {
            Err(Problem::unprocessable(faults))
        }
    }
}

impl Example for UpdateOwnVisits {
    fn example() -> Self {
        Self {
            addresses: vec!["192.0.2.7".to_owned(), "2001:db8:7::/48".to_owned()],
            users: true,
        }
    }
}

/// A value of the profile, and how it came to be here.
#[derive(Debug, Object)]
#[oai(rename = "ProfileValue")]
pub struct ProfileValueBody {
    pub value: String,
    /// Where it came from.
    pub source: ProfileSource,
    /// The version of the privacy policy under which it was collected, and under which it stays.
    pub policy_version_id: PolicyVersionId,
    pub collected_at: Timestamp,
}

impl From<ProfileValue> for ProfileValueBody {
    fn from(value: ProfileValue) -> Self {
        let ProfileValue {
            value,
            source,
            policy_version,
            collected_at,
            ..
        } = value;
        Self {
            value,
            source,
            policy_version_id: policy_version,
            collected_at,
        }
    }
}

macro_rules! profile_bodies {
    ($( $(#[$doc:meta])* $name:ident: $field:ident, $example:expr; )*) => {
        /// The profile of a member. Every field is optional; what was never given is left out.
        #[derive(Debug, Object)]
        #[oai(rename = "Profile", example, skip_serializing_if_is_none)]
        pub struct ProfileBody { $( $(#[$doc])* pub $name: Option<ProfileValueBody>, )* }

        impl From<Profile> for ProfileBody {
            fn from(mut profile: Profile) -> Self {
                let mut take = |field| profile.remove(&field).map(ProfileValueBody::from);
                Self { $( $name: take(ProfileField::$field), )* }
            }
        }

        impl Example for ProfileBody {
            fn example() -> Self {
                let value = |value: &str| ProfileValueBody {
                    value: value.to_owned(),
                    source: ProfileSource::Member,
                    policy_version_id: PolicyVersionId::from_uuid(uuid::Uuid::from_u128(7)),
                    collected_at: Timestamp::from_secs(1_795_341_600),
                };
                let examples: BTreeMap<&str, &str> = [$( (stringify!($name), $example), )*].into();
                let shown = |name: &str| examples.get(name).filter(|text| !text.is_empty()).map(|text| value(text));
                Self { $( $name: shown(stringify!($name)), )* }
            }
        }

        /// The fields to change; what is left out stays. To delete one, use `DELETE`.
        #[derive(Debug, Object)]
        #[oai(example)]
        pub struct UpdateProfile {
            $( $(#[$doc])* #[oai(validator(min_length = 1, max_length = 300))] pub $name: Option<String>, )*
        }

        impl UpdateProfile {
            /// The fields that are given, parsed, or all that is wrong with them.
            fn parsed(self) -> Result<Vec<(ProfileField, String)>, Problem> {
                let (mut parsed, mut faults) = (Vec::new(), Vec::new());
                $(
                    if let Some(text) = self.$name {
                        match ProfileField::$field.parse(&text) {
                            Ok(value) => parsed.push((ProfileField::$field, value)),
                            Err(error) => faults.push(FieldError::new(stringify!($name), error.to_string())),
                        }
                    }
                )*
                if faults.is_empty() { Ok(parsed) } else { Err(Problem::unprocessable(faults)) }
            }
        }

        impl Example for UpdateProfile {
            fn example() -> Self {
                let given = |text: &str| (!text.is_empty()).then(|| text.to_owned());
                Self { $( $name: given($example), )* }
            }
        }
    };
}

profile_bodies! {
    /// Of the person, or of the one to ask for.
    full_name: FullName, "Ada Heron";
    street: Street, "";
    postal_code: PostalCode, "";
    city: City, "Bern";
    state: State, "";
    /// Two letters, as ISO 3166 has them.
    country: Country, "CH";
    phone: Phone, "+41 31 000 00 00";
    mobile_phone: MobilePhone, "";
    occupation: Occupation, "";
    gender: Gender, "";
    website: Website, "https://herons.example/";
    industry: Industry, "";
    tax_id: TaxId, "";
}

/// The right to the member in the path, which must be the current one.
pub(super) fn of_member(access: Access, id: MemberId) -> Result<Access, Problem> {
    if access.member == id {
        Ok(access)
    } else {
        Err(Problem::not_found())
    }
}

#[OpenApi]
impl MembersApi {
    /// List your members
    ///
    /// The members that you belong to, the oldest membership first, with your role in each.
    #[oai(
        path = "/members",
        method = "get",
        operation_id = "list_members",
        tag = "Tag::Members"
    )]
    async fn list(
        &self,
        caller: Caller,
        /// How many at most.
        #[oai(
            default = "super::default_limit",
            validator(minimum(value = "1"), maximum(value = "200"))
        )]
        limit: Query<u32>,
        /// The `next_cursor` of the page before.
        after: Query<Option<Cursor>>,
    ) -> Result<Json<OwnMembers>, Problem> {
        let user = caller.in_person(Operation::ListMembers)?.user;
        let after = after.0.map(|cursor| (cursor.at, MemberId::from_uuid(cursor.id)));
        let found = self
            .accounts
            .list_members(user, after, page::one_more(limit.0))
            .await
            .map_err(team_problem)?;
        let (items, next_cursor) = page::cut(found, limit.0, |own| Cursor {
            at: own.joined_at,
            id: *own.member.id.uuid(),
        });
        Ok(Json(OwnMembers {
            items: items.into_iter().map(Into::into).collect(),
            next_cursor,
        }))
    }

    /// Make another member
    ///
    /// You own it. Your session stays with its current member: `PATCH /api/v1/session` moves it to the new one.
    #[oai(
        path = "/members",
        method = "post",
        operation_id = "create_member",
        tag = "Tag::Members"
    )]
    async fn create(&self, caller: Caller, body: Json<CreateMember>) -> Result<Created<MemberBody>, Problem> {
        let user = caller.in_person(Operation::CreateMember)?.user;
        let CreateMember {
            name,
            kind,
            language,
            time_zone,
            privacy_version,
            terms_version,
        } = body.0;
        let new = NewMember {
            name,
            kind,
            language,
            time_zone,
        };
        let agreed = Agreed {
            privacy: privacy_version,
            terms: terms_version,
        };
        let made = self
            .accounts
            .create_member(user, new, agreed)
            .await
            .map_err(team_problem)?;
        Ok(Created(made.into()))
    }

    /// Read the member
    #[oai(
        path = "/members/:member_id",
        method = "get",
        operation_id = "read_member",
        tag = "Tag::Members"
    )]
    async fn read(
        &self,
        caller: Caller,
        /// The current member.
        member_id: Path<MemberId>,
    ) -> Result<Json<MemberBody>, Problem> {
        let access = of_member(caller.may(Operation::ReadMember)?, member_id.0)?;
        Ok(Json(
            self.accounts
                .find_member(access.member)
                .await
                .map_err(team_problem)?
                .into(),
        ))
    }

    /// Change the member
    ///
    /// What is left out stays. The region can't be changed: moving data needs consent.
    #[oai(
        path = "/members/:member_id",
        method = "patch",
        operation_id = "update_member",
        tag = "Tag::Members"
    )]
    async fn update(
        &self,
        caller: Caller,
        /// The current member.
        member_id: Path<MemberId>,
        body: Json<UpdateMember>,
    ) -> Result<Json<MemberBody>, Problem> {
        let access = of_member(caller.may(Operation::UpdateMember)?, member_id.0)?;
        let UpdateMember {
            name,
            kind,
            language,
            time_zone,
        } = body.0;
        let change = MemberChange {
            name,
            kind,
            language,
            time_zone,
        };
        Ok(Json(
            self.accounts
                .update_member(&access, change)
                .await
                .map_err(team_problem)?
                .into(),
        ))
    }

    /// End the member
    ///
    /// For owners, with their password. All its bars are off at once, and all owners are told by mail. 30 days later
    /// everything is deleted for good: bars, counts, contacts, webhooks, tokens, mails, the team, and the users who then
    /// belong to no member. Asked for again, the date stays. A wrong password is a 403 of type
    /// `urn:contactbar:problem:wrong-password`.
    #[oai(
        path = "/members/:member_id/ending",
        method = "post",
        operation_id = "end_member",
        tag = "Tag::Members"
    )]
    async fn end(
        &self,
        caller: Caller,
        /// The current member.
        member_id: Path<MemberId>,
        body: Json<Proof>,
    ) -> Result<Json<MemberBody>, Problem> {
        let access = of_member(caller.may(Operation::EndMember)?, member_id.0)?;
        let ending = self
            .accounts
            .end_member(&access, body.0.password.0)
            .await
            .map_err(team_problem)?;
        Ok(Json(ending.into()))
    }

    /// Keep the member after all
    ///
    /// Until its end has come. The bars are as they were before. A member that is not leaving stays as it is.
    #[oai(
        path = "/members/:member_id/ending",
        method = "delete",
        operation_id = "withdraw_ending",
        tag = "Tag::Members"
    )]
    async fn withdraw_ending(
        &self,
        caller: Caller,
        /// The current member.
        member_id: Path<MemberId>,
    ) -> Result<Json<MemberBody>, Problem> {
        let access = of_member(caller.may(Operation::WithdrawEnding)?, member_id.0)?;
        let member = self
            .accounts
            .withdraw_ending(&access)
            .await
            .map_err(team_problem)?;
        Ok(Json(member.into()))
    }

    /// Read what of its own visits is not counted
    #[oai(
        path = "/members/:member_id/own-visits",
        method = "get",
        operation_id = "read_own_visits",
        tag = "Tag::Members"
    )]
    async fn read_own_visits(
        &self,
        caller: Caller,
        client: ClientAddr,
        /// The current member.
        member_id: Path<MemberId>,
    ) -> Result<Json<OwnVisitsBody>, Problem> {
        let access = of_member(caller.may(Operation::ReadOwnVisits)?, member_id.0)?;
        let own = self.accounts.find_own_visits(access.member).await?;
        Ok(Json(OwnVisitsBody::of(own, client)))
    }

    /// Change what of its own visits is not counted
    ///
    /// Both are replaced, and hold within seconds; what has been counted stays counted. What is left out so is shown among
    /// the drops, as `own_address` and `own_user`. Forms work all the same, and their contacts are kept.
    #[oai(
        path = "/members/:member_id/own-visits",
        method = "put",
        operation_id = "update_own_visits",
        tag = "Tag::Members"
    )]
    async fn update_own_visits(
        &self,
        caller: Caller,
        client: ClientAddr,
        /// The current member.
        member_id: Path<MemberId>,
        body: Json<UpdateOwnVisits>,
    ) -> Result<Json<OwnVisitsBody>, Problem> {
        let access = of_member(caller.may(Operation::UpdateOwnVisits)?, member_id.0)?;
        let own = self.accounts.update_own_visits(&access, body.0.parsed()?).await?;
        Ok(Json(OwnVisitsBody::of(own, client)))
    }

    /// Read the profile
    ///
    /// What the member told about itself, with when, from whom and under which policy each field was collected.
    #[oai(
        path = "/members/:member_id/profile",
        method = "get",
        operation_id = "read_profile",
        tag = "Tag::Members"
    )]
    async fn read_profile(
        &self,
        caller: Caller,
        /// The current member.
        member_id: Path<MemberId>,
    ) -> Result<Json<ProfileBody>, Problem> {
        let access = of_member(caller.may(Operation::ReadProfile)?, member_id.0)?;
        Ok(Json(self.accounts.find_profile(access.member).await?.into()))
    }

    /// Change the profile
    ///
    /// What is left out stays. A changed field is collected anew, under the privacy policy of now. What looks like a card
    /// number is refused.
    #[oai(
        path = "/members/:member_id/profile",
        method = "patch",
        operation_id = "update_profile",
        tag = "Tag::Members"
    )]
    async fn update_profile(
        &self,
        caller: Caller,
        /// The current member.
        member_id: Path<MemberId>,
        body: Json<UpdateProfile>,
    ) -> Result<Json<ProfileBody>, Problem> {
        let access = of_member(caller.may(Operation::UpdateProfile)?, member_id.0)?;
        let changes = body.0.parsed()?;
        Ok(Json(self.accounts.update_profile(&access, changes).await?.into()))
    }

    /// Delete a field of the profile
    ///
    /// With all that it ever held. This is final.
    #[oai(
        path = "/members/:member_id/profile/:field",
        method = "delete",
        operation_id = "delete_profile_field",
        tag = "Tag::Members"
    )]
    async fn delete_profile_field(
        &self,
        caller: Caller,
        /// The current member.
        member_id: Path<MemberId>,
        /// The field.
        field: Path<ProfileField>,
    ) -> Result<NoContent, Problem> {
        let access = of_member(caller.may(Operation::DeleteProfileField)?, member_id.0)?;
        self.accounts.delete_profile_field(&access, field.0).await?;
        Ok(NoContent)
    }
}
