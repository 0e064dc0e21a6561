//! Members, users and what lets them in: passwords, second factor, sessions, API tokens, and who may do what.
//!
//! Owns the table of operations ([`permissions`]) and who is calling. Must never answer differently, or after a
//! different amount of work, for an address that it knows and one that it doesn't; must never keep a password or a
//! token that it could read again.

pub mod permissions;

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

pub use permissions::{Access, Operation, Principal, Refusal, Rule, SignedIn};

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
}

impl Scope {
    pub const ALL: [Self; 11] = [
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
    fn each_role_may_more_than_the_one_before() {
        assert!(Role::Owner > Role::Admin && Role::Admin > Role::Editor && Role::Editor > Role::Viewer);
    }
}
