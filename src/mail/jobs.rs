//! Sending: reads the message, hands it to the server outside any transaction, then notes the end. A process that dies
//! between the two sends the same bytes again, under the same Message-ID. And what follows later: whether an address works after all,
//! what came back into a mailbox, and forgetting.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::store::SuppressionReason;
use super::store::feedback::{self, Suppression};
use super::transport::{SendError, Smtp, Stamp, Transport};
use super::{Category, EmailAddress, Intake, Mailer, MessageState, Tell, Told, rules, store};
use crate::clock::{Clock, HOUR, MINUTE, Timestamp};
use crate::db::{self, Conn, Db};
use crate::ids::{JobId, MessageId};
use crate::jobs::{self, Attempt, Handler, JobError, Pace, Priority};
use crate::policies;
use crate::secrets::Random;

/// How fast mails go to one domain, where no setting says otherwise.
pub const PACE: Pace = Pace {
    at_a_time: 4,
    per_minute: 600,
};

/// The handler of `mail.send`.
pub struct SendMail {
    db: Db,
    clock: Clock,
    random: Random,
    transport: Transport,
    stamp: Stamp,
    pace: Pace,
    tell: Tell,
}

#[derive(Serialize, Deserialize)]
pub struct SendMailPayload {
    message: MessageId,
}

impl SendMailPayload {
    pub(super) fn message(&self) -> MessageId {
        self.message
    }
}

/// Mails to one domain stand in one lane.
pub(super) fn enqueue(
    tx: &mut Conn,
    id: JobId,
    message: MessageId,
    to: &EmailAddress,
    now: Timestamp,
) -> db::Result<()> {
    jobs::enqueue_in_lane_for::<SendMail>(tx, id, &SendMailPayload { message }, now, to.domain())
}

/// So many of a mass of mails are due in one second: between them goes whatever somebody waits for.
const A_SECOND: usize = 100;

/// The same for many, in their order, and due no faster than their domains take them: what is due and has to wait is looked at
/// again and again.
pub(super) fn enqueue_all(
    tx: &mut Conn,
    messages: &[(JobId, MessageId, &EmailAddress)],
    pace: Pace,
    priority: Priority,
    now: Timestamp,
) -> db::Result<()> {
    let per_minute = u64::from(pace.per_minute_of(priority).max(1));
    let mut of_domain: HashMap<&str, u64> = HashMap::new();
    let mut all = Vec::with_capacity(messages.len());
    for (place, (id, message, to)) in messages.iter().enumerate() {
        let nth = of_domain.entry(to.domain()).or_default();
        let secs = (*nth * 60 / per_minute).max((place / A_SECOND) as u64);
        *nth += 1;
        let payload = SendMailPayload { message: *message };
        all.push((
            *id,
            payload,
            now + Duration::from_secs(secs),
            to.domain().to_owned(),
        ));
    }
    jobs::enqueue_all_for::<SendMail>(tx, &all, priority)
}

impl Handler for SendMail {
    const KIND: &'static str = "mail.send";
    /// With the doubling wait: for about a day.
    const MAX_ATTEMPTS: i32 = 16;
    /// The transport gives up first.
    const LEASE: Duration = Smtp::TIME_LIMIT.saturating_mul(2);
    type Payload = SendMailPayload;

    fn pace(&self) -> Option<Pace> {
        Some(self.pace)
    }

    async fn run(&self, payload: SendMailPayload, attempt: Attempt) -> Result<(), JobError> {
        let (id, now) = (payload.message, self.clock.now());
        let found = self.db.read(move |conn| {
            let Some(message) = store::find_queued(conn, id)? else {
                return Ok::<_, db::Error>(None);
            };
            let stopped =
                feedback::is_suppressed(conn, &message.mail.to, message.category, message.member, now)?;
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
            self.db
                .write(move |tx| {
                    store::mark_unsent(tx, id, state, number, None)?;
                    policies::message_failed(tx, id, now)
                })
                .await?;
            (self.tell)(message.category, Told::Suppressed);
            return Ok(());
        }
        match self.transport.send(&message.mail, &self.stamp).await {
            Ok(()) => {
                self.note_sent(id, message.mail.to, message.extras.secret, number)
                    .await?;
                (self.tell)(message.category, Told::Sent);
                Ok(())
            }
            Err(error) => {
                self.note_failure(id, message.mail.to, message.category, attempt, error)
                    .await
            }
        }
    }
}

impl SendMail {
    /// At the usual pace, with no signature, telling nobody.
    pub fn new(db: Db, clock: Clock, random: Random, transport: Transport) -> Self {
        Self {
            db,
            clock,
            random,
            transport,
            stamp: Stamp::default(),
            pace: PACE,
            tell: Arc::new(|_, _| {}),
        }
    }

    #[must_use]
    pub fn stamped(self, stamp: Stamp) -> Self {
        Self { stamp, ..self }
    }

    #[must_use]
    pub fn paced(self, pace: Pace) -> Self {
        Self { pace, ..self }
    }

    #[must_use]
    pub fn telling(self, tell: Tell) -> Self {
        Self { tell, ..self }
    }

