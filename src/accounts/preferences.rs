//! Which mails somebody wants, kind by kind.

use crate::ids::MemberId;
use crate::mail::{Category, Language, Wish};

/// One kind of mail, and whether it comes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MailPreference {
    pub category: Category,
    /// About whom it is; `None`: it is between the person and us.
    pub member: Option<(MemberId, String)>,
    pub wish: Wish,
}

/// What somebody who followed a link in a mail may choose.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PreferencesByLink {
    /// Masked, for the mail may have been forwarded.
    pub address: String,
    pub language: Language,
    pub items: Vec<MailPreference>,
    /// Whether the address has an account: then some mails come in any case.
    pub has_account: bool,
    /// Whether it was left to be reminded, and can be forgotten.
    pub is_lead: bool,
}

/// One choice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Choice {
    pub category: Category,
    pub member: Option<MemberId>,
    pub wanted: bool,
}

/// Why a choice was not taken.
#[derive(Debug, thiserror::Error)]
pub enum ChoiceError {
    #[error(transparent)]
    Accounts(#[from] super::Error),
    /// It comes in any case.
    #[error("mails of this kind can't be refused")]
    NotRefusable,
}

impl From<crate::db::Error> for ChoiceError {
    fn from(error: crate::db::Error) -> Self {
        Self::Accounts(error.into())
    }
}

impl From<crate::mail::Error> for ChoiceError {
    fn from(error: crate::mail::Error) -> Self {
        Self::Accounts(error.into())
    }
}

/// What a user may refuse that is between them and us.
pub const OF_THE_USER: [Category; 3] = [Category::Features, Category::Promotion, Category::CrossSelling];
/// What they may refuse that is about a member, each for itself.
pub const OF_A_MEMBER: [Category; 2] = [Category::ContactNotification, Category::ContactDigest];
