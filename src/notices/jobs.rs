//! What runs later: a notice going out at its time, and the watch over breaches.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Error, Notices};
use crate::clock::MINUTE;
use crate::ids::NoticeId;
use crate::jobs::{Attempt, Handler, JobError};
use crate::mail::EmailAddress;

impl From<Error> for JobError {
    fn from(error: Error) -> Self {
        match error {
            Error::Db(error) => error.into(),
            other => JobError::fail(other),
        }
    }
}

#[derive(Serialize, Deserialize)]
pub struct SendNoticePayload {
    pub notice: NoticeId,
}

/// Lets a notice go out: some hundred members a transaction, each with its mails, so that a process that dies leaves
/// nobody out and tells nobody twice.
pub struct SendNotice(pub Notices);

impl Handler for SendNotice {
    const KIND: &'static str = "notices.send";
    type Payload = SendNoticePayload;

    async fn run(&self, payload: SendNoticePayload, _: Attempt) -> Result<(), JobError> {
        Ok(self.0.send_due(payload.notice).await?)
    }
}

/// Reminds the operator of breaches whose time is nearly over, or over. Comes round by itself.
pub struct WatchBreaches {
    pub notices: Notices,
    pub operator: Option<EmailAddress>,
}

impl WatchBreaches {
    pub const EVERY: Duration = MINUTE.saturating_mul(15);
}

impl Handler for WatchBreaches {
    const KIND: &'static str = "notices.watch_breaches";
    type Payload = ();

    async fn run(&self, (): (), _: Attempt) -> Result<(), JobError> {
        Ok(self.notices.watch_breaches(self.operator.clone()).await?)
    }
}
