//! What is left of a deleted bar, removed for good.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::store;
use crate::clock::Clock;
use crate::db::{self, Conn, Db};
use crate::ids::{BarId, JobId, MemberId};
use crate::jobs::{self, Attempt, Handler, JobError};
use crate::secrets::Random;

/// Removes some thousand rows of what another feature keeps about a bar; answers how many. 0: nothing is left.
/// `app.rs` hands these in, for those features stand above this one.
pub type Forget = Arc<dyn Fn(&mut Conn, MemberId, BarId) -> db::Result<usize> + Send + Sync>;

/// So many steps in one run; then another job goes on, so that a bar of many events keeps no runner busy for hours.
const MOST_STEPS: usize = 100;

#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct DeletedBar {
    pub member: MemberId,
    pub bar: BarId,
}

/// Purges a deleted bar: what was counted, then its versions and itself. The contacts that it brought stay.
pub struct PurgeBar {
    pub db: Db,
    pub clock: Clock,
    pub random: Random,
    pub forget: Vec<Forget>,
}

impl Handler for PurgeBar {
    const KIND: &'static str = "bars.purge";
    type Payload = DeletedBar;

    async fn run(&self, gone: DeletedBar, _: Attempt) -> Result<(), JobError> {
        let mut steps = 0;
        for forget in &self.forget {
            loop {
                let forget = forget.clone();
                let removed = self.db.write(move |tx| forget(tx, gone.member, gone.bar)).await?;
                steps += 1;
                if removed == 0 {
                    break;
                }
                if steps == MOST_STEPS {
                    return self.go_on(gone).await;
                }
            }
        }
        self.db
            .write(move |tx| store::purge(tx, gone.member, gone.bar))
            .await?;
        tracing::info!(bar.id = %gone.bar, "purged a deleted bar");
        Ok(())
    }
}

impl PurgeBar {
    async fn go_on(&self, gone: DeletedBar) -> Result<(), JobError> {
        let (id, now) = (JobId::new(&self.clock, &self.random), self.clock.now());
        self.db
            .write(move |tx| jobs::enqueue_for::<Self>(tx, id, &gone, now, None))
            .await?;
        Ok(())
    }
}

/// Removes a part of the bars of a member that is gone, with their versions and scripts; answers how many. 0: nothing is
/// left.
pub fn forget_member(tx: &mut Conn, member: MemberId) -> db::Result<usize> {
    const BATCH: i64 = 20;
    store::delete_of_member(tx, member, BATCH)
}
