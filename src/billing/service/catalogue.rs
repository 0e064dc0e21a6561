//! What is sold, as Stripe has it: products, prices (found by lookup keys), the portal's configuration, the webhook endpoint.
//! `contactbar billing sync` makes what is missing, and says what differs; what somebody changed at Stripe on purpose it leaves.

use std::collections::BTreeSet;
use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;

use super::{Billing, Money, Price};
use crate::billing::Error;
use crate::billing::stripe::{self, Form, List, Method, PriceShape, Stripe, lookup_key, pair};
use crate::clock::MINUTE;
use crate::plans::{Interval, Plan};
use crate::policies::hex;
use crate::secrets::sha256;

/// How long prices and the portal's configuration are believed.
const FRESH: Duration = Duration::from_secs(10 * MINUTE.as_secs());
/// By which our portal configuration is known.
const OURS: &str = "contactbar";

/// What this process last read.
#[derive(Default)]
pub struct Cached {
    prices: Option<(Duration, Vec<(String, Price)>)>,
    portal: Option<(Duration, Option<String>)>,
}

/// The webhooks that we want to hear of.
pub const EVENTS: [&str; 24] = [
    "charge.dispute.closed",
    "charge.dispute.created",
    "charge.refund.updated",
    "charge.refunded",
    "checkout.session.completed",
    "checkout.session.expired",
    "customer.deleted",
    "customer.subscription.created",
    "customer.subscription.deleted",
    "customer.subscription.paused",
    "customer.subscription.resumed",
    "customer.subscription.trial_will_end",
    "customer.subscription.updated",
    "customer.updated",
    "invoice.finalized",
    "invoice.marked_uncollectible",
    "invoice.paid",
    "invoice.payment_action_required",
    "invoice.payment_failed",
    "invoice.voided",
    "payment_method.attached",
    "payment_method.automatically_updated",
    "payment_method.detached",
    "subscription_schedule.updated",
];

/// Something that `billing sync` found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Difference {
    /// It was not there; whether it has been made.
    Missing { what: String, made: bool },
    /// It is there and not as expected: a person's decision, left alone.
    Differs {
        what: String,
        expected: String,
        found: String,
    },
    /// The endpoint was made: what it signs with is told this once.
    WebhookSecret(String),
}

impl std::fmt::Display for Difference {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Missing { what, made: true } => write!(f, "made     {what}"),
            Self::Missing { what, made: false } => write!(f, "missing  {what}"),
            Self::Differs {
                what,
                expected,
                found,
            } => {
                write!(
                    f,
                    "differs  {what}: expected {expected}, found {found} (left as it is)"
                )
            }
            Self::WebhookSecret(secret) => write!(f, "CONTACTBAR_STRIPE_WEBHOOK_SECRET={secret}"),
        }
    }
}

#[derive(Deserialize)]
struct Product {
    #[serde(default)]
    name: String,
    #[serde(default)]
    active: bool,
}

#[derive(Deserialize)]
struct Configuration {
    id: String,
    #[serde(default)]
    metadata: std::collections::HashMap<String, String>,
}

#[derive(Deserialize)]
struct Endpoint {
    url: String,
    #[serde(default)]
    enabled_events: Vec<String>,
    #[serde(default)]
    api_version: Option<String>,
    #[serde(default)]
    status: String,
}

impl Billing {
    /// What our plans cost, as Stripe says.
    pub async fn prices(&self) -> Result<Vec<Price>, Error> {
        Ok(self.priced().await?.into_iter().map(|(_, price)| price).collect())
    }

    pub(super) async fn price(&self, plan: Plan, interval: Interval) -> Result<(String, Money), Error> {
        let wanted = |(_, price): &(String, Price)| (price.plan, price.interval) == (plan, interval);
        let found = self.priced().await?.into_iter().find(wanted);
        match found {
            Some((id, price)) => Ok((id, price.money)),
            None => Err(Error::NoPrice(lookup_key(plan, interval))),
        }
    }

    pub(super) async fn price_id(&self, plan: Plan, interval: Interval) -> Result<String, Error> {
        Ok(self.price(plan, interval).await?.0)
    }

    async fn priced(&self) -> Result<Vec<(String, Price)>, Error> {
        let now = self.clock.uptime();
        if let Some((until, prices)) = &self.cached().prices
            && now < *until
        {
            return Ok(prices.clone());
        }
        let prices = read_prices(self.stripe()?).await?;
        let prices: Vec<(String, Price)> = prices
            .into_iter()
            .map(|(price, plan, interval)| {
                let money = price.amount();
                (
                    price.id,
                    Price {
                        plan,
                        interval,
                        money,
                    },
                )
            })
            .collect();
        // What lacks a price is looked for again at once: somebody may be running `billing sync`.
        if prices.len() == Plan::SOLD.len() * Interval::ALL.len() {
            self.cached().prices = Some((now + FRESH, prices.clone()));
        }
        Ok(prices)
    }

