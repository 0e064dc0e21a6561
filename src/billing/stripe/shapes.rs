//! What Stripe's objects look like to us: the few fields that we need, where newer and older versions of its API have them.
//! Whatever else is there, is missing or is null does no harm.

use std::collections::HashMap;

use serde::{Deserialize, Deserializer};
use serde_json::Value;

use super::{Error, Identified};
use crate::billing::{
    Card, Event, Invoice, InvoiceStatus, Money, NextPlan, Preview, PreviewLine, ReversalKind, Snapshot,
    Subscription,
};
use crate::clock::Timestamp;
use crate::plans::{Interval, Plan};

#[derive(Deserialize)]
pub struct List<T> {
    pub data: Vec<T>,
    #[serde(default)]
    pub has_more: bool,
}

/// An object, or only its id.
#[derive(Deserialize)]
#[serde(untagged)]
pub enum Reference<T> {
    Id(String),
    Object(T),
}

#[derive(Deserialize)]
struct OnlyId {
    id: String,
}

/// The id, however it is told.
fn id_of<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    let value = Option::<Reference<OnlyId>>::deserialize(deserializer)?;
    Ok(value.map(|value| match value {
        Reference::Id(id) => id,
        Reference::Object(object) => object.id,
    }))
}

/// `null` is as good as nothing.
fn or_default<'de, D: Deserializer<'de>, T: Deserialize<'de> + Default>(
    deserializer: D,
) -> Result<T, D::Error> {
    Ok(Option::<T>::deserialize(deserializer)?.unwrap_or_default())
}

#[derive(Deserialize)]
pub struct CustomerShape {
    pub id: String,
    #[serde(default)]
    pub deleted: bool,
    #[serde(default, deserialize_with = "or_default")]
    pub metadata: HashMap<String, String>,
    #[serde(default, deserialize_with = "or_default")]
    invoice_settings: InvoiceSettings,
}

#[derive(Default, Deserialize)]
struct InvoiceSettings {
    #[serde(default)]
    default_payment_method: Option<Reference<MethodShape>>,
}

#[derive(Deserialize)]
struct MethodShape {
    id: String,
    #[serde(default)]
    card: Option<CardShape>,
}

#[derive(Deserialize)]
struct CardShape {
    #[serde(default)]
    brand: String,
    #[serde(default)]
    last4: String,
    exp_month: u32,
    exp_year: u32,
}

fn card(method: Option<Reference<MethodShape>>) -> Option<Card> {
    let Some(Reference::Object(method)) = method else {
        return None;
    };
    let card = method.card?;
    Some(Card {
        method: method.id,
        brand: brand_name(&card.brand),
        last4: card.last4,
        expires_month: card.exp_month,
        expires_year: card.exp_year,
    })
}

/// As people know it: Stripe has brands in small letters.
fn brand_name(brand: &str) -> String {
    match brand {
        "amex" => "American Express".to_owned(),
        "cartes_bancaires" => "Cartes Bancaires".to_owned(),
        "diners" => "Diners Club".to_owned(),
        "eftpos_au" => "Eftpos".to_owned(),
        "jcb" => "JCB".to_owned(),
        "unionpay" => "UnionPay".to_owned(),
        other => {
            let mut letters = other.chars();
            let first = letters.next().map(|letter| letter.to_ascii_uppercase());
            first.into_iter().chain(letters).collect()
        }
    }
}

#[derive(Deserialize)]
pub struct PriceShape {
    pub id: String,
    #[serde(default)]
    unit_amount: Option<i64>,
    /// As plans have it, prices' forebears.
    #[serde(default)]
    amount: Option<i64>,
    #[serde(default)]
    currency: String,
    #[serde(default)]
    lookup_key: Option<String>,
    #[serde(default, deserialize_with = "or_default")]
    metadata: HashMap<String, String>,
}

/// `contactbar_pro_monthly`: by which a price is found at Stripe.
pub fn lookup_key(plan: Plan, interval: Interval) -> String {
    format!("contactbar_{}_{}", plan.as_str(), interval.as_str())
}

