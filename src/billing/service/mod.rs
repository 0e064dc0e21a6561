//! What happens in billing. Whatever Stripe does is asked outside any transaction; what is known of it changes in one.

pub mod catalogue;
mod overview;
mod requests;
mod saying;
mod subscribing;
mod syncing;
mod usage;

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::stripe::Stripe;
use super::{Error, Money, Of};
use crate::audit::{self, Actor, Entry};
use crate::clock::{Clock, Timestamp};
use crate::db::{self, Conn, Db};
use crate::ids::{JobId, MemberId};
use crate::jobs::{self, Handler};
use crate::mail::{EmailAddress, Mailer};
use crate::plans::{Interval, Plan, Plans};
use crate::secrets::Random;
use crate::tracking::Tracking;

pub use subscribing::Place;
pub use syncing::Reconciled;

/// How billing is set up. Without Stripe nothing is sold.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    pub stripe: Option<Stripe>,
    pub webhook_secrets: Vec<String>,
    /// Whether Stripe works out taxes.
    pub tax: bool,
    /// Who is told of disputes and refunds.
    pub operator: Option<EmailAddress>,
}

/// Told, after the commit, that a member's bars rest or go on. `app.rs` hands it in.
pub type BarsChanged = Arc<dyn Fn() + Send + Sync>;

/// A page at Stripe where a member can subscribe.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checkout {
    pub session: String,
    pub plan: Plan,
    pub interval: Interval,
    pub url: String,
    pub expires_at: Timestamp,
}

/// What a plan costs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Price {
    pub plan: Plan,
    pub interval: Interval,
    pub money: Money,
}

/// Billing. Cheap to clone.
#[derive(Clone)]
pub struct Billing {
    pub(super) db: Db,
    pub(super) clock: Clock,
    pub(super) random: Random,
    pub(super) mailer: Mailer,
    pub(super) tracking: Tracking,
    pub(super) settings: Arc<Settings>,
    pub(super) bars_changed: BarsChanged,
    prices: Arc<std::sync::Mutex<catalogue::Cached>>,
}

impl Billing {
    pub fn new(
        db: Db,
        clock: Clock,
        random: Random,
        mailer: Mailer,
        tracking: Tracking,
        settings: Settings,
        bars_changed: BarsChanged,
    ) -> Self {
        Self {
            db,
            clock,
            random,
            mailer,
            tracking,
            settings: Arc::new(settings),
            bars_changed,
            prices: Arc::default(),
        }
    }

    pub fn is_sold(&self) -> bool {
        self.settings.stripe.is_some()
    }

    pub(super) fn plans(&self) -> Plans {
        Plans { sold: self.is_sold() }
    }

    pub(super) fn stripe(&self) -> Result<&Stripe, Error> {
        self.settings.stripe.as_ref().ok_or(Error::NotSold)
    }

    /// The page of billing in the dashboard, where every mail and every way back from Stripe leads.
    pub(super) fn page(&self, query: &[(&str, &str)]) -> url::Url {
        self.mailer.links().page("settings/billing", query)
    }

    /// Puts on record what happened with a member's money (promise 26).
    pub(super) fn record(
        &self,
        tx: &mut Conn,
        member: MemberId,
        actor: Actor,
        action: &str,
        target: impl ToString,
        detail: Value,
    ) -> db::Result<()> {
        let entry = Entry::new(&self.clock, &self.random, Some(member), actor, action, target);
        audit::record(tx, &entry.with(detail))
    }

    /// Enqueues a job about a member, once while it waits.
    pub(super) fn enqueue<H: Handler<Payload = Of>>(
        &self,
        tx: &mut Conn,
        member: MemberId,
        at: Timestamp,
    ) -> db::Result<()> {
        let job = JobId::new(&self.clock, &self.random);
        let key = Some(format!("{}:{member}", H::KIND));
        jobs::enqueue_for::<H>(tx, job, &Of { member }, at, key)
    }
}

/// What of an amount goes into the record.
fn amount(money: &Money) -> Value {
    json!({ "amount": money.amount, "currency": money.currency })
}
