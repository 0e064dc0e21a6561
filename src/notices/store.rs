//! The tables `notices`, `notice_members` (whom one concerns), `notice_recipients` (who was mailed), `notice_reads` and
//! `breaches`; and who of the members is meant by an audience.

use diesel::dsl::{exists, not};
use diesel::prelude::*;

use super::breaches::Breach;
use super::{Audience, Kind, Notice, Stage, State};
use crate::accounts::Region;
use crate::both;
use crate::clock::Timestamp;
use crate::db::schema::{
    breaches, members, memberships, notice_members, notice_reads, notice_recipients, notices, sites,
};
use crate::db::{Conn, Json, Result};
use crate::ids::{BreachId, MemberId, MessageId, NoticeId, UserId};
use crate::policies::Words;

text_column!(State);

type Row = (
    (
        NoticeId,
        Kind,
        Option<Stage>,
        Option<NoticeId>,
        Option<String>,
        Option<Timestamp>,
        Option<Timestamp>,
        Json<Words>,
        Json<Words>,
    ),
    (
        Json<Audience>,
        State,
        Option<BreachId>,
        Timestamp,
        Option<Timestamp>,
        Option<Timestamp>,
        Option<Timestamp>,
        Option<Timestamp>,
    ),
);

type Columns = (
    (
        notices::id,
        notices::kind,
        notices::stage,
        notices::thread_id,
        notices::release,
        notices::starts_at,
        notices::ends_at,
        notices::title,
        notices::body,
    ),
    (
        notices::audience,
        notices::state,
        notices::breach_id,
        notices::written_at,
        notices::scheduled_for,
        notices::begun_at,
        notices::sent_at,
        notices::cancelled_at,
    ),
);

const COLUMNS: Columns = (
    (
        notices::id,
        notices::kind,
        notices::stage,
        notices::thread_id,
        notices::release,
        notices::starts_at,
        notices::ends_at,
        notices::title,
        notices::body,
    ),
    (
        notices::audience,
        notices::state,
        notices::breach_id,
        notices::written_at,
        notices::scheduled_for,
        notices::begun_at,
        notices::sent_at,
        notices::cancelled_at,
    ),
);

fn notice_of(row: Row) -> Notice {
    let ((id, kind, stage, thread, release, starts_at, ends_at, Json(title), Json(body)), rest) = row;
    let (Json(audience), state, breach, written_at, scheduled_for, begun_at, sent_at, cancelled_at) = rest;
    Notice {
        id,
        kind,
        stage,
        thread,
        release,
        starts_at,
        ends_at,
        title,
        body,
        audience,
        state,
        breach,
        written_at,
        scheduled_for,
        begun_at,
        sent_at,
        cancelled_at,
    }
}

pub fn insert(tx: &mut Conn, notice: &Notice) -> Result<()> {
    diesel::insert_into(notices::table)
        .values((
            notices::id.eq(notice.id),
            notices::kind.eq(notice.kind),
            notices::stage.eq(notice.stage),
            notices::thread_id.eq(notice.thread),
            notices::release.eq(&notice.release),
            notices::starts_at.eq(notice.starts_at),
            notices::ends_at.eq(notice.ends_at),
            notices::title.eq(Json(notice.title.clone())),
            notices::body.eq(Json(notice.body.clone())),
            notices::audience.eq(Json(notice.audience.clone())),
            notices::state.eq(notice.state),
            notices::breach_id.eq(notice.breach),
            notices::written_at.eq(notice.written_at),
            notices::scheduled_for.eq(notice.scheduled_for),
        ))
        .execute(tx)?;
    Ok(())
}

pub fn find(conn: &mut Conn, id: NoticeId) -> Result<Option<Notice>> {
    let row: Option<Row> = notices::table
        .filter(notices::id.eq(id))
        .select(COLUMNS)
        .first(conn)
        .optional()?;
    Ok(row.map(notice_of))
}

/// Makes others who change or send it wait until the transaction ends. SQLite has one writer anyway.
pub fn lock(tx: &mut Conn, id: NoticeId) -> Result<()> {
    if let Conn::Postgres(conn) = tx {
        notices::table
            .filter(notices::id.eq(id))
            .select(notices::id)
            .for_update()
            .execute(conn)?;
    }
    Ok(())
}

