//! Sending: reads the message, hands it to the server outside any transaction, then notes the end. A process that dies
//! between the two sends the same bytes again, under the same Message-ID.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::store::SuppressionReason;
use super::transport::{SendError, Smtp, Transport};
use super::{MessageState, rules, store};
use crate::clock::{Clock, Timestamp};
use crate::db::{self, Conn, Db};
use crate::ids::{JobId, MessageId};
use crate::jobs::{self, Attempt, Handler, JobError, enqueue_for};
use crate::policies;

/// The handler of `mail.send`.
pub struct SendMail {
    pub db: Db,
    pub clock: Clock,
    pub transport: Transport,
}

#[derive(Serialize, Deserialize)]
pub struct SendMailPayload {
    message: MessageId,
}

pub(super) fn enqueue(tx: &mut Conn, id: JobId, message: MessageId, now: Timestamp) -> db::Result<()> {
    enqueue_for::<SendMail>(tx, id, &SendMailPayload { message }, now, None)
}

/// So many of a mass of mails are due in one second: between them goes whatever somebody waits for.
const A_SECOND: usize = 100;

/// The same for many, in their order.
pub(super) fn enqueue_all(tx: &mut Conn, messages: &[(JobId, MessageId)], now: Timestamp) -> db::Result<()> {
    let due = |place: usize| now + Duration::from_secs((place / A_SECOND) as u64);
    let all: Vec<_> = messages
        .iter()
        .enumerate()
        .map(|(place, (id, message))| (*id, SendMailPayload { message: *message }, due(place)))
        .collect();
    jobs::enqueue_all_for::<SendMail>(tx, &all)
}

impl Handler for SendMail {
    const KIND: &'static str = "mail.send";
    /// With the doubling wait: for about a day.
    const MAX_ATTEMPTS: i32 = 16;
    /// The transport gives up first.
    const LEASE: Duration = Smtp::TIME_LIMIT.saturating_mul(2);
    type Payload = SendMailPayload;

    async fn run(&self, payload: SendMailPayload, attempt: Attempt) -> Result<(), JobError> {
        let id = payload.message;
        let found = self.db.read(move |conn| {
            let Some(message) = store::find_queued(conn, id)? else {
                return Ok::<_, db::Error>(None);
            };
            let stopped = store::is_suppressed(conn, &message.mail.to, message.category, message.member)?;
            Ok(Some((message, stopped)))
        });
        // A message that is gone was erased; one that was sent needs no second time.
        let Some((message, stopped)) = found.await? else {
            return Ok(());
        };
        match message.state {
            MessageState::Sent | MessageState::Suppressed => return Ok(()),
            MessageState::Queued | MessageState::Failed => {}
        }
        let number = attempt.number;
        if stopped {
            let (state, now) = (MessageState::Suppressed, self.clock.now());
            return Ok(self
                .db
                .write(move |tx| {
                    store::mark_unsent(tx, id, state, number, None)?;
                    policies::message_failed(tx, id, now)
                })
                .await?);
        }
        let secret = message.extras.secret;
        match self.transport.send(&message.mail).await {
            Ok(()) => {
                let now = self.clock.now();
                Ok(self
                    .db
                    .write(move |tx| {
                        store::mark_sent(tx, id, number, secret, now)?;
                        policies::message_sent(tx, id, now)
                    })
                    .await?)
            }
            Err(error) => self.note_failure(id, message.mail.to, attempt, error).await,
        }
    }
}

impl SendMail {
    async fn note_failure(
        &self,
        id: MessageId,
        to: super::EmailAddress,
        attempt: Attempt,
        error: SendError,
    ) -> Result<(), JobError> {
        let now = self.clock.now();
        let for_good = !matches!(error, SendError::Later(_));
        let state = if for_good || attempt.last {
            MessageState::Failed
        } else {
            MessageState::Queued
        };
        let noted = error.clone();
        self.db
            .write(move |tx| {
                store::mark_unsent(tx, id, state, attempt.number, Some(&noted.to_string()))?;
                if state == MessageState::Failed {
                    policies::message_failed(tx, id, now)?;
                }
                if let SendError::NoSuchMailbox(_) = noted {
                    for category in rules::stopped_by_a_missing_mailbox() {
                        store::suppress(tx, &to, category, None, SuppressionReason::Bounced, now)?;
                    }
                }
                Ok::<_, db::Error>(())
            })
            .await?;
        // The server's words may name the recipient: they stand in the message's row, and not in the log.
        Err(match error {
            SendError::Later(_) => JobError::retry(anyhow::anyhow!("message {id} could not be sent now")),
            SendError::Refused(_) => JobError::fail(anyhow::anyhow!("message {id} was refused")),
            SendError::NoSuchMailbox(_) => JobError::fail(anyhow::anyhow!("message {id}: no such mailbox")),
        })
    }
}
