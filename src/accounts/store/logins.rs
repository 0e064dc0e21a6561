//! Log-in records, each with the date of its purge (promise 12).

use diesel::prelude::*;

use crate::accounts::{LoginOutcome, LoginRecord};
use crate::clock::Timestamp;
use crate::db::schema::login_records;
use crate::db::{Conn, Result};
use crate::ids::{LoginRecordId, PolicyVersionId, UserId};

type Row = (
    LoginRecordId,
    LoginOutcome,
    (Option<String>, Option<String>, Option<String>, Option<String>),
    (Option<String>, Option<String>),
    PolicyVersionId,
    Timestamp,
    Timestamp,
);

pub fn insert(tx: &mut Conn, user: UserId, record: &LoginRecord) -> Result<()> {
    diesel::insert_into(login_records::table)
        .values((
            login_records::id.eq(record.id),
            login_records::user_id.eq(user),
            login_records::outcome.eq(record.outcome),
            login_records::address.eq(&record.address),
            login_records::browser.eq(&record.browser),
            login_records::browser_version.eq(&record.browser_version),
            login_records::system.eq(&record.system),
            login_records::language.eq(&record.language),
            login_records::referrer.eq(&record.referrer),
            login_records::policy_version_id.eq(record.policy_version),
            login_records::collected_at.eq(record.at),
            login_records::purge_at.eq(record.purge_at),
        ))
        .execute(tx)?;
    Ok(())
}

pub fn set_outcome(tx: &mut Conn, id: LoginRecordId, outcome: LoginOutcome) -> Result<()> {
    diesel::update(login_records::table.filter(login_records::id.eq(id)))
        .set(login_records::outcome.eq(outcome))
        .execute(tx)?;
    Ok(())
}

/// A user's own records, newest first, those before `before` if given.
pub fn list(
    conn: &mut Conn,
    user: UserId,
    before: Option<(Timestamp, LoginRecordId)>,
    limit: i64,
) -> Result<Vec<LoginRecord>> {
    let mut query = login_records::table
        .filter(login_records::user_id.eq(user))
        .into_boxed();
    if let Some((at, id)) = before {
        query = query.filter(
            login_records::collected_at
                .lt(at)
                .or(login_records::collected_at.eq(at).and(login_records::id.lt(id))),
        );
    }
    let rows: Vec<Row> = query
        .order((login_records::collected_at.desc(), login_records::id.desc()))
        .limit(limit)
        .select((
            login_records::id,
            login_records::outcome,
            (
                login_records::address,
                login_records::browser,
                login_records::browser_version,
                login_records::system,
            ),
            (login_records::language, login_records::referrer),
            login_records::policy_version_id,
            login_records::collected_at,
            login_records::purge_at,
        ))
        .load(conn)?;
    Ok(rows
        .into_iter()
        .map(
            |(
                id,
                outcome,
                (address, browser, browser_version, system),
                (language, referrer),
                policy_version,
                at,
                purge_at,
            )| {
                LoginRecord {
                    id,
                    outcome,
                    address,
                    browser,
                    browser_version,
                    system,
                    language,
                    referrer,
                    policy_version,
                    at,
                    purge_at,
                }
            },
        )
        .collect())
}

/// Earlier log-ins that succeeded: in all, and with this browser on this system.
pub fn count_successes(
    conn: &mut Conn,
    user: UserId,
    browser: Option<&str>,
    system: Option<&str>,
) -> Result<(i64, i64)> {
    let successes = || {
        login_records::table
            .filter(login_records::user_id.eq(user))
            .filter(login_records::outcome.eq(LoginOutcome::Success))
    };
    let all: i64 = successes().count().get_result(conn)?;
    let mut alike = successes().into_boxed();
    alike = match browser {
        Some(browser) => alike.filter(login_records::browser.eq(browser.to_owned())),
        None => alike.filter(login_records::browser.is_null()),
    };
    alike = match system {
        Some(system) => alike.filter(login_records::system.eq(system.to_owned())),
        None => alike.filter(login_records::system.is_null()),
    };
    Ok((all, alike.count().get_result(conn)?))
}

pub fn purge(tx: &mut Conn, now: Timestamp) -> Result<usize> {
    Ok(diesel::delete(login_records::table.filter(login_records::purge_at.le(now))).execute(tx)?)
}
