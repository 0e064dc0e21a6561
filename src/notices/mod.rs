//! Notices: what operators announce to members, mailed to those concerned and shown in their dashboards until read; and
//! breaches, each with its clock, its mail and its report (promises 23, 25 and 35).
//!
//! Owns who is told what and when. A notice is written, looked at, scheduled, and from then on goes out by itself, member by
//! member, each person once. Must never write to an address without the ledger's yes, and never show a member what does
//! not concern it. A change of policy is announced by `accounts`; it only stands among the notices here.

pub mod api;
mod breaches;
pub mod draft;
mod jobs;
pub mod rules;
mod service;
mod store;

use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::accounts::Region;
use crate::clock::Timestamp;
use crate::db::{self, Conn};
use crate::ids::{BreachId, MemberId, NoticeId, PolicyVersionId};
use crate::mail;
use crate::operators;
use crate::policies::Words;

pub use breaches::{Affected, Breach, BreachClock, BreachView, NewBreach, NotClosed};
pub use jobs::{SendNotice, WatchBreaches};
pub use mail::{NoticeKind as Kind, OutageStage as Stage};
pub use rules::Wrong;
pub use service::{Notices, Preview, Progress, Recipient};

/// Removes a part of what was announced to a member that is gone; answers how many rows. 0: nothing is left.
pub fn forget_member(tx: &mut Conn, member: MemberId) -> db::Result<usize> {
    const BATCH: i64 = 500;
    store::delete_of_member(tx, member, BATCH)
}

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Db(#[from] db::Error),
    #[error(transparent)]
    Mail(#[from] mail::Error),
    /// There is no such thing, or it does not concern who asks.
    #[error("not found")]
    NotFound,
    #[error("it can't be written so: {}", .0.iter().map(|wrong| format!("{} {}", wrong.field, wrong.message)).collect::<Vec<_>>().join("; "))]
    Wrong(Vec<Wrong>),
    /// Its state does not allow it.
    #[error("it is {}", .0.as_str())]
    State(State),
    #[error("the breach is closed")]
    Closed,
    #[error("it was announced already: who else is affected is a breach of its own")]
    Announced,
    #[error("nobody is known to be affected: say who is, first")]
    NobodyAffected,
    #[error(transparent)]
    NotClosed(#[from] NotClosed),
}

/// Where a notice stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, poem_openapi::Enum)]
#[serde(rename_all = "snake_case")]
#[oai(rename_all = "snake_case", rename = "NoticeState")]
pub enum State {
    /// Written; nobody was told.
    Draft,
    /// It goes at its time, unless it is cancelled.
    Scheduled,
    /// It is going out.
    Sending,
    /// All whom it concerns have it on its way.
    Sent,
    /// It won't go.
    Cancelled,
}

impl State {
    const ALL: [Self; 5] = [
        Self::Draft,
        Self::Scheduled,
        Self::Sending,
        Self::Sent,
        Self::Cancelled,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Draft => "draft",
            Self::Scheduled => "scheduled",
            Self::Sending => "sending",
            Self::Sent => "sent",
            Self::Cancelled => "cancelled",
        }
    }
}

/// A stored name that this version does not know.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown name {0:?}")]
pub struct UnknownName(String);

impl FromStr for State {
    type Err = UnknownName;
    fn from_str(text: &str) -> Result<Self, UnknownName> {
        Self::ALL
            .into_iter()
            .find(|state| state.as_str() == text)
            .ok_or_else(|| UnknownName(text.to_owned()))
    }
}

/// Whom something concerns. What is named of different sorts must hold together, of one sort any will do; nothing at all
/// is nobody, unless it says `everyone`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Audience {
    pub everyone: bool,
    /// By the plans' names.
    pub plans: Vec<String>,
    pub regions: Vec<Region>,
    /// Hosts on which a bar of theirs was seen.
    pub sites: Vec<String>,
    pub members: Vec<MemberId>,
}

impl Audience {
    /// So many members, and so many of anything else, can be named.
    pub const MOST: usize = 10_000;

    pub fn everyone() -> Self {
        Self {
            everyone: true,
            ..Self::default()
        }
    }

    pub fn members(members: impl IntoIterator<Item = MemberId>) -> Self {
        Self {
            members: members.into_iter().collect(),
            ..Self::default()
        }
    }

    fn names_something(&self) -> bool {
        !(self.plans.is_empty()
            && self.regions.is_empty()
            && self.sites.is_empty()
            && self.members.is_empty())
    }

    pub fn is_nobody(&self) -> bool {
        !self.everyone && !self.names_something()
    }
}

/// A notice, as operators know it.
#[derive(Clone, Debug, PartialEq)]
pub struct Notice {
    pub id: NoticeId,
    pub kind: Kind,
    /// Of an outage.
    pub stage: Option<Stage>,
    /// The first notice of the outage; its own where it is that.
    pub thread: Option<NoticeId>,
    /// Of a release, such as `1.4.2`.
    pub release: Option<String>,
    pub starts_at: Option<Timestamp>,
    pub ends_at: Option<Timestamp>,
    pub title: Words,
    /// Markdown.
    pub body: Words,
    pub audience: Audience,
    pub state: State,
    pub breach: Option<BreachId>,
    pub written_at: Timestamp,
    pub scheduled_for: Option<Timestamp>,
    pub begun_at: Option<Timestamp>,
    pub sent_at: Option<Timestamp>,
    pub cancelled_at: Option<Timestamp>,
}

/// A notice to be.
#[derive(Clone, Debug, PartialEq)]
pub struct NewNotice {
    pub kind: Kind,
    pub stage: Option<Stage>,
    /// A notice of the outage that this one goes on with: it goes to the same members.
    pub follows: Option<NoticeId>,
    pub release: Option<String>,
    pub starts_at: Option<Timestamp>,
    pub ends_at: Option<Timestamp>,
    pub title: Words,
    pub body: Words,
    pub audience: Audience,
}

/// A notice, as one of those sees it whom it concerns.
#[derive(Clone, Debug, PartialEq)]
pub struct Announced {
    pub id: NoticeId,
    pub kind: Kind,
    pub stage: Option<Stage>,
    pub thread: Option<NoticeId>,
    pub release: Option<String>,
    pub starts_at: Option<Timestamp>,
    pub ends_at: Option<Timestamp>,
    pub title: Words,
    pub body: Words,
    /// The version that changes the policies, which has a page of its own.
    pub policy_version: Option<PolicyVersionId>,
    pub at: Timestamp,
    pub read_at: Option<Timestamp>,
    /// Whether it is to be shown on every page: not read, not overtaken by a later one of its outage, and not older than
    /// the user's place in the member.
    pub asks: bool,
}

/// Who acts, for the record.
pub use operators::By;
