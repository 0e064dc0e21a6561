//! What a member sees of a change of policy, and the receipt for what it said.

use hmac::{Hmac, KeyInit, Mac};
use poem_openapi::Object;
use serde::{Deserialize, Serialize};
use sha2::Sha256;

use super::Error;
use crate::clock::Timestamp;
use crate::db;
use crate::ids::{MemberId, PolicyDecisionId, PolicyVersionId, UserId};
use crate::mail;
use crate::policies::rules::{NotDecided, Stand, WindowState};
use crate::policies::{Change, Consequence, Decision, Document, PolicyVersion, Recorded, Way, Window, hex};
use crate::secrets::same_secret;

/// A posted version, as it stands for one member.
#[derive(Debug, Clone)]
pub struct Announced {
    pub version: PolicyVersion,
    pub window: Window,
    pub state: WindowState,
    /// The material changes, and what the member said to each.
    pub changes: Vec<(Change, Stand)>,
    /// When the account ends by an objection to it.
    pub ends_at: Option<Timestamp>,
}

impl Announced {
    /// Whether it has to be shown on every page: while the member can still say no and has said nothing, and after a mail
    /// came back.
    pub fn asks(&self) -> bool {
        match self.state {
            WindowState::Passed => false,
            WindowState::Bounced | WindowState::Unsent => true,
            WindowState::Queued | WindowState::Open => {
                self.changes.iter().any(|(_, stand)| *stand == Stand::Undecided)
            }
        }
    }
}

/// Why an answer was not taken.
#[derive(Debug, thiserror::Error)]
pub enum PolicyError {
    #[error(transparent)]
    Accounts(#[from] Error),
    #[error(transparent)]
    NotDecided(#[from] NotDecided),
    /// What an objection brings about has to be said before.
    #[error("this objection ends the account: confirm that")]
    NotConfirmed(Consequence),
    #[error("the account has ended")]
    Ended,
    #[error("there is no draft of this document")]
    NoDraft,
    #[error("the draft can't be posted: it {0}")]
    Draft(#[from] crate::policies::draft::NotADraft),
}

impl From<db::Error> for PolicyError {
    fn from(error: db::Error) -> Self {
        Self::Accounts(error.into())
    }
}

impl From<mail::Error> for PolicyError {
    fn from(error: mail::Error) -> Self {
        Self::Accounts(error.into())
    }
}

/// An answer to a change, on its way in.
#[derive(Debug, Clone)]
pub struct Answer {
    pub member: MemberId,
    /// Who says it; none for who comes by the mail's link.
    pub user: Option<UserId>,
    pub version: PolicyVersionId,
    pub change: crate::policies::ChangeKey,
    pub decision: Decision,
    /// What they know that it brings about.
    pub understood: Option<Consequence>,
    pub way: Way,
    pub language: mail::Language,
}

/// A decision on a receipt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Object)]
#[oai(rename = "PolicyReceiptLine")]
pub struct ReceiptLine {
    pub id: PolicyDecisionId,
    pub user: Option<UserId>,
    pub change: Option<String>,
    pub decision: Decision,
    pub way: Way,
    pub language: String,
    pub decided_at: Timestamp,
}

impl From<Recorded> for ReceiptLine {
    fn from(recorded: Recorded) -> Self {
        Self {
            id: recorded.id,
            user: recorded.user,
            change: recorded.change.map(String::from),
            decision: recorded.decision,
            way: recorded.way,
            language: recorded.language,
            decided_at: recorded.at,
        }
    }
}

/// What a member said to a version, and what it was told of it: to keep.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Object)]
#[serde(deny_unknown_fields)]
#[oai(rename = "PolicyReceipt", example)]
pub struct Receipt {
    pub member: MemberId,
    pub policy_version: PolicyVersionId,
    pub document: Document,
    pub version: i32,
    /// Of the version's text, in hexadecimal digits.
    pub sha256: String,
    pub posted_at: Timestamp,
    pub sent_at: Option<Timestamp>,
    pub delivered_at: Option<Timestamp>,
    pub decisions: Vec<ReceiptLine>,
    pub issued_at: Timestamp,
    /// HMAC-SHA256 of all the rest: `contactbar policy verify` tells whether the receipt is unchanged.
    pub signature: String,
}

impl Receipt {
    pub fn sign(mut self, key: &[u8]) -> Self {
        self.signature = self.signature_by(key);
        self
    }

    pub fn is_signed_by(&self, key: &[u8]) -> bool {
        same_secret(self.signature_by(key).as_bytes(), self.signature.as_bytes())
    }

    fn signature_by(&self, key: &[u8]) -> String {
        let unsigned = Self {
            signature: String::new(),
            ..self.clone()
        };
        let text = serde_json::to_string(&unsigned).expect("a receipt is plain data");
        let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of any length");
        mac.update(text.as_bytes());
        hex(&mac.finalize().into_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_receipt_proves_what_it_says_and_nothing_else() {
        let receipt = Receipt {
            member: MemberId::from_uuid(uuid::Uuid::from_u128(1)),
            policy_version: PolicyVersionId::from_uuid(uuid::Uuid::from_u128(2)),
            document: Document::Privacy,
            version: 2,
            sha256: "00".into(),
            posted_at: Timestamp::from_secs(1_800_000_000),
            sent_at: None,
            delivered_at: None,
            decisions: Vec::new(),
            issued_at: Timestamp::from_secs(1_800_000_000),
            signature: String::new(),
        }
        .sign(b"key");
        let again: Receipt = serde_json::from_str(&serde_json::to_string(&receipt).unwrap()).unwrap();
        assert!(again.is_signed_by(b"key") && !again.is_signed_by(b"other"));
        let forged = Receipt { version: 3, ..again };
        assert!(!forged.is_signed_by(b"key"));
    }
}
