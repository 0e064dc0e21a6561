//! What runs later: the mails that answer for an address, and the forgetting of what is over.

use super::Error;
use super::service::{Accounts, Asked};
use crate::jobs::{Attempt, Handler, JobError};

impl From<Error> for JobError {
    fn from(error: Error) -> Self {
        match error {
            Error::Db(error) => error.into(),
            other => JobError::fail(other),
        }
    }
}

/// Answers by mail what somebody asked for by an address.
pub struct AnswerAddress(pub Accounts);

impl Handler for AnswerAddress {
    const KIND: &'static str = "accounts.answer_address";
    type Payload = Asked;

    async fn run(&self, asked: Asked, _: Attempt) -> Result<(), JobError> {
        Ok(self.0.answer(asked).await?)
    }
}

/// Forgets sessions, links, log-in records and registrations whose time is over. Comes round by itself, hourly.
pub struct Purge(pub Accounts);

impl Handler for Purge {
    const KIND: &'static str = "accounts.purge";
    type Payload = ();

    async fn run(&self, (): (), _: Attempt) -> Result<(), JobError> {
        Ok(self.0.purge().await?)
    }
}
