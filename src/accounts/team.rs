//! Members as they show themselves, the people in their teams, and invitations to join: types, and who may change whom.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Error, Name, NewPassword, Role, UnknownName};
use crate::clock::{DAY, MINUTE, Timestamp};
use crate::db;
use crate::ids::{InvitationId, MemberId, UserId};
use crate::mail::{self, EmailAddress, Language};
use crate::plans;

/// Members that one user may belong to.
pub const MOST_MEMBERS: i64 = 50;
/// An invitation's link is good for so long.
pub const INVITATION: Duration = Duration::from_secs(7 * 24 * 3600);
pub const INVITATION_DAYS: u32 = 7;
/// What came of an invitation is shown for so long, then forgotten.
pub const INVITATION_KEPT: Duration = Duration::from_secs(90 * 24 * 3600);
/// So long a member that is leaving can still stay.
pub const GRACE: Duration = Duration::from_secs(30 * 24 * 3600);
/// Invitations of one member within [`INVITATIONS_WINDOW`]: nobody sends mail to the world in our name.
pub const MOST_INVITATIONS: i64 = 50;
pub const INVITATIONS_WINDOW: Duration = DAY;
/// An invitation is mailed again no sooner than this.
pub const RESEND_AFTER: Duration = Duration::from_secs(10 * MINUTE.as_secs());

/// Why something about a team was not done.
#[derive(Debug, thiserror::Error)]
pub enum TeamError {
    #[error(transparent)]
    Accounts(#[from] Error),
    #[error("a member must keep an owner")]
    LastOwner,
    /// Some of the members that they own have no other owner.
    #[error("these members have no other owner")]
    LastOwnerOf(Vec<Name>),
    /// The member's time is over; what was asked for comes too late.
    #[error("the member has ended")]
    Ended,
    #[error("that role is above your own")]
    AboveOwnRole,
    #[error("you belong to {MOST_MEMBERS} members, and may not to more")]
    TooManyMembers,
    #[error("this person is in the team already")]
    InTeam,
    #[error("this address has an invitation already: send it again instead")]
    Invited,
    #[error("the invitation has been accepted or revoked")]
    Settled,
    #[error("too many invitations")]
    TooManyInvitations { retry_after_secs: u64 },
    /// The link was mailed to an address that has an account: whoever follows it logs in first.
    #[error("this address has an account: log in, then accept")]
    LogInFirst,
    /// Logged in as somebody else.
    #[error("the invitation is for {0}: log in with that address")]
    OtherAddress(String),
    #[error(transparent)]
    Plan(#[from] plans::Refused),
}

impl From<db::Error> for TeamError {
    fn from(error: db::Error) -> Self {
        Self::Accounts(error.into())
    }
}

impl From<mail::Error> for TeamError {
    fn from(error: mail::Error) -> Self {
        Self::Accounts(error.into())
    }
}

/// Who is behind a member.
#[derive(Clone, Copy, Debug, PartialEq, Eq, poem_openapi::Enum)]
#[oai(rename_all = "snake_case")]
pub enum MemberKind {
    Individual,
    /// A company, a club, an authority.
    Entity,
}

impl MemberKind {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Individual => "individual",
            Self::Entity => "entity",
        }
    }
}

impl FromStr for MemberKind {
    type Err = UnknownName;
    fn from_str(text: &str) -> Result<Self, UnknownName> {
        [Self::Individual, Self::Entity]
            .into_iter()
            .find(|kind| kind.as_str() == text)
            .ok_or_else(|| UnknownName(text.to_owned()))
    }
}

/// Where a member's data lives (promise 48).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, poem_openapi::Enum)]
#[serde(rename_all = "snake_case")]
#[oai(rename_all = "snake_case")]
pub enum Region {
    Eu,
}

impl Region {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Eu => "eu",
        }
    }
}

impl FromStr for Region {
    type Err = UnknownName;
    fn from_str(text: &str) -> Result<Self, UnknownName> {
        match text {
            "eu" => Ok(Self::Eu),
            other => Err(UnknownName(other.to_owned())),
        }
    }
}

/// A time zone of the IANA database, by its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TimeZone(String);

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("is no time zone such as Europe/Berlin")]
pub struct NotATimeZone;

