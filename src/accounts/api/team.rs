//! `/members/{id}/users` and invitations: who is in the team, and who is asked to join.

use poem_openapi::param::{Path, Query};
use poem_openapi::types::Example;
use poem_openapi::{Object, OpenApi, Tags};

use super::members::{OwnMemberBody, of_member};
use super::{Caller, problems};
use crate::accounts::team::{Invitation, InvitationState, Invited, Joiner, MOST_MEMBERS, TeamError};
use crate::accounts::{Accounts, Agreed, Name, NewPassword, Operation, Principal, Role, TeamUser};
use crate::clock::Timestamp;
use crate::http::page::{self, Cursor};
use crate::http::schema::Secret;
use crate::http::{Created, Json, NoContent, Problem};
use crate::ids::{InvitationId, MemberId, UserId};
use crate::mail::{EmailAddress, Language};

/// A member must keep an owner.
const LAST_OWNER: &str = "urn:contactbar:problem:last-owner";
/// The invitation's address has an account: log in, then accept.
const LOG_IN_FIRST: &str = "urn:contactbar:problem:log-in-first";

pub struct TeamApi {
    pub accounts: Accounts,
}

#[derive(Tags)]
enum Tag {
    /// Who is in the team and as what, and who is asked to join it.
    Team,
}

/// A person in the team.
#[derive(Debug, Object)]
#[oai(rename = "TeamUser", example)]
pub struct TeamUserBody {
    pub id: UserId,
    pub email: EmailAddress,
    pub name: Option<Name>,
    pub role: Role,
    /// Whether they log in with a second factor.
    pub second_factor: bool,
    pub joined_at: Timestamp,
}

impl From<TeamUser> for TeamUserBody {
    fn from(user: TeamUser) -> Self {
        let TeamUser {
            id,
            email,
            name,
            role,
            second_factor,
            joined_at,
        } = user;
        Self {
            id,
            email,
            name,
            role,
            second_factor,
            joined_at,
        }
    }
}

fn address() -> EmailAddress {
    "anna@herons.example".parse().expect("this is an address")
}

impl Example for TeamUserBody {
    fn example() -> Self {
        Self {
            id: UserId::from_uuid(uuid::Uuid::from_u128(7)),
            email: address(),
            name: "Anna Heron".parse().ok(),
            role: Role::Editor,
            second_factor: true,
            joined_at: Timestamp::from_secs(1_795_341_600),
        }
    }
}

/// A page of the team, in the order in which they joined.
#[derive(Debug, Object)]
pub struct TeamUsers {
    pub items: Vec<TeamUserBody>,
    /// Where the next page begins, if there is one.
    pub next_cursor: Option<Cursor>,
}

/// The role to give.
#[derive(Debug, Object)]
#[oai(example)]
pub struct UpdateTeamMember {
    pub role: Role,
}

impl Example for UpdateTeamMember {
    fn example() -> Self {
        Self { role: Role::Admin }
    }
}

/// An invitation.
#[derive(Debug, Object)]
#[oai(rename = "Invitation", example)]
pub struct InvitationBody {
    pub id: InvitationId,
    pub email: EmailAddress,
    pub role: Role,
    pub state: InvitationState,
    /// Who sent it.
    pub invited_by: Option<UserId>,
    pub created_at: Timestamp,
    pub expires_at: Timestamp,
}

impl InvitationBody {
    fn of(invitation: Invitation, now: Timestamp) -> Self {
        let state = invitation.state(now);
        let Invitation {
            id,
            email,
            role,
            invited_by,
            created_at,
            expires_at,
            ..
        } = invitation;
        Self {
            id,
            email,
            role,
            state,
            invited_by,
            created_at,
            expires_at,
        }
    }
}

impl Example for InvitationBody {
    fn example() -> Self {
        Self {
            id: InvitationId::from_uuid(uuid::Uuid::from_u128(7)),
            email: address(),
            role: Role::Editor,
            state: InvitationState::Pending,
            invited_by: None,
            created_at: Timestamp::from_secs(1_795_341_600),
            expires_at: Timestamp::from_secs(1_795_946_400),
        }
    }
}

/// A page of invitations, newest first.
#[derive(Debug, Object)]
pub struct Invitations {
    pub items: Vec<InvitationBody>,
    /// Where the next page begins, if there is one.
    pub next_cursor: Option<Cursor>,
}

/// Whom to invite, and as what.
#[derive(Debug, Object)]
#[oai(example)]
pub struct CreateInvitation {
    pub email: EmailAddress,
    /// Up to your own.
    pub role: Role,
}

impl Example for CreateInvitation {
    fn example() -> Self {
        Self {
            email: address(),
            role: Role::Editor,
        }
    }
}

