//! What counting does by itself: raw events are forgotten after their retention, salts and visitors after two days.
//! Roll-ups and sites stay (promise 14).

use std::time::Duration;

use uuid::Uuid;

use super::store::{self, Overdue};
use super::visitors;
use crate::clock::Clock;
use crate::db::{self, Conn, Db};
use crate::ids::{BarId, MemberId};
use crate::jobs::{Attempt, Handler, JobError};
use crate::plans::Plans;

/// So many rows go in one short transaction, so that beacons never wait long.
const BATCH: i64 = 5000;

/// Destroys the salts of days gone by, and with them the way back from a visitor's id; then the ids of those days.
pub struct ForgetVisitors {
    pub db: Db,
    pub clock: Clock,
}

impl Handler for ForgetVisitors {
    const KIND: &'static str = "tracking.forget_visitors";
    const LEASE: Duration = Duration::from_secs(600);
    type Payload = ();

    async fn run(&self, (): (), _: Attempt) -> Result<(), JobError> {
        let day = visitors::first_day_kept(self.clock.now().day());
        let destroyed = self
            .db
            .write(move |tx| {
                store::delete_own_browsers_before(tx, day)?;
                store::destroy_salts_before(tx, day)
            })
            .await?;
        if destroyed > 0 {
            self.db.read(store::scrub_salts).await?;
        }
        while self
            .db
            .write(move |tx| store::delete_visitors_before(tx, day, BATCH))
            .await?
            > 0
        {}
        Ok(())
    }
}

/// Deletes raw events that are past their retention: what the member has of its own (`members.event_retention_days`), or
/// this. Bar by bar, a batch a transaction, so that beacons come in between.
pub struct PurgeEvents {
    pub db: Db,
    pub clock: Clock,
    pub retention_days: u32,
    /// Where plans are sold, the member's limits that.
    pub plans: Plans,
}

impl PurgeEvents {
    /// So many events one transaction deletes.
    pub const BATCH: i64 = 2000;
    /// So many bars are looked up at once.
    const BARS: i64 = 200;

    /// The bars after `after` that have events past their retention.
    pub async fn overdue(&self, after: BarId) -> db::Result<Vec<Overdue>> {
        let (now, days, plans) = (self.clock.now(), self.retention_days, self.plans);
        self.db
            .read(move |conn| store::list_overdue(conn, now, days, plans, after, Self::BARS))
            .await
    }

    /// Deletes a batch of a bar's events; answers how many. 0: none is left.
    pub async fn delete_batch(&self, bar: Overdue) -> db::Result<usize> {
        let at = bar.cutoff(self.clock.now(), self.retention_days);
        self.db
            .write(move |tx| store::delete_events_before(tx, bar.member_id, bar.bar_id, at, Self::BATCH))
            .await
    }
}

impl Handler for PurgeEvents {
    const KIND: &'static str = "tracking.purge_events";
    const LEASE: Duration = Duration::from_secs(3600);
    type Payload = ();

    async fn run(&self, (): (), _: Attempt) -> Result<(), JobError> {
        let mut after = BarId::from_uuid(Uuid::nil());
        loop {
            let overdue = self.overdue(after).await?;
            let Some(last) = overdue.last() else { return Ok(()) };
            after = last.bar_id;
            for bar in overdue {
                while self.delete_batch(bar).await? > 0 {}
            }
        }
    }
}

/// Removes a part of what was counted of a deleted bar; answers how many rows. 0: nothing is left.
pub fn forget_bar(tx: &mut Conn, member: MemberId, bar: BarId) -> db::Result<usize> {
    store::keep_views_of_deleted(tx, member, bar)?;
    store::delete_of_bar(tx, member, bar, BATCH)
}

/// Removes a part of what was counted of a member that is gone; answers how many rows. 0: nothing is left.
pub fn forget_member(tx: &mut Conn, member: MemberId) -> db::Result<usize> {
    store::delete_of_member(tx, member, BATCH)
}
