//! Subscribing, changing, cancelling: what a member wants of Stripe. One subscription, changed in place, never two.

use serde_json::{Value, json};

use super::requests::Ask;
use super::{Billing, Checkout};
use crate::accounts::{self, Access, Role};
use crate::billing::stripe::{self, Form, pair, preview_of};
use crate::billing::{Error, Overview, Preview, Status, Subscription, rules, store};
use crate::clock::{MINUTE, Timestamp};
use crate::db::Conn;
use crate::ids::MemberId;
use crate::plans::{Interval, Plan};
use crate::policies::{self, Purpose};

/// How long a trial is.
pub const TRIAL_DAYS: u32 = 14;
/// A page at Stripe that closes within this time is not handed out again.
const CLOSES_SOON: std::time::Duration = std::time::Duration::from_secs(5 * MINUTE.as_secs());

/// Where in Stripe's portal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, poem_openapi::Enum)]
#[oai(rename_all = "snake_case", rename = "BillingPortalPlace")]
pub enum Place {
    Home,
    /// Another card.
    Card,
    Cancel,
    /// Invoices, address and tax ids.
    Invoices,
}

impl Billing {
    /// Puts on record who asked for what.
    async fn note(&self, access: &Access, action: &'static str, detail: Value) -> Result<(), Error> {
        let (service, access) = (self.clone(), access.clone());
        Ok(self
            .db
            .write(move |tx| service.record(tx, access.member, access.actor(), action, access.member, detail))
            .await?)
    }

    async fn current(&self, member: MemberId) -> Result<Option<Subscription>, Error> {
        let all = self
            .db
            .read(move |conn| store::list_subscriptions(conn, member))
            .await?;
        Ok(rules::current(&all).cloned())
    }

    /// The subscription that can be changed.
    async fn changeable(&self, member: MemberId) -> Result<Subscription, Error> {
        let current = self.current(member).await?.ok_or(Error::NotSubscribed)?;
        match current.status {
            Status::Active | Status::Trialing => Ok(current),
            Status::PastDue | Status::Unpaid => Err(Error::Conflict("A payment is missing: pay it first.")),
            Status::Incomplete => Err(Error::Conflict("The first payment has not gone through yet.")),
            Status::Paused => Err(Error::Conflict(
                "The subscription is paused: give a card and resume it first.",
            )),
            Status::IncompleteExpired | Status::Canceled => Err(Error::NotSubscribed),
        }
    }

    /// The member's customer at Stripe, made if there is none.
    async fn customer(&self, member: MemberId) -> Result<String, Error> {
        let found = self.db.read(move |conn| store::find(conn, member)).await?;
        if let Some(customer) = found.and_then(|account| account.customer) {
            return Ok(customer);
        }
        let now = self.clock.now();
        let form = self.db.read(move |conn| customer_form(conn, member, now)).await?;
        let made = self.ask(member, Ask::Customer { form }).await?;
        Ok(made["id"].as_str().unwrap_or_default().to_owned())
    }

    /// A page at Stripe where the member subscribes for the first time, or again after an end.
    pub async fn checkout(&self, access: &Access, plan: Plan, interval: Interval) -> Result<String, Error> {
        self.stripe()?;
        let member = access.member;
        let customer = self.customer(member).await?;
        // What the last look knew may be old: somebody may have just subscribed.
        self.sync(member).await?;
        match self.current(member).await? {
            // A first payment that never went through is no subscription: another page may take its place.
            Some(current) if current.status != Status::Incomplete => return Err(Error::Subscribed),
            Some(incomplete) => {
                let ask = Ask::Cancel {
                    subscription: incomplete.id,
                    credit: false,
                };
                self.ask(member, ask).await?;
            }
            None => {}
        }
        if let Some(url) = self.open_page(member, plan, interval).await? {
            return Ok(url);
        }
        let (price, known) = (
            self.price_id(plan, interval).await?,
            self.db.read(move |conn| store::known(conn, member)).await?,
        );
        self.note(
            access,
            "billing.checkout_opened",
            json!({ "plan": plan, "interval": interval }),
        )
        .await?;
        let form = self.checkout_form(member, &customer, &price, !known.trial_used);
        let made = self.ask(member, Ask::Checkout { form, plan, interval }).await?;
        made["url"]
            .as_str()
            .map(str::to_owned)
            .ok_or_else(|| stripe::Error::Odd("a page without an address".into()).into())
    }

