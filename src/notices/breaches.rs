//! A breach of personal data: an incident with a clock (promise 35). Values only.

use super::{Audience, State};
use crate::clock::Timestamp;
use crate::ids::{BreachId, MemberId, NoticeId};

/// An incident.
#[derive(Clone, Debug, PartialEq)]
pub struct Breach {
    pub id: BreachId,
    /// What happened.
    pub what: String,
    pub noticed_at: Timestamp,
    pub opened_at: Timestamp,
    /// Whom it concerns. `None`: not known yet; an audience of nobody: nobody.
    pub affected: Option<Audience>,
    /// The mail to them.
    pub notice: Option<NoticeId>,
    /// When the authority was told; or when it was put on record that it need not be.
    pub authority_at: Option<Timestamp>,
    /// Its reference; or why it need not be told.
    pub authority_words: Option<String>,
    /// What was done so that it does not happen again.
    pub report: Option<String>,
    pub reported_at: Option<Timestamp>,
    pub closed_at: Option<Timestamp>,
}

/// Where the time to tell the authority stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, poem_openapi::Enum)]
#[oai(rename_all = "snake_case")]
pub enum BreachClock {
    Running,
    /// Less than a day is left.
    NearlyOver,
    Overdue,
    /// The authority was told, or it is on record why it need not be.
    Answered,
}

impl BreachClock {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::NearlyOver => "nearly over",
            Self::Overdue => "overdue",
            Self::Answered => "answered",
        }
    }
}

/// An incident to be.
#[derive(Clone, Debug, PartialEq)]
pub struct NewBreach {
    pub what: String,
    pub noticed_at: Timestamp,
}

/// An incident, and how far it has come.
#[derive(Clone, Debug, PartialEq)]
pub struct BreachView {
    pub breach: Breach,
    pub due_at: Timestamp,
    pub clock: BreachClock,
    /// How many members are affected, as far as is known.
    pub members: usize,
    /// How far the mail to them is.
    pub told: Option<State>,
}

/// A member that is affected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Affected {
    pub member: MemberId,
    pub name: String,
    /// How many people of it can be written to.
    pub people: usize,
}

/// What a breach lacks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotClosed {
    #[error("it is not on record who is affected")]
    AffectedUnknown,
    #[error("those affected have not all been told")]
    NotTold,
    #[error("the authority has not been told, nor is it on record why it need not be")]
    AuthorityOpen,
    #[error("there is no corrective report")]
    NoReport,
}