/// The same with all notices of these kinds.
pub fn lock_kinds(tx: &mut Conn, kinds: &[Kind]) -> Result<()> {
    if let Conn::Postgres(conn) = tx {
        notices::table
            .filter(notices::kind.eq_any(kinds.to_vec()))
            .order(notices::id)
            .select(notices::id)
            .for_update()
            .execute(conn)?;
    }
    Ok(())
}

/// Notices as they were written, newest first, those before `before` if given.
pub fn list(conn: &mut Conn, before: Option<(Timestamp, NoticeId)>, limit: i64) -> Result<Vec<Notice>> {
    let mut query = notices::table.into_boxed();
    if let Some((at, id)) = before {
        query = query.filter(
            notices::written_at
                .lt(at)
                .or(notices::written_at.eq(at).and(notices::id.lt(id))),
        );
    }
    let rows: Vec<Row> = query
        .order((notices::written_at.desc(), notices::id.desc()))
        .limit(limit)
        .select(COLUMNS)
        .load(conn)?;
    Ok(rows.into_iter().map(notice_of).collect())
}

/// An outage's notices, oldest first.
pub fn list_thread(conn: &mut Conn, thread: NoticeId) -> Result<Vec<Notice>> {
    let rows: Vec<Row> = notices::table
        .filter(notices::thread_id.eq(Some(thread)))
        .order((notices::written_at, notices::id))
        .select(COLUMNS)
        .load(conn)?;
    Ok(rows.into_iter().map(notice_of).collect())
}

/// Where a notice stands from now on.
pub fn set_state(tx: &mut Conn, notice: &Notice) -> Result<()> {
    diesel::update(notices::table.filter(notices::id.eq(notice.id)))
        .set((
            notices::state.eq(notice.state),
            notices::scheduled_for.eq(notice.scheduled_for),
            notices::begun_at.eq(notice.begun_at),
            notices::sent_at.eq(notice.sent_at),
            notices::cancelled_at.eq(notice.cancelled_at),
        ))
        .execute(tx)?;
    Ok(())
}

/// Members that an audience means, by their ids. Those on their way out are meant only by what concerns data that we still
/// hold.
macro_rules! meant {
    ($audience:expr, $leaving_too:expr) => {{
        let audience: &Audience = $audience;
        let mut query = members::table.select(members::id).into_boxed();
        if !$leaving_too {
            query = query.filter(members::ends_at.is_null());
        }
        if !audience.plans.is_empty() {
            query = query.filter(members::plan.eq_any(audience.plans.clone()));
        }
        if !audience.regions.is_empty() {
            let names: Vec<&str> = audience.regions.iter().copied().map(Region::as_str).collect();
            query = query.filter(members::region.eq_any(names));
        }
        if !audience.members.is_empty() {
            query = query.filter(members::id.eq_any(audience.members.clone()));
        }
        if !audience.sites.is_empty() {
            let seen = sites::table
                .filter(sites::host.eq_any(audience.sites.clone()))
                .select(sites::member_id);
            query = query.filter(members::id.eq_any(seen));
        }
        query.order(members::id)
    }};
}

/// Some of those meant, behind `after`.
pub fn list_meant(
    conn: &mut Conn,
    audience: &Audience,
    leaving_too: bool,
    after: Option<MemberId>,
    limit: i64,
) -> Result<Vec<MemberId>> {
    if audience.is_nobody() {
        return Ok(Vec::new());
    }
    let mut query = meant!(audience, leaving_too);
    if let Some(after) = after {
        query = query.filter(members::id.gt(after));
    }
    Ok(query.limit(limit).load(conn)?)
}

/// Some of those meant who don't have the notice yet.
pub fn list_untold(conn: &mut Conn, notice: &Notice, leaving_too: bool, limit: i64) -> Result<Vec<MemberId>> {
    if notice.audience.is_nobody() {
        return Ok(Vec::new());
    }
    let told = notice_members::table
        .filter(notice_members::notice_id.eq(notice.id))
        .filter(notice_members::member_id.eq(members::id));
    let query = meant!(&notice.audience, leaving_too).filter(not(exists(told)));
    Ok(query.limit(limit).load(conn)?)
}