    /// The page that is open already, if it is for the same; one for something else is closed, so that no two can be paid.
    async fn open_page(
        &self,
        member: MemberId,
        plan: Plan,
        interval: Interval,
    ) -> Result<Option<String>, Error> {
        let account = self.db.read(move |conn| store::find(conn, member)).await?;
        let Some(Checkout {
            session,
            plan: for_plan,
            interval: for_interval,
            url,
            expires_at,
        }) = account.and_then(|account| account.checkout)
        else {
            return Ok(None);
        };
        if expires_at <= self.clock.now() {
            return Ok(None);
        }
        let lasts = expires_at > self.clock.now() + CLOSES_SOON;
        if lasts && (for_plan, for_interval) == (plan, interval) {
            return Ok(Some(url));
        }
        match self.ask(member, Ask::ExpireCheckout { session }).await {
            Ok(_) => Ok(None),
            // It is no longer open: paid meanwhile, or expired. The next look knows.
            Err(Error::Stripe(stripe::Error::Refused { .. })) => {
                self.sync(member).await?;
                match self.current(member).await? {
                    Some(_) => Err(Error::Subscribed),
                    None => Ok(None),
                }
            }
            Err(error) => Err(error),
        }
    }

    fn checkout_form(&self, member: MemberId, customer: &str, price: &str, trial: bool) -> Form {
        let mut form = vec![
            pair("mode", "subscription"),
            pair("customer", customer),
            pair("client_reference_id", member),
            pair("line_items[0][price]", price),
            pair("line_items[0][quantity]", 1),
            pair("allow_promotion_codes", "true"),
            pair("billing_address_collection", "required"),
            pair("customer_update[address]", "auto"),
            pair("customer_update[name]", "auto"),
            pair("tax_id_collection[enabled]", "true"),
            pair("automatic_tax[enabled]", self.settings.tax),
            pair("subscription_data[metadata][contactbar_member]", member),
            pair("success_url", self.page(&[("from", "checkout")])),
            pair("cancel_url", self.page(&[])),
        ];
        if trial {
            form.extend([
                pair("subscription_data[trial_period_days]", TRIAL_DAYS),
                pair("payment_method_collection", "if_required"),
                pair(
                    "subscription_data[trial_settings][end_behavior][missing_payment_method]",
                    "pause",
                ),
            ]);
        }
        form
    }

    /// A page of Stripe's portal.
    pub async fn portal(&self, access: &Access, place: Place) -> Result<String, Error> {
        self.stripe()?;
        let member = access.member;
        let customer = self.customer(member).await?;
        let mut form = vec![
            pair("customer", customer),
            pair("return_url", self.page(&[("from", "portal")])),
        ];
        if let Some(configuration) = self.portal_configuration().await? {
            form.push(pair("configuration", configuration));
        }
        match place {
            Place::Home | Place::Invoices => {}
            Place::Card => form.push(pair("flow_data[type]", "payment_method_update")),
            Place::Cancel => {
                let current = self.changeable(member).await?;
                form.push(pair("flow_data[type]", "subscription_cancel"));
                form.push(pair("flow_data[subscription_cancel][subscription]", current.id));
            }
        }
        let made = self.ask(member, Ask::Portal { form }).await?;
        made["url"]
            .as_str()
            .map(str::to_owned)
            .ok_or_else(|| stripe::Error::Odd("a page without an address".into()).into())
    }

    /// What a change would cost, and when it would take effect. Changes nothing.
    pub async fn preview(&self, member: MemberId, plan: Plan, interval: Interval) -> Result<Preview, Error> {
        let current = self.changeable(member).await?;
        let price = self.price(plan, interval).await?;
        if !rules::takes_effect_at_once((current.plan, current.interval), (plan, interval)) {
            return Ok(Preview {
                at_once: false,
                takes_effect_at: current.period_end,
                due_now: super::Money {
                    amount: 0,
                    currency: price.1.currency,
                },
                tax: 0,
                proration_at: None,
                lines: vec![],
            });
        }
        let (now, customer) = (self.clock.now(), self.customer(member).await?);
        let at = Timestamp::from_secs(now.secs());
        let form = vec![
            pair("customer", customer),
            pair("subscription", &current.id),
            pair("subscription_details[items][0][id]", &current.item),
            pair("subscription_details[items][0][price]", &price.0),
            pair("subscription_details[proration_behavior]", "always_invoice"),
            pair("subscription_details[proration_date]", at.secs()),
        ];
        // Nothing is made, so the key is only for the two of us: no row of ours stands behind it.
        let key = format!("preview-{}-{}-{}", current.id, price.0, at.secs());
        let invoice = self
            .stripe()?
            .change(stripe::Method::Post, "/invoices/create_preview", form, &key)
            .await?;
        Ok(preview_of(&invoice, now, at))
    }

