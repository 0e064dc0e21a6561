//! The tables `messages` (the outbox, and the record of it) and `message_bodies` (what many of them share). In `feedback` what came back
//! of them and whom that stops, in `tracks` who looked at them.

pub mod feedback;
pub mod tracks;

pub mod consents;

use std::collections::{BTreeMap, BTreeSet};

use diesel::prelude::*;
use diesel::sql_types::Text;
use serde::{Deserialize, Serialize};

use super::feedback::Returned;
use super::{
    Category, EmailAddress, Language, Message, MessageState, NoticeKind, OutageStage, Outgoing, rules,
};
use crate::both;
use crate::clock::Timestamp;
use crate::db::schema::{message_bodies, messages, suppressions};
use crate::db::types::{Document, Moment, Uid};
use crate::db::{Conn, Json, Result};
use crate::ids::{MemberId, MessageBodyId, MessageId, PolicyVersionId, UserId};

text_column!(
    EmailAddress,
    Category,
    Language,
    MessageState,
    SuppressionReason,
    NoticeKind,
    OutageStage
);

/// What else a message needs to be sent and shown, beside its columns.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Extras {
    pub from_name: String,
    pub to_name: Option<String>,
    pub reply_to: Option<EmailAddress>,
    pub unsubscribe: Option<Unsubscribe>,
    /// What opens the recipient's preferences, and stands in each mail. The same as that of the way out, where there is one.
    #[serde(default)]
    pub token: Option<String>,
    /// The body is the recipient's alone, and is forgotten when it has left.
    pub secret: bool,
}

/// A message's own way out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unsubscribe {
    pub token: String,
    pub url: url::Url,
}

impl Unsubscribe {
    /// One that many share, made a message's own.
    fn with_token(self, token: &str) -> Self {
        let url = self.url.as_str().replace(TOKEN_PLACE, token);
        Self {
            token: self.token.replace(TOKEN_PLACE, token),
            url: url.parse().expect("a token is no more than a part of a path"),
        }
    }
}

/// Why an address gets no mail of a kind, the weakest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum SuppressionReason {
    /// Mails to it came back.
    Bounced,
    /// The recipient called one spam.
    Complained,
    /// The recipient said so.
    Unsubscribed,
}

impl SuppressionReason {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Bounced => "bounced",
            Self::Complained => "complained",
            Self::Unsubscribed => "unsubscribed",
        }
    }
}

impl std::str::FromStr for SuppressionReason {
    type Err = super::UnknownName;
    fn from_str(text: &str) -> std::result::Result<Self, Self::Err> {
        [Self::Bounced, Self::Complained, Self::Unsubscribed]
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
    /// The version of the privacy policy under which what it uses was collected.
    pub policy_version: PolicyVersionId,
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
                messages::policy_version_id.eq(Some(message.policy_version)),
            ),
        ))
        .execute(conn)?;
    Ok(())
}

/// What stands in a shared body where each message has a link of its own.
pub const PERSONAL_PLACE: &str = "0place0for0a0personal0link0";
/// What stands there, and in a shared way out, where each message has its own way to the preferences and out.
pub const TOKEN_PLACE: &str = "0place0for0a0token0";

/// A text that many messages share.
pub struct Body {
    pub id: MessageBodyId,
    pub topic: String,
    pub html: String,
    pub text: String,
    /// Signs the personal links.
    pub key: Vec<u8>,
}

pub fn insert_body(conn: &mut Conn, body: &Body, language: Language, now: Timestamp) -> Result<()> {
    diesel::insert_into(message_bodies::table)
        .values((
            message_bodies::id.eq(body.id),
            message_bodies::topic.eq(&body.topic),
            message_bodies::language.eq(language),
            message_bodies::html.eq(&body.html),
            message_bodies::body.eq(&body.text),
            message_bodies::key.eq(&body.key),
            message_bodies::created_at.eq(now),
        ))
        .execute(conn)?;
    Ok(())
}

/// Which body a topic has in a language, and what its messages are called.
pub fn find_body(conn: &mut Conn, topic: &str, language: Language) -> Result<Option<MessageBodyId>> {
    Ok(message_bodies::table
        .filter(message_bodies::topic.eq(topic))
        .filter(message_bodies::language.eq(language))
        .select(message_bodies::id)
        .first(conn)
        .optional()?)
}

