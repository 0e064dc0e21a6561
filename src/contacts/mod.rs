//! Contacts: what visitors leave through a bar's form, and what the member makes of it.
//!
//! Owns form posts, contacts with their tags and notes, the mails about them, their export, and webhooks. A post is
//! kept whole or not at all: contact, submission, event, mails and webhook deliveries are one transaction. Must never
//! show one member another's contacts, keep what the published form did not ask, or send to an address in a
//! private network.

pub mod api;
mod jobs;
mod rules;
mod service;
pub mod signing;
mod store;

use std::str::FromStr;

use poem_openapi::{Enum, Object};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::bars;
use crate::bars::configuration::{FieldError, FieldKind};
use crate::clock::Timestamp;
use crate::db;
use crate::ids::{
    ApiTokenId, BarId, ContactId, ContactViewId, DeliveryId, NoteId, SubmissionId, UserId, WebhookId,
};
use crate::mail;
use crate::plans;

pub use jobs::{DeliverWebhook, PurgeDeliveries, SendDigests, forget_member};
pub use rules::automated::MIN_SHOWN;
#[cfg(feature = "fuzzing")]
pub(crate) use rules::form::Form;
pub use rules::post::{NotAPost, Post, parse as parse_post};
pub use service::{Contacts, MadeWebhook, NewWebhook, WebhookChange};

/// How far the member is with a contact.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, Enum)]
#[serde(rename_all = "snake_case")]
#[oai(rename_all = "snake_case", rename = "ContactStatus")]
pub enum Status {
    /// Nobody has looked at it.
    New,
    /// Somebody is at it.
    Open,
    /// Nothing is left to do.
    Done,
    /// Not worth looking at.
    Spam,
}

impl Status {
    pub const ALL: [Self; 4] = [Self::New, Self::Open, Self::Done, Self::Spam];

    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Open => "open",
            Self::Done => "done",
            Self::Spam => "spam",
        }
    }
}

/// A text that is not what the type says.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Unfit(pub &'static str);

impl FromStr for Status {
    type Err = Unfit;
    fn from_str(text: &str) -> Result<Self, Unfit> {
        let unfit = Unfit("is none of `new`, `open`, `done` and `spam`");
        Self::ALL
            .into_iter()
            .find(|status| status.as_str() == text)
            .ok_or(unfit)
    }
}

/// A word that a member marks contacts with: lower case, 1 to 40 characters on one line, no comma and no slash.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Tag(String);

impl Tag {
    pub const MAX_CHARS: usize = 40;
    /// More than this no contact has.
    pub const MOST: usize = 50;

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Tag {
    type Err = Unfit;
    fn from_str(text: &str) -> Result<Self, Unfit> {
        let text = text.trim().to_lowercase();
        let fits = (1..=Self::MAX_CHARS).contains(&text.chars().count())
            && !text
                .chars()
                .any(|c| c.is_control() || matches!(c, ',' | '/' | '\\'));
        if fits {
            Ok(Self(text))
        } else {
            Err(Unfit(
                "must have 1 to 40 characters, and no comma, slash or line break",
            ))
        }
    }
}

impl TryFrom<String> for Tag {
    type Error = Unfit;
    fn try_from(text: String) -> Result<Self, Unfit> {
        text.parse()
    }
}

impl From<Tag> for String {
    fn from(tag: Tag) -> Self {
        tag.0
    }
}

impl std::fmt::Display for Tag {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// What a visitor entered into one field.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Object)]
pub struct Answer {
    /// The field's name in the form.
    pub name: String,
    pub kind: FieldKind,
    /// What the field was called, as the visitor read it.
    pub label: String,
    /// What was entered; `true` or `false` for a checkbox.
    pub value: String,
}

/// One form post, as the visitor sent it.
#[derive(Clone, Debug, PartialEq, Serialize, Object)]
#[oai(skip_serializing_if_is_none)]
pub struct Submission {
    pub id: SubmissionId,
    pub bar: BarId,
    /// The published version of the bar that the visitor saw.
    pub bar_version: i32,
    pub variant: String,
    pub fields: Vec<Answer>,
    /// The page's host.
    pub host: String,
    /// The page's path.
    pub path: String,
    /// Who led to the page; empty when nobody did.
    pub referrer_host: String,
    /// The language that the visitor read.
    pub language: String,
    /// The words that the visitor consented to. Absent: none were asked, or they did not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub consent_text: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub consented_at: Option<Timestamp>,
    /// When it was collected.
    pub collected_at: Timestamp,
}

/// A person who left details: all posts with one email address are one contact.
#[derive(Clone, Debug, PartialEq, Serialize, Object)]
#[oai(skip_serializing_if_is_none)]
pub struct Contact {
    pub id: ContactId,
    /// In lower case; unique among the member's contacts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phone: Option<String>,
    pub status: Status,
    pub tags: Vec<String>,
    /// How many posts it is made of.
    pub submissions: i32,
    pub first_submitted_at: Timestamp,
    pub last_submitted_at: Timestamp,
    /// When email, name or phone were last collected or corrected.
    pub collected_at: Timestamp,
    pub updated_at: Timestamp,
    /// The newest post.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub latest: Option<Submission>,
}

/// A contact with all that is known of it.
#[derive(Clone, Debug, PartialEq, Object)]
pub struct ContactDetail {
    pub contact: Contact,
    /// The newest 100 posts, newest first.
    pub submissions: Vec<Submission>,
    /// Oldest first.
    pub notes: Vec<Note>,
    /// What the team changed, the newest 100, newest first.
    pub history: Vec<PastChange>,
}

/// One change of a contact, from the record: what, who and when.
#[derive(Clone, Debug, PartialEq, Object)]
#[oai(
    rename = "ContactPastChange",
    skip_serializing_if_is_none,
    skip_serializing_if_is_empty
)]
pub struct PastChange {
    pub at: Timestamp,
    /// `contact.updated`, `contact.tagged`, `contact.untagged`, `contact.merged`, `contact.note_added` or
    /// `contact.note_deleted`.
    pub action: String,
    /// The user who did it; absent when an API token or the service did.
    pub user: Option<UserId>,
    /// The API token that did it.
    pub token: Option<ApiTokenId>,
    /// Which fields were changed.
    #[oai(default)]
    pub fields: Vec<String>,
    /// The new status, if that was changed.
    pub status: Option<Status>,
    /// The tag that was added or taken away.
    pub tag: Option<String>,
    /// The contact that became part of this one.
    pub merged_from: Option<ContactId>,
    /// The note that was added or deleted.
    pub note: Option<NoteId>,
}