    /// Changes the plan: up at once, for the rest of what is paid for is taken off; down at the period's end. `proration_at` is
    /// that of a preview, and makes it cost exactly that.
    pub async fn change(
        &self,
        access: &Access,
        plan: Plan,
        interval: Interval,
        proration_at: Option<Timestamp>,
    ) -> Result<Overview, Error> {
        let member = access.member;
        // What is known may be a moment old; a change builds on what is.
        self.sync(member).await?;
        let current = self.changeable(member).await?;
        let wanted = (plan, interval);
        if wanted == (current.plan, current.interval) && current.next.is_none() {
            return Err(Error::Conflict("That is the plan already."));
        }
        self.note(
            access,
            "billing.change_asked",
            json!({ "plan": plan, "interval": interval }),
        )
        .await?;
        self.release(member, &current).await?;
        if wanted == (current.plan, current.interval) {
            return self.synced(member).await;
        }
        let price = self.price_id(plan, interval).await?;
        let now = self.clock.now();
        // A preview is good for a while; Stripe refuses a time outside the period.
        let proration_at = proration_at
            .filter(|at| *at <= now && *at >= current.period_start && now.since(*at) <= MINUTE * 30);
        if rules::takes_effect_at_once((current.plan, current.interval), wanted) {
            let form = change_now(&current, &price, proration_at);
            let ask = Ask::Change {
                subscription: current.id,
                form,
                record: "billing.change_made",
            };
            self.ask(member, ask).await?;
        } else {
            let ask = Ask::Schedule {
                phases: phases(&current, &price, wanted),
                subscription: current.id,
            };
            self.ask(member, ask).await?;
            self.perform_what_is_open(member).await?;
        }
        self.synced(member).await
    }

    /// Takes back a change that is to come.
    pub async fn withdraw_change(&self, access: &Access) -> Result<Overview, Error> {
        self.sync(access.member).await?;
        let current = self.changeable(access.member).await?;
        if current.schedule.is_none() {
            return Err(Error::Conflict("No change is to come."));
        }
        self.note(access, "billing.withdrawal_asked", json!({})).await?;
        self.release(access.member, &current).await?;
        self.synced(access.member).await
    }

    async fn release(&self, member: MemberId, current: &Subscription) -> Result<(), Error> {
        let Some(schedule) = current.schedule.clone() else {
            return Ok(());
        };
        let subscription = current.id.clone();
        self.ask(
            member,
            Ask::Release {
                subscription,
                schedule,
            },
        )
        .await?;
        Ok(())
    }

    async fn perform_what_is_open(&self, member: MemberId) -> Result<(), Error> {
        let open = self.db.read(move |conn| store::list_open(conn, member)).await?;
        for request in open {
            self.perform(request).await?;
        }
        Ok(())
    }

    /// Ends the subscription at its period's end.
    pub async fn cancel(&self, access: &Access) -> Result<Overview, Error> {
        self.sync(access.member).await?;
        let current = self.current(access.member).await?.ok_or(Error::NotSubscribed)?;
        if current.ends_at.is_none() {
            self.note(access, "billing.cancel_asked", json!({})).await?;
            self.release(access.member, &current).await?;
            self.set_ending(access.member, &current, true).await?;
        }
        self.synced(access.member).await
    }

    async fn set_ending(&self, member: MemberId, current: &Subscription, ends: bool) -> Result<(), Error> {
        let ask = Ask::Change {
            subscription: current.id.clone(),
            form: vec![pair("cancel_at_period_end", ends)],
            record: if ends {
                "billing.cancellation_set"
            } else {
                "billing.cancellation_taken_back"
            },
        };
        self.ask(member, ask).await?;
        Ok(())
    }

    /// Takes back that it ends; or goes on after a trial without a card, with a card.
    pub async fn resume(&self, access: &Access) -> Result<Overview, Error> {
        let member = access.member;
        self.sync(member).await?;
        let current = self.current(member).await?.ok_or(Error::NotSubscribed)?;
        self.note(access, "billing.resume_asked", json!({})).await?;
        match current.status {
            Status::Paused => {
                let ask = Ask::Unpause {
                    subscription: current.id,
                };
                self.ask(member, ask).await?;
            }
            _ if current.ends_at.is_some() => self.set_ending(member, &current, false).await?,
            _ => return Err(Error::Conflict("It goes on as it is.")),
        }
        self.synced(member).await
    }

