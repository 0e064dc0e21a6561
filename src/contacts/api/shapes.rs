//! What requests and answers look like, where they are not simply a value of the feature.

use poem::Body;
use poem_openapi::payload::Binary;
use poem_openapi::types::MaybeUndefined;
use poem_openapi::{ApiResponse, Enum, Object};

use crate::contacts::{
    BulkAction, Change, Contact, Delivery, EventType, MadeWebhook, NewWebhook, Note, Status, Tag, TagCount,
    Webhook, WebhookChange,
};
use crate::http::Problem;
use crate::http::page::Cursor;
use crate::ids::ContactId;

/// Contacts, in their order.
#[derive(Debug, Object)]
#[oai(skip_serializing_if_is_none)]
pub struct ContactPage {
    pub items: Vec<Contact>,
    /// Where the next page begins: for `after`. Absent on the last page.
    pub next_cursor: Option<Cursor>,
}

/// A change of a contact. What is left out stays; `null` or an empty text removes.
#[derive(Debug, Object)]
#[oai(example)]
pub struct ContactChange {
    #[oai(validator(max_length = 254))]
    pub email: MaybeUndefined<String>,
    #[oai(validator(max_length = 200))]
    pub name: MaybeUndefined<String>,
    #[oai(validator(max_length = 40))]
    pub phone: MaybeUndefined<String>,
    pub status: Option<Status>,
}

impl poem_openapi::types::Example for ContactChange {
    fn example() -> Self {
        Self {
            email: MaybeUndefined::Undefined,
            name: MaybeUndefined::Value("Jo Lindqvist".into()),
            phone: MaybeUndefined::Null,
            status: Some(Status::Done),
        }
    }
}

impl From<ContactChange> for Change {
    fn from(change: ContactChange) -> Self {
        let given = |value: MaybeUndefined<String>| match value {
            MaybeUndefined::Undefined => None,
            MaybeUndefined::Null => Some(None),
            MaybeUndefined::Value(text) => Some(Some(text)),
        };
        Self {
            email: given(change.email),
            name: given(change.name),
            phone: given(change.phone),
            status: change.status,
        }
    }
}

/// The notes of a contact, oldest first.
#[derive(Debug, Object)]
pub struct Notes {
    pub items: Vec<Note>,
}

/// A note to be.
#[derive(Debug, Object)]
#[oai(example)]
pub struct NewNote {
    /// Lines are kept.
    #[oai(validator(min_length = 1, max_length = 4000))]
    pub text: String,
}

impl poem_openapi::types::Example for NewNote {
    fn example() -> Self {
        Self {
            text: "Called back; wants thirty bouquets on Sunday.".into(),
        }
    }
}

/// All tags in use.
#[derive(Debug, Object)]
pub struct Tags {
    pub items: Vec<TagCount>,
}

/// Another contact, to be merged into this one.
#[derive(Debug, Object)]
pub struct Merge {
    /// It gives its posts, notes and tags, and is gone.
    pub from: ContactId,
}

/// What is done to many contacts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[oai(rename_all = "snake_case")]
pub enum BulkKind {
    /// Gives all the `status`.
    SetStatus,
    /// Adds the `tag` to all.
    AddTag,
    /// Takes the `tag` from all.
    RemoveTag,
    /// Deletes all, for good.
    Delete,
}

/// The same for many contacts, all in one go.
#[derive(Debug, Object)]
#[oai(example)]
pub struct Bulk {
    #[oai(validator(min_items = 1, max_items = 200))]
    pub ids: Vec<ContactId>,
    pub action: BulkKind,
    /// For `set_status`.
    pub status: Option<Status>,
    /// For `add_tag` and `remove_tag`.
    pub tag: Option<Tag>,
}

impl poem_openapi::types::Example for Bulk {
    fn example() -> Self {
        let id = "con_01jd3k8q9x7v2m5n6p4r8s0tbw"
            .parse()
            .expect("the example is an id");
        Self {
            ids: vec![id],
            action: BulkKind::SetStatus,
            status: Some(Status::Done),
            tag: None,
        }
    }
}