    fn cached(&self) -> std::sync::MutexGuard<'_, Cached> {
        self.prices.lock().expect("no holder of this lock panics")
    }

    /// Our configuration of the portal; `None`: there is none, and Stripe's default serves.
    pub(super) async fn portal_configuration(&self) -> Result<Option<String>, Error> {
        let now = self.clock.uptime();
        if let Some((until, id)) = &self.cached().portal
            && now < *until
        {
            return Ok(id.clone());
        }
        let id = find_configuration(self.stripe()?).await?;
        self.cached().portal = Some((now + FRESH, id.clone()));
        Ok(id)
    }

    /// Compares what is sold with what Stripe has, and makes what is missing unless `dry_run`.
    pub async fn sync_catalogue(&self, dry_run: bool) -> Result<Vec<Difference>, Error> {
        let catalogue = Catalogue {
            stripe: self.stripe()?,
            dry_run,
        };
        let mut found = Vec::new();
        for plan in Plan::SOLD {
            catalogue.product(plan, &mut found).await?;
        }
        catalogue.prices(&mut found).await?;
        let links = self.mailer.links();
        catalogue
            .portal(&links.page("settings/billing", &[]), &mut found)
            .await?;
        catalogue
            .webhook(&links.page("stripe/webhook", &[]), &mut found)
            .await?;
        *self.cached() = Cached::default();
        Ok(found)
    }
}

async fn read_prices(stripe: &Stripe) -> Result<Vec<(PriceShape, Plan, Interval)>, Error> {
    let mut all = Vec::new();
    for plan in Plan::SOLD {
        all.extend(Interval::ALL.map(|interval| (plan, interval)));
    }
    let keys = all.iter().enumerate();
    let mut query: Form = keys
        .map(|(n, (plan, interval))| pair(format!("lookup_keys[{n}]"), lookup_key(*plan, *interval)))
        .collect();
    query.push(pair("active", "true"));
    query.push(pair("limit", 100));
    let found: List<PriceShape> = stripe.get("/prices", query).await?;
    let known = |price: PriceShape| {
        let key = price.lookup_key()?.to_owned();
        let (plan, interval) = all
            .iter()
            .find(|(plan, interval)| lookup_key(*plan, *interval) == key)?;
        Some((price, *plan, *interval))
    };
    Ok(found.data.into_iter().filter_map(known).collect())
}

async fn find_configuration(stripe: &Stripe) -> Result<Option<String>, Error> {
    let query = vec![pair("active", "true"), pair("limit", 100)];
    let all: List<Configuration> = stripe.get("/billing_portal/configurations", query).await?;
    let ours = |configuration: &Configuration| configuration.metadata.contains_key(OURS);
    Ok(all
        .data
        .into_iter()
        .find(ours)
        .map(|configuration| configuration.id))
}

struct Catalogue<'a> {
    stripe: &'a Stripe,
    dry_run: bool,
}

