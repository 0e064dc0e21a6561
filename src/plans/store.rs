//! The plan of a member: some columns of `members`.

use diesel::prelude::*;

use super::{Plan, RETENTION_GRACE};
use crate::clock::Timestamp;
use crate::db::schema::members;
use crate::db::{Conn, Result};
use crate::ids::MemberId;

text_column!(Plan);

/// What a member's row says of its plan.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    pub plan: Plan,
    /// Since when; absent: from the first day.
    pub since: Option<Timestamp>,
    /// The plan before that.
    pub former: Option<Plan>,
    /// Until when its bars rest because the views of the period are used up.
    pub resting_until: Option<Timestamp>,
}

/// Where a member stands; one that is not there has nothing.
pub fn standing(conn: &mut Conn, member: MemberId) -> Result<Standing> {
    type Row = (Plan, Option<Timestamp>, Option<Plan>, Option<Timestamp>);
    let row: Option<Row> = members::table
        .filter(members::id.eq(member))
        .select((
            members::plan,
            members::plan_since,
            members::former_plan,
            members::resting_until,
        ))
        .first(conn)
        .optional()?;
    let standing = |(plan, since, former, resting_until)| Standing {
        plan,
        since,
        former,
        resting_until,
    };
    Ok(row.map(standing).unwrap_or_default())
}

/// Puts a member on a plan. On the one that it is on already nothing changes.
pub fn put_plan(tx: &mut Conn, member: MemberId, plan: Plan, now: Timestamp) -> Result<()> {
    let before = standing(tx, member)?.plan;
    if before != plan {
        diesel::update(members::table.filter(members::id.eq(member)))
            .set((
                members::plan.eq(plan),
                members::plan_since.eq(Some(now)),
                members::former_plan.eq(Some(before)),
            ))
            .execute(tx)?;
    }
    Ok(())
}

/// Until when its bars rest; `None`: they don't.
pub fn put_resting(tx: &mut Conn, member: MemberId, until: Option<Timestamp>) -> Result<()> {
    diesel::update(members::table.filter(members::id.eq(member)))
        .set(members::resting_until.eq(until))
        .execute(tx)?;
    Ok(())
}

/// Others who want something of this member wait until the transaction ends. SQLite has one writer anyway.
pub fn lock(tx: &mut Conn, member: MemberId) -> Result<()> {
    if let Conn::Postgres(conn) = tx {
        members::table
            .filter(members::id.eq(member))
            .select(members::id)
            .for_update()
            .execute(conn)?;
    }
    Ok(())
}

/// The days for which the events of the member `m` are kept at most, as SQL: its plan's, for a while after a fall those of the
/// plan before. `now` is what stands for the present moment.
pub fn retention_sql(conn: &Conn, now: &str) -> String {
    let days = |column: &str| {
        let cases = Plan::ALL.into_iter().map(|plan| {
            let days = plan.limits().retention_days.unwrap_or(36_600);
            format!("WHEN '{}' THEN {days} ", plan.as_str())
        });
        format!("CASE {column} {}ELSE 0 END", cases.collect::<String>())
    };
    let secs = RETENTION_GRACE.as_secs();
    let (grace, greatest) = match conn {
        Conn::Sqlite(_) => (format!("{secs}000000"), "max"),
        Conn::Postgres(_) => (format!("interval '{secs} seconds'"), "greatest"),
    };
    format!(
        "{greatest}({}, CASE WHEN m.plan_since + {grace} > {now} THEN {} ELSE 0 END)",
        days("m.plan"),
        days("m.former_plan")
    )
}