/// What signs a topic's links.
pub fn find_key(conn: &mut Conn, topic: &str) -> Result<Option<Vec<u8>>> {
    Ok(message_bodies::table
        .filter(message_bodies::topic.eq(topic))
        .select(message_bodies::key)
        .first(conn)
        .optional()?)
}

fn body_of(conn: &mut Conn, id: MessageBodyId) -> Result<Body> {
    let (topic, html, text, key) = message_bodies::table
        .filter(message_bodies::id.eq(id))
        .select((
            message_bodies::topic,
            message_bodies::html,
            message_bodies::body,
            message_bodies::key,
        ))
        .first(conn)?;
    Ok(Body {
        id,
        topic,
        html,
        text,
        key,
    })
}

/// What all messages of one mailing have in common.
pub struct Mailing<'a> {
    pub body: MessageBodyId,
    pub sender: &'a EmailAddress,
    pub category: Category,
    pub template: &'static str,
    pub language: Language,
    pub subject: &'a str,
    pub extras: Extras,
    pub state: MessageState,
    pub host: &'a str,
    pub at: Timestamp,
}

/// One message of a mailing.
pub struct Addressed<'a> {
    pub id: MessageId,
    pub member: MemberId,
    pub user: UserId,
    pub to: &'a EmailAddress,
    pub policy_version: PolicyVersionId,
}

/// Writes down the messages of a mailing, thousands in one statement.
pub fn insert_all(conn: &mut Conn, mailing: &Mailing<'_>, all: &[Addressed<'_>]) -> Result<()> {
    for some in all.chunks(10_000) {
        let hex = |id: &uuid::Uuid| id.simple().to_string();
        let rows: Vec<_> = some
            .iter()
            .map(|message| {
                (
                    hex(message.id.uuid()),
                    hex(message.member.uuid()),
                    hex(message.user.uuid()),
                    format!("{}@{}", message.id, mailing.host),
                    message.to.as_str(),
                    hex(message.policy_version.uuid()),
                )
            })
            .collect();
        let rows = serde_json::to_string(&rows).expect("ids and addresses are plain data");
        let statement = match conn {
            Conn::Sqlite(_) => {
                "INSERT INTO messages (body_id, sender, category, template, language, subject, headers, state, queued_at, \
                 html, body, attempts, id, member_id, user_id, message_id, recipient, policy_version_id) \
                 SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, '', '', 0, unhex(value ->> 0), unhex(value ->> 1), \
                 unhex(value ->> 2), value ->> 3, value ->> 4, unhex(value ->> 5) FROM json_each($10)"
            }
            Conn::Postgres(_) => {
                "INSERT INTO messages (body_id, sender, category, template, language, subject, headers, state, queued_at, \
                 html, body, attempts, id, member_id, user_id, message_id, recipient, policy_version_id) \
                 SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, '', '', 0, (value ->> 0)::uuid, (value ->> 1)::uuid, \
                 (value ->> 2)::uuid, value ->> 3, value ->> 4, (value ->> 5)::uuid FROM json_array_elements($10::json)"
            }
        };
        let query = diesel::sql_query(statement)
            .bind::<Uid, _>(mailing.body)
            .bind::<Text, _>(mailing.sender.as_str())
            .bind::<Text, _>(mailing.category.as_str())
            .bind::<Text, _>(mailing.template)
            .bind::<Text, _>(mailing.language.as_str())
            .bind::<Text, _>(mailing.subject)
            .bind::<Document, _>(Json(mailing.extras.clone()))
            .bind::<Text, _>(mailing.state.as_str())
            .bind::<Moment, _>(mailing.at)
            .bind::<Text, _>(rows);
        both!(conn, |c| query.execute(c))?;
    }
    Ok(())
}

