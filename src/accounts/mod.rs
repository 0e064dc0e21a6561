//! Members, users and what lets them in: passwords, second factor, sessions, API tokens, and who may do what.
//!
//! Owns the table of operations ([`permissions`]) and who is calling. Must never answer differently, or after a
//! different amount of work, for an address that it knows and one that it doesn't; must never keep a password or a
//! token that it could read again.

pub mod api;
pub mod api_tokens;
mod jobs;
pub mod own_visits;
pub mod passwords;
pub mod permissions;
pub mod policy_changes;
pub mod preferences;
pub mod profile;
pub mod rules;
mod service;
mod store;
pub mod team;

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;
use crate::db;
use crate::ids::{LoginRecordId, MemberId, PolicyVersionId, SessionId, UserId};
use crate::mail::{self, EmailAddress, Language};
use crate::policies::Collected;
use crate::text;

pub use api_tokens::ApiToken;
pub use jobs::{AnswerAddress, EndMember, ForgetMember, NudgeLead, Purge, WatchPolicies};
pub use own_visits::{Network, OwnVisits};
pub use passwords::{NewPassword, Passwords, WeakPassword};
pub use permissions::{Access, Operation, Principal, Refusal, Rule, SignedIn};
pub use service::{
    Account, Accounts, Agreed, BarsChanged, Current, LogIn, LoggedIn, NewSession, Registration, SecondFactor,
    TotpEnrolment,
};
pub use store::addressees::{find_addressees, list_addressees};
pub use store::members::list_members_of;
pub use store::team::may_export;
pub use team::{
    Invitation, Member, MemberChange, MemberKind, NewMember, OwnMember, Region, TeamError, TeamUser, TimeZone,
};

/// Why an operation on accounts was not done.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Db(#[from] db::Error),
    #[error(transparent)]
    Mail(#[from] mail::Error),
    /// Too many passwords are being checked.
    #[error("too many passwords are being checked right now")]
    Busy,
    /// Too many failures, of this account or from this address.
    #[error("too many tries")]
    TooMany { retry_after_secs: u64 },
    /// Address or password; which of them is not told.
    #[error("the address or the password is wrong")]
    WrongCredentials,
    /// Somebody who is logged in got their own password wrong.
    #[error("the password is wrong")]
    WrongPassword,
    /// The password is right, and a code is needed too.
    #[error("a code of the second factor is needed")]
    SecondFactorNeeded,
    #[error("the code is wrong, or has been used")]
    WrongCode,
    /// The password is right, and the address was never confirmed.
    #[error("the address has not been verified")]
    NotVerified,
    #[error("the link is unknown, used or too old")]
    DeadLink,
    #[error("the address has been taken meanwhile")]
    AddressTaken,
    /// Agreed to versions that are not the current ones.
    #[error("the policies have changed: privacy is at {privacy}, terms at {terms}")]
    OldPolicies { privacy: i32, terms: i32 },
    #[error("the second factor is on already")]
    TotpOn,
    #[error("the second factor is off")]
    TotpOff,
    /// No such thing, or somebody else's.
    #[error("not found")]
    NotFound,
}

/// A person who logs in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    pub id: UserId,
    pub email: EmailAddress,
    pub email_verified_at: Option<Timestamp>,
    pub name: Option<Name>,
    pub language: Language,
    /// Since when the second factor is on.
    pub totp_confirmed_at: Option<Timestamp>,
    pub created_at: Timestamp,
    /// How their address came to be here.
    pub collected: Collected,
}

/// A member, as mails about it need to know it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Addressees {
    pub name: String,
    pub language: Language,
    pub time_zone: String,
    /// How what the member says of itself came to be here: addresses in a bar's settings, too.
    pub collected: Collected,
    pub people: Vec<Addressee>,
}

/// One of its people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Addressee {
    pub user: UserId,
    pub address: EmailAddress,
    pub language: Language,
    /// How the address came to be here.
    pub collected: Collected,
}

/// What a user is to a member of theirs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Membership {
    pub member: MemberId,
    pub name: Name,
    pub role: Role,
}