impl Bulk {
    pub fn action(&self) -> Result<BulkAction, Problem> {
        let tag = || {
            self.tag
                .clone()
                .ok_or_else(|| Problem::field("tag", "is needed for this action"))
        };
        Ok(match self.action {
            BulkKind::SetStatus => {
                let status = self
                    .status
                    .ok_or_else(|| Problem::field("status", "is needed for this action"))?;
                BulkAction::Status(status)
            }
            BulkKind::AddTag => BulkAction::AddTag(tag()?),
            BulkKind::RemoveTag => BulkAction::RemoveTag(tag()?),
            BulkKind::Delete => BulkAction::Delete,
        })
    }
}

#[derive(ApiResponse)]
pub enum Csv {
    /// The file.
    #[oai(status = 200, content_type = "text/csv")]
    File(
        Binary<Body>,
        /// How to call the file.
        #[oai(header = "Content-Disposition")]
        String,
        /// How many contacts the file will hold, as of its beginning: rows read so far, over this, is the progress. Who
        /// posts meanwhile may come on top.
        #[oai(header = "X-Total-Count")]
        i64,
    ),
}

/// All webhooks, oldest first.
#[derive(Debug, Object)]
pub struct Webhooks {
    pub items: Vec<Webhook>,
}

/// A webhook to be.
#[derive(Debug, Object)]
#[oai(example)]
pub struct WebhookDraft {
    /// An https address that takes POST requests.
    #[oai(validator(min_length = 1, max_length = 2048))]
    pub url: String,
    /// The member's own words.
    #[oai(default, validator(max_length = 200))]
    pub description: String,
    /// Of what it is told.
    #[oai(validator(min_items = 1, max_items = 4))]
    pub event_types: Vec<EventType>,
}

impl poem_openapi::types::Example for WebhookDraft {
    fn example() -> Self {
        Self {
            url: "https://crm.example/hooks/contactbar".into(),
            description: "Our CRM".into(),
            event_types: vec![EventType::ContactCreated, EventType::SubmissionCreated],
        }
    }
}

impl From<WebhookDraft> for NewWebhook {
    fn from(draft: WebhookDraft) -> Self {
        Self {
            url: draft.url,
            description: draft.description,
            event_types: draft.event_types,
        }
    }
}

/// A change of a webhook. What is left out stays.
#[derive(Debug, Object)]
#[oai(rename = "WebhookChange", example)]
pub struct WebhookPatch {
    #[oai(validator(min_length = 1, max_length = 2048))]
    pub url: Option<String>,
    #[oai(validator(max_length = 200))]
    pub description: Option<String>,
    #[oai(validator(min_items = 1, max_items = 4))]
    pub event_types: Option<Vec<EventType>>,
    pub enabled: Option<bool>,
}

impl poem_openapi::types::Example for WebhookPatch {
    fn example() -> Self {
        Self {
            url: None,
            description: None,
            event_types: None,
            enabled: Some(false),
        }
    }
}

impl From<WebhookPatch> for WebhookChange {
    fn from(patch: WebhookPatch) -> Self {
        Self {
            url: patch.url,
            description: patch.description,
            event_types: patch.event_types,
            enabled: patch.enabled,
        }
    }
}

/// A webhook with its secret, which is shown this once.
#[derive(Debug, Object)]
pub struct WebhookWithSecret {
    pub webhook: Webhook,
    /// `whsec_` and base64, as the libraries of standardwebhooks.com take it.
    pub secret: String,
}

impl From<MadeWebhook> for WebhookWithSecret {
    fn from(made: MadeWebhook) -> Self {
        Self {
            secret: made.secret.reveal(),
            webhook: made.webhook,
        }
    }
}

/// Deliveries, newest first.
#[derive(Debug, Object)]
#[oai(rename = "WebhookDeliveryPage", skip_serializing_if_is_none)]
pub struct DeliveryPage {
    pub items: Vec<Delivery>,
    /// Where the next page begins: for `after`. Absent on the last page.
    pub next_cursor: Option<Cursor>,
}
