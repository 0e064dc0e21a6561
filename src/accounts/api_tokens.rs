//! API tokens of a member, as they are made and listed: types, and what a token may be given.

use std::collections::BTreeSet;
use std::time::Duration;

use super::{Name, Operation, Role, Rule, Scope};
use crate::clock::Timestamp;
use crate::ids::{ApiTokenId, UserId};

/// No token lasts longer.
pub const LONGEST_LIFE: Duration = Duration::from_secs(366 * 24 * 3600);
/// A token that nobody gave an end lasts so long.
pub const USUAL_LIFE: Duration = Duration::from_secs(90 * 24 * 3600);
/// Tokens of one member that are not revoked.
pub const MOST_TOKENS: i64 = 100;

/// A token, without the token itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiToken {
    pub id: ApiTokenId,
    pub name: Name,
    /// Its last four characters.
    pub hint: String,
    pub scopes: BTreeSet<Scope>,
    pub created_by: Option<UserId>,
    pub created_at: Timestamp,
    pub expires_at: Option<Timestamp>,
    pub last_used_at: Option<Timestamp>,
}

/// A token to be.
#[derive(Clone, Debug)]
pub struct NewApiToken {
    pub name: Name,
    pub scopes: BTreeSet<Scope>,
    /// [`USUAL_LIFE`] from now, if nobody says.
    pub expires_at: Option<Timestamp>,
}

/// Why a token was not made or revoked.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    #[error(transparent)]
    Accounts(#[from] super::Error),
    #[error("must lie ahead")]
    EndsInThePast,
    #[error("must lie within 366 days")]
    LastsTooLong,
    #[error("the scope {0} is above your own role")]
    AboveOwnRole(Scope),
    #[error("a member has at most {MOST_TOKENS} tokens")]
    TooMany,
}

impl From<crate::db::Error> for TokenError {
    fn from(error: crate::db::Error) -> Self {
        Self::Accounts(error.into())
    }
}

impl Scope {
    /// The role that may do all that the scope allows: who gives it to a token must have it.
    pub fn needs(self) -> Role {
        Operation::ALL
            .iter()
            .filter_map(|operation| match operation.rule() {
                Rule::Member {
                    at_least,
                    scope: Some(scope),
                } if scope == self => Some(at_least),
                _ => None,
            })
            .max()
            .unwrap_or(Role::Owner)
    }
}

/// Until when a token lasts; its end, if one was asked for, lies ahead and not too far.
pub(super) fn token_end(asked: Option<Timestamp>, now: Timestamp) -> Result<Timestamp, TokenError> {
    match asked {
        None => Ok(now + USUAL_LIFE),
        Some(end) if end <= now => Err(TokenError::EndsInThePast),
        Some(end) if end > now + LONGEST_LIFE => Err(TokenError::LastsTooLong),
        Some(end) => Ok(end),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scope_is_given_by_who_may_do_all_that_it_allows() {
        assert_eq!(Scope::BarsRead.needs(), Role::Viewer);
        assert_eq!(Scope::ContactsWrite.needs(), Role::Editor);
        assert_eq!(Scope::MembersRead.needs(), Role::Admin);
        for scope in Scope::ALL {
            assert!(
                scope.needs() < Role::Owner,
                "{scope} allows something that only owners may"
            );
        }
    }

    #[test]
    fn a_token_ends_within_a_year() {
        let now = Timestamp::from_secs(1_800_000_000);
        assert_eq!(token_end(None, now).unwrap(), now + USUAL_LIFE);
        assert_eq!(
            token_end(Some(now + LONGEST_LIFE), now).unwrap(),
            now + LONGEST_LIFE
        );
        assert!(token_end(Some(now), now).is_err());
        assert!(token_end(Some(now + LONGEST_LIFE + Duration::from_micros(1)), now).is_err());
    }
}
