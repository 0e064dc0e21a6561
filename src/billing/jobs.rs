//! What runs later: requests that were written down, looks at a member, the nightly reconciliation, usage and reminders.

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::stripe;
use super::{Billing, Error, Of, store};
use crate::clock::{Clock, DAY, MINUTE};
use crate::db::{self, Conn};
use crate::ids::{BillingRequestId, JobId, MemberId};
use crate::jobs::{self, Attempt, Handler, JobError};
use crate::secrets::Random;

impl From<Error> for JobError {
    fn from(error: Error) -> Self {
        match error {
            Error::Db(error) => error.into(),
            Error::Stripe(stripe::Error::Away(_)) | Error::Busy => Self::retry(error),
            other => Self::fail(other),
        }
    }
}

/// Sees to it that a request that was written down is made: at once if nobody waits for it, else when who waited has died.
pub struct PerformRequest(pub Billing);

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct RequestJob {
    pub request: BillingRequestId,
}

impl Handler for PerformRequest {
    const KIND: &'static str = "billing.perform_request";
    /// About a day: as long as Stripe remembers the key.
    const MAX_ATTEMPTS: i32 = 16;
    type Payload = RequestJob;

    async fn run(&self, payload: RequestJob, _: Attempt) -> Result<(), JobError> {
        match self.0.perform(payload.request).await {
            // Gone with its member, or refused: that is on record.
            Ok(_)
            | Err(Error::NotFound | Error::Stripe(stripe::Error::Refused { .. } | stripe::Error::Odd(_))) => {
                Ok(())
            }
            Err(error) => Err(error.into()),
        }
    }
}

/// Looks at Stripe for a member.
pub struct SyncMember(pub Billing);

impl Handler for SyncMember {
    const KIND: &'static str = "billing.sync_member";
    type Payload = Of;

    async fn run(&self, of: Of, _: Attempt) -> Result<(), JobError> {
        Ok(self.0.sync(of.member).await?)
    }
}

/// Repairs what webhooks that never came have missed; forgets webhooks that came long ago.
pub struct NightlyReconciliation(pub Billing);

impl NightlyReconciliation {
    pub const EVERY: Duration = DAY;
    /// Stripe repeats a webhook for three days; the rest is for people who ask what happened.
    const EVENTS_KEPT: Duration = Duration::from_secs(90 * DAY.as_secs());
    const BATCH: i64 = 1000;
}

impl Handler for NightlyReconciliation {
    const KIND: &'static str = "billing.reconcile";
    const LEASE: Duration = Duration::from_secs(3600);
    type Payload = ();

    async fn run(&self, (): (), _: Attempt) -> Result<(), JobError> {
        let billing = &self.0;
        let before = billing.clock.now() - Self::EVENTS_KEPT;
        while billing
            .db
            .write(move |tx| store::purge_events(tx, before, Self::BATCH))
            .await?
            > 0
        {}
        if !billing.is_sold() {
            return Ok(());
        }
        let found = billing.reconcile().await?;
        tracing::info!(
            billing.looked_at = found.looked_at,
            billing.repaired = found.repaired,
            billing.adopted = found.adopted,
            billing.strangers = found.strangers,
            billing.failed = found.failed,
            "billing was reconciled with Stripe"
        );
        Ok(())
    }
}

/// Usage, reminders, and plans that end unpaid.
pub struct WatchBilling(pub Billing);

impl WatchBilling {
    pub const EVERY: Duration = Duration::from_secs(15 * MINUTE.as_secs());
    /// So many members are read at once.
    pub const PAGE: i64 = 500;
}

impl Handler for WatchBilling {
    const KIND: &'static str = "billing.watch";
    const LEASE: Duration = Duration::from_secs(1800);
    type Payload = ();

    async fn run(&self, (): (), _: Attempt) -> Result<(), JobError> {
        Ok(self.0.watch().await?)
    }
}

/// Lets the bars of a member go on when the period is over.
pub struct WakeBars(pub Billing);

impl Handler for WakeBars {
    const KIND: &'static str = "billing.wake_bars";
    type Payload = Of;

    async fn run(&self, of: Of, _: Attempt) -> Result<(), JobError> {
        Ok(self.0.wake(of.member).await?)
    }
}

/// Ends what a leaving member pays for, or takes that back.
pub struct FollowEnding(pub Billing);

impl Handler for FollowEnding {
    const KIND: &'static str = "billing.follow_ending";
    const MAX_ATTEMPTS: i32 = 16;
    type Payload = Of;

    async fn run(&self, of: Of, _: Attempt) -> Result<(), JobError> {
        if !self.0.is_sold() {
            return Ok(());
        }
        Ok(self.0.follow_ending(of.member).await?)
    }
}

/// Deletes the customer of a member that is gone.
pub struct CloseCustomer(pub Billing);

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Customer {
    pub customer: String,
}

impl Handler for CloseCustomer {
    const KIND: &'static str = "billing.close_customer";
    const MAX_ATTEMPTS: i32 = 30;
    type Payload = Customer;

    async fn run(&self, of: Customer, _: Attempt) -> Result<(), JobError> {
        Ok(self.0.close(&of.customer).await?)
    }
}

/// What `accounts` calls when a member's end is set or taken back.
pub fn follow_ending(
    clock: &Clock,
    random: &Random,
) -> impl Fn(&mut Conn, MemberId) -> db::Result<()> + use<> {
    let (clock, random) = (clock.clone(), random.clone());
    move |tx, member| {
        let job = JobId::new(&clock, &random);
        jobs::enqueue_for::<FollowEnding>(tx, job, &Of { member }, clock.now(), None)
    }
}

/// Forgets what is kept of a member that is gone.
pub type Forget = Arc<dyn Fn(&mut Conn, MemberId) -> db::Result<usize> + Send + Sync>;

/// Removes a member's billing, and sees to it that its customer at Stripe goes too; answers how many rows. 0: nothing is left.
pub fn forget_member(clock: &Clock, random: &Random) -> Forget {
    let (clock, random) = (clock.clone(), random.clone());
    Arc::new(move |tx, member| {
        if let Some(customer) = store::find(tx, member)?.and_then(|account| account.customer) {
            let job = JobId::new(&clock, &random);
            jobs::enqueue_for::<CloseCustomer>(tx, job, &Customer { customer }, clock.now(), None)?;
        }
        store::delete_of_member(tx, member)
    })
}