    async fn synced(&self, member: MemberId) -> Result<Overview, Error> {
        // What was asked is done: if Stripe goes away right now, the webhook will tell.
        if let Err(error) = self.sync(member).await {
            tracing::warn!(member.id = %member, %error, "what was changed at Stripe is not seen yet");
        }
        self.overview(member).await
    }

    /// A member's end was set or taken back: what it pays for ends too, or goes on if that end was our doing.
    pub(in crate::billing) async fn follow_ending(&self, member: MemberId) -> Result<(), Error> {
        let (ending, account) = self
            .db
            .read(move |conn| Ok::<_, Error>((store::find_ending(conn, member)?, store::find(conn, member)?)))
            .await?;
        let (Some((_, ends_at)), Some(account)) = (ending, account) else {
            return Ok(());
        };
        if account.customer.is_none() {
            return Ok(());
        }
        let Some(current) = self.current(member).await? else {
            return Ok(());
        };
        match ends_at {
            Some(_) if current.ends_at.is_none() => {
                self.release(member, &current).await?;
                self.set_ending(member, &current, true).await?;
                self.note_cancelled(member, true).await?;
            }
            None if account.cancelled_by_ending && current.ends_at.is_some() => {
                self.set_ending(member, &current, false).await?;
                self.note_cancelled(member, false).await?;
            }
            _ => return Ok(()),
        }
        self.sync(member).await
    }

    async fn note_cancelled(&self, member: MemberId, cancelled: bool) -> Result<(), Error> {
        Ok(self
            .db
            .write(move |tx| store::put_cancelled_by_ending(tx, member, cancelled))
            .await?)
    }

    /// A member is gone: its customer at Stripe is deleted, which cancels at once what it pays for. Invoices stay with Stripe,
    /// as the law on accounts wants it.
    pub(in crate::billing) async fn close(&self, customer: &str) -> Result<(), Error> {
        let path = format!("/customers/{customer}");
        let deleted = self
            .stripe()?
            .change(
                stripe::Method::Delete,
                &path,
                vec![],
                &format!("close-{customer}"),
            )
            .await;
        match deleted {
            Err(error) if error.is_not_found() => Ok(()),
            deleted => Ok(deleted.map(|_: Value| ())?),
        }
    }
}

/// What Stripe is told of a member: its name and an owner's address, as far as the ledger allows that for billing (promise 4).
fn customer_form(conn: &mut Conn, member: MemberId, now: Timestamp) -> Result<Form, Error> {
    let of = accounts::find_addressees(conn, member, Role::Owner)?.ok_or(Error::NotFound)?;
    let mut form = vec![
        pair("preferred_locales[0]", of.language.as_str()),
        pair("metadata[contactbar_member]", member),
    ];
    if policies::ask(conn, Some(member), of.collected, Purpose::Billing, now)?.is_some() {
        form.push(pair("name", &of.name));
    }
    if let Some(owner) = of.people.first()
        && policies::ask(conn, Some(member), owner.collected, Purpose::Billing, now)?.is_some()
    {
        form.push(pair("email", &owner.address));
    }
    Ok(form)
}

/// What changes a subscription now. If the bank wants to hear from somebody first, the change waits for that.
pub(super) fn change_now(current: &Subscription, price: &str, proration_at: Option<Timestamp>) -> Form {
    let mut form = vec![
        pair("items[0][id]", &current.item),
        pair("items[0][price]", price),
        pair("proration_behavior", "always_invoice"),
        pair("payment_behavior", "pending_if_incomplete"),
    ];
    if let Some(at) = proration_at {
        form.push(pair("proration_date", at.secs()));
    }
    form
}

/// The two phases of a schedule: as it is until the period's end, then the other price.
fn phases(current: &Subscription, price: &str, (plan, interval): (Plan, Interval)) -> Form {
    vec![
        pair("end_behavior", "release"),
        pair("phases[0][items][0][price]", &current.price_id),
        pair("phases[0][items][0][quantity]", 1),
        pair("phases[0][start_date]", current.period_start.secs()),
        pair("phases[0][end_date]", current.period_end.secs()),
        pair("phases[1][items][0][price]", price),
        pair("phases[1][items][0][quantity]", 1),
        pair("phases[1][iterations]", 1),
        pair("phases[1][proration_behavior]", "none"),
        pair("phases[1][metadata][contactbar_plan]", plan.as_str()),
        pair("phases[1][metadata][contactbar_interval]", interval.as_str()),
    ]
}
