//! What counting does by itself: raw events are forgotten after their retention, salts and visitors after two days.
//! Roll-ups and sites stay (promise 14).

use std::time::Duration;

use super::{store, visitors};
use crate::clock::Clock;
use crate::db::{self, Conn, Db};
use crate::ids::{BarId, MemberId};
use crate::jobs::{Attempt, Handler, JobError};

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
        self.db
            .write(move |tx| store::destroy_salts_before(tx, day))
            .await?;
        while self
            .db
            .write(move |tx| store::delete_visitors_before(tx, day, BATCH))
            .await?
            > 0
        {}
        Ok(())
    }
}

/// Deletes raw events that are past their retention.
pub struct PurgeEvents {
    pub db: Db,
    pub clock: Clock,
    pub retention: Duration,
}

impl Handler for PurgeEvents {
    const KIND: &'static str = "tracking.purge_events";
    const LEASE: Duration = Duration::from_secs(600);
    type Payload = ();

    async fn run(&self, (): (), _: Attempt) -> Result<(), JobError> {
        let at = self.clock.now() - self.retention;
        while self
            .db
            .write(move |tx| store::delete_events_before(tx, at, BATCH))
            .await?
            > 0
        {}
        Ok(())
    }
}

/// Removes a part of what was counted of a deleted bar; answers how many rows. 0: nothing is left.
pub fn forget_bar(tx: &mut Conn, member: MemberId, bar: BarId) -> db::Result<usize> {
    store::delete_of_bar(tx, member, bar, BATCH)
}

/// Removes a part of what was counted of a member that is gone; answers how many rows. 0: nothing is left.
pub fn forget_member(tx: &mut Conn, member: MemberId) -> db::Result<usize> {
    store::delete_of_member(tx, member, BATCH)
}
