//! What runs later: webhooks' deliveries, the daily digest, the purge of the deliveries' log.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::service::{Contacts, Next};
use super::{Error, store};
use crate::clock::{DAY, MINUTE};
use crate::db::{self, Conn};
use crate::ids::{DeliveryId, MemberId};
use crate::jobs::{Attempt, Handler, JobError};

impl From<Error> for JobError {
    fn from(error: Error) -> Self {
        // A database that is away comes back; what else there is, too, or the attempts run out.
        Self::retry(error)
    }
}

/// Sends one event to one webhook: 16 attempts over about a day.
pub struct DeliverWebhook(pub Contacts);

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct DeliveryJob {
    pub delivery: DeliveryId,
}

impl Handler for DeliverWebhook {
    const KIND: &'static str = "webhook.deliver";
    const MAX_ATTEMPTS: i32 = 16;
    type Payload = DeliveryJob;

    async fn run(&self, payload: DeliveryJob, attempt: Attempt) -> Result<(), JobError> {
        match self.0.deliver(payload.delivery, attempt.last).await? {
            Next::Nothing => Ok(()),
            Next::TryAgain => Err(JobError::Retry(anyhow::anyhow!("the webhook did not take it"))),
        }
    }
}

/// Sends the digests that are due.
pub struct SendDigests(pub Contacts);

impl SendDigests {
    /// Time zones differ by quarters of an hour.
    pub const EVERY: Duration = Duration::from_secs(15 * MINUTE.as_secs());
}

impl Handler for SendDigests {
    const KIND: &'static str = "contacts.send_digests";
    type Payload = ();

    async fn run(&self, (): (), _: Attempt) -> Result<(), JobError> {
        Ok(self.0.send_digests().await?)
    }
}

/// Forgets the oldest of the deliveries' log.
pub struct PurgeDeliveries(pub Contacts);

impl PurgeDeliveries {
    pub const EVERY: Duration = DAY;
}

impl Handler for PurgeDeliveries {
    const KIND: &'static str = "webhook.purge_deliveries";
    type Payload = ();

    async fn run(&self, (): (), _: Attempt) -> Result<(), JobError> {
        Ok(self.0.purge_deliveries().await?)
    }
}

/// Removes a part of the contacts and webhooks of a member that is gone; answers how many rows. 0: nothing is left.
pub fn forget_member(tx: &mut Conn, member: MemberId) -> db::Result<usize> {
    const BATCH: i64 = 200;
    let deliveries = store::webhooks::delete_deliveries_of_member(tx, member, BATCH)?;
    let contacts = store::contacts::delete_of_member(tx, member, BATCH)?;
    if deliveries + contacts > 0 {
        return Ok(deliveries + contacts);
    }
    Ok(store::webhooks::delete_of_member(tx, member)? + store::views::delete_of_member(tx, member)?)
}
