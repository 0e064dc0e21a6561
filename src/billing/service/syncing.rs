//! From Stripe to us: webhooks, looks after a change of ours, reconciliations. One way for all: number the look, ask Stripe,
//! fold what it says into what we know, and keep that with its effects in one transaction.

use poem_openapi::Object;
use serde_json::json;

use super::{Billing, amount};
use crate::audit::Actor;
use crate::billing::jobs::WatchBilling;
use crate::billing::rules::{self, Effect, Outcome, delinquency, signature};
use crate::billing::service::requests::Ask;
use crate::billing::stripe::event_of;
use crate::billing::{Error, Event, InvoiceStatus, Known, ReversalKind, Snapshot, Status, Taken, store};
use crate::db::Conn;
use crate::ids::MemberId;
use crate::plans::{self, Plan};

/// What a reconciliation found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Object)]
#[oai(rename = "BillingReconciliation")]
pub struct Reconciled {
    /// Members that were looked at.
    pub looked_at: u32,
    /// Of these, members of which Stripe knew what we did not.
    pub repaired: u32,
    /// Customers that we had lost and found again.
    pub adopted: u32,
    /// Customers at Stripe whose member is not here.
    pub strangers: u32,
    /// Members that could not be looked at: the log says why.
    pub failed: u32,
}

/// Whether a look found something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Looked {
    Again,
    Same,
    Changed,
}

impl Billing {
    /// A webhook. Its effect, and the note that it came, are one transaction: an error leaves nothing, and Stripe sends it again.
    pub async fn receive(&self, header: &str, body: &[u8]) -> Result<Taken, Error> {
        self.stripe()?;
        signature::check(header, body, &self.settings.webhook_secrets, self.clock.now())?;
        let event = event_of(body).map_err(Error::NotAnEvent)?;
        let id = event.id.clone();
        if self.db.read(move |conn| store::has_event(conn, &id)).await? {
            return Ok(Taken::Again);
        }
        let member = match rules::event_concerns_us(&event.kind) {
            true => self.member_of(&event).await?,
            false => None,
        };
        match member {
            None => self.ignore(event).await,
            Some(member) => match self.look(member, Some(event.clone())).await? {
                Some(Looked::Again) => Ok(Taken::Again),
                Some(_) => Ok(Taken::Handled),
                None => self.ignore(event).await,
            },
        }
    }

    async fn ignore(&self, event: Event) -> Result<Taken, Error> {
        let now = self.clock.now();
        let new = self
            .db
            .write(move |tx| store::insert_event(tx, &event, None, now))
            .await?;
        Ok(if new { Taken::Ignored } else { Taken::Again })
    }

    async fn member_of(&self, event: &Event) -> Result<Option<MemberId>, Error> {
        let customer = match (&event.customer, &event.charge) {
            (Some(customer), _) => Some(customer.clone()),
            (None, Some(charge)) => self.stripe()?.customer_of_charge(charge).await?,
            (None, None) => None,
        };
        let Some(customer) = customer else { return Ok(None) };
        let asked = customer.clone();
        let known = self.db.read(move |conn| store::find_member(conn, &asked)).await?;
        match known {
            Some(member) => Ok(Some(member)),
            // Made by us a moment ago, or in a time that a backup does not know.
            None => match self.stripe()?.member_of(&customer).await? {
                Some(member) => self.adopt(customer, &member).await,
                None => Ok(None),
            },
        }
    }

    /// Takes a customer for the member that it says it stands for, if that is here and has no other.
    async fn adopt(&self, customer: String, member: &str) -> Result<Option<MemberId>, Error> {
        let Ok(member) = member.parse::<MemberId>() else {
            return Ok(None);
        };
        let now = self.clock.now();
        self.db
            .write(move |tx| {
                if store::find_ending(tx, member)?.is_none() {
                    return Ok(None);
                }
                store::open(tx, member, now)?;
                Ok(store::put_customer(tx, member, &customer)?.then_some(member))
            })
            .await
    }

    /// Asks Stripe how a member stands, and keeps it.
    pub async fn sync(&self, member: MemberId) -> Result<(), Error> {
        self.look(member, None).await.map(drop)
    }