/// The token of an invitation's link.
#[derive(Debug, Object)]
#[oai(example)]
pub struct InvitationToken {
    #[oai(validator(min_length = 1, max_length = 100))]
    pub token: Secret,
}

fn token() -> Secret {
    Secret("cbi_3k8q9x7v2m5n6p4r8s0tbw3k8q9x7v2m5n6p4r8s0tb".to_owned())
}

impl Example for InvitationToken {
    fn example() -> Self {
        Self { token: token() }
    }
}

/// What an invitation says.
#[derive(Debug, Object)]
#[oai(rename = "Invited", example)]
pub struct InvitedBody {
    /// The member that invites.
    pub member_name: Name,
    /// Whom it invites.
    pub email: EmailAddress,
    pub role: Role,
    pub expires_at: Timestamp,
    /// Whether this address has an account: then log in to accept; else accept with `account`.
    pub has_account: bool,
}

impl From<Invited> for InvitedBody {
    fn from(invited: Invited) -> Self {
        let Invited {
            member_name,
            email,
            role,
            expires_at,
            has_account,
        } = invited;
        Self {
            member_name,
            email,
            role,
            expires_at,
            has_account,
        }
    }
}

impl Example for InvitedBody {
    fn example() -> Self {
        Self {
            member_name: "Herons & Sons".parse().expect("this is a name"),
            email: address(),
            role: Role::Editor,
            expires_at: Timestamp::from_secs(1_795_946_400),
            has_account: false,
        }
    }
}

/// An account to be, for the invited address.
#[derive(Debug, Object)]
#[oai(example)]
pub struct InvitedAccount {
    /// At least 10 characters, and none of the common ones.
    #[oai(validator(min_length = 10, max_length = 128))]
    pub password: Secret,
    pub name: Option<Name>,
    #[oai(default)]
    pub language: Language,
    /// The version of the privacy policy that you agree to; must be the current one.
    pub privacy_version: i32,
    /// The version of the terms that you agree to; must be the current one.
    pub terms_version: i32,
}

impl Example for InvitedAccount {
    fn example() -> Self {
        Self {
            password: Secret("seven quiet herons wade".to_owned()),
            name: "Anna Heron".parse().ok(),
            language: Language::En,
            privacy_version: 1,
            terms_version: 1,
        }
    }
}

/// Accepting an invitation: with a session of its address, or with a new account.
#[derive(Debug, Object)]
#[oai(example)]
pub struct AcceptInvitation {
    #[oai(validator(min_length = 1, max_length = 100))]
    pub token: Secret,
    /// Only without a session: makes an account, whose address the link has verified.
    pub account: Option<InvitedAccount>,
}

impl Example for AcceptInvitation {
    fn example() -> Self {
        Self {
            token: token(),
            account: Some(InvitedAccount::example()),
        }
    }
}

/// What went wrong with a team, as an answer.
pub(super) fn team_problem(error: TeamError) -> Problem {
    match error {
        TeamError::Accounts(error) => error.into(),
        TeamError::Plan(refused) => refused.into(),
        TeamError::LastOwner => {
            Problem::conflict("A member must keep an owner: make somebody else one first.").kind(LAST_OWNER)
        }
        TeamError::LastOwnerOf(members) => {
            let names: Vec<String> = members.iter().map(|name| format!("“{name}”")).collect();
            let names = names.join(", ");
            Problem::conflict(format!(
                "You are the only owner of {names}: make somebody else one, or end these members first."
            ))
            .kind(LAST_OWNER)
        }
        TeamError::Ended => Problem::conflict("The member has ended, and is being deleted."),
        TeamError::AboveOwnRole => Problem::forbidden("This concerns a role above your own."),
        TeamError::TooManyMembers => {
            Problem::conflict(format!("One user belongs to at most {MOST_MEMBERS} members."))
        }
        TeamError::InTeam => Problem::conflict("This person is in the team already."),
        TeamError::Invited => {
            Problem::conflict("This address has a pending invitation: send that one again, or revoke it.")
        }
        TeamError::Settled => Problem::conflict("The invitation has been accepted or revoked."),
        TeamError::TooManyInvitations { retry_after_secs } => {
            Problem::too_many_requests(retry_after_secs).detail("Too many invitations; wait a little.")
        }
        TeamError::LogInFirst => {
            Problem::conflict("This address has an account: log in with it, then accept without `account`.")
                .kind(LOG_IN_FIRST)
        }
        TeamError::OtherAddress(masked) => Problem::conflict(format!(
            "The invitation is for {masked}: log in with that address."
        )),
    }
}

