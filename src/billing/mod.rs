//! Billing: what members pay for, through Stripe.
//!
//! Owns members' customers, subscriptions, invoices, refunds and disputes as Stripe last told them, the requests that we make
//! there, webhooks, usage of the plan's views, and the mails about all that. Stripe's events are hints, never believed: what
//! they concern is fetched, and one fold makes the state of it (`rules::fold`), so that every order and repetition, and none at
//! all with a reconciliation, ends in the same. Must never see a card, double a charge, or stop bars and log-ins because Stripe
//! is away. Receipts and invoices are mailed by Stripe's side alone; what needs the member's hand, by ours.

pub mod api;
mod jobs;
pub mod rules;
mod service;
mod store;
pub mod stripe;

use std::collections::{BTreeMap, BTreeSet};
use std::str::FromStr;

use poem_openapi::{Enum, Object};
use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;
use crate::ids::MemberId;
use crate::plans::{Interval, Plan};
use crate::{accounts, db, mail};

pub use jobs::{
    CloseCustomer, FollowEnding, Forget, NightlyReconciliation, PerformRequest, SyncMember, WakeBars,
    WatchBilling, follow_ending, forget_member,
};
pub use service::catalogue::Difference;
pub use service::{Billing, Checkout, Price, Reconciled, Settings};

/// What Stripe calls the state of a subscription. What each means for the member is one table: [`rules::meaning`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, Enum)]
#[serde(rename_all = "snake_case")]
#[oai(rename_all = "snake_case", rename = "SubscriptionStatus")]
pub enum Status {
    /// The first payment has not gone through yet: it has 23 hours.
    Incomplete,
    /// It did not, in time.
    IncompleteExpired,
    Trialing,
    Active,
    /// A later payment did not go through, and is tried again.
    PastDue,
    /// It was tried often enough.
    Unpaid,
    /// The trial ended without a card.
    Paused,
    Canceled,
}

impl Status {
    pub const ALL: [Self; 8] = [
        Self::Incomplete,
        Self::IncompleteExpired,
        Self::Trialing,
        Self::Active,
        Self::PastDue,
        Self::Unpaid,
        Self::Paused,
        Self::Canceled,
    ];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Incomplete => "incomplete",
            Self::IncompleteExpired => "incomplete_expired",
            Self::Trialing => "trialing",
            Self::Active => "active",
            Self::PastDue => "past_due",
            Self::Unpaid => "unpaid",
            Self::Paused => "paused",
            Self::Canceled => "canceled",
        }
    }

    /// Nothing comes of it any more: another one may be begun.
    pub const fn is_over(self) -> bool {
        matches!(self, Self::IncompleteExpired | Self::Canceled)
    }
}

/// A text that is not what the type says.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("is not known")]
pub struct Unknown;

impl FromStr for Status {
    type Err = Unknown;
    fn from_str(text: &str) -> Result<Self, Unknown> {
        Self::ALL
            .into_iter()
            .find(|status| status.as_str() == text)
            .ok_or(Unknown)
    }
}

/// An amount in the currency's smallest unit, and the currency: three letters, in lower case.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Object)]
pub struct Money {
    pub amount: i64,
    pub currency: String,
}

/// A subscription as Stripe says it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subscription {
    pub id: String,
    pub status: Status,
    pub plan: Plan,
    pub interval: Interval,
    pub price: Money,
    pub price_id: String,
    /// The one item of it: changes name it.
    pub item: String,
    pub period_start: Timestamp,
    pub period_end: Timestamp,
    /// It ends then, if nobody resumes it.
    pub ends_at: Option<Timestamp>,
    pub trial_end: Option<Timestamp>,
    pub created_at: Timestamp,
    /// The schedule that will change it, and to what.
    pub schedule: Option<String>,
    pub next: Option<NextPlan>,
}

/// A change that is to come at the period's end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, Object)]
pub struct NextPlan {
    pub plan: Plan,
    pub interval: Interval,
    pub from: Timestamp,
}

