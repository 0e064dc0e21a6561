//! The tables `mail_tracks` (what of a message can be looked at, and how often it was) and `mail_untracked` (users who want that
//! not to be counted).

use std::collections::HashMap;

use diesel::prelude::*;

use crate::both;
use crate::clock::Timestamp;
use crate::db::schema::{mail_tracks, mail_untracked, messages};
use crate::db::{Conn, Result};
use crate::ids::{MemberId, MessageId, PolicyVersionId, UserId};
use crate::mail::Looks;

/// Something of a message that can be looked at: a link's target, or the pixel, which has none.
pub struct NewTrack {
    pub token_sha256: Vec<u8>,
    pub target: Option<String>,
}

pub fn insert(conn: &mut Conn, message: MessageId, tracks: &[NewTrack]) -> Result<()> {
    for track in tracks {
        diesel::insert_into(mail_tracks::table)
            .values((
                mail_tracks::token_sha256.eq(&track.token_sha256),
                mail_tracks::message_id.eq(message),
                mail_tracks::target.eq(&track.target),
                mail_tracks::by_people.eq(0),
                mail_tracks::by_machines.eq(0),
                mail_tracks::last_by_person.eq(false),
            ))
            .execute(conn)?;
    }
    Ok(())
}

/// What a token leads to, and to whom its mail went.
#[derive(Debug)]
pub struct Track {
    pub message: MessageId,
    pub target: Option<String>,
    pub sent_at: Option<Timestamp>,
    pub member: Option<MemberId>,
    pub user: Option<UserId>,
}

pub fn find(conn: &mut Conn, token_sha256: &[u8]) -> Result<Option<Track>> {
    type Row = (
        MessageId,
        Option<String>,
        Option<Timestamp>,
        Option<MemberId>,
        Option<UserId>,
    );
    let row: Option<Row> = mail_tracks::table
        .inner_join(messages::table.on(messages::id.eq(mail_tracks::message_id)))
        .filter(mail_tracks::token_sha256.eq(token_sha256))
        .select((
            mail_tracks::message_id,
            mail_tracks::target,
            messages::sent_at,
            messages::member_id,
            messages::user_id,
        ))
        .first(conn)
        .optional()?;
    Ok(row.map(|(message, target, sent_at, member, user)| Track {
        message,
        target,
        sent_at,
        member,
        user,
    }))
}

/// The other links of a message that were followed after `since`: their tokens, and whether the last look was a person's.
pub fn followed_since(
    conn: &mut Conn,
    message: MessageId,
    but: &[u8],
    since: Timestamp,
) -> Result<Vec<(Vec<u8>, bool)>> {
    Ok(mail_tracks::table
        .filter(mail_tracks::message_id.eq(message))
        .filter(mail_tracks::target.is_not_null())
        .filter(mail_tracks::token_sha256.ne(but))
        .filter(mail_tracks::last_at.gt(since))
        .select((mail_tracks::token_sha256, mail_tracks::last_by_person))
        .load(conn)?)
}

/// A person looked. Collected under that version.
pub fn count_person(
    conn: &mut Conn,
    token_sha256: &[u8],
    under: PolicyVersionId,
    now: Timestamp,
) -> Result<()> {
    let track = mail_tracks::table.find(token_sha256);
    diesel::update(track.filter(mail_tracks::first_at.is_null()))
        .set(mail_tracks::first_at.eq(now))
        .execute(conn)?;
    diesel::update(track)
        .set((
            mail_tracks::by_people.eq(mail_tracks::by_people + 1),
            mail_tracks::last_at.eq(now),
            mail_tracks::last_by_person.eq(true),
            mail_tracks::policy_version_id.eq(Some(under)),
        ))
        .execute(conn)?;
    Ok(())
}

pub fn count_machine(conn: &mut Conn, token_sha256: &[u8], now: Timestamp) -> Result<()> {
    diesel::update(mail_tracks::table.find(token_sha256))
        .set((
            mail_tracks::by_machines.eq(mail_tracks::by_machines + 1),
            mail_tracks::last_at.eq(now),
            mail_tracks::last_by_person.eq(false),
        ))
        .execute(conn)?;
    Ok(())
}