pub fn insert_members(tx: &mut Conn, notice: NoticeId, all: &[MemberId], now: Timestamp) -> Result<()> {
    for some in all.chunks(1000) {
        let rows: Vec<_> = some
            .iter()
            .map(|member| {
                (
                    notice_members::notice_id.eq(notice),
                    notice_members::member_id.eq(*member),
                    notice_members::at.eq(now),
                )
            })
            .collect();
        both!(tx, |c| diesel::insert_into(notice_members::table)
            .values(rows)
            .execute(c))?;
    }
    Ok(())
}

/// Who of these was mailed this notice already, for whichever member.
pub fn list_mailed(conn: &mut Conn, notice: NoticeId, among: &[UserId]) -> Result<Vec<UserId>> {
    Ok(notice_recipients::table
        .filter(notice_recipients::notice_id.eq(notice))
        .filter(notice_recipients::user_id.eq_any(among.to_vec()))
        .select(notice_recipients::user_id)
        .load(conn)?)
}

pub fn insert_recipients(
    tx: &mut Conn,
    notice: NoticeId,
    all: &[(UserId, MemberId, MessageId)],
    now: Timestamp,
) -> Result<()> {
    for some in all.chunks(1000) {
        let rows: Vec<_> = some
            .iter()
            .map(|(user, member, message)| {
                (
                    notice_recipients::notice_id.eq(notice),
                    notice_recipients::user_id.eq(*user),
                    notice_recipients::member_id.eq(*member),
                    notice_recipients::message_id.eq(*message),
                    notice_recipients::at.eq(now),
                )
            })
            .collect();
        both!(tx, |c| diesel::insert_into(notice_recipients::table)
            .values(rows)
            .execute(c))?;
    }
    Ok(())
}

/// To how many members a notice went.
pub fn count_members(conn: &mut Conn, notice: NoticeId) -> Result<i64> {
    Ok(notice_members::table
        .filter(notice_members::notice_id.eq(notice))
        .count()
        .get_result(conn)?)
}

/// Its mails.
pub fn list_messages(conn: &mut Conn, notice: NoticeId) -> Result<Vec<MessageId>> {
    Ok(notice_recipients::table
        .filter(notice_recipients::notice_id.eq(notice))
        .select(notice_recipients::message_id)
        .load(conn)?)
}

/// Whom it went to, by member, behind `after`: the member, its name, and how many people were mailed for it.
pub fn list_told(
    conn: &mut Conn,
    notice: NoticeId,
    after: Option<MemberId>,
    limit: i64,
) -> Result<Vec<(MemberId, String, i64)>> {
    let mut query = notice_members::table
        .inner_join(members::table.on(members::id.eq(notice_members::member_id)))
        .filter(notice_members::notice_id.eq(notice))
        .select((members::id, members::name))
        .order(members::id)
        .limit(limit)
        .into_boxed();
    if let Some(after) = after {
        query = query.filter(members::id.gt(after));
    }
    let found: Vec<(MemberId, String)> = query.load(conn)?;
    let ids: Vec<MemberId> = found.iter().map(|(member, _)| *member).collect();
    let mailed: Vec<MemberId> = notice_recipients::table
        .filter(notice_recipients::notice_id.eq(notice))
        .filter(notice_recipients::member_id.eq_any(ids))
        .select(notice_recipients::member_id)
        .load(conn)?;
    let count = |member: MemberId| mailed.iter().filter(|one| **one == member).count();
    Ok(found
        .into_iter()
        .map(|(member, name)| {
            let mails = i64::try_from(count(member)).unwrap_or(i64::MAX);
            (member, name, mails)
        })
        .collect())
}

/// The names of members.
pub fn names_of(conn: &mut Conn, all: &[MemberId]) -> Result<Vec<(MemberId, String)>> {
    Ok(members::table
        .filter(members::id.eq_any(all.to_vec()))
        .order(members::id)
        .select((members::id, members::name))
        .load(conn)?)
}

