//! `/messages`: every mail that was sent to the member or for it, on record (promise 25).

use poem_openapi::param::{Path, Query};
use poem_openapi::types::Example;
use poem_openapi::{Object, OpenApi, Tags};

use super::Caller;
use crate::accounts::Operation;
use crate::clock::Timestamp;
use crate::http::page::{self, Cursor};
use crate::http::{Json, Problem};
use crate::ids::MessageId;
use crate::mail::{Category, EmailAddress, Language, Looks, Mailer, Message, MessageState};

pub struct MessagesApi {
    pub mailer: Mailer,
}

#[derive(Tags)]
enum Tag {
    /// Every mail on record.
    Messages,
}

/// How often a mail was looked at. People and machines are told apart as well as that can be done.
#[derive(Debug, Object)]
#[oai(rename = "MessageLooks", example)]
pub struct LooksView {
    /// When a person first opened it.
    pub opened_at: Option<Timestamp>,
    pub opens: u32,
    /// When a person first followed one of its links.
    pub clicked_at: Option<Timestamp>,
    pub clicks: u32,
    /// Opens and clicks by scanners and mail proxies, which look ahead of people or in their place.
    pub by_machines: u32,
}

impl From<Looks> for LooksView {
    fn from(looks: Looks) -> Self {
        Self {
            opened_at: looks.opened_at,
            opens: looks.opens,
            clicked_at: looks.clicked_at,
            clicks: looks.clicks,
            by_machines: looks.by_machines,
        }
    }
}

impl Example for LooksView {
    fn example() -> Self {
        Self {
            opened_at: Some(Timestamp::from_secs(1_795_341_960)),
            opens: 2,
            clicked_at: None,
            clicks: 0,
            by_machines: 1,
        }
    }
}

/// A mail, waiting or sent.
#[derive(Debug, Object)]
#[oai(rename = "Message", example)]
pub struct MessageBody {
    pub id: MessageId,
    pub to: EmailAddress,
    /// What it is for; decides whether it may be refused.
    pub category: Category,
    /// Which mail of ours it is, such as `new_contact`.
    pub template: String,
    pub language: Language,
    pub subject: String,
    pub state: MessageState,
    /// How often it was handed to the mail server.
    pub attempts: i32,
    /// The mail server's last word, while it did not take the mail.
    pub error: Option<String>,
    pub queued_at: Timestamp,
    /// When the mail server took it.
    pub sent_at: Option<Timestamp>,
    /// When it came back after all; `error` says why.
    pub bounced_at: Option<Timestamp>,
    /// When its recipient called it spam.
    pub complained_at: Option<Timestamp>,
    /// Only of mails of which looks are counted: to users who left that on, and never about passwords, security or policies.
    pub looks: Option<LooksView>,
    /// The text of the mail. Only when it is read alone, and never where it is the recipient's own, such as a link to
    /// log in.
    pub text: Option<String>,
}

impl From<Message> for MessageBody {
    fn from(message: Message) -> Self {
        Self {
            id: message.id,
            to: message.to,
            category: message.category,
            template: message.template,
            language: message.language,
            subject: message.subject,
            state: message.state,
            attempts: message.attempts,
            error: message.error,
            queued_at: message.queued_at,
            sent_at: message.sent_at,
            bounced_at: message.returned.bounced_at,
            complained_at: message.returned.complained_at,
            looks: message.looks.map(Into::into),
            text: None,
        }
    }
}

impl Example for MessageBody {
    fn example() -> Self {
        Self {
            id: MessageId::from_uuid(uuid::Uuid::from_u128(7)),
            to: "anna@example.com".parse().expect("the example is an address"),
            category: Category::ContactNotification,
            template: "new_contact".to_owned(),
            language: Language::En,
            subject: "A new contact".to_owned(),
            state: MessageState::Sent,
            attempts: 1,
            error: None,
            queued_at: Timestamp::from_secs(1_795_341_600),
            sent_at: Some(Timestamp::from_secs(1_795_341_601)),
            bounced_at: None,
            complained_at: None,
            looks: Some(LooksView::example()),
            text: None,
        }
    }
}

/// A page of messages, newest first.
#[derive(Debug, Object)]
pub struct Messages {
    pub items: Vec<MessageBody>,
    /// Where the next page begins, if there is one.
    pub next_cursor: Option<Cursor>,
}

#[OpenApi]
impl MessagesApi {
    /// List the member's mails
    ///
    /// Every mail to the member, and to others on its behalf, newest first.
    #[oai(
        path = "/messages",
        method = "get",
        operation_id = "list_messages",
        tag = "Tag::Messages"
    )]
    async fn list(
        &self,
        caller: Caller,
        /// How many at most.
        #[oai(
            default = "super::default_limit",
            validator(minimum(value = "1"), maximum(value = "200"))
        )]
        limit: Query<u32>,
        /// The `next_cursor` of the page before.
        after: Query<Option<Cursor>>,
    ) -> Result<Json<Messages>, Problem> {
        let access = caller.may(Operation::ListMessages)?;
        let before = after.0.map(|cursor| (cursor.at, MessageId::from_uuid(cursor.id)));
        let found = self
            .mailer
            .list_messages(access.member, before, limit.0 + 1)
            .await?;
        let (items, next_cursor) = page::cut(found, limit.0, |message| Cursor {
            at: message.queued_at,
            id: *message.id.uuid(),
        });
        Ok(Json(Messages {
            items: items.into_iter().map(Into::into).collect(),
            next_cursor,
        }))
    }

    /// Read one mail
    #[oai(
        path = "/messages/:message_id",
        method = "get",
        operation_id = "read_message",
        tag = "Tag::Messages"
    )]
    async fn read(&self, caller: Caller, message_id: Path<MessageId>) -> Result<Json<MessageBody>, Problem> {
        let access = caller.may(Operation::ReadMessage)?;
        let found = self.mailer.find_message(access.member, message_id.0).await?;
        let (message, text) = found.ok_or_else(Problem::not_found)?;
        Ok(Json(MessageBody {
            text,
            ..message.into()
        }))
    }
}
