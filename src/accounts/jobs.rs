//! What runs later: the mails that answer for an address, the forgetting of what is over, and the end of a member.

use std::sync::Arc;
use std::time::Duration;

use super::Error;
use super::policy_changes::PolicyError;
use super::service::{Accounts, Asked, Ending};
use crate::clock::HOUR;
use crate::db::{self, Conn};
use crate::ids::{JobId, LeadId, MemberId};
use crate::jobs::{self, Attempt, Handler, JobError};
use crate::mail::EmailAddress;

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

/// Reminds a lead: the first or the second time.
pub struct NudgeLead(pub Accounts);

impl Handler for NudgeLead {
    const KIND: &'static str = "accounts.nudge_lead";
    type Payload = (LeadId, i32);

    async fn run(&self, (lead, number): (LeadId, i32), _: Attempt) -> Result<(), JobError> {
        Ok(self.0.nudge(lead, number).await?)
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

/// Sees to changes of policies on their way. Comes round by itself.
pub struct WatchPolicies {
    pub accounts: Accounts,
    /// Who is told of what could not be sent.
    pub operator: Option<EmailAddress>,
}

impl WatchPolicies {
    pub const EVERY: Duration = HOUR;
}

impl Handler for WatchPolicies {
    const KIND: &'static str = "accounts.watch_policies";
    type Payload = ();

    async fn run(&self, (): (), _: Attempt) -> Result<(), JobError> {
        match self.accounts.watch_policies(self.operator.clone()).await {
            Ok(()) => Ok(()),
            Err(PolicyError::Accounts(error)) => Err(error.into()),
            Err(other) => Err(JobError::fail(other)),
        }
    }
}

/// Removes some hundred rows of what a feature keeps of a member; answers how many. 0: nothing is left. `app.rs` hands
/// these in, for those features stand above this one.
pub type ForgetMember = Arc<dyn Fn(&mut Conn, MemberId) -> db::Result<usize> + Send + Sync>;

/// So many steps in one run; then another job goes on.
const MOST_STEPS: usize = 100;

/// Purges a member whose end has come: what each feature keeps, in their order, then its team and itself. Runs again
/// where it stopped, and does nothing for a member that stays.
pub struct EndMember {
    pub accounts: Accounts,
    pub forget: Vec<ForgetMember>,
}

impl Handler for EndMember {
    const KIND: &'static str = "accounts.end_member";
    type Payload = Ending;

    async fn run(&self, ending: Ending, _: Attempt) -> Result<(), JobError> {
        if !self.accounts.has_ended(ending).await? {
            return Ok(());
        }
        let mut steps = 0;
        for forget in &self.forget {
            loop {
                let forget = forget.clone();
                let removed = self
                    .accounts
                    .db
                    .write(move |tx| forget(tx, ending.member))
                    .await?;
                steps += 1;
                if removed == 0 {
                    break;
                }
                if steps == MOST_STEPS {
                    return self.go_on(ending).await;
                }
            }
        }
        self.accounts.delete_member(ending.member).await?;
        tracing::info!(member.id = %ending.member, "purged a member that left");
        Ok(())
    }
}

impl EndMember {
    async fn go_on(&self, ending: Ending) -> Result<(), JobError> {
        let accounts = &self.accounts;
        let (id, now) = (JobId::new(&accounts.clock, &accounts.random), accounts.now());
        accounts
            .db
            .write(move |tx| jobs::enqueue_for::<Self>(tx, id, &ending, now, None))
            .await?;
        Ok(())
    }
}