/// The last look was a machine's after all.
pub fn recount_last(conn: &mut Conn, token_sha256: &[u8]) -> Result<()> {
    let track = mail_tracks::table.find(token_sha256);
    diesel::update(track)
        .set((
            mail_tracks::by_people.eq(mail_tracks::by_people - 1),
            mail_tracks::by_machines.eq(mail_tracks::by_machines + 1),
            mail_tracks::last_by_person.eq(false),
        ))
        .execute(conn)?;
    diesel::update(track.filter(mail_tracks::by_people.eq(0)))
        .set(mail_tracks::first_at.eq(None::<Timestamp>))
        .execute(conn)?;
    Ok(())
}

/// What is known of looks at messages; those that are not tracked are left out.
pub fn looks(conn: &mut Conn, ids: &[MessageId]) -> Result<HashMap<MessageId, Looks>> {
    type Row = (MessageId, Option<String>, Option<Timestamp>, i32, i32);
    let rows: Vec<Row> = mail_tracks::table
        .filter(mail_tracks::message_id.eq_any(ids.to_vec()))
        .select((
            mail_tracks::message_id,
            mail_tracks::target,
            mail_tracks::first_at,
            mail_tracks::by_people,
            mail_tracks::by_machines,
        ))
        .load(conn)?;
    let earlier = |a: Option<Timestamp>, b: Option<Timestamp>| a.into_iter().chain(b).min();
    let mut all: HashMap<MessageId, Looks> = HashMap::new();
    for (id, target, first_at, by_people, by_machines) in rows {
        let (looks, people) = (all.entry(id).or_default(), u32::try_from(by_people).unwrap_or(0));
        if target.is_none() {
            looks.opened_at = earlier(looks.opened_at, first_at);
            looks.opens += people;
        } else {
            looks.clicked_at = earlier(looks.clicked_at, first_at);
            looks.clicks += people;
        }
        looks.by_machines += u32::try_from(by_machines).unwrap_or(0);
    }
    Ok(all)
}

macro_rules! forget {
    ($conn:expr, $which:expr) => {
        diesel::update(mail_tracks::table.filter($which))
            .set((
                mail_tracks::first_at.eq(None::<Timestamp>),
                mail_tracks::by_people.eq(0),
                mail_tracks::by_machines.eq(0),
                mail_tracks::last_at.eq(None::<Timestamp>),
                mail_tracks::last_by_person.eq(false),
                mail_tracks::policy_version_id.eq(None::<PolicyVersionId>),
            ))
            .execute($conn)?
    };
}

/// Forgets looks where the last was before that time; what they led to stays.
pub fn forget_looks(conn: &mut Conn, before: Timestamp) -> Result<usize> {
    Ok(forget!(conn, mail_tracks::last_at.lt(before)))
}

/// Forgets all looks of a user's.
pub fn forget_looks_of(conn: &mut Conn, user: UserId) -> Result<usize> {
    let ids: Vec<MessageId> = messages::table
        .filter(messages::user_id.eq(user))
        .select(messages::id)
        .load(conn)?;
    let mut forgotten = 0;
    for some in ids.chunks(500) {
        forgotten += forget!(conn, mail_tracks::message_id.eq_any(some.to_vec()));
    }
    Ok(forgotten)
}

/// Whether a user wants no looks counted.
pub fn is_untracked(conn: &mut Conn, user: UserId) -> Result<bool> {
    let found: i64 = mail_untracked::table
        .filter(mail_untracked::user_id.eq(user))
        .count()
        .get_result(conn)?;
    Ok(found > 0)
}

pub fn set_untracked(conn: &mut Conn, user: UserId, now: Timestamp) -> Result<()> {
    let row = (mail_untracked::user_id.eq(user), mail_untracked::since.eq(now));
    both!(conn, |c| diesel::insert_into(mail_untracked::table)
        .values(row)
        .on_conflict_do_nothing()
        .execute(c))?;
    Ok(())
}

pub fn set_tracked(conn: &mut Conn, user: UserId) -> Result<()> {
    diesel::delete(mail_untracked::table.find(user)).execute(conn)?;
    Ok(())
}
