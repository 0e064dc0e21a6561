//! The tables `mail_feedback` and `suppressions`: what was said of messages, and what that stops.

use std::collections::HashMap;

use diesel::prelude::*;

use super::{SuppressionReason, consents, scope};
use crate::both;
use crate::clock::Timestamp;
use crate::db::schema::{mail_feedback, messages, suppressions};
use crate::db::{Conn, Result};
use crate::ids::{MailFeedbackId, MemberId, MessageId};
use crate::mail::feedback::{Feedback, FeedbackKind, Returned};
use crate::mail::{Category, EmailAddress, MessageState};

text_column!(FeedbackKind);

/// What of a message matters to feedback about it.
pub struct About {
    pub to: EmailAddress,
    pub category: Category,
    pub member: Option<MemberId>,
}

/// The message, if it was really sent.
pub fn find_sent(conn: &mut Conn, id: MessageId) -> Result<Option<About>> {
    let row: Option<(EmailAddress, Category, Option<MemberId>)> = messages::table
        .filter(messages::id.eq(id))
        .filter(messages::state.eq(MessageState::Sent))
        .select((messages::recipient, messages::category, messages::member_id))
        .first(conn)
        .optional()?;
    Ok(row.map(|(to, category, member)| About { to, category, member }))
}

/// False: it was noted before.
pub fn insert(conn: &mut Conn, id: MailFeedbackId, feedback: &Feedback, now: Timestamp) -> Result<bool> {
    let row = (
        mail_feedback::id.eq(id),
        mail_feedback::message_id.eq(feedback.message),
        mail_feedback::source_sha256.eq(feedback.source.as_bytes()),
        mail_feedback::kind.eq(feedback.kind),
        mail_feedback::status.eq(feedback.status.map(|status| status.to_string())),
        mail_feedback::words.eq(&feedback.words),
        mail_feedback::noted_at.eq(now),
    );
    let inserted = both!(conn, |c| diesel::insert_into(mail_feedback::table)
        .values(row)
        .on_conflict_do_nothing()
        .execute(c))?;
    Ok(inserted == 1)
}

/// How many mails to an address came back for other reasons than a missing mailbox since then.
pub fn count_soft_bounces(conn: &mut Conn, address: &EmailAddress, since: Timestamp) -> Result<i64> {
    Ok(mail_feedback::table
        .inner_join(messages::table.on(messages::id.eq(mail_feedback::message_id)))
        .filter(messages::recipient.eq(address))
        .filter(mail_feedback::kind.eq(FeedbackKind::SoftBounced))
        .filter(mail_feedback::noted_at.gt(since))
        .count()
        .get_result(conn)?)
}

/// Whether a message came back.
pub fn has_bounced(conn: &mut Conn, message: MessageId) -> Result<bool> {
    let found: i64 = mail_feedback::table
        .filter(mail_feedback::message_id.eq(message))
        .filter(mail_feedback::kind.eq_any([FeedbackKind::Bounced, FeedbackKind::SoftBounced]))
        .count()
        .get_result(conn)?;
    Ok(found > 0)
}

/// When messages came back or were complained of; those of which nothing is known are left out.
pub fn returned(conn: &mut Conn, ids: &[MessageId]) -> Result<HashMap<MessageId, Returned>> {
    let rows: Vec<(MessageId, FeedbackKind, Timestamp)> = mail_feedback::table
        .filter(mail_feedback::message_id.eq_any(ids.to_vec()))
        .order(mail_feedback::noted_at)
        .select((
            mail_feedback::message_id,
            mail_feedback::kind,
            mail_feedback::noted_at,
        ))
        .load(conn)?;
    let mut all: HashMap<MessageId, Returned> = HashMap::new();
    for (id, kind, at) in rows {
        let of = all.entry(id).or_default();
        match kind {
            FeedbackKind::Bounced | FeedbackKind::SoftBounced => of.bounced_at = of.bounced_at.or(Some(at)),
            FeedbackKind::Complained => of.complained_at = of.complained_at.or(Some(at)),
            FeedbackKind::Delivered => {}
        }
    }
    Ok(all)
}