/// What Stripe calls the state of an invoice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, Enum)]
#[serde(rename_all = "snake_case")]
#[oai(rename_all = "snake_case")]
pub enum InvoiceStatus {
    Draft,
    Open,
    Paid,
    Uncollectible,
    Void,
}

/// An invoice as Stripe says it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Object)]
#[oai(rename = "Invoice", skip_serializing_if_is_none)]
pub struct Invoice {
    /// Stripe's id.
    pub id: String,
    pub number: Option<String>,
    pub status: InvoiceStatus,
    pub total: Money,
    /// What is still to be paid, in the same currency.
    pub remaining: i64,
    /// How often a payment was tried.
    pub attempts: i64,
    pub created_at: Timestamp,
    #[oai(skip)]
    pub subscription: Option<String>,
    /// Stripe's page, where it can be paid and read.
    pub page_url: Option<String>,
    pub pdf_url: Option<String>,
}

/// The card that is charged. Its number is Stripe's business alone (promise 32).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Object)]
pub struct Card {
    #[oai(skip)]
    pub method: String,
    /// As people know it: `Visa`, `American Express`.
    pub brand: String,
    pub last4: String,
    pub expires_month: u32,
    pub expires_year: u32,
}

/// Money that went back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReversalKind {
    Refund,
    Dispute,
}

impl ReversalKind {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Refund => "refund",
            Self::Dispute => "dispute",
        }
    }
}

impl FromStr for ReversalKind {
    type Err = Unknown;
    fn from_str(text: &str) -> Result<Self, Unknown> {
        [Self::Refund, Self::Dispute]
            .into_iter()
            .find(|kind| kind.as_str() == text)
            .ok_or(Unknown)
    }
}

/// All that Stripe says of a customer at one look.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Snapshot {
    pub subscriptions: Vec<Subscription>,
    /// The newest hundred.
    pub invoices: Vec<Invoice>,
    pub card: Option<Card>,
    /// How much of which charge went back.
    pub reversals: Vec<(String, ReversalKind, Money)>,
}

/// All that we know of a member's billing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Known {
    pub plan: Plan,
    pub subscriptions: BTreeMap<String, Subscription>,
    pub invoices: BTreeMap<String, Invoice>,
    pub reversals: BTreeMap<(String, ReversalKind), Money>,
    pub card: Option<Card>,
    /// Since when a payment is missing.
    pub delinquent_since: Option<Timestamp>,
    /// It had a trial.
    pub trial_used: bool,
}

/// What happens when the views of a period are used up. While nothing is chosen, bars go on and are counted, and mails say so.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, Enum)]
#[serde(rename_all = "snake_case")]
#[oai(rename_all = "snake_case")]
pub enum AtLimit {
    /// Bars rest until the next period begins.
    Pause,
    /// The subscription goes on to the next plan.
    NextPlan,
}

impl AtLimit {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pause => "pause",
            Self::NextPlan => "next_plan",
        }
    }
}

impl FromStr for AtLimit {
    type Err = Unknown;
    fn from_str(text: &str) -> Result<Self, Unknown> {
        [Self::Pause, Self::NextPlan]
            .into_iter()
            .find(|choice| choice.as_str() == text)
            .ok_or(Unknown)
    }
}

/// How much of a period's views is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Object)]
#[oai(skip_serializing_if_is_none)]
pub struct Usage {
    /// The period's first instant; periods begin with whole hours.
    pub from: Timestamp,
    /// The first instant of the next one.
    pub to: Timestamp,
    pub views: i64,
    /// Absent: without limit.
    pub limit: Option<i64>,
    /// How many it will be if it goes on like this. Absent on a period's first day.
    pub forecast: Option<i64>,
    /// Until when bars rest, because the views are used up and the member chose that.
    pub resting_until: Option<Timestamp>,
}

/// The subscription, as a member sees it.
#[derive(Clone, Debug, PartialEq, Eq, Object)]
#[oai(rename = "BillingSubscription", skip_serializing_if_is_none)]
pub struct Shown {
    pub status: Status,
    pub plan: Plan,
    pub interval: Interval,
    pub price: Money,
    pub period_start: Timestamp,
    pub period_end: Timestamp,
    /// It ends then, unless it is resumed.
    pub ends_at: Option<Timestamp>,
    pub trial_end: Option<Timestamp>,
    /// What follows at the period's end.
    pub next: Option<NextPlan>,
}