    /// One look. `None`: the member is not here, or no customer.
    async fn look(&self, member: MemberId, event: Option<Event>) -> Result<Option<Looked>, Error> {
        let now = self.clock.now();
        let begun: Result<_, Error> = self
            .db
            .write(move |tx| {
                if store::find_ending(tx, member)?.is_none() {
                    return Ok(None);
                }
                let account = store::open(tx, member, now)?;
                let number = store::begin_fetch(tx, member)?;
                Ok(account.customer.map(|customer| (customer, number)))
            })
            .await;
        let Some((customer, number)) = begun? else {
            return Ok(None);
        };
        let said = self.stripe()?.snapshot(&customer).await?;
        let service = self.clone();
        let kept: Result<_, Error> = self
            .db
            .write(move |tx| {
                if store::find_ending(tx, member)?.is_none() {
                    return Ok((None, false));
                }
                service.keep(tx, member, number, &said, event.as_ref())
            })
            .await;
        let (looked, bars) = kept?;
        if bars {
            (self.bars_changed)();
        }
        Ok(looked)
    }

    /// Beside what was found: whether bars that rested go on.
    fn keep(
        &self,
        tx: &mut Conn,
        member: MemberId,
        number: i64,
        said: &Snapshot,
        event: Option<&Event>,
    ) -> Result<(Option<Looked>, bool), Error> {
        let now = self.clock.now();
        let account = store::open(tx, member, now)?;
        if let Some(event) = event
            && !store::insert_event(tx, event, Some(member), now)?
        {
            return Ok((Some(Looked::Again), false));
        }
        if number < account.applied {
            // A look that began later is kept already, and has seen all that this one could.
            return Ok((Some(Looked::Same), false));
        }
        let old = store::known(tx, member)?;
        let Outcome { known, effects } = rules::fold(&old, said, now);
        store::keep(tx, member, &old, &known, number, now)?;
        let rested = plans::standing(tx, member)?.resting_until.is_some();
        for effect in &effects {
            self.carry_out(tx, member, &known, effect)?;
        }
        self.remind(tx, member, &known)?;
        if let Some(event) = event {
            self.ask_for_action(tx, member, &known, event)?;
        }
        let rests = plans::standing(tx, member)?.resting_until.is_some();
        let looked = if effects.is_empty() {
            Looked::Same
        } else {
            Looked::Changed
        };
        Ok((Some(looked), rested && !rests))
    }

    fn carry_out(
        &self,
        tx: &mut Conn,
        member: MemberId,
        known: &Known,
        effect: &Effect,
    ) -> Result<(), Error> {
        let now = self.clock.now();
        let mut record = |action: &str, target: &str, detail| {
            self.record(tx, member, Actor::System, action, target, detail)
        };
        match effect {
            Effect::Subscribed { id, plan, status } => {
                record(
                    "billing.subscribed",
                    id,
                    json!({ "plan": plan, "status": status }),
                )?;
                store::put_checkout(tx, member, None)?;
            }
            Effect::SubscriptionChanged { id, plan, status } => {
                let detail = json!({ "plan": plan, "status": status });
                record("billing.subscription_changed", id, detail)?;
            }
            Effect::InvoiceChanged { id, status, total } => {
                let action = match status {
                    InvoiceStatus::Draft => "billing.invoice_drafted",
                    InvoiceStatus::Open => "billing.invoice_opened",
                    InvoiceStatus::Paid => "billing.invoice_paid",
                    InvoiceStatus::Uncollectible => "billing.invoice_written_off",
                    InvoiceStatus::Void => "billing.invoice_voided",
                };
                record(action, id, amount(total))?;
            }
            Effect::PaymentFailed { id, attempts } => {
                record("billing.payment_failed", id, json!({ "attempts": attempts }))?;
            }
            Effect::MoneyWentBack {
                charge,
                kind,
                amount: money,
            } => {
                let action = match kind {
                    ReversalKind::Refund => "billing.refunded",
                    ReversalKind::Dispute => "billing.disputed",
                };
                record(action, charge, amount(money))?;
                self.tell_operator(tx, member, *kind, money, charge)?;
            }
            Effect::CardChanged => record("billing.card_changed", &member.to_string(), json!({}))?,
            Effect::DelinquencyBegan => record("billing.delinquency_began", &member.to_string(), json!({}))?,
            Effect::DelinquencyEnded => record("billing.delinquency_ended", &member.to_string(), json!({}))?,
            Effect::PlanChanged { from, to } => {
                record(
                    "billing.plan_changed",
                    &member.to_string(),
                    json!({ "from": from, "to": to }),
                )?;
                self.put_plan(tx, member, known, *from, *to)?;
            }
            Effect::Doubled { id } => {
                let ask = Ask::Cancel {
                    subscription: id.clone(),
                    credit: true,
                };
                if self.write_down(tx, member, &ask, now)?.is_some() {
                    tracing::error!(member.id = %member, billing.subscription = id, "a second subscription is cancelled");
                }
            }
        }
        Ok(())
    }

