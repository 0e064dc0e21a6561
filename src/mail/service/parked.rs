//! What waits and what was given up, for operators: seen, and tried again.

use super::super::jobs::{SendMail, SendMailPayload};
use super::super::{Error, Mailer, Message, store};
use crate::db::{self, Conn};
use crate::ids::{JobId, MessageId};
use crate::jobs::{self as queue, Handler, JobCounts};

/// The jobs that failed, with their messages, oldest first.
fn parked(conn: &mut Conn) -> db::Result<Vec<(JobId, MessageId)>> {
    let failed = queue::list_failed_of(conn, SendMail::KIND)?;
    let known = failed.into_iter().filter_map(|(job, payload)| {
        let payload = serde_json::from_value::<SendMailPayload>(payload).ok()?;
        Some((job, payload.message()))
    });
    Ok(known.collect())
}

impl Mailer {
    /// How many messages wait to be sent, and how many were given up.
    pub async fn backlog(&self) -> Result<JobCounts, Error> {
        self.db
            .read(|conn| Ok(queue::count_of(conn, SendMail::KIND)?))
            .await
    }

    /// The messages that were given up, of whomever, oldest first.
    pub async fn list_parked(&self, limit: usize) -> Result<Vec<Message>, Error> {
        self.db
            .read(move |conn| {
                let ids: Vec<_> = parked(conn)?.into_iter().map(|(_, id)| id).take(limit).collect();
                Ok(store::list_by_ids(conn, &ids)?)
            })
            .await
    }

    /// Puts messages that were given up back in line, from their first try; all of them if none is named. Answers how many.
    pub async fn retry(&self, ids: Vec<MessageId>) -> Result<usize, Error> {
        let now = self.clock.now();
        self.db
            .write(move |tx| {
                let mut again = 0;
                for (job, id) in parked(tx)? {
                    if !ids.is_empty() && !ids.contains(&id) {
                        continue;
                    }
                    // Without its message, which was erased, the job does nothing, and is gone.
                    store::requeue(tx, id)?;
                    queue::retry_failed(tx, job, now)?;
                    again += 1;
                }
                Ok(again)
            })
            .await
    }
}
