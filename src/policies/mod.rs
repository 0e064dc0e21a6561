//! Policy documents, their versions, and what members decided about them. A version is immutable once posted, and hashed.
//! It never sends mail by itself and never decides what an account may do.

pub mod api;
mod service;
mod store;

use serde_json::Value;

use crate::clock::{Clock, Timestamp};
use crate::db::{self, Conn};
use crate::ids::{MemberId, PolicyDecisionId, PolicyVersionId, UserId};
use crate::secrets::{Random, sha256};

pub use service::Policies;
pub use store::{current, find_version, list_versions};

/// A document that has versions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, poem_openapi::Enum)]
#[oai(rename_all = "snake_case")]
pub enum Document {
    Privacy,
    Terms,
}

impl Document {
    pub const ALL: [Document; 2] = [Document::Privacy, Document::Terms];

    pub fn as_str(&self) -> &'static str {
        match self {
            Document::Privacy => "privacy",
            Document::Terms => "terms",
        }
    }
}

impl std::str::FromStr for Document {
    type Err = UnknownDocument;
    fn from_str(text: &str) -> Result<Self, UnknownDocument> {
        Document::ALL
            .into_iter()
            .find(|document| document.as_str() == text)
            .ok_or(UnknownDocument)
    }
}

#[derive(Debug, thiserror::Error)]
#[error("is neither `privacy` nor `terms`")]
pub struct UnknownDocument;

/// A posted version.
#[derive(Debug, Clone, PartialEq)]
pub struct PolicyVersion {
    pub id: PolicyVersionId,
    pub document: Document,
    /// 1, 2, 3, … within the document.
    pub version: i32,
    pub title: String,
    /// Markdown.
    pub body: String,
    /// What changed since the version before: none for the first.
    pub changes: Value,
    /// Of the body.
    pub sha256: Vec<u8>,
    pub posted_at: Timestamp,
}

/// The newest posted version of each document.
#[derive(Debug, Clone)]
pub struct Current {
    pub privacy: PolicyVersion,
    pub terms: PolicyVersion,
}

/// What somebody said to a version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    Accept,
    Object,
    Withdraw,
    OptOut,
    OptIn,
    /// Going on using the service: acceptance, but never consent (promise 9).
    ContinuedUse,
}

impl Decision {
    pub fn as_str(&self) -> &'static str {
        match self {
            Decision::Accept => "accept",
            Decision::Object => "object",
            Decision::Withdraw => "withdraw",
            Decision::OptOut => "opt_out",
            Decision::OptIn => "opt_in",
            Decision::ContinuedUse => "continued_use",
        }
    }
}

/// How a decision reached us.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    Registration,
    Invitation,
    Api,
    Mail,
    CommandLine,
}

impl Way {
    pub fn as_str(&self) -> &'static str {
        match self {
            Way::Registration => "registration",
            Way::Invitation => "invitation",
            Way::Api => "api",
            Way::Mail => "mail",
            Way::CommandLine => "command_line",
        }
    }
}

/// Keeps, in the caller's transaction, what a user decided for a member about a version.
#[allow(
    clippy::too_many_arguments,
    reason = "a decision is evidence: each part is named where it arises"
)]
pub fn record_decision(
    tx: &mut Conn,
    clock: &Clock,
    random: &Random,
    member: MemberId,
    user: Option<UserId>,
    version: PolicyVersionId,
    decision: Decision,
    way: Way,
    language: &str,
) -> db::Result<()> {
    let id = PolicyDecisionId::new(clock, random);
    store::insert_decision(
        tx,
        id,
        member,
        user,
        version,
        decision,
        way,
        language,
        clock.now(),
    )
}

/// Posts the first versions, which ship with the product, where a document has none. Runs with the migrations.
pub fn post_first_versions(tx: &mut Conn, clock: &Clock, random: &Random) -> db::Result<()> {
    for (document, title, body) in [
        (
            Document::Privacy,
            "Privacy policy",
            include_str!("first/privacy.md"),
        ),
        (
            Document::Terms,
            "Terms of service",
            include_str!("first/terms.md"),
        ),
    ] {
        let version = PolicyVersion {
            id: PolicyVersionId::new(clock, random),
            document,
            version: 1,
            title: title.to_owned(),
            body: body.to_owned(),
            changes: Value::Array(Vec::new()),
            sha256: sha256(body.as_bytes()).to_vec(),
            posted_at: clock.now(),
        };
        store::insert_version_once(tx, &version)?;
    }
    Ok(())
}