impl PriceShape {
    /// What it is the price of: as its metadata says, for a lookup key wanders on to a newer price.
    fn sells(&self) -> Option<(Plan, Interval)> {
        let noted = || {
            let plan = self.metadata.get("contactbar_plan")?.parse().ok()?;
            let interval = self.metadata.get("contactbar_interval")?.parse().ok()?;
            Some((plan, interval))
        };
        let by_key = || {
            let key = self.lookup_key.as_deref()?;
            let all = Plan::SOLD
                .into_iter()
                .flat_map(|plan| Interval::ALL.map(|interval| (plan, interval)));
            all.into_iter()
                .find(|(plan, interval)| lookup_key(*plan, *interval) == key)
        };
        noted().or_else(by_key)
    }

    pub fn amount(&self) -> Money {
        Money {
            amount: self.unit_amount.or(self.amount).unwrap_or(0),
            currency: self.currency.clone(),
        }
    }

    pub fn lookup_key(&self) -> Option<&str> {
        self.lookup_key.as_deref()
    }
}

impl Identified for PriceShape {
    fn id(&self) -> &str {
        &self.id
    }
}

#[derive(Deserialize)]
struct ItemShape {
    id: String,
    #[serde(default)]
    price: Option<PriceShape>,
    #[serde(default)]
    plan: Option<PriceShape>,
    #[serde(default)]
    current_period_start: Option<i64>,
    #[serde(default)]
    current_period_end: Option<i64>,
}

#[derive(Deserialize)]
pub struct SubscriptionShape {
    id: String,
    status: String,
    created: Option<i64>,
    #[serde(default)]
    start_date: Option<i64>,
    items: List<ItemShape>,
    #[serde(default)]
    current_period_start: Option<i64>,
    #[serde(default)]
    current_period_end: Option<i64>,
    #[serde(default, deserialize_with = "or_default")]
    cancel_at_period_end: bool,
    #[serde(default)]
    cancel_at: Option<i64>,
    #[serde(default)]
    trial_end: Option<i64>,
    #[serde(default)]
    default_payment_method: Option<Reference<MethodShape>>,
    #[serde(default)]
    schedule: Option<Reference<ScheduleShape>>,
}

#[derive(Deserialize)]
struct ScheduleShape {
    id: String,
    #[serde(default)]
    phases: Vec<PhaseShape>,
}

#[derive(Deserialize)]
struct PhaseShape {
    start_date: i64,
    #[serde(default)]
    metadata: Option<HashMap<String, String>>,
}

impl PhaseShape {
    /// What we noted with the phase: its items name prices by id alone.
    fn next(&self) -> Option<NextPlan> {
        let metadata = self.metadata.as_ref()?;
        Some(NextPlan {
            plan: metadata.get("contactbar_plan")?.parse().ok()?,
            interval: metadata.get("contactbar_interval")?.parse().ok()?,
            from: Timestamp::from_secs(self.start_date),
        })
    }
}

impl Identified for SubscriptionShape {
    fn id(&self) -> &str {
        &self.id
    }
}