impl Catalogue<'_> {
    /// Makes something, once for what it says: two that run at the same time make one.
    async fn make(
        &self,
        what: String,
        path: &str,
        form: Form,
        found: &mut Vec<Difference>,
    ) -> Result<Option<Value>, Error> {
        let made = !self.dry_run;
        found.push(Difference::Missing { what, made });
        if self.dry_run {
            return Ok(None);
        }
        let text = form
            .iter()
            .map(|(name, value)| format!("{name}={value}\n"))
            .collect::<String>();
        let key = format!(
            "sync-{}",
            hex(&sha256(format!("{path}\n{text}").as_bytes())[..16])
        );
        Ok(Some(self.stripe.change(Method::Post, path, form, &key).await?))
    }

    async fn product(&self, plan: Plan, found: &mut Vec<Difference>) -> Result<(), Error> {
        let (id, name) = (product_id(plan), format!("Contactbar {}", plan.name()));
        match self
            .stripe
            .get::<Product>(&format!("/products/{id}"), vec![])
            .await
        {
            Ok(product) => {
                let what = format!("product {id}");
                differs(&what, "name", &name, &product.name, found);
                differs(&what, "active", "true", &product.active.to_string(), found);
            }
            Err(error) if error.is_not_found() => {
                let form = vec![
                    pair("id", &id),
                    pair("name", &name),
                    pair("metadata[contactbar_plan]", plan.as_str()),
                ];
                self.make(format!("product {id}"), "/products", form, found)
                    .await?;
            }
            Err(error) => return Err(error.into()),
        }
        Ok(())
    }

    async fn prices(&self, found: &mut Vec<Difference>) -> Result<(), Error> {
        let there = read_prices(self.stripe).await?;
        for plan in Plan::SOLD {
            for interval in Interval::ALL {
                let (key, cents) = (
                    lookup_key(plan, interval),
                    plan.price_cents(interval).unwrap_or(0),
                );
                let expected = Money {
                    amount: cents,
                    currency: "eur".into(),
                };
                let price = there.iter().find(|(_, of, per)| (*of, *per) == (plan, interval));
                if let Some((price, ..)) = price {
                    let text = crate::billing::rules::money;
                    differs(
                        &format!("price {key}"),
                        "amount",
                        &text(&expected),
                        &text(&price.amount()),
                        found,
                    );
                    continue;
                }
                let every = if interval == Interval::Monthly {
                    "month"
                } else {
                    "year"
                };
                let form = vec![
                    pair("product", product_id(plan)),
                    pair("currency", &expected.currency),
                    pair("unit_amount", cents),
                    pair("recurring[interval]", every),
                    pair("tax_behavior", "exclusive"),
                    pair("lookup_key", &key),
                    pair("metadata[contactbar_plan]", plan.as_str()),
                    pair("metadata[contactbar_interval]", interval.as_str()),
                ];
                self.make(format!("price {key}"), "/prices", form, found).await?;
            }
        }
        Ok(())
    }

    async fn portal(&self, page: &url::Url, found: &mut Vec<Difference>) -> Result<(), Error> {
        if find_configuration(self.stripe).await?.is_some() {
            return Ok(());
        }
        // Plans are changed with us, who know what is up and what is down.
        let form = vec![
            pair("default_return_url", page),
            pair("metadata[contactbar]", "1"),
            pair("features[payment_method_update][enabled]", "true"),
            pair("features[invoice_history][enabled]", "true"),
            pair("features[customer_update][enabled]", "true"),
            pair("features[customer_update][allowed_updates][0]", "address"),
            pair("features[customer_update][allowed_updates][1]", "email"),
            pair("features[customer_update][allowed_updates][2]", "name"),
            pair("features[customer_update][allowed_updates][3]", "tax_id"),
            pair("features[subscription_cancel][enabled]", "true"),
            pair("features[subscription_cancel][mode]", "at_period_end"),
            pair("features[subscription_update][enabled]", "false"),
        ];
        self.make(
            "portal configuration".into(),
            "/billing_portal/configurations",
            form,
            found,
        )
        .await?;
        Ok(())
    }

    async fn webhook(&self, url: &url::Url, found: &mut Vec<Difference>) -> Result<(), Error> {
        let all: List<Endpoint> = self
            .stripe
            .get("/webhook_endpoints", vec![pair("limit", 100)])
            .await?;
        let what = format!("webhook endpoint {url}");
        if let Some(endpoint) = all.data.into_iter().find(|endpoint| endpoint.url == url.as_str()) {
            differs(&what, "status", "enabled", &endpoint.status, found);
            let version = Stripe::api_version();
            differs(
                &what,
                "api_version",
                &version,
                endpoint.api_version.as_deref().unwrap_or("the account's"),
                found,
            );
            let heard: BTreeSet<&str> = endpoint.enabled_events.iter().map(String::as_str).collect();
            let missing: Vec<&str> = EVENTS.into_iter().filter(|kind| !heard.contains(kind)).collect();
            if !missing.is_empty() && !heard.contains("*") {
                found.push(Difference::Differs {
                    what,
                    expected: format!("also {}", missing.join(", ")),
                    found: format!("{} kinds of events", heard.len()),
                });
            }
            return Ok(());
        }
        let mut form = vec![pair("url", url), pair("api_version", Stripe::api_version())];
        form.extend(
            EVENTS
                .iter()
                .enumerate()
                .map(|(n, kind)| pair(format!("enabled_events[{n}]"), kind)),
        );
        if let Some(made) = self.make(what, "/webhook_endpoints", form, found).await? {
            let secret = made["secret"]
                .as_str()
                .ok_or_else(|| stripe::Error::Odd("an endpoint without a secret".into()))?;
            found.push(Difference::WebhookSecret(secret.to_owned()));
        }
        Ok(())
    }
}

fn product_id(plan: Plan) -> String {
    format!("contactbar_{}", plan.as_str())
}

fn differs(what: &str, field: &str, expected: &str, is: &str, found: &mut Vec<Difference>) {
    if expected != is {
        found.push(Difference::Differs {
            what: format!("{what}, {field}"),
            expected: expected.to_owned(),
            found: is.to_owned(),
        });
    }
}