/// A log-in that lasts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    pub id: SessionId,
    pub user: UserId,
    /// The current member.
    pub member: Option<MemberId>,
    pub address: Option<String>,
    pub browser: Option<String>,
    pub system: Option<String>,
    pub created_at: Timestamp,
    pub last_seen_at: Timestamp,
    pub expires_at: Timestamp,
}

/// A try to log in (promise 12).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoginRecord {
    pub id: LoginRecordId,
    pub outcome: LoginOutcome,
    pub address: Option<String>,
    pub browser: Option<String>,
    pub browser_version: Option<String>,
    pub system: Option<String>,
    pub language: Option<String>,
    pub referrer: Option<String>,
    pub policy_version: PolicyVersionId,
    pub at: Timestamp,
    pub purge_at: Timestamp,
}

/// Who asks, as far as a request tells. Kept with sessions and log-in records, never logged.
#[derive(Clone, Debug)]
pub struct Client {
    pub address: IpAddr,
    /// What limits count by: a whole /64 of IPv6 is one.
    pub network: IpAddr,
    pub user_agent: Option<String>,
    pub language: Option<String>,
    pub referrer: Option<String>,
}

/// How a try to log in ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, poem_openapi::Enum)]
#[oai(rename_all = "snake_case")]
pub enum LoginOutcome {
    Success,
    WrongPassword,
    /// The password was right; the code was wrong.
    WrongCode,
    /// The password was right; a code was asked for.
    CodeNeeded,
    /// The password was right; the address was not verified.
    NotVerified,
}

impl LoginOutcome {
    pub const ALL: [Self; 5] = [
        Self::Success,
        Self::WrongPassword,
        Self::WrongCode,
        Self::CodeNeeded,
        Self::NotVerified,
    ];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::WrongPassword => "wrong_password",
            Self::WrongCode => "wrong_code",
            Self::CodeNeeded => "code_needed",
            Self::NotVerified => "not_verified",
        }
    }
}

impl FromStr for LoginOutcome {
    type Err = UnknownName;
    fn from_str(text: &str) -> Result<Self, UnknownName> {
        Self::ALL
            .into_iter()
            .find(|outcome| outcome.as_str() == text)
            .ok_or_else(|| UnknownName(text.to_owned()))
    }
}

/// What a mailed link is good for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    VerifyAddress,
    ResetPassword,
    ChangeAddress,
}

impl Purpose {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::VerifyAddress => "verify_address",
            Self::ResetPassword => "reset_password",
            Self::ChangeAddress => "change_address",
        }
    }
}

/// The name of a person or a member: one line of 1 to 100 characters, and no card number.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Name(String);

