//! The append-only record of who changed what (promise 26). Written in the transaction of the change itself;
//! entries are never changed, and hold no personal data beyond the actor's id.

mod store;

use serde_json::Value;

use crate::clock::{Clock, Timestamp};
use crate::ids::{ApiTokenId, AuditEntryId, MemberId, UserId};
use crate::secrets::Random;

pub use store::{list, list_of_target, record};

/// Who did it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Actor {
    User(UserId),
    Token(ApiTokenId),
    /// A visitor's request without an account, or somebody who is not logged in.
    Anonymous,
    /// A job or the command line.
    System,
}

impl Actor {
    pub fn kind(&self) -> &'static str {
        match self {
            Actor::User(_) => "user",
            Actor::Token(_) => "token",
            Actor::Anonymous => "anonymous",
            Actor::System => "system",
        }
    }
}

#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    pub id: AuditEntryId,
    pub member: Option<MemberId>,
    pub actor: Actor,
    /// `noun.verb`, such as `bar.published`.
    pub action: String,
    /// The id, as text, of what was changed.
    pub target: String,
    pub detail: Value,
    pub at: Timestamp,
}

/// Whose entries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum By {
    /// Of exactly this one.
    Actor(Actor),
    AnyUser,
    AnyToken,
}

/// Which entries; what is `None` leaves it open.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// What stands before the dot of the action, such as `bar`.
    pub area: Option<String>,
    pub action: Option<String>,
    pub by: Option<By>,
    /// The id, as text, of what was changed.
    pub target: Option<String>,
    /// Not before this moment.
    pub from: Option<Timestamp>,
    /// Before this moment.
    pub to: Option<Timestamp>,
}

impl Entry {
    /// An entry of now. `target` is the id of what was changed.
    pub fn new(
        clock: &Clock,
        random: &Random,
        member: Option<MemberId>,
        actor: Actor,
        action: &str,
        target: impl ToString,
    ) -> Self {
        Self {
            id: AuditEntryId::new(clock, random),
            member,
            actor,
            action: action.to_owned(),
            target: target.to_string(),
            detail: Value::Object(serde_json::Map::new()),
            at: clock.now(),
        }
    }

    /// What stands before the dot of the action.
    pub fn area(&self) -> &str {
        self.action
            .split_once('.')
            .map_or(self.action.as_str(), |(area, _)| area)
    }

    /// With details for the reader: names of changed fields, never a contact's or a user's own data.
    pub fn with(mut self, detail: Value) -> Self {
        self.detail = detail;
        self
    }
}
