//! The tables `messages` (the outbox, and the record of it) and `suppressions`.

use diesel::prelude::*;
use serde::{Deserialize, Serialize};

use super::{Category, EmailAddress, Language, Message, MessageState, Outgoing};
use crate::both;
use crate::clock::Timestamp;
use crate::db::schema::{messages, suppressions};
use crate::db::{Conn, Json, Result};
use crate::ids::{MemberId, MessageId, UserId};

text_column!(EmailAddress, Category, Language, MessageState, SuppressionReason);

/// What else a message needs to be sent and shown, beside its columns.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Extras {
    pub from_name: String,
    pub to_name: Option<String>,
    pub reply_to: Option<EmailAddress>,
    pub unsubscribe: Option<Unsubscribe>,
    /// The body is the recipient's alone, and is forgotten when it has left.
    pub secret: bool,
}

/// A message's own way out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unsubscribe {
    pub token: String,
    pub url: url::Url,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SuppressionReason {
    /// The recipient said so.
    Unsubscribed,
    /// The recipient's server said that there is no such mailbox.
    Bounced,
}

impl SuppressionReason {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unsubscribed => "unsubscribed",
            Self::Bounced => "bounced",
        }
    }
}

impl std::str::FromStr for SuppressionReason {
    type Err = super::UnknownName;
    fn from_str(text: &str) -> std::result::Result<Self, Self::Err> {
        [Self::Unsubscribed, Self::Bounced]
            .into_iter()
            .find(|reason| reason.as_str() == text)
            .ok_or_else(|| super::UnknownName(text.to_owned()))
    }
}

/// A message to be written down.
pub struct NewMessage {
    pub id: MessageId,
    pub member: Option<MemberId>,
    pub user: Option<UserId>,
    pub category: Category,
    pub template: &'static str,
    pub language: Language,
    pub state: MessageState,
    pub mail: Outgoing,
    pub extras: Extras,
}

pub fn insert(conn: &mut Conn, message: NewMessage) -> Result<()> {
    let mail = message.mail;
    diesel::insert_into(messages::table)
        .values((
            (
                messages::id.eq(message.id),
                messages::member_id.eq(message.member),
                messages::user_id.eq(message.user),
                messages::message_id.eq(mail.message_id),
                messages::sender.eq(mail.from),
                messages::recipient.eq(mail.to),
                messages::category.eq(message.category),
                messages::template.eq(message.template),
                messages::language.eq(message.language),
            ),
            (
                messages::subject.eq(mail.subject),
                messages::html.eq(mail.html),
                messages::body.eq(mail.text),
                messages::headers.eq(Json(message.extras)),
                messages::state.eq(message.state),
                messages::attempts.eq(0),
                messages::queued_at.eq(mail.date),
            ),
        ))
        .execute(conn)?;
    Ok(())
}

/// A message as the sender needs it.
pub struct Queued {
    pub member: Option<MemberId>,
    pub category: Category,
    pub language: Language,
    pub state: MessageState,
    pub mail: Outgoing,
    pub extras: Extras,
}

type Columns = (
    Option<MemberId>,
    Category,
    Language,
    MessageState,
    String,
    EmailAddress,
    EmailAddress,
    String,
    String,
    String,
    Json<Extras>,
    Timestamp,
);

pub fn find_queued(conn: &mut Conn, id: MessageId) -> Result<Option<Queued>> {
    let row: Option<Columns> = messages::table
        .filter(messages::id.eq(id))
        .select((
            messages::member_id,
            messages::category,
            messages::language,
            messages::state,
            messages::message_id,
            messages::sender,
            messages::recipient,
            messages::subject,
            messages::html,
            messages::body,
            messages::headers,
            messages::queued_at,
        ))
        .first(conn)
        .optional()?;
    Ok(row.map(
        |(
            member,
            category,
            language,
            state,
            message_id,
            from,
            to,
            subject,
            html,
            text,
            Json(extras),
            date,
        )| {
            let mail = Outgoing {
                message_id,
                from,
                from_name: extras.from_name.clone(),
                to,
                to_name: extras.to_name.clone(),
                reply_to: extras.reply_to.clone(),
                date,
                subject,
                text,
                html,
                unsubscribe: extras.unsubscribe.as_ref().map(|way| way.url.clone()),
            };
            Queued {
                member,
                category,
                language,
                state,
                mail,
                extras,
            }
        },
    ))
}

/// The server has it. A secret body is forgotten with it.
pub fn mark_sent(conn: &mut Conn, id: MessageId, attempt: i32, secret: bool, now: Timestamp) -> Result<()> {
    let message = messages::table.filter(messages::id.eq(id));
    diesel::update(message)
        .set((
            messages::state.eq(MessageState::Sent),
            messages::attempts.eq(attempt),
            messages::error.eq(None::<String>),
            messages::sent_at.eq(Some(now)),
        ))
        .execute(conn)?;
    if secret {
        diesel::update(message)
            .set((messages::html.eq(""), messages::body.eq("")))
            .execute(conn)?;
    }
    Ok(())
}

/// It did not leave; the state says whether it still may.
pub fn mark_unsent(
    conn: &mut Conn,
    id: MessageId,
    state: MessageState,
    attempt: i32,
    error: Option<&str>,
) -> Result<()> {
    diesel::update(messages::table.filter(messages::id.eq(id)))
        .set((
            messages::state.eq(state),
            messages::attempts.eq(attempt),
            messages::error.eq(error),
        ))
        .execute(conn)?;
    Ok(())
}

