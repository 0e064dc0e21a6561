//! A published version's script, made ready before visitors ask for it.

use serde::{Deserialize, Serialize};

use super::Scripts;
use crate::bars::BarKey;
use crate::clock::Timestamp;
use crate::db::{self, Conn};
use crate::ids::JobId;
use crate::jobs::{self, Attempt, Handler, JobError};

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct PublishedKey {
    key: String,
}

/// Assembles, compresses and keeps what is published under a key.
pub struct PrepareScript(pub Scripts);

impl Handler for PrepareScript {
    const KIND: &'static str = "embed.prepare";
    type Payload = PublishedKey;

    async fn run(&self, published: PublishedKey, _: Attempt) -> Result<(), JobError> {
        let key: BarKey = published.key.parse().map_err(JobError::fail)?;
        Ok(self.0.prepare(&key).await?)
    }
}

/// Enqueues that, in the transaction that publishes.
pub fn prepare(tx: &mut Conn, id: JobId, now: Timestamp, key: &BarKey) -> db::Result<()> {
    let payload = PublishedKey { key: key.to_string() };
    jobs::enqueue_for::<PrepareScript>(tx, id, &payload, now, None)
}