impl SubscriptionShape {
    fn read(self) -> Result<Subscription, Error> {
        let odd = |what: &str| Error::Odd(format!("subscription {}: {what}", self.id));
        let item = self.items.data.first().ok_or_else(|| odd("no item"))?;
        let price = item
            .price
            .as_ref()
            .or(item.plan.as_ref())
            .ok_or_else(|| odd("no price"))?;
        let (plan, interval) = price
            .sells()
            .ok_or_else(|| odd("its price is none of our plans'"))?;
        let start = item.current_period_start.or(self.current_period_start);
        let end = item.current_period_end.or(self.current_period_end);
        let start = start.ok_or_else(|| odd("no period"))?;
        let end = end.ok_or_else(|| odd("no period"))?;
        let created = self.created.or(self.start_date).unwrap_or(start);
        let (schedule, next) = match &self.schedule {
            None => (None, None),
            Some(Reference::Id(id)) => (Some(id.clone()), None),
            Some(Reference::Object(schedule)) => {
                let to_come = |phase: &&PhaseShape| phase.start_date >= end;
                let next = schedule.phases.iter().find(to_come).and_then(PhaseShape::next);
                (Some(schedule.id.clone()), next)
            }
        };
        Ok(Subscription {
            status: self.status.parse().map_err(|_| odd("its status is new to us"))?,
            plan,
            interval,
            price: price.amount(),
            price_id: price.id.clone(),
            item: item.id.clone(),
            period_start: Timestamp::from_secs(start),
            period_end: Timestamp::from_secs(end),
            ends_at: match self.cancel_at_period_end {
                true => Some(Timestamp::from_secs(end)),
                false => self.cancel_at.map(Timestamp::from_secs),
            },
            trial_end: self.trial_end.map(Timestamp::from_secs),
            created_at: Timestamp::from_secs(created),
            schedule,
            next,
            id: self.id,
        })
    }
}

#[derive(Deserialize)]
pub struct InvoiceShape {
    id: String,
    #[serde(default)]
    number: Option<String>,
    status: Option<String>,
    #[serde(default)]
    total: i64,
    #[serde(default)]
    amount_due: i64,
    #[serde(default)]
    amount_remaining: Option<i64>,
    #[serde(default)]
    amount_paid: Option<i64>,
    currency: String,
    #[serde(default)]
    attempt_count: i64,
    #[serde(default)]
    attempted: bool,
    #[serde(default)]
    created: Option<i64>,
    /// As it was called once.
    #[serde(default)]
    date: Option<i64>,
    #[serde(default, deserialize_with = "id_of")]
    subscription: Option<String>,
    #[serde(default)]
    parent: Option<ParentShape>,
    #[serde(default)]
    hosted_invoice_url: Option<String>,
    #[serde(default)]
    invoice_pdf: Option<String>,
}

#[derive(Deserialize)]
struct ParentShape {
    #[serde(default)]
    subscription_details: Option<DetailsShape>,
}

#[derive(Deserialize)]
struct DetailsShape {
    #[serde(default, deserialize_with = "id_of")]
    subscription: Option<String>,
}

impl Identified for InvoiceShape {
    fn id(&self) -> &str {
        &self.id
    }
}

impl InvoiceShape {
    fn read(self) -> Result<Invoice, Error> {
        let status = match self.status.as_deref() {
            None | Some("draft") => InvoiceStatus::Draft,
            Some("open") => InvoiceStatus::Open,
            Some("paid") => InvoiceStatus::Paid,
            Some("uncollectible") => InvoiceStatus::Uncollectible,
            Some("void") => InvoiceStatus::Void,
            Some(_) => {
                return Err(Error::Odd(format!(
                    "invoice {}: its status is new to us",
                    self.id
                )));
            }
        };
        let remaining = match status {
            InvoiceStatus::Paid | InvoiceStatus::Void => 0,
            _ => self
                .amount_remaining
                .unwrap_or(self.amount_due - self.amount_paid.unwrap_or(0)),
        };
        let created = self.created.or(self.date);
        let created = created.ok_or_else(|| Error::Odd(format!("invoice {}: no time", self.id)))?;
        let parent = self
            .parent
            .and_then(|parent| parent.subscription_details?.subscription);
        Ok(Invoice {
            id: self.id,
            number: self.number,
            status,
            total: Money {
                amount: self.total,
                currency: self.currency,
            },
            remaining,
            attempts: self.attempt_count.max(i64::from(self.attempted)),
            created_at: Timestamp::from_secs(created),
            subscription: self.subscription.or(parent),
            page_url: self.hosted_invoice_url,
            pdf_url: self.invoice_pdf,
        })
    }
}