/// What was announced to a member, newest first, with when it was.
pub fn list_of_member(
    conn: &mut Conn,
    member: MemberId,
    kinds: &[Kind],
    before: Option<(Timestamp, NoticeId)>,
    limit: i64,
) -> Result<Vec<(Notice, Timestamp)>> {
    let mut query = notice_members::table
        .inner_join(notices::table.on(notices::id.eq(notice_members::notice_id)))
        .filter(notice_members::member_id.eq(member))
        .filter(notices::kind.eq_any(kinds.to_vec()))
        .select((COLUMNS, notice_members::at))
        .order((notice_members::at.desc(), notice_members::notice_id.desc()))
        .limit(limit)
        .into_boxed();
    if let Some((at, id)) = before {
        query = query.filter(
            notice_members::at
                .lt(at)
                .or(notice_members::at.eq(at).and(notice_members::notice_id.lt(id))),
        );
    }
    let rows: Vec<(Row, Timestamp)> = query.load(conn)?;
    Ok(rows.into_iter().map(|(row, at)| (notice_of(row), at)).collect())
}

/// The newest notice of each of these outages that a member has.
pub fn newest_of_threads(
    conn: &mut Conn,
    member: MemberId,
    threads: &[NoticeId],
) -> Result<Vec<(NoticeId, NoticeId)>> {
    let rows: Vec<(Option<NoticeId>, NoticeId)> = notice_members::table
        .inner_join(notices::table.on(notices::id.eq(notice_members::notice_id)))
        .filter(notice_members::member_id.eq(member))
        .filter(notices::thread_id.eq_any(threads.iter().copied().map(Some).collect::<Vec<_>>()))
        .order((notice_members::at, notices::written_at, notices::id))
        .select((notices::thread_id, notices::id))
        .load(conn)?;
    Ok(rows
        .into_iter()
        .filter_map(|(thread, id)| Some((thread?, id)))
        .collect())
}

/// Since when a user belongs to a member.
pub fn joined_at(conn: &mut Conn, member: MemberId, user: UserId) -> Result<Option<Timestamp>> {
    Ok(memberships::table
        .filter(memberships::member_id.eq(member))
        .filter(memberships::user_id.eq(user))
        .select(memberships::created_at)
        .first(conn)
        .optional()?)
}

/// Which of these a user has read, and when.
pub fn list_reads(conn: &mut Conn, user: UserId, among: &[NoticeId]) -> Result<Vec<(NoticeId, Timestamp)>> {
    Ok(notice_reads::table
        .filter(notice_reads::user_id.eq(user))
        .filter(notice_reads::notice_id.eq_any(among.to_vec()))
        .select((notice_reads::notice_id, notice_reads::read_at))
        .load(conn)?)
}

/// A user has read it. Twice: the first time stands.
pub fn mark_read(tx: &mut Conn, notice: NoticeId, user: UserId, now: Timestamp) -> Result<()> {
    let row = (
        notice_reads::notice_id.eq(notice),
        notice_reads::user_id.eq(user),
        notice_reads::read_at.eq(now),
    );
    both!(tx, |c| diesel::insert_into(notice_reads::table)
        .values(row)
        .on_conflict_do_nothing()
        .execute(c))?;
    Ok(())
}

/// Deletes some of what was announced to a member; answers how many rows.
pub fn delete_of_member(tx: &mut Conn, member: MemberId, limit: i64) -> Result<usize> {
    let some: Vec<NoticeId> = notice_members::table
        .filter(notice_members::member_id.eq(member))
        .select(notice_members::notice_id)
        .limit(limit)
        .load(tx)?;
    let shown = notice_members::table
        .filter(notice_members::member_id.eq(member))
        .filter(notice_members::notice_id.eq_any(some));
    let shown = diesel::delete(shown).execute(tx)?;
    let mailed = notice_recipients::table.filter(notice_recipients::member_id.eq(member));
    Ok(shown + diesel::delete(mailed).execute(tx)?)
}

type BreachRow = (
    BreachId,
    String,
    Timestamp,
    Timestamp,
    Option<Json<Audience>>,
    Option<NoticeId>,
    Option<Timestamp>,
    Option<String>,
    Option<String>,
    Option<Timestamp>,
    Option<Timestamp>,
);

type BreachColumns = (
    breaches::id,
    breaches::what,
    breaches::noticed_at,
    breaches::opened_at,
    breaches::affected,
    breaches::notice_id,
    breaches::authority_at,
    breaches::authority_words,
    breaches::report,
    breaches::reported_at,
    breaches::closed_at,
);

