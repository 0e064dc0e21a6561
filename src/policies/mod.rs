//! Policy documents, their versions, what members decided about them, and the ledger: may a piece of data be used for a
//! purpose? A version is immutable once posted, and hashed; decisions are only ever added. It never sends mail and never
//! decides what becomes of an account: who does, stands above it and asks here.

pub mod api;
pub mod draft;
mod ledger;
pub mod rules;
mod service;
mod store;
#[cfg(test)]
mod tests;

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::clock::{Clock, Timestamp};
use crate::db::{self, Conn};
use crate::ids::{MemberId, PolicyDecisionId, PolicyVersionId, UserId};
use crate::secrets::{Random, sha256};

pub use ledger::{
    ask, collected_now, collected_now_by, ledger_of, may, message_bounced, message_failed, message_sent,
};
pub use rules::{Allowed, Collected, Data, Ledger, Refused, Window, may_use};
pub use service::Policies;
pub use store::{
    NewWindow, Status, Undelivered, WindowRow, current, decisions_of_member, find_draft, find_version,
    find_version_by_id, find_window, forget_draft, insert_version, insert_windows, list_undelivered,
    list_versions, lock_document, mark_told, posted_material, requeue, see_window, set_window_end, status,
    unaware_of_use, windows_of_member,
};

/// A document that has versions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, poem_openapi::Enum)]
#[serde(rename_all = "snake_case")]
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

impl FromStr for Document {
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

/// What personal data may be used for.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, poem_openapi::Enum,
)]
#[serde(rename_all = "snake_case")]
#[oai(rename_all = "snake_case")]
pub enum Purpose {
    Service,
    Billing,
    SystemAlerts,
    AccountMail,
    Support,
    Benchmarking,
    Enrichment,
    Promotion,
    CrossSell,
    Nudge,
    Legal,
    Safety,
    Transfer,
}

impl Purpose {
    pub const ALL: [Purpose; 13] = [
        Purpose::Service,
        Purpose::Billing,
        Purpose::SystemAlerts,
        Purpose::AccountMail,
        Purpose::Support,
        Purpose::Benchmarking,
        Purpose::Enrichment,
        Purpose::Promotion,
        Purpose::CrossSell,
        Purpose::Nudge,
        Purpose::Legal,
        Purpose::Safety,
        Purpose::Transfer,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            Purpose::Service => "service",
            Purpose::Billing => "billing",
            Purpose::SystemAlerts => "system_alerts",
            Purpose::AccountMail => "account_mail",
            Purpose::Support => "support",
            Purpose::Benchmarking => "benchmarking",
            Purpose::Enrichment => "enrichment",
            Purpose::Promotion => "promotion",
            Purpose::CrossSell => "cross_sell",
            Purpose::Nudge => "nudge",
            Purpose::Legal => "legal",
            Purpose::Safety => "safety",
            Purpose::Transfer => "transfer",
        }
    }

    /// Whether it is marketing by its very nature.
    pub fn is_marketing(self) -> bool {
        matches!(self, Purpose::Promotion | Purpose::CrossSell)
    }

    /// Whether the first version of the privacy policy, which ships with the product, allows it.
    pub fn is_in_first_version(self) -> bool {
        match self {
            Purpose::Service
            | Purpose::Billing
            | Purpose::SystemAlerts
            | Purpose::AccountMail
            | Purpose::Support
            | Purpose::Nudge
            | Purpose::Legal
            | Purpose::Safety => true,
            Purpose::Benchmarking
            | Purpose::Enrichment
            | Purpose::Promotion
            | Purpose::CrossSell
            | Purpose::Transfer => false,
        }
    }
}

impl fmt::Display for Purpose {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A text in every language that we write to members in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Words {
    pub en: String,
    pub de: String,
}

impl Words {
    /// In a language by its code; English for what we don't speak.
    pub fn in_language(&self, language: &str) -> &str {
        if language == "de" { &self.de } else { &self.en }
    }
}

/// The name of a change within its version: 1 to 40 lower-case letters, digits and `-`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ChangeKey(String);

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("must be 1 to 40 lower-case letters, digits and `-`")]
pub struct NotAChangeKey;

impl ChangeKey {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ChangeKey {
    type Err = NotAChangeKey;
    fn from_str(text: &str) -> Result<Self, NotAChangeKey> {
        let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        if text.is_empty() || text.len() > 40 || !text.chars().all(fits) {
            return Err(NotAChangeKey);
        }
        Ok(Self(text.to_owned()))
    }
}

impl TryFrom<String> for ChangeKey {
    type Error = NotAChangeKey;
    fn try_from(text: String) -> Result<Self, NotAChangeKey> {
        text.parse()
    }
}

impl From<ChangeKey> for String {
    fn from(key: ChangeKey) -> String {
        key.0
    }
}

impl fmt::Display for ChangeKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// One change inside a version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Change {
    pub key: ChangeKey,
    /// What data may be used for from then on.
    pub purpose: Purpose,
    /// It widens marketing: can be opted out of at any time, and never ends an account (promise 6).
    #[serde(default)]
    pub marketing: bool,
    /// Members are told, and have a window. A typo is not material.
    pub material: bool,
    /// It can be applied to some accounts and not to others: an objection then leaves the account as it is.
    #[serde(default)]
    pub per_account: bool,
    /// It uses sensitive data: only for who said yes (promise 45).
    #[serde(default)]
    pub sensitive: bool,
    pub title: Words,
    pub summary: Words,
}