/// What the team wrote down about a contact.
#[derive(Clone, Debug, PartialEq, Object)]
#[oai(rename = "ContactNote", skip_serializing_if_is_none)]
pub struct Note {
    pub id: NoteId,
    /// The user who wrote it; absent when an API token did.
    pub author: Option<UserId>,
    pub text: String,
    pub created_at: Timestamp,
}

impl Note {
    pub const MAX_CHARS: usize = 4000;
    /// More than this no contact has.
    pub const MOST: i64 = 500;
}

/// A tag, and how many contacts have it.
#[derive(Clone, Debug, PartialEq, Object)]
pub struct TagCount {
    pub tag: String,
    pub contacts: i64,
}

/// In which order contacts are listed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, Enum)]
#[serde(rename_all = "snake_case")]
#[oai(rename_all = "snake_case", rename = "ContactSort")]
pub enum Sort {
    /// The last post, newest first.
    #[default]
    Newest,
    /// The last post, oldest first.
    Oldest,
    /// The last change, newest first.
    Changed,
}

/// Which contacts.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Filter {
    /// Words that must all be found in name, email, phone or fields.
    pub search: Option<String>,
    pub status: Option<Status>,
    pub tag: Option<Tag>,
    /// With a post through this bar.
    pub bar: Option<BarId>,
    /// Whose last post came at this time or later.
    pub from: Option<Timestamp>,
    /// Whose last post came before this time.
    pub to: Option<Timestamp>,
}

/// The last contact of a page: the next page begins behind it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Cursor {
    pub at: Timestamp,
    pub id: ContactId,
}

/// Some of a list.
#[derive(Clone, Debug, PartialEq)]
pub struct Page<T> {
    pub items: Vec<T>,
    pub next: Option<Cursor>,
}

/// A change of a contact; what is `None` stays, what is `Some(None)` is removed.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Change {
    pub name: Option<Option<String>>,
    pub email: Option<Option<String>>,
    pub phone: Option<Option<String>>,
    pub status: Option<Status>,
}

/// The filters and the order of a view, as the list of contacts takes them.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, Object)]
#[serde(default)]
#[oai(rename = "ContactQuery", skip_serializing_if_is_none)]
pub struct SavedQuery {
    /// Words that must all be found.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[oai(validator(max_length = 200))]
    pub search: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<Status>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tag: Option<Tag>,
    /// With a post through this bar.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bar: Option<BarId>,
    /// Whose last post came at this time or later.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<Timestamp>,
    /// Whose last post came before this time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sort: Option<Sort>,
}