#[derive(Deserialize)]
pub struct ChargeShape {
    id: String,
    #[serde(default, deserialize_with = "id_of")]
    pub customer: Option<String>,
    #[serde(default)]
    amount: i64,
    #[serde(default)]
    amount_refunded: i64,
    #[serde(default, deserialize_with = "or_default")]
    disputed: bool,
    currency: String,
}

impl Identified for ChargeShape {
    fn id(&self) -> &str {
        &self.id
    }
}

impl Identified for CustomerShape {
    fn id(&self) -> &str {
        &self.id
    }
}

impl ChargeShape {
    fn reversals(self) -> Vec<(String, ReversalKind, Money)> {
        let mut found = Vec::new();
        let mut add = |kind, amount| {
            let currency = self.currency.clone();
            found.push((self.id.clone(), kind, Money { amount, currency }));
        };
        if self.amount_refunded > 0 {
            add(ReversalKind::Refund, self.amount_refunded);
        }
        if self.disputed {
            add(ReversalKind::Dispute, self.amount);
        }
        found
    }
}

/// What four answers say together.
pub fn snapshot(
    customer: CustomerShape,
    mut subscriptions: Vec<SubscriptionShape>,
    invoices: Vec<InvoiceShape>,
    charges: Vec<ChargeShape>,
) -> Result<Snapshot, Error> {
    // The newest subscription's own card is charged before the customer's.
    subscriptions.sort_by_key(|subscription| subscription.created);
    let own = subscriptions
        .iter_mut()
        .rev()
        .find_map(|subscription| card(subscription.default_payment_method.take()));
    let subscriptions = subscriptions
        .into_iter()
        .map(SubscriptionShape::read)
        .collect::<Result<_, _>>()?;
    let invoices = invoices
        .into_iter()
        .map(InvoiceShape::read)
        .collect::<Result<_, _>>()?;
    Ok(Snapshot {
        subscriptions,
        invoices,
        card: own.or_else(|| card(customer.invoice_settings.default_payment_method)),
        reversals: charges.into_iter().flat_map(ChargeShape::reversals).collect(),
    })
}

/// The envelope of a webhook.
pub fn event_of(body: &[u8]) -> Result<Event, String> {
    #[derive(Deserialize)]
    struct Envelope {
        id: String,
        #[serde(rename = "type")]
        kind: String,
        created: i64,
        data: Data,
    }
    #[derive(Deserialize)]
    struct Data {
        object: Value,
    }
    let envelope: Envelope = serde_json::from_slice(body).map_err(|error| error.to_string())?;
    let object = &envelope.data.object;
    // An id, or the whole object.
    let id = |value: &Value| value.as_str().or_else(|| value["id"].as_str()).map(str::to_owned);
    let own = id(object);
    let is_customer = object["object"].as_str() == Some("customer");
    let fits = |text: &str| {
        !text.is_empty() && text.len() <= 255 && text.bytes().all(|byte| byte.is_ascii_graphic())
    };
    if !fits(&envelope.id) || !fits(&envelope.kind) {
        return Err("its id or type is none".into());
    }
    Ok(Event {
        customer: if is_customer {
            own.clone()
        } else {
            id(&object["customer"])
        },
        charge: id(&object["charge"]),
        object: own.filter(|id| fits(id)),
        id: envelope.id,
        kind: envelope.kind,
        created_at: Timestamp::from_secs(envelope.created),
    })
}