impl From<Subscription> for Shown {
    fn from(of: Subscription) -> Self {
        Self {
            status: of.status,
            plan: of.plan,
            interval: of.interval,
            price: of.price,
            period_start: of.period_start,
            period_end: of.period_end,
            ends_at: of.ends_at,
            trial_end: of.trial_end,
            next: of.next,
        }
    }
}

/// Everything about a member's billing at one look.
#[derive(Clone, Debug, PartialEq, Object)]
#[oai(rename = "Billing", skip_serializing_if_is_none)]
pub struct Overview {
    /// Whether plans are sold here. If not, everybody is on `self_hosted` and has everything.
    pub sold: bool,
    pub plan: Plan,
    pub limits: crate::plans::Limits,
    pub usage: Usage,
    pub at_limit: Option<AtLimit>,
    pub subscription: Option<Shown>,
    pub card: Option<Card>,
    /// Whether the card expires within 30 days, or has.
    pub card_expiring: bool,
    /// Since when a payment is missing.
    pub delinquent_since: Option<Timestamp>,
    /// When that ends the plan, if nobody pays.
    pub falls_at: Option<Timestamp>,
    /// Whether a trial without a card may be begun.
    pub trial_available: bool,
}

/// What a change of plan costs now.
#[derive(Clone, Debug, PartialEq, Eq, Object)]
#[oai(rename = "BillingPreview", skip_serializing_if_is_none)]
pub struct Preview {
    /// Whether it takes effect at once; else at the period's end.
    pub at_once: bool,
    pub takes_effect_at: Timestamp,
    /// What is charged now, with tax; what was paid for the rest of the period is taken off. Below zero: credited.
    pub due_now: Money,
    /// What of it is tax.
    pub tax: i64,
    /// Sent along with the change, it charges exactly this.
    pub proration_at: Option<Timestamp>,
    pub lines: Vec<PreviewLine>,
}

/// One line of what a change costs.
#[derive(Clone, Debug, PartialEq, Eq, Object)]
pub struct PreviewLine {
    /// In Stripe's words.
    pub description: String,
    pub amount: i64,
}

/// A webhook's envelope: what it is about, and no more. What it says of that is not believed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    pub id: String,
    pub kind: String,
    pub created_at: Timestamp,
    pub object: Option<String>,
    pub customer: Option<String>,
    /// The charge of a dispute, which names no customer.
    pub charge: Option<String>,
}

/// What became of a webhook.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taken {
    /// It had its effect, with its id, in one transaction.
    Handled,
    /// It came before.
    Again,
    /// It is kept, and concerns nothing of ours.
    Ignored,
}

/// Why not.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Db(#[from] db::Error),
    #[error(transparent)]
    Mail(#[from] mail::Error),
    #[error(transparent)]
    Accounts(#[from] accounts::Error),
    #[error(transparent)]
    Stripe(#[from] stripe::Error),
    #[error("nothing is sold here: there is no Stripe key")]
    NotSold,
    #[error("there is no such thing")]
    NotFound,
    /// Its state does not allow it.
    #[error("{0}")]
    Conflict(&'static str),
    /// There is a subscription: it is changed, not doubled.
    #[error("there is a subscription already")]
    Subscribed,
    #[error("there is no subscription")]
    NotSubscribed,
    /// Another change of the same is under way.
    #[error("another change is under way")]
    Busy,
    #[error("Stripe has no price {0}: `contactbar billing sync` makes it")]
    NoPrice(String),
    #[error("{0}")]
    Signature(#[from] rules::signature::Refused),
    #[error("this is no event of Stripe: {0}")]
    NotAnEvent(String),
}

/// Whose, for jobs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Of {
    pub member: MemberId,
}

/// What was mailed: each subject once.
pub type Said = BTreeSet<(String, String)>;