    fn put_plan(
        &self,
        tx: &mut Conn,
        member: MemberId,
        known: &Known,
        from: Plan,
        to: Plan,
    ) -> Result<(), Error> {
        let now = self.clock.now();
        plans::put_plan(tx, member, to, now)?;
        // Another plan has other limits: who has used up its views is found again by the next look at usage.
        plans::put_resting(tx, member, None)?;
        if to == Plan::Free {
            self.tell_back_on_free(tx, member, from)?;
        }
        // A subscription that nobody pays for is ended at Stripe too: it must not charge later for what was not had.
        if delinquency::is_over(known.delinquent_since, now) {
            let behind = |status| matches!(status, Status::PastDue | Status::Unpaid);
            for late in known.subscriptions.values().filter(|late| behind(late.status)) {
                let ask = Ask::Cancel {
                    subscription: late.id.clone(),
                    credit: false,
                };
                self.write_down(tx, member, &ask, now)?;
            }
        }
        Ok(())
    }

    /// What time alone brings about, for one member: the plan that ends unpaid, mails that are due.
    pub(in crate::billing) async fn settle(&self, member: MemberId) -> Result<(), Error> {
        let service = self.clone();
        let changed: Result<_, Error> = self
            .db
            .write(move |tx| {
                let now = service.clock.now();
                store::open(tx, member, now)?;
                let known = store::known(tx, member)?;
                let plan = rules::granted(known.subscriptions.values(), known.delinquent_since, now);
                if plan != known.plan {
                    let (from, to) = (known.plan, plan);
                    service.carry_out(tx, member, &known, &Effect::PlanChanged { from, to })?;
                }
                service.remind(tx, member, &known)?;
                Ok(plan != known.plan)
            })
            .await;
        if changed? {
            (self.bars_changed)();
        }
        Ok(())
    }

    /// One member, on demand.
    pub async fn reconcile_member(&self, member: MemberId) -> Result<Reconciled, Error> {
        self.stripe()?;
        let looked = self.look(member, None).await?;
        Ok(Reconciled {
            looked_at: u32::from(looked.is_some()),
            repaired: u32::from(looked == Some(Looked::Changed)),
            ..Reconciled::default()
        })
    }

    /// All of it: customers that we don't know of but made, then every member that has one. Whatever was missed is repaired.
    pub async fn reconcile(&self) -> Result<Reconciled, Error> {
        let mut found = Reconciled::default();
        for (customer, member) in self.stripe()?.customers().await? {
            let asked = customer.clone();
            if self
                .db
                .read(move |conn| store::find_member(conn, &asked))
                .await?
                .is_some()
            {
                continue;
            }
            match self.adopt(customer.clone(), &member).await? {
                Some(_) => found.adopted += 1,
                None => {
                    found.strangers += 1;
                    tracing::warn!(
                        billing.customer = customer,
                        "a customer at Stripe belongs to no member here"
                    );
                }
            }
        }
        let mut after = MemberId::from_uuid(uuid::Uuid::nil());
        loop {
            let some = self
                .db
                .read(move |conn| store::list_customers(conn, after, WatchBilling::PAGE))
                .await?;
            let Some(last) = some.last() else { return Ok(found) };
            after = *last;
            for member in some {
                match self.look(member, None).await {
                    Ok(Some(looked)) => {
                        found.looked_at += 1;
                        found.repaired += u32::from(looked == Looked::Changed);
                    }
                    Ok(None) => {}
                    Err(error) => {
                        found.failed += 1;
                        tracing::warn!(member.id = %member, %error, "a member's billing could not be reconciled");
                    }
                }
            }
        }
    }
}