/// An invoice that would be, as the preview of a change.
pub fn preview_of(invoice: &Value, at: Timestamp, proration_at: Timestamp) -> Preview {
    let number = |value: &Value| value.as_i64().unwrap_or(0);
    let taxes = invoice["total_taxes"].as_array().into_iter().flatten();
    let tax = match invoice["tax"].as_i64() {
        Some(tax) => tax,
        None => taxes.map(|tax| number(&tax["amount"])).sum(),
    };
    let lines = invoice["lines"]["data"].as_array().into_iter().flatten();
    Preview {
        at_once: true,
        takes_effect_at: at,
        due_now: Money {
            amount: number(&invoice["total"]),
            currency: invoice["currency"].as_str().unwrap_or_default().to_owned(),
        },
        tax,
        proration_at: Some(proration_at),
        lines: lines
            .map(|line| PreviewLine {
                description: line["description"].as_str().unwrap_or_default().to_owned(),
                amount: number(&line["amount"]),
            })
            .collect(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::billing::Status;

    fn sold(value: Value) -> Result<Subscription, Error> {
        serde_json::from_value::<SubscriptionShape>(value).unwrap().read()
    }

    #[test]
    fn a_subscription_is_read_as_newer_and_older_versions_write_it() {
        let price = json!({ "id": "price_1", "unit_amount": 1200, "currency": "eur", "lookup_key": "contactbar_pro_monthly" });
        let newer = json!({ "id": "sub_1", "status": "active", "created": 5, "schedule": null, "unheard_of": {},
            "items": { "data": [{ "id": "si_1", "price": price, "current_period_start": 10, "current_period_end": 20 }] } });
        let older = json!({ "id": "sub_1", "status": "active", "created": 5, "current_period_start": 10,
            "current_period_end": 20, "metadata": null, "items": { "data": [{ "id": "si_1", "plan": { "id": "price_1", "amount": 1200,
            "currency": "eur", "metadata": { "contactbar_plan": "pro", "contactbar_interval": "monthly" } } }] } });
        let newer = sold(newer).unwrap();
        assert_eq!(
            (newer.status, newer.plan, newer.price.amount),
            (Status::Active, Plan::Pro, 1200)
        );
        assert_eq!(sold(older).unwrap(), newer);
    }

    #[test]
    fn what_is_new_to_us_is_no_guess() {
        let one = |status: &str, key: &str| {
            sold(
                json!({ "id": "sub_1", "status": status, "created": 5, "current_period_start": 1, "current_period_end": 2,
                "items": { "data": [{ "id": "si_1", "price": { "id": "p", "currency": "eur", "lookup_key": key } }] } }),
            )
        };
        assert!(one("active", "contactbar_pro_yearly").is_ok());
        assert!(one("hibernating", "contactbar_pro_yearly").is_err());
        assert!(one("active", "something_else").is_err());
    }

    #[test]
    fn an_invoice_says_whose_it_is_in_either_place() {
        let newer = json!({ "id": "in_1", "status": "open", "currency": "eur", "created": 1, "total": 5, "amount_remaining": 5,
            "attempt_count": 2, "parent": { "subscription_details": { "subscription": "sub_1" } } });
        let older = json!({ "id": "in_1", "status": "open", "currency": "eur", "date": 1, "total": 5, "amount_due": 5,
            "attempt_count": 2, "subscription": "sub_1" });
        let read = |value| {
            serde_json::from_value::<InvoiceShape>(value)
                .unwrap()
                .read()
                .unwrap()
        };
        assert_eq!(read(newer), read(older));
    }

    #[test]
    fn an_envelope_says_what_to_fetch_and_no_more() {
        let event = |object: Value| {
            let body = json!({ "id": "evt_1", "type": "x.y", "created": 7, "data": { "object": object }, "livemode": false });
            event_of(body.to_string().as_bytes())
        };
        assert_eq!(
            event(json!({ "id": "cus_1", "object": "customer" }))
                .unwrap()
                .customer
                .as_deref(),
            Some("cus_1")
        );
        let expanded =
            event(json!({ "id": "in_1", "object": "invoice", "customer": { "id": "cus_2" } })).unwrap();
        assert_eq!(
            (expanded.customer.as_deref(), expanded.object.as_deref()),
            (Some("cus_2"), Some("in_1"))
        );
        assert_eq!(
            event(json!({ "id": "dp_1", "charge": "ch_1" }))
                .unwrap()
                .charge
                .as_deref(),
            Some("ch_1")
        );
        assert!(event_of(b"{}").is_err() && event_of(b"\xff").is_err());
    }
}