/// The scope of what concerns one member's mails, or everybody's.
fn scope(member: Option<MemberId>) -> String {
    member.map(|member| member.to_string()).unwrap_or_default()
}

/// Was a mail of this kind written to the address since then, sent or not?
pub fn was_queued(
    conn: &mut Conn,
    address: &EmailAddress,
    category: Category,
    since: Timestamp,
) -> Result<bool> {
    let found = messages::table
        .filter(messages::recipient.eq(address))
        .filter(messages::queued_at.gt(since))
        .filter(messages::category.eq(category))
        .count()
        .get_result::<i64>(conn)?;
    Ok(found > 0)
}

pub fn is_suppressed(
    conn: &mut Conn,
    address: &EmailAddress,
    category: Category,
    member: Option<MemberId>,
) -> Result<bool> {
    let found = suppressions::table
        .filter(suppressions::address.eq(address.folded()))
        .filter(suppressions::purpose.eq(category))
        .filter(suppressions::scope.eq_any([String::new(), scope(member)]))
        .count()
        .get_result::<i64>(conn)?;
    Ok(found > 0)
}

/// From now on no mail of this kind goes to the address: from one member, or from anybody. Said twice: the first stands.
pub fn suppress(
    conn: &mut Conn,
    address: &EmailAddress,
    category: Category,
    member: Option<MemberId>,
    reason: SuppressionReason,
    now: Timestamp,
) -> Result<()> {
    let row = (
        suppressions::address.eq(address.folded()),
        suppressions::purpose.eq(category),
        suppressions::scope.eq(scope(member)),
        suppressions::reason.eq(reason),
        suppressions::created_at.eq(now),
    );
    both!(conn, |c| diesel::insert_into(suppressions::table)
        .values(row)
        .on_conflict_do_nothing()
        .execute(c))?;
    Ok(())
}

/// Takes a suppression back.
pub fn allow(
    conn: &mut Conn,
    address: &EmailAddress,
    category: Category,
    member: Option<MemberId>,
) -> Result<()> {
    diesel::delete(
        suppressions::table
            .filter(suppressions::address.eq(address.folded()))
            .filter(suppressions::purpose.eq(category))
            .filter(suppressions::scope.eq(scope(member))),
    )
    .execute(conn)?;
    Ok(())
}

type Listed = (
    MessageId,
    EmailAddress,
    Category,
    String,
    Language,
    String,
    MessageState,
    i32,
    Option<String>,
    Timestamp,
    Option<Timestamp>,
);

/// A member's messages, newest first, older than `before`.
pub fn list_messages(
    conn: &mut Conn,
    member: MemberId,
    before: Option<(Timestamp, MessageId)>,
    limit: i64,
) -> Result<Vec<Message>> {
    let mut query = messages::table
        .filter(messages::member_id.eq(member))
        .order((messages::queued_at.desc(), messages::id.desc()))
        .limit(limit)
        .select((
            messages::id,
            messages::recipient,
            messages::category,
            messages::template,
            messages::language,
            messages::subject,
            messages::state,
            messages::attempts,
            messages::error,
            messages::queued_at,
            messages::sent_at,
        ))
        .into_boxed();
    if let Some((at, id)) = before {
        query = query.filter(
            messages::queued_at
                .lt(at)
                .or(messages::queued_at.eq(at).and(messages::id.lt(id))),
        );
    }
    let rows: Vec<Listed> = query.load(conn)?;
    Ok(rows.into_iter().map(listed).collect())
}

/// One of a member's messages with its text, unless that is the recipient's alone.
pub fn find_message(
    conn: &mut Conn,
    member: MemberId,
    id: MessageId,
) -> Result<Option<(Message, Option<String>)>> {
    let row: Option<(Listed, String, Json<Extras>)> = messages::table
        .filter(messages::member_id.eq(member))
        .filter(messages::id.eq(id))
        .select((
            (
                messages::id,
                messages::recipient,
                messages::category,
                messages::template,
                messages::language,
                messages::subject,
                messages::state,
                messages::attempts,
                messages::error,
                messages::queued_at,
                messages::sent_at,
            ),
            messages::body,
            messages::headers,
        ))
        .first(conn)
        .optional()?;
    Ok(row.map(|(row, text, Json(extras))| {
        let shown = match extras.unsubscribe {
            // The way out is the recipient's, not the reader's.
            Some(way) => text.replace(&way.token, "…"),
            None => text,
        };
        (listed(row), (!extras.secret).then_some(shown))
    }))
}

fn listed(row: Listed) -> Message {
    let (id, to, category, template, language, subject, state, attempts, error, queued_at, sent_at) = row;
    Message {
        id,
        to,
        category,
        template,
        language,
        subject,
        state,
        attempts,
        error,
        queued_at,
        sent_at,
    }
}

/// Deletes some messages of a member, and what its mails were refused; answers how many rows.
pub fn delete_of_member(conn: &mut Conn, member: MemberId, limit: i64) -> Result<usize> {
    let some: Vec<MessageId> = messages::table
        .filter(messages::member_id.eq(member))
        .select(messages::id)
        .limit(limit)
        .load(conn)?;
    let messages = diesel::delete(messages::table.filter(messages::id.eq_any(some))).execute(conn)?;
    let refused = suppressions::table.filter(suppressions::scope.eq(member.to_string()));
    Ok(messages + diesel::delete(refused).execute(conn)?)
}

/// Deletes the messages to a user.
pub fn delete_of_user(conn: &mut Conn, user: UserId) -> Result<usize> {
    Ok(diesel::delete(messages::table.filter(messages::user_id.eq(user))).execute(conn)?)
}