/// Is that kind of mail not to go there? Refused, to one member or to everybody; returned; or advertising that nobody asked for.
pub fn is_suppressed(
    conn: &mut Conn,
    address: &EmailAddress,
    category: Category,
    member: Option<MemberId>,
    now: Timestamp,
) -> Result<bool> {
    let found = suppressions::table
        .filter(suppressions::address.eq(address.folded()))
        .filter(suppressions::purpose.eq(category))
        .filter(suppressions::scope.eq_any([String::new(), scope(category, member)]))
        .filter(suppressions::ends_at.is_null().or(suppressions::ends_at.gt(now)))
        .count()
        .get_result::<i64>(conn)?;
    if found > 0 || !category.is_asked_for() {
        return Ok(found > 0);
    }
    let last = consents::find_last(conn, address, category)?;
    Ok(!last.is_some_and(|consent| consent.confirmed_at.is_some() && consent.ended_at.is_none()))
}

/// Whether a mail that came back stops others to the address.
pub fn is_doubtful(conn: &mut Conn, address: &EmailAddress) -> Result<bool> {
    let found = suppressions::table
        .filter(suppressions::address.eq(address.folded()))
        .filter(suppressions::reason.eq(SuppressionReason::Bounced))
        .count()
        .get_result::<i64>(conn)?;
    Ok(found > 0)
}

/// A suppression to be.
pub struct Suppression<'a> {
    pub address: &'a EmailAddress,
    pub category: Category,
    /// Of one member's mails; none: of everybody's.
    pub member: Option<MemberId>,
    pub reason: SuppressionReason,
    /// None: until it is taken back.
    pub ends_at: Option<Timestamp>,
}

/// From now on no mail of this kind goes to the address. Of two words the stronger stands: the recipient's own before a
/// complaint, a complaint before a bounce, and of two bounces the one that lasts longer.
pub fn suppress(conn: &mut Conn, new: &Suppression<'_>, now: Timestamp) -> Result<()> {
    let key = (
        new.address.folded(),
        new.category,
        scope(new.category, new.member),
    );
    let known: Option<(SuppressionReason, Option<Timestamp>)> = suppressions::table
        .find(key.clone())
        .select((suppressions::reason, suppressions::ends_at))
        .first(conn)
        .optional()?;
    let stands = known.is_some_and(|(reason, ends_at)| {
        let holds = ends_at.is_none_or(|end| end > now);
        // No end is later than any.
        let longer = ends_at.is_none() || new.ends_at.is_some_and(|end| ends_at >= Some(end));
        holds && (reason > new.reason || (reason == new.reason && longer))
    });
    if stands {
        return Ok(());
    }
    let (address, category, scope) = key;
    let words = (
        suppressions::reason.eq(new.reason),
        suppressions::created_at.eq(now),
        suppressions::ends_at.eq(new.ends_at),
    );
    let row = (
        suppressions::address.eq(address),
        suppressions::purpose.eq(category),
        suppressions::scope.eq(scope),
        words,
    );
    both!(conn, |c| diesel::insert_into(suppressions::table)
        .values(row)
        .on_conflict((suppressions::address, suppressions::purpose, suppressions::scope))
        .do_update()
        .set(words)
        .execute(c))?;
    Ok(())
}

/// Takes back what bounces before that time stopped, for the address works. Answers how many kinds that frees.
pub fn trust_again(conn: &mut Conn, address: &EmailAddress, before: Timestamp) -> Result<usize> {
    Ok(diesel::delete(
        suppressions::table
            .filter(suppressions::address.eq(address.folded()))
            .filter(suppressions::reason.eq(SuppressionReason::Bounced))
            .filter(suppressions::created_at.le(before)),
    )
    .execute(conn)?)
}

/// Forgets what has ended.
pub fn delete_ended(conn: &mut Conn, now: Timestamp) -> Result<usize> {
    Ok(diesel::delete(suppressions::table.filter(suppressions::ends_at.le(now))).execute(conn)?)
}