/// What a member's no to a change brings about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, poem_openapi::Enum)]
#[serde(rename_all = "snake_case")]
#[oai(rename_all = "snake_case")]
pub enum Consequence {
    /// No marketing of that kind; the account is as it was.
    OptsOut,
    /// The change is not applied to the account, which goes on as it was.
    NotApplied,
    /// The account ends after its grace period.
    EndsAccount,
}

impl Consequence {
    pub fn as_str(self) -> &'static str {
        match self {
            Consequence::OptsOut => "opts_out",
            Consequence::NotApplied => "not_applied",
            Consequence::EndsAccount => "ends_account",
        }
    }
}

impl Change {
    pub fn consequence(&self) -> Consequence {
        if self.marketing {
            Consequence::OptsOut
        } else if self.per_account {
            Consequence::NotApplied
        } else {
            Consequence::EndsAccount
        }
    }
}

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
    pub changes: Vec<Change>,
    /// Of the body.
    pub sha256: Vec<u8>,
    pub posted_at: Timestamp,
    /// Signs what is handed out about this version: links in mails, receipts. A secret.
    pub key: Vec<u8>,
}

impl PolicyVersion {
    /// Whether members are told and may object. A version that only corrects typos starts no window.
    pub fn is_material(&self) -> bool {
        self.changes.iter().any(|change| change.material)
    }

    pub fn find_change(&self, key: &ChangeKey) -> Option<&Change> {
        self.changes.iter().find(|change| change.key == *key)
    }

    pub fn sha256_hex(&self) -> String {
        hex(&self.sha256)
    }
}

/// Lower-case hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The newest posted version of each document.
#[derive(Debug, Clone)]
pub struct Current {
    pub privacy: PolicyVersion,
    pub terms: PolicyVersion,
}

/// What somebody said to a version, or to one of its changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, poem_openapi::Enum)]
#[serde(rename_all = "snake_case")]
#[oai(rename_all = "snake_case")]
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
    pub const ALL: [Decision; 6] = [
        Decision::Accept,
        Decision::Object,
        Decision::Withdraw,
        Decision::OptOut,
        Decision::OptIn,
        Decision::ContinuedUse,
    ];

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
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, poem_openapi::Enum)]
#[serde(rename_all = "snake_case")]
#[oai(rename_all = "snake_case")]
pub enum Way {
    Registration,
    Invitation,
    Api,
    Mail,
    CommandLine,
    /// By using the service.
    Use,
}

impl Way {
    pub const ALL: [Way; 6] = [
        Way::Registration,
        Way::Invitation,
        Way::Api,
        Way::Mail,
        Way::CommandLine,
        Way::Use,
    ];

    pub fn as_str(&self) -> &'static str {
        match self {
            Way::Registration => "registration",
            Way::Invitation => "invitation",
            Way::Api => "api",
            Way::Mail => "mail",
            Way::CommandLine => "command_line",
            Way::Use => "use",
        }
    }
}

/// A stored name that this version does not know.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown name {0:?}")]
pub struct UnknownName(String);

macro_rules! named {
    ($($type:ty),+) => { $(
        impl FromStr for $type {
            type Err = UnknownName;
            fn from_str(text: &str) -> Result<Self, UnknownName> {
                Self::ALL
                    .into_iter()
                    .find(|known| known.as_str() == text)
                    .ok_or_else(|| UnknownName(text.to_owned()))
            }
        }
    )+ };
}
named!(Decision, Way, Purpose);

/// A decision as it is kept: evidence, never changed and never deleted. Of a member that was purged it is a pseudonym's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recorded {
    pub id: PolicyDecisionId,
    pub member: MemberId,
    pub user: Option<UserId>,
    pub version: PolicyVersionId,
    /// Of the version's text.
    pub version_sha256: Vec<u8>,
    /// The change that it is about; none where it is about the version as a whole.
    pub change: Option<ChangeKey>,
    pub decision: Decision,
    pub way: Way,
    pub language: String,
    pub at: Timestamp,
}

/// A decision to be kept.
#[derive(Debug, Clone, Copy)]
pub struct NewDecision<'a> {
    pub member: MemberId,
    pub user: Option<UserId>,
    pub version: PolicyVersionId,
    pub change: Option<&'a ChangeKey>,
    pub decision: Decision,
    pub way: Way,
    pub language: &'a str,
}

/// Keeps, in the caller's transaction, what was decided for a member. Decisions of one member have a strict order, so
/// the second of two at the same instant is kept a microsecond later.
pub fn record_decision(
    tx: &mut Conn,
    clock: &Clock,
    random: &Random,
    new: &NewDecision<'_>,
) -> db::Result<Recorded> {
    let last = store::last_decision_at(tx, new.member)?;
    let after = |last: Timestamp| Timestamp::from_micros(last.micros() + 1);
    let recorded = Recorded {
        id: PolicyDecisionId::new(clock, random),
        member: new.member,
        user: new.user,
        version: new.version,
        version_sha256: store::sha256_of_version(tx, new.version)?,
        change: new.change.cloned(),
        decision: new.decision,
        way: new.way,
        language: new.language.to_owned(),
        at: last.map_or(clock.now(), |last| clock.now().max(after(last))),
    };
    store::insert_decision(tx, &recorded)?;
    Ok(recorded)
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
            changes: Vec::new(),
            sha256: sha256(body.as_bytes()).to_vec(),
            posted_at: clock.now(),
            key: random.bytes::<32>().to_vec(),
        };
        store::insert_version_once(tx, &version)?;
    }
    Ok(())
}