impl Name {
    pub const MAX_CHARS: usize = 100;

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Name {
    type Err = text::Refused;
    fn from_str(name: &str) -> Result<Self, text::Refused> {
        Ok(Self(text::line(name, Self::MAX_CHARS)?))
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for Name {
    type Error = text::Refused;
    fn try_from(text: String) -> Result<Self, text::Refused> {
        text.parse()
    }
}

impl From<Name> for String {
    fn from(name: Name) -> Self {
        name.0
    }
}

/// A stored or sent name that this version does not know.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a name that is known here")]
pub struct UnknownName(pub String);

/// What a user is to a member. Each may do all that the ones before it may.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, poem_openapi::Enum,
)]
#[serde(rename_all = "snake_case")]
#[oai(rename_all = "snake_case")]
pub enum Role {
    /// Sees bars, statistics and contacts.
    Viewer,
    /// Designs and publishes bars, works through contacts.
    Editor,
    /// Manages the team, tokens, webhooks and the profile.
    Admin,
    /// May do everything. A member has at least one.
    Owner,
}

impl Role {
    pub const ALL: [Self; 4] = [Self::Viewer, Self::Editor, Self::Admin, Self::Owner];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Editor => "editor",
            Self::Admin => "admin",
            Self::Owner => "owner",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Role {
    type Err = UnknownName;
    fn from_str(text: &str) -> Result<Self, UnknownName> {
        Self::ALL
            .into_iter()
            .find(|role| role.as_str() == text)
            .ok_or_else(|| UnknownName(text.to_owned()))
    }
}

/// What an API token may do.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, poem_openapi::Enum,
)]
pub enum Scope {
    #[serde(rename = "members:read")]
    #[oai(rename = "members:read")]
    MembersRead,
    #[serde(rename = "members:write")]
    #[oai(rename = "members:write")]
    MembersWrite,
    #[serde(rename = "bars:read")]
    #[oai(rename = "bars:read")]
    BarsRead,
    #[serde(rename = "bars:write")]
    #[oai(rename = "bars:write")]
    BarsWrite,
    #[serde(rename = "stats:read")]
    #[oai(rename = "stats:read")]
    StatsRead,
    #[serde(rename = "contacts:read")]
    #[oai(rename = "contacts:read")]
    ContactsRead,
    #[serde(rename = "contacts:write")]
    #[oai(rename = "contacts:write")]
    ContactsWrite,
    #[serde(rename = "webhooks:read")]
    #[oai(rename = "webhooks:read")]
    WebhooksRead,
    #[serde(rename = "webhooks:write")]
    #[oai(rename = "webhooks:write")]
    WebhooksWrite,
    #[serde(rename = "messages:read")]
    #[oai(rename = "messages:read")]
    MessagesRead,
    #[serde(rename = "audit:read")]
    #[oai(rename = "audit:read")]
    AuditRead,
    #[serde(rename = "billing:read")]
    #[oai(rename = "billing:read")]
    BillingRead,
}

impl Scope {
    pub const ALL: [Self; 12] = [
        Self::MembersRead,
        Self::MembersWrite,
        Self::BarsRead,
        Self::BarsWrite,
        Self::StatsRead,
        Self::ContactsRead,
        Self::ContactsWrite,
        Self::WebhooksRead,
        Self::WebhooksWrite,
        Self::MessagesRead,
        Self::AuditRead,
        Self::BillingRead,
    ];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::MembersRead => "members:read",
            Self::MembersWrite => "members:write",
            Self::BarsRead => "bars:read",
            Self::BarsWrite => "bars:write",
            Self::StatsRead => "stats:read",
            Self::ContactsRead => "contacts:read",
            Self::ContactsWrite => "contacts:write",
            Self::WebhooksRead => "webhooks:read",
            Self::WebhooksWrite => "webhooks:write",
            Self::MessagesRead => "messages:read",
            Self::AuditRead => "audit:read",
            Self::BillingRead => "billing:read",
        }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Scope {
    type Err = UnknownName;
    fn from_str(text: &str) -> Result<Self, UnknownName> {
        Self::ALL
            .into_iter()
            .find(|scope| scope.as_str() == text)
            .ok_or_else(|| UnknownName(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_the_same_in_the_database_in_json_and_in_the_api() {
        use poem_openapi::types::ToJSON;
        for role in Role::ALL {
            assert_eq!(role.as_str().parse(), Ok(role));
            assert_eq!(serde_json::to_value(role).unwrap(), role.as_str());
            assert_eq!(role.to_json().unwrap(), role.as_str());
        }
        for scope in Scope::ALL {
            assert_eq!(scope.as_str().parse(), Ok(scope));
            assert_eq!(serde_json::to_value(scope).unwrap(), scope.as_str());
            assert_eq!(scope.to_json().unwrap(), scope.as_str());
        }
    }

    #[test]
    fn a_name_is_one_line_and_no_card_number() {
        assert_eq!(" Anna Blume ".parse::<Name>().unwrap().as_str(), "Anna Blume");
        for text in ["", "  ", "Anna\nBlume", "4111 1111 1111 1111", &"x".repeat(101)] {
            assert!(text.parse::<Name>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn each_role_may_more_than_the_one_before() {
        assert!(Role::Owner > Role::Admin && Role::Admin > Role::Editor && Role::Editor > Role::Viewer);
    }
}