/// A view of the contacts that the team keeps.
#[derive(Clone, Debug, PartialEq, Object)]
#[oai(rename = "ContactView")]
pub struct SavedView {
    pub id: ContactViewId,
    pub name: String,
    pub query: SavedQuery,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

impl SavedView {
    pub const MAX_NAME_CHARS: usize = 80;
    /// More than this no member has.
    pub const MOST: usize = 50;
}

/// What is done to many contacts at once.
#[derive(Clone, Debug, PartialEq)]
pub enum BulkAction {
    Status(Status),
    AddTag(Tag),
    RemoveTag(Tag),
    Delete,
}

/// What came of it.
#[derive(Clone, Debug, PartialEq, Object)]
pub struct BulkResult {
    /// How many contacts were found, and are now as asked.
    pub done: u32,
    /// Which were not found.
    pub missing: Vec<ContactId>,
}

/// What webhooks can be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, Enum)]
pub enum EventType {
    /// A new contact, with the post that made it.
    #[serde(rename = "contact.created")]
    #[oai(rename = "contact.created")]
    ContactCreated,
    /// A contact was changed: its data, status, tags, or by a merge.
    #[serde(rename = "contact.updated")]
    #[oai(rename = "contact.updated")]
    ContactUpdated,
    /// A contact was deleted, or merged into another.
    #[serde(rename = "contact.deleted")]
    #[oai(rename = "contact.deleted")]
    ContactDeleted,
    /// A form post, of a new contact or a known one.
    #[serde(rename = "submission.created")]
    #[oai(rename = "submission.created")]
    SubmissionCreated,
    /// Sent by the test button, whatever the webhook is told.
    #[serde(rename = "webhook.test")]
    #[oai(rename = "webhook.test")]
    Test,
}

impl EventType {
    pub const ALL: [Self; 5] = [
        Self::ContactCreated,
        Self::ContactUpdated,
        Self::ContactDeleted,
        Self::SubmissionCreated,
        Self::Test,
    ];

    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::ContactCreated => "contact.created",
            Self::ContactUpdated => "contact.updated",
            Self::ContactDeleted => "contact.deleted",
            Self::SubmissionCreated => "submission.created",
            Self::Test => "webhook.test",
        }
    }
}

impl FromStr for EventType {
    type Err = Unfit;
    fn from_str(text: &str) -> Result<Self, Unfit> {
        Self::ALL
            .into_iter()
            .find(|kind| kind.as_str() == text)
            .ok_or(Unfit("is no type of event"))
    }
}

/// Where a member wants to be told of contacts.
#[derive(Clone, Debug, PartialEq, Object)]
pub struct Webhook {
    pub id: WebhookId,
    pub url: String,
    /// The member's own words.
    pub description: String,
    /// Of what it is told.
    pub event_types: Vec<EventType>,
    /// Switched off, it is told of nothing. An answer of 410 switches it off.
    pub enabled: bool,
    pub created_at: Timestamp,
}

impl Webhook {
    /// More than this no member has.
    pub const MOST: i64 = 20;
    pub const MAX_DESCRIPTION_CHARS: usize = 200;
}

/// How far a delivery is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[oai(rename_all = "snake_case")]
pub enum DeliveryState {
    /// Not delivered yet; tried again until it is, or failed.
    Pending,
    /// The receiver answered 2xx.
    Delivered,
    /// Given up after about a day, or refused for good (410).
    Failed,
}

impl DeliveryState {
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Delivered => "delivered",
            Self::Failed => "failed",
        }
    }
}

impl FromStr for DeliveryState {
    type Err = Unfit;
    fn from_str(text: &str) -> Result<Self, Unfit> {
        [Self::Pending, Self::Delivered, Self::Failed]
            .into_iter()
            .find(|state| state.as_str() == text)
            .ok_or(Unfit("is no state of a delivery"))
    }
}

/// One event on its way to one webhook.
#[derive(Clone, Debug, PartialEq, Object)]
#[oai(rename = "WebhookDelivery", skip_serializing_if_is_none)]
pub struct Delivery {
    /// The `webhook-id` of its requests, the same at every attempt.
    pub id: DeliveryId,
    pub webhook: WebhookId,
    pub event_type: EventType,
    pub state: DeliveryState,
    pub attempts: i32,
    /// What the receiver last answered.
    pub response_status: Option<i32>,
    /// The beginning of that answer.
    pub response_excerpt: Option<String>,
    /// Why there was no answer, the last time there was none.
    pub error: Option<String>,
    pub created_at: Timestamp,
    pub last_attempt_at: Option<Timestamp>,
    pub delivered_at: Option<Timestamp>,
    /// The body, as it was signed.
    pub payload: Value,
}

/// What can go wrong.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Db(#[from] db::Error),
    #[error(transparent)]
    Mail(#[from] mail::Error),
    #[error(transparent)]
    Bars(#[from] bars::Error),
    #[error("there is no such thing")]
    NotFound,
    #[error("some fields can't be taken")]
    Fields(Vec<FieldError>),
    /// Another contact has this address.
    #[error("another contact has this email address: merge the two")]
    AddressTaken,
    /// The page is not among the bar's allowed hosts.
    #[error("this bar may not be shown on this host")]
    HostNotAllowed,
    #[error(transparent)]
    Plan(#[from] plans::Refused),
    /// Its state, or how many there are, does not allow it.
    #[error("{0}")]
    Conflict(&'static str),
}

impl Error {
    fn field(field: &str, message: impl Into<String>) -> Self {
        Self::Fields(vec![FieldError {
            field: field.to_owned(),
            message: message.into(),
        }])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_only_parse_when_they_can_stand_in_a_path_and_in_a_list() {
        assert_eq!(" VIP Kunde ".parse::<Tag>().unwrap().as_str(), "vip kunde");
        for text in ["", "  ", "a,b", "a/b", "a\nb", "a\0", &"x".repeat(41)] {
            assert!(text.parse::<Tag>().is_err(), "{text:?}");
        }
    }
}