impl TimeZone {
    pub fn utc() -> Self {
        Self("UTC".to_owned())
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for TimeZone {
    type Err = NotATimeZone;
    fn from_str(text: &str) -> Result<Self, NotATimeZone> {
        let zone = (text.len() <= 64).then(|| jiff::tz::TimeZone::get(text));
        match zone {
            Some(Ok(zone)) => Ok(Self(zone.iana_name().unwrap_or(text).to_owned())),
            _ => Err(NotATimeZone),
        }
    }
}

impl fmt::Display for TimeZone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A member.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    pub id: MemberId,
    pub name: Name,
    pub kind: MemberKind,
    pub region: Region,
    pub language: Language,
    pub time_zone: TimeZone,
    pub created_at: Timestamp,
    /// It is leaving: from then on nothing of it is left.
    pub ends_at: Option<Timestamp>,
}

/// A member to be.
#[derive(Clone, Debug)]
pub struct NewMember {
    pub name: Name,
    pub kind: MemberKind,
    pub language: Language,
    pub time_zone: TimeZone,
}

/// What to change about a member; `None` leaves it.
#[derive(Clone, Debug, Default)]
pub struct MemberChange {
    pub name: Option<Name>,
    pub kind: Option<MemberKind>,
    pub language: Option<Language>,
    pub time_zone: Option<TimeZone>,
}

impl Member {
    /// Changes what is given; answers the names of what became different.
    pub(super) fn apply(&mut self, change: MemberChange) -> Vec<&'static str> {
        fn put<T: PartialEq>(
            name: &'static str,
            value: &mut T,
            new: Option<T>,
            changed: &mut Vec<&'static str>,
        ) {
            if let Some(new) = new.filter(|new| new != value) {
                *value = new;
                changed.push(name);
            }
        }
        let mut changed = Vec::new();
        put("name", &mut self.name, change.name, &mut changed);
        put("kind", &mut self.kind, change.kind, &mut changed);
        put("language", &mut self.language, change.language, &mut changed);
        put("time_zone", &mut self.time_zone, change.time_zone, &mut changed);
        changed
    }
}

/// A member, and what a user is to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnMember {
    pub member: Member,
    pub role: Role,
    pub joined_at: Timestamp,
}

/// A person in a team.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TeamUser {
    pub id: UserId,
    pub email: EmailAddress,
    pub name: Option<Name>,
    pub role: Role,
    pub second_factor: bool,
    pub joined_at: Timestamp,
}

/// An invitation that a member sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invitation {
    pub id: InvitationId,
    pub member: MemberId,
    pub email: EmailAddress,
    pub role: Role,
    pub invited_by: Option<UserId>,
    pub created_at: Timestamp,
    pub expires_at: Timestamp,
    pub accepted_at: Option<Timestamp>,
    pub revoked_at: Option<Timestamp>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, poem_openapi::Enum)]
#[oai(rename_all = "snake_case")]
pub enum InvitationState {
    /// Its link can be followed.
    Pending,
    Accepted,
    /// Its link is too old; it can be sent again.
    Expired,
    Revoked,
}

impl Invitation {
    pub fn state(&self, now: Timestamp) -> InvitationState {
        if self.accepted_at.is_some() {
            InvitationState::Accepted
        } else if self.revoked_at.is_some() {
            InvitationState::Revoked
        } else if self.expires_at <= now {
            InvitationState::Expired
        } else {
            InvitationState::Pending
        }
    }

    /// When it was last mailed.
    pub(super) fn sent_at(&self) -> Timestamp {
        self.expires_at - INVITATION
    }
}

/// What an invitation says to whoever holds its link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invited {
    pub member_name: Name,
    pub email: EmailAddress,
    pub role: Role,
    pub expires_at: Timestamp,
    /// Whether the address has an account: then its owner logs in and accepts; else the link makes one.
    pub has_account: bool,
}

/// Who accepts an invitation.
#[derive(Clone, Debug)]
pub enum Joiner {
    /// Somebody who is logged in.
    User(UserId),
    /// Somebody new, whose address the link verifies.
    New {
        password: NewPassword,
        name: Option<Name>,
        language: Language,
        agreed: super::Agreed,
    },
}

/// May somebody of role `own` change a person of role `theirs`, to role `new` or out of the team?
pub(super) fn may_change(own: Role, theirs: Role, new: Option<Role>) -> Result<(), TeamError> {
    if theirs > own || new.is_some_and(|new| new > own) {
        return Err(TeamError::AboveOwnRole);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_changes_who_is_above_them_nor_lifts_anybody_above_themself() {
        use Role::*;
        assert!(may_change(Admin, Editor, Some(Admin)).is_ok());
        assert!(may_change(Admin, Admin, None).is_ok());
        assert!(may_change(Owner, Owner, Some(Viewer)).is_ok());
        assert!(may_change(Admin, Owner, None).is_err());
        assert!(may_change(Admin, Owner, Some(Viewer)).is_err());
        assert!(may_change(Admin, Editor, Some(Owner)).is_err());
    }

    #[test]
    fn a_time_zone_is_one_of_the_iana_database() {
        assert_eq!(
            "Europe/Berlin".parse::<TimeZone>().unwrap().as_str(),
            "Europe/Berlin"
        );
        assert_eq!("UTC".parse(), Ok(TimeZone::utc()));
        for text in ["", "Mars/Olympus", "../../etc/passwd", &"x".repeat(65)] {
            assert_eq!(text.parse::<TimeZone>(), Err(NotATimeZone), "{text}");
        }
    }
}