#[OpenApi]
impl TeamApi {
    /// List the team
    ///
    /// In the order in which they joined.
    #[oai(
        path = "/members/:member_id/users",
        method = "get",
        operation_id = "list_team",
        tag = "Tag::Team"
    )]
    async fn list(
        &self,
        caller: Caller,
        /// The current member.
        member_id: Path<MemberId>,
        /// How many at most.
        #[oai(
            default = "super::default_limit",
            validator(minimum(value = "1"), maximum(value = "200"))
        )]
        limit: Query<u32>,
        /// The `next_cursor` of the page before.
        after: Query<Option<Cursor>>,
    ) -> Result<Json<TeamUsers>, Problem> {
        let access = of_member(caller.may(Operation::ListTeam)?, member_id.0)?;
        let after = after.0.map(|cursor| (cursor.at, UserId::from_uuid(cursor.id)));
        let found = self
            .accounts
            .list_team(access.member, after, page::one_more(limit.0))
            .await
            .map_err(team_problem)?;
        let (items, next_cursor) = page::cut(found, limit.0, |user| Cursor {
            at: user.joined_at,
            id: *user.id.uuid(),
        });
        Ok(Json(TeamUsers {
            items: items.into_iter().map(Into::into).collect(),
            next_cursor,
        }))
    }

    /// Change a role
    ///
    /// Up to your own role, of people up to your own role. A member keeps at least one owner.
    #[oai(
        path = "/members/:member_id/users/:user_id",
        method = "patch",
        operation_id = "update_team_member",
        tag = "Tag::Team"
    )]
    async fn update(
        &self,
        caller: Caller,
        /// The current member.
        member_id: Path<MemberId>,
        /// The person.
        user_id: Path<UserId>,
        body: Json<UpdateTeamMember>,
    ) -> Result<Json<TeamUserBody>, Problem> {
        let access = of_member(caller.may(Operation::UpdateTeamMember)?, member_id.0)?;
        let changed = self
            .accounts
            .change_role(&access, user_id.0, body.0.role)
            .await
            .map_err(team_problem)?;
        Ok(Json(changed.into()))
    }

    /// Remove a person from the team
    ///
    /// Their account stays. Tokens that they made stay too: they are the member's; revoke what they may know.
    #[oai(
        path = "/members/:member_id/users/:user_id",
        method = "delete",
        operation_id = "remove_team_member",
        tag = "Tag::Team"
    )]
    async fn remove(
        &self,
        caller: Caller,
        /// The current member.
        member_id: Path<MemberId>,
        /// The person.
        user_id: Path<UserId>,
    ) -> Result<NoContent, Problem> {
        let access = of_member(caller.may(Operation::RemoveTeamMember)?, member_id.0)?;
        self.accounts
            .remove_from_team(&access, user_id.0)
            .await
            .map_err(team_problem)?;
        Ok(NoContent)
    }

    /// Leave the team
    ///
    /// The last owner can't.
    #[oai(
        path = "/members/:member_id/leave",
        method = "post",
        operation_id = "leave_team",
        tag = "Tag::Team"
    )]
    async fn leave(
        &self,
        caller: Caller,
        /// The current member.
        member_id: Path<MemberId>,
    ) -> Result<NoContent, Problem> {
        let access = of_member(caller.may(Operation::LeaveTeam)?, member_id.0)?;
        self.accounts.leave_team(&access).await.map_err(team_problem)?;
        Ok(NoContent)
    }

    /// List invitations
    ///
    /// Newest first, with what came of them; forgotten 90 days after they were sent.
    #[oai(
        path = "/members/:member_id/invitations",
        method = "get",
        operation_id = "list_invitations",
        tag = "Tag::Team"
    )]
    async fn list_invitations(
        &self,
        caller: Caller,
        /// The current member.
        member_id: Path<MemberId>,
        /// How many at most.
        #[oai(
            default = "super::default_limit",
            validator(minimum(value = "1"), maximum(value = "200"))
        )]
        limit: Query<u32>,
        /// The `next_cursor` of the page before.
        after: Query<Option<Cursor>>,
    ) -> Result<Json<Invitations>, Problem> {
        let access = of_member(caller.may(Operation::ListInvitations)?, member_id.0)?;
        let before = after
            .0
            .map(|cursor| (cursor.at, InvitationId::from_uuid(cursor.id)));
        let found = self
            .accounts
            .list_invitations(access.member, before, page::one_more(limit.0))
            .await
            .map_err(team_problem)?;
        let (items, next_cursor) = page::cut(found, limit.0, |one| Cursor {
            at: one.created_at,
            id: *one.id.uuid(),
        });
        let now = self.accounts.now();
        let items = items
            .into_iter()
            .map(|one| InvitationBody::of(one, now))
            .collect();
        Ok(Json(Invitations { items, next_cursor }))
    }

    /// Invite somebody
    ///
    /// By a mail whose link works once, within 7 days. At most 50 invitations in 24 hours.
    #[oai(
        path = "/members/:member_id/invitations",
        method = "post",
        operation_id = "create_invitation",
        tag = "Tag::Team"
    )]
    async fn invite(
        &self,
        caller: Caller,
        /// The current member.
        member_id: Path<MemberId>,
        body: Json<CreateInvitation>,
    ) -> Result<Created<InvitationBody>, Problem> {
        let access = of_member(caller.may(Operation::CreateInvitation)?, member_id.0)?;
        let CreateInvitation { email, role } = body.0;
        let made = self
            .accounts
            .invite(&access, email, role)
            .await
            .map_err(team_problem)?;
        Ok(Created(InvitationBody::of(made, self.accounts.now())))
    }

    /// Send an invitation again
    ///
    /// With another link, good for another 7 days; the one before is dead. Not within 10 minutes of the last mail.
    #[oai(
        path = "/members/:member_id/invitations/:invitation_id/resend",
        method = "post",
        operation_id = "resend_invitation",
        tag = "Tag::Team"
    )]
    async fn resend(
        &self,
        caller: Caller,
        /// The current member.
        member_id: Path<MemberId>,
        /// The invitation.
        invitation_id: Path<InvitationId>,
    ) -> Result<Json<InvitationBody>, Problem> {
        let access = of_member(caller.may(Operation::ResendInvitation)?, member_id.0)?;
        let sent = self
            .accounts
            .resend_invitation(&access, invitation_id.0)
            .await
            .map_err(team_problem)?;
        Ok(Json(InvitationBody::of(sent, self.accounts.now())))
    }

    /// Revoke an invitation
    ///
    /// Its link is dead at once.
    #[oai(
        path = "/members/:member_id/invitations/:invitation_id",
        method = "delete",
        operation_id = "revoke_invitation",
        tag = "Tag::Team"
    )]
    async fn revoke(
        &self,
        caller: Caller,
        /// The current member.
        member_id: Path<MemberId>,
        /// The invitation.
        invitation_id: Path<InvitationId>,
    ) -> Result<NoContent, Problem> {
        let access = of_member(caller.may(Operation::RevokeInvitation)?, member_id.0)?;
        self.accounts
            .revoke_invitation(&access, invitation_id.0)
            .await
            .map_err(team_problem)?;
        Ok(NoContent)
    }

    /// Read an invitation by its link
    ///
    /// For whoever holds the link of the mail. Changes nothing.
    #[oai(
        path = "/invitations/read",
        method = "post",
        operation_id = "read_invitation",
        tag = "Tag::Team"
    )]
    async fn read_invitation(&self, body: Json<InvitationToken>) -> Result<Json<InvitedBody>, Problem> {
        let invited = self
            .accounts
            .read_invitation(&body.0.token.0)
            .await
            .map_err(team_problem)?;
        Ok(Json(invited.into()))
    }

    /// Accept an invitation
    ///
    /// With a session of the invited address; or, if that has no account yet, with `account`, which makes one. Then log
    /// in by `POST /api/v1/session`.
    #[oai(
        path = "/invitations/accept",
        method = "post",
        operation_id = "accept_invitation",
        tag = "Tag::Team"
    )]
    async fn accept(
        &self,
        caller: Caller,
        body: Json<AcceptInvitation>,
    ) -> Result<Json<OwnMemberBody>, Problem> {
        let AcceptInvitation { token, account } = body.0;
        let joiner = match (caller.principal(), account) {
            (Principal::User(signed_in), None) => Joiner::User(signed_in.user),
            (Principal::User(_), Some(_)) => {
                return Err(Problem::field("account", "must be left out: you are logged in"));
            }
            (Principal::Token { .. }, _) => {
                return Err(Problem::forbidden(
                    "Only people accept invitations, never an API token.",
                ));
            }
            (Principal::Anonymous, None) => {
                return Err(Problem::unauthorized(
                    "Log in with the invited address, or send `account` to make one.",
                ));
            }
            (Principal::Anonymous, Some(account)) => self.newcomer(&token.0, account).await?,
        };
        let joined = self
            .accounts
            .accept_invitation(&token.0, joiner)
            .await
            .map_err(team_problem)?;
        Ok(Json(joined.into()))
    }

    async fn newcomer(&self, token: &str, account: InvitedAccount) -> Result<Joiner, Problem> {
        // The password must not be the address, which the link tells.
        let email = self
            .accounts
            .read_invitation(token)
            .await
            .map_err(team_problem)?
            .email;
        let password = NewPassword::parse(account.password.0, Some(&email))
            .map_err(problems::weak("account.password"))?;
        let agreed = Agreed {
            privacy: account.privacy_version,
            terms: account.terms_version,
        };
        Ok(Joiner::New {
            password,
            name: account.name,
            language: account.language,
            agreed,
        })
    }
}
