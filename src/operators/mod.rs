//! Operators: who runs the service, how they prove it, and the record of all that they do and look at (promise 33).
//!
//! An operator is not a user of any member: their token opens the operators' API and nothing else, and nothing of a
//! member's opens that. The record is only ever added to. Must never keep a token that it could read again.

pub mod api;
mod service;
mod store;

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::clock::{Clock, Timestamp};
use crate::db::{self, Conn};
use crate::ids::{OperatorEntryId, OperatorId};
use crate::secrets::Random;
use crate::text;

pub use service::{Error, Operators};

/// No token of an operator lasts longer.
pub const LONGEST_LIFE: Duration = Duration::from_secs(366 * 24 * 3600);

/// What opens every token of an operator.
pub const TOKEN_PREFIX: &str = "cbo_";

/// Somebody who runs the service, without their token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Operator {
    pub id: OperatorId,
    pub name: OperatorName,
    /// The token's last four characters.
    pub hint: String,
    pub created_at: Timestamp,
    pub expires_at: Timestamp,
    pub last_used_at: Option<Timestamp>,
}

/// What an operator is called: 1 to 40 lower-case letters, digits, `.`, `_` and `-`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct OperatorName(String);

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be 1 to 40 lower-case letters, digits, `.`, `_` and `-`")]
pub struct NotAnOperatorName;

impl OperatorName {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for OperatorName {
    type Err = NotAnOperatorName;
    fn from_str(text: &str) -> Result<Self, NotAnOperatorName> {
        let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '.' | '_' | '-');
        if text.is_empty() || text.len() > 40 || !text.chars().all(fits) {
            return Err(NotAnOperatorName);
        }
        Ok(Self(text.to_owned()))
    }
}

impl TryFrom<String> for OperatorName {
    type Error = NotAnOperatorName;
    fn try_from(text: String) -> Result<Self, NotAnOperatorName> {
        text.parse()
    }
}

impl From<OperatorName> for String {
    fn from(name: OperatorName) -> String {
        name.0
    }
}

impl fmt::Display for OperatorName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Who acts for the service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    /// By the API, with a token.
    Operator(OperatorId),
    /// Whoever may run commands on the machine.
    CommandLine,
    /// The service itself, at its time.
    Service,
}

impl By {
    fn operator(self) -> Option<OperatorId> {
        match self {
            By::Operator(id) => Some(id),
            By::CommandLine | By::Service => None,
        }
    }
}

/// Why an operator looks at a member's data: 5 to 500 characters on one line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reason(String);

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must say in 5 to 500 characters, on one line, why this is looked at")]
pub struct NotAReason;

impl Reason {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Reason {
    type Err = NotAReason;
    fn from_str(text: &str) -> Result<Self, NotAReason> {
        let reason = text::line(text, 500).map_err(|_| NotAReason)?;
        if reason.chars().count() < 5 {
            return Err(NotAReason);
        }
        Ok(Self(reason))
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Something that was done or looked at.
#[derive(Clone, Debug, PartialEq)]
pub struct Recorded {
    pub id: OperatorEntryId,
    /// None: the command line, or the service itself; the detail says which.
    pub operator: Option<OperatorId>,
    /// `noun.verb`, such as `notice.scheduled`; or the id of the operation by which something was looked at.
    pub action: String,
    /// The id, as text, of what it was about.
    pub target: String,
    pub reason: Option<String>,
    pub detail: Value,
    pub at: Timestamp,
}

/// Puts on record, in the caller's transaction, what was done.
pub fn record(
    tx: &mut Conn,
    (clock, random): (&Clock, &Random),
    by: By,
    action: &str,
    target: impl ToString,
    mut detail: Value,
) -> db::Result<()> {
    if by.operator().is_none()
        && let Some(fields) = detail.as_object_mut()
    {
        let way = if by == By::Service {
            "service"
        } else {
            "command_line"
        };
        fields.insert("by".to_owned(), way.into());
    }
    let recorded = Recorded {
        id: OperatorEntryId::new(clock, random),
        operator: by.operator(),
        action: action.to_owned(),
        target: target.to_string(),
        reason: None,
        detail,
        at: clock.now(),
    };
    store::insert_entry(tx, &recorded)
}

/// Puts on record, in the caller's transaction, what was looked at, and why where a member's data is seen.
pub fn record_look(
    tx: &mut Conn,
    (clock, random): (&Clock, &Random),
    by: By,
    operation: &str,
    target: impl ToString,
    reason: Option<&Reason>,
) -> db::Result<()> {
    let recorded = Recorded {
        id: OperatorEntryId::new(clock, random),
        operator: by.operator(),
        action: operation.to_owned(),
        target: target.to_string(),
        reason: reason.map(ToString::to_string),
        detail: Value::Object(serde_json::Map::new()),
        at: clock.now(),
    };
    store::insert_entry(tx, &recorded)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_look_needs_a_reason_that_says_something() {
        for bad in ["", "   ", "ok", "two\nlines", &"x".repeat(501)] {
            assert!(bad.parse::<Reason>().is_err(), "{bad:?}");
        }
        assert_eq!(" ticket 17 ".parse::<Reason>().unwrap().as_str(), "ticket 17");
    }

    #[test]
    fn a_name_is_plain() {
        for bad in ["", "Anna", "a b", "é", &"x".repeat(41)] {
            assert!(bad.parse::<OperatorName>().is_err(), "{bad:?}");
        }
        assert!("anna.berg-2".parse::<OperatorName>().is_ok());
    }
}