/// What a message of a member's says of itself where it came back.
pub fn note_bounce(conn: &mut Conn, id: MessageId, words: &str) -> Result<bool> {
    let sent = messages::table
        .filter(messages::id.eq(id))
        .filter(messages::state.eq(MessageState::Sent));
    let noted = diesel::update(sent)
        .set(messages::error.eq(Some(words)))
        .execute(conn)?;
    Ok(noted == 1)
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

/// The places of what is personal in a shared body, filled.
fn filled(text: &str, link: &str, token: &str) -> String {
    text.replace(PERSONAL_PLACE, link).replace(TOKEN_PLACE, token)
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
    Option<MessageBodyId>,
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
            messages::body_id,
        ))
        .first(conn)
        .optional()?;
    let shared = match &row {
        // Each time the same: the body never changes, and the link is made of what never does.
        Some((Some(member), .., Some(body))) => {
            let body = body_of(conn, *body)?;
            let link = rules::personal_link(&body.key, *member, &body.topic);
            let token = rules::message_token(&body.key, id);
            let (html, text) = (
                filled(&body.html, &link, &token),
                filled(&body.text, &link, &token),
            );
            Some((html, text, token))
        }
        _ => None,
    };
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
            Json(mut extras),
            date,
            _,
        )| {
            let (html, text) = match shared {
                Some((html, text, token)) => {
                    extras.unsubscribe = extras.unsubscribe.map(|way| way.with_token(&token));
                    extras.token = Some(token);
                    (html, text)
                }
                None => (html, text),
            };
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

/// To whom a message was sent, and when.
pub fn find_sent_at(conn: &mut Conn, id: MessageId) -> Result<Option<(EmailAddress, Timestamp)>> {
    let row: Option<(EmailAddress, Option<Timestamp>)> = messages::table
        .filter(messages::id.eq(id))
        .select((messages::recipient, messages::sent_at))
        .first(conn)
        .optional()?;
    Ok(row.and_then(|(to, sent_at)| Some((to, sent_at?))))
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

/// The scope of what concerns one member's mails of a kind, or everybody's.
fn scope(category: Category, member: Option<MemberId>) -> String {
    let member = category.scope(member);
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

/// Which of these, by their place, want no mail of this kind: from that member, or from anybody.
pub fn suppressed_among<'a>(
    conn: &mut Conn,
    category: Category,
    now: Timestamp,
    to: impl Iterator<Item = (&'a EmailAddress, MemberId)>,
) -> Result<BTreeSet<usize>> {
    let all: Vec<(String, String)> = to
        .map(|(address, member)| (address.folded(), scope(category, Some(member))))
        .collect();
    let mut refused: BTreeSet<(String, String)> = BTreeSet::new();
    for some in all.chunks(1000) {
        let addresses: Vec<&str> = some.iter().map(|(address, _)| address.as_str()).collect();
        let rows: Vec<(String, String)> = suppressions::table
            .filter(suppressions::address.eq_any(addresses))
            .filter(suppressions::purpose.eq(category))
            .filter(suppressions::ends_at.is_null().or(suppressions::ends_at.gt(now)))
            .select((suppressions::address, suppressions::scope))
            .load(conn)?;
        refused.extend(rows);
    }
    let is_refused = |(address, scope): &(String, String)| {
        refused.contains(&(address.clone(), String::new()))
            || refused.contains(&(address.clone(), scope.clone()))
    };
    let places = all.iter().enumerate().filter(|(_, one)| is_refused(one));
    Ok(places.map(|(place, _)| place).collect())
}

/// How many of these messages are in which state.
pub fn count_states(conn: &mut Conn, ids: &[MessageId]) -> Result<BTreeMap<&'static str, usize>> {
    let mut counts = BTreeMap::new();
    for some in ids.chunks(1000) {
        let states: Vec<MessageState> = messages::table
            .filter(messages::id.eq_any(some.to_vec()))
            .select(messages::state)
            .load(conn)?;
        for state in states {
            *counts.entry(state.as_str()).or_default() += 1;
        }
    }
    Ok(counts)
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
            .filter(suppressions::scope.eq(scope(category, member))),
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

/// The columns of a [`Message`].
macro_rules! listed_columns {
    () => {
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
        )
    };
}

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
        .select(listed_columns!())
        .into_boxed();
    if let Some((at, id)) = before {
        query = query.filter(
            messages::queued_at
                .lt(at)
                .or(messages::queued_at.eq(at).and(messages::id.lt(id))),
        );
    }
    let rows: Vec<Listed> = query.load(conn)?;
    with_fate(conn, rows.into_iter().map(listed).collect())
}

/// Adds what became of messages after they had left.
fn with_fate(conn: &mut Conn, mut messages: Vec<Message>) -> Result<Vec<Message>> {
    let ids: Vec<MessageId> = messages.iter().map(|message| message.id).collect();
    let mut looks = tracks::looks(conn, &ids)?;
    let returned = feedback::returned(conn, &ids)?;
    for message in &mut messages {
        message.looks = looks.remove(&message.id);
        message.returned = returned.get(&message.id).copied().unwrap_or_default();
    }
    Ok(messages)
}

/// Some messages, of whomever, oldest first.
pub fn list_by_ids(conn: &mut Conn, ids: &[MessageId]) -> Result<Vec<Message>> {
    let mut all = Vec::new();
    for some in ids.chunks(500) {
        let rows: Vec<Listed> = messages::table
            .filter(messages::id.eq_any(some.to_vec()))
            .order((messages::queued_at, messages::id))
            .select(listed_columns!())
            .load(conn)?;
        all.extend(with_fate(conn, rows.into_iter().map(listed).collect())?);
    }
    Ok(all)
}

/// A message that was given up waits again.
pub fn requeue(conn: &mut Conn, id: MessageId) -> Result<()> {
    let parked = messages::table
        .filter(messages::id.eq(id))
        .filter(messages::state.eq(MessageState::Failed));
    diesel::update(parked)
        .set(messages::state.eq(MessageState::Queued))
        .execute(conn)?;
    Ok(())
}

/// One of a member's messages with its text, unless that is the recipient's alone.
pub fn find_message(
    conn: &mut Conn,
    member: MemberId,
    id: MessageId,
) -> Result<Option<(Message, Option<String>)>> {
    let row: Option<(Listed, String, Json<Extras>, Option<MessageBodyId>)> = messages::table
        .filter(messages::member_id.eq(member))
        .filter(messages::id.eq(id))
        .select((
            listed_columns!(),
            messages::body,
            messages::headers,
            messages::body_id,
        ))
        .first(conn)
        .optional()?;
    let shared = match &row {
        Some((.., Some(body))) => Some(filled(&body_of(conn, *body)?.text, "…", "…")),
        _ => None,
    };
    let Some((row, text, Json(extras), _)) = row else {
        return Ok(None);
    };
    let text = shared.unwrap_or(text);
    // The way out and to the preferences is the recipient's, not the reader's.
    let token = extras.token.or(extras.unsubscribe.map(|way| way.token));
    let shown = match token {
        Some(token) => text.replace(&token, "…"),
        None => text,
    };
    let message = with_fate(conn, vec![listed(row)])?.pop();
    Ok(message.map(|message| (message, (!extras.secret).then_some(shown))))
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
        looks: None,
        returned: Returned::default(),
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

/// A kind of mail, whom it is about, and in whose name it came.
pub type KindSent = (Category, Option<MemberId>, Json<Extras>);

/// What kinds of mail that may be refused an address has ever been sent.
pub fn kinds_sent(conn: &mut Conn, address: &EmailAddress) -> Result<Vec<KindSent>> {
    let refusable = Category::ALL
        .into_iter()
        .filter(|category| category.may_be_refused());
    let mut newest: Vec<KindSent> = messages::table
        .filter(messages::recipient.eq(address))
        .filter(messages::category.eq_any(refusable.collect::<Vec<_>>()))
        .order(messages::queued_at.desc())
        .limit(KINDS_LOOKED_AT)
        .select((messages::category, messages::member_id, messages::headers))
        .load(conn)?;
    let mut seen = std::collections::BTreeSet::new();
    for (category, member, _) in &mut newest {
        *member = category.scope(*member);
    }
    newest.retain(|(category, member, _)| seen.insert((*category, *member)));
    newest.sort_by_key(|(category, member, _)| (*category, *member));
    Ok(newest)
}

/// So many of an address's latest mails tell which kinds it gets.
const KINDS_LOOKED_AT: i64 = 1000;

/// Deletes what was written to an address that is nobody's: not a user's, not about a member.
pub fn delete_of_lead(conn: &mut Conn, address: &EmailAddress) -> Result<usize> {
    let of_nobody = messages::table
        .filter(messages::recipient.eq(address))
        .filter(messages::category.eq(Category::Nudge));
    Ok(diesel::delete(of_nobody).execute(conn)?)
}

/// Deletes the messages to a user, and what they consented to.
pub fn delete_of_user(conn: &mut Conn, user: UserId) -> Result<usize> {
    consents::delete_of_user(conn, user)?;
    Ok(diesel::delete(messages::table.filter(messages::user_id.eq(user))).execute(conn)?)
}