    async fn note_sent(&self, id: MessageId, to: EmailAddress, secret: bool, number: i32) -> db::Result<()> {
        let (now, settling) = (self.clock.now(), JobId::new(&self.clock, &self.random));
        self.db
            .write(move |tx| {
                store::mark_sent(tx, id, number, secret, now)?;
                // Mails to it came back once. If this one doesn't, it works again.
                if feedback::is_doubtful(tx, &to)? {
                    let (payload, due) = (SendMailPayload { message: id }, now + rules::ARRIVED_AFTER);
                    jobs::enqueue_for::<SettleAddress>(tx, settling, &payload, due, None)?;
                }
                policies::message_sent(tx, id, now)
            })
            .await
    }

    async fn note_failure(
        &self,
        id: MessageId,
        to: EmailAddress,
        category: Category,
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
                    stop_for_a_while(tx, &to, rules::MISSING_FOR, now)?;
                }
                Ok::<_, db::Error>(())
            })
            .await?;
        let told = match state {
            MessageState::Failed => Told::Failed,
            _ => Told::Retried,
        };
        (self.tell)(category, told);
        // The server's words may name the recipient: they stand in the message's row, and not in the log.
        Err(match error {
            SendError::Later(_) => JobError::retry(anyhow::anyhow!("message {id} could not be sent now")),
            SendError::Refused(_) => JobError::fail(anyhow::anyhow!("message {id} was refused")),
            SendError::NoSuchMailbox(_) => JobError::fail(anyhow::anyhow!("message {id}: no such mailbox")),
        })
    }
}

/// An address that mails come back from gets none that may be refused, for so long.
pub(super) fn stop_for_a_while(
    tx: &mut Conn,
    address: &EmailAddress,
    time: Duration,
    now: Timestamp,
) -> db::Result<()> {
    for category in rules::stopped_by_a_missing_mailbox() {
        let suppression = Suppression {
            address,
            category,
            member: None,
            reason: SuppressionReason::Bounced,
            ends_at: Some(now + time),
        };
        feedback::suppress(tx, &suppression, now)?;
    }
    Ok(())
}

/// The handler of `mail.settle`: a mail to an address in doubt has not come back, so it works again.
pub struct SettleAddress {
    pub db: Db,
}

impl Handler for SettleAddress {
    const KIND: &'static str = "mail.settle";
    type Payload = SendMailPayload;

    async fn run(&self, payload: SendMailPayload, _: Attempt) -> Result<(), JobError> {
        let id = payload.message;
        let settled = self.db.write(move |tx| {
            if feedback::has_bounced(tx, id)? {
                return Ok::<_, db::Error>(());
            }
            if let Some((to, sent_at)) = store::find_sent_at(tx, id)? {
                feedback::trust_again(tx, &to, sent_at)?;
            }
            Ok(())
        });
        Ok(settled.await?)
    }
}

/// The handler of `mail.tidy`: forgets suppressions that have ended, looks that are old, and lanes in which nothing moves.
pub struct TidyMail {
    pub db: Db,
    pub clock: Clock,
}

impl TidyMail {
    pub const EVERY: Duration = HOUR;
}

impl Handler for TidyMail {
    const KIND: &'static str = "mail.tidy";
    type Payload = ();

    async fn run(&self, (): (), _: Attempt) -> Result<(), JobError> {
        let now = self.clock.now();
        let tidied = self.db.write(move |tx| {
            feedback::delete_ended(tx, now)?;
            store::tracks::forget_looks(tx, now - rules::LOOKS_KEPT)?;
            jobs::forget_lanes(tx, now - HOUR)?;
            Ok::<_, db::Error>(())
        });
        Ok(tidied.await?)
    }
}

/// The handler of `mail.read_reports`: reads what came back into a Maildir. What was read goes from `new` to `cur`, as seen; so a
/// mail that can't be read now is read again, and none is lost.
pub struct ReadReports {
    pub mailer: Mailer,
    pub maildir: PathBuf,
}

impl ReadReports {
    pub const EVERY: Duration = MINUTE;
    /// So many at a time: the rest a minute later.
    const AT_ONCE: usize = 500;
    /// No report is larger; what is, is put aside unread.
    pub const MAX_BYTES: u64 = 1024 * 1024;

    async fn read_one(&self, path: &Path) -> anyhow::Result<()> {
        if tokio::fs::metadata(path).await?.len() <= Self::MAX_BYTES {
            let intake = self.mailer.take_report(tokio::fs::read(path).await?).await?;
            if intake == Intake::NotAReport {
                tracing::info!("a mail in the Maildir of reports is no report");
            }
        } else {
            tracing::warn!("a mail in the Maildir of reports is too large to be one");
        }
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let name = name.split(':').next().unwrap_or_default();
        tokio::fs::rename(path, self.maildir.join("cur").join(format!("{name}:2,S"))).await?;
        Ok(())
    }
}

impl Handler for ReadReports {
    const KIND: &'static str = "mail.read_reports";
    type Payload = ();

    async fn run(&self, (): (), _: Attempt) -> Result<(), JobError> {
        let listed = async {
            let mut names = Vec::new();
            let mut entries = tokio::fs::read_dir(self.maildir.join("new")).await?;
            while let Some(entry) = entries.next_entry().await? {
                names.push(entry.path());
            }
            tokio::fs::create_dir_all(self.maildir.join("cur")).await?;
            Ok::<_, std::io::Error>(names)
        };
        let mut names = listed
            .await
            .map_err(|error| JobError::retry(anyhow::Error::new(error).context("the Maildir of reports")))?;
        names.sort();
        for path in names.into_iter().take(Self::AT_ONCE) {
            self.read_one(&path).await.map_err(JobError::Retry)?;
        }
        Ok(())
    }
}