const BREACH: BreachColumns = (
    breaches::id,
    breaches::what,
    breaches::noticed_at,
    breaches::opened_at,
    breaches::affected,
    breaches::notice_id,
    breaches::authority_at,
    breaches::authority_words,
    breaches::report,
    breaches::reported_at,
    breaches::closed_at,
);

fn breach_of(row: BreachRow) -> Breach {
    let (
        id,
        what,
        noticed_at,
        opened_at,
        affected,
        notice,
        authority_at,
        authority_words,
        report,
        reported_at,
        closed_at,
    ) = row;
    Breach {
        id,
        what,
        noticed_at,
        opened_at,
        affected: affected.map(|Json(audience)| audience),
        notice,
        authority_at,
        authority_words,
        report,
        reported_at,
        closed_at,
    }
}

pub fn insert_breach(tx: &mut Conn, breach: &Breach) -> Result<()> {
    diesel::insert_into(breaches::table)
        .values((
            breaches::id.eq(breach.id),
            breaches::what.eq(&breach.what),
            breaches::noticed_at.eq(breach.noticed_at),
            breaches::opened_at.eq(breach.opened_at),
        ))
        .execute(tx)?;
    Ok(())
}

/// Keeps all of a breach that changes.
pub fn update_breach(tx: &mut Conn, breach: &Breach) -> Result<()> {
    diesel::update(breaches::table.filter(breaches::id.eq(breach.id)))
        .set((
            breaches::affected.eq(breach.affected.clone().map(Json)),
            breaches::notice_id.eq(breach.notice),
            breaches::authority_at.eq(breach.authority_at),
            breaches::authority_words.eq(&breach.authority_words),
            breaches::report.eq(&breach.report),
            breaches::reported_at.eq(breach.reported_at),
            breaches::closed_at.eq(breach.closed_at),
        ))
        .execute(tx)?;
    Ok(())
}

pub fn find_breach(conn: &mut Conn, id: BreachId) -> Result<Option<Breach>> {
    let row: Option<BreachRow> = breaches::table
        .filter(breaches::id.eq(id))
        .select(BREACH)
        .first(conn)
        .optional()?;
    Ok(row.map(breach_of))
}

/// Makes others who change it wait until the transaction ends.
pub fn lock_breach(tx: &mut Conn, id: BreachId) -> Result<()> {
    if let Conn::Postgres(conn) = tx {
        breaches::table
            .filter(breaches::id.eq(id))
            .select(breaches::id)
            .for_update()
            .execute(conn)?;
    }
    Ok(())
}

/// All breaches, newest first.
pub fn list_breaches(conn: &mut Conn) -> Result<Vec<Breach>> {
    let rows: Vec<BreachRow> = breaches::table
        .order((breaches::opened_at.desc(), breaches::id.desc()))
        .select(BREACH)
        .load(conn)?;
    Ok(rows.into_iter().map(breach_of).collect())
}

/// A breach with when the operator was reminded of the authority, and told that it is late.
pub type Unanswered = (Breach, Option<Timestamp>, Option<Timestamp>);

/// The breaches of which the authority was not told.
pub fn list_unanswered(conn: &mut Conn) -> Result<Vec<Unanswered>> {
    let rows: Vec<(BreachRow, Option<Timestamp>, Option<Timestamp>)> = breaches::table
        .filter(breaches::authority_at.is_null())
        .filter(breaches::closed_at.is_null())
        .order((breaches::noticed_at, breaches::id))
        .select((BREACH, breaches::warned_at, breaches::overdue_told_at))
        .load(conn)?;
    Ok(rows
        .into_iter()
        .map(|(row, warned, told)| (breach_of(row), warned, told))
        .collect())
}

pub fn mark_warned(tx: &mut Conn, id: BreachId, overdue: bool, now: Timestamp) -> Result<()> {
    let breach = breaches::table.filter(breaches::id.eq(id));
    if overdue {
        diesel::update(breach)
            .set(breaches::overdue_told_at.eq(Some(now)))
            .execute(tx)?;
    } else {
        diesel::update(breach)
            .set(breaches::warned_at.eq(Some(now)))
            .execute(tx)?;
    }
    Ok(())
}
