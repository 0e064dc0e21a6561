//! Stripe over HTTP, by async-stripe's client: one place that knows addresses and shapes there. Its version of Stripe's API is
//! pinned with the crate. Requests have a time limit; what may pass is tried again with jitter; and while Stripe is away, everybody
//! is told so at once ([`Breaker`]), so that nothing of ours waits for it.
//!
//! async-stripe's own types of objects are not used: one field that Stripe adds or leaves out would lose a whole webhook.

mod breaker;
mod shapes;

use std::time::Duration;

use serde::de::DeserializeOwned;
use serde_json::Value;
use stripe::{Client, ClientBuilder, IdempotencyKey, RequestStrategy, StripeError};
use stripe_client_core::{RequestBuilder, StripeMethod};

use crate::clock::Clock;
use crate::secrets::Random;

pub use breaker::Breaker;
use shapes::{ChargeShape, CustomerShape, InvoiceShape, SubscriptionShape};
pub use shapes::{List, PriceShape, lookup_key};
pub use shapes::{event_of, preview_of};

use super::Snapshot;

/// One try takes at most so long.
const TIME_LIMIT: Duration = Duration::from_secs(8);
/// So often what may pass is tried, at once.
const TRIES: u32 = 3;
/// Between two tries, doubling, and up to as much again by chance.
const PAUSE: Duration = Duration::from_millis(150);

/// Why Stripe did not do it.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It can't be reached, is busy, or in trouble: whether it was done is not known. It may be asked again, under the same key.
    #[error("Stripe can't be reached: {0}")]
    Away(String),
    /// It said no.
    #[error("Stripe refused ({status} {code}): {message}")]
    Refused {
        status: u16,
        code: String,
        message: String,
    },
    /// It said what we don't understand.
    #[error("Stripe's answer can't be read: {0}")]
    Odd(String),
}

impl Error {
    pub fn is_not_found(&self) -> bool {
        matches!(self, Self::Refused { status: 404, .. })
    }
}

/// Names and values of a form, nested ones as `a[b][0]`.
pub type Form = Vec<(String, String)>;

/// A pair of a form.
pub fn pair(name: impl Into<String>, value: impl ToString) -> (String, String) {
    (name.into(), value.to_string())
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    Get,
    Post,
    Delete,
}

/// Stripe. Cheap to clone.
#[derive(Clone)]
pub struct Stripe {
    client: Client,
    breaker: std::sync::Arc<Breaker>,
    random: Random,
}

impl std::fmt::Debug for Stripe {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Stripe(…)")
    }
}

impl Stripe {
    /// Talks to nobody yet. `url` is Stripe's, or a test's.
    pub fn new(key: &str, url: &url::Url, clock: Clock, random: Random) -> anyhow::Result<Self> {
        // async-stripe would panic for want of them.
        anyhow::ensure!(
            !rustls_native_certs::load_native_certs().certs.is_empty(),
            "there are no trusted certificates on this system (SSL_CERT_FILE names others)"
        );
        let client = ClientBuilder::new(key)
            .url(url.as_str())
            .timeout(TIME_LIMIT)
            .app_info("contactbar", Some(env!("CARGO_PKG_VERSION").to_owned()), None)
            .build()?;
        Ok(Self {
            client,
            breaker: std::sync::Arc::new(Breaker::new(clock)),
            random,
        })
    }

    /// The version of Stripe's API that is spoken: webhook endpoints are made for it.
    pub fn api_version() -> String {
        stripe_client_core::VERSION.as_str().to_owned()
    }

    /// Whether Stripe was away a moment ago.
    pub fn is_away(&self) -> bool {
        self.breaker.is_open()
    }

    /// Reads.
    pub async fn get<T: DeserializeOwned>(&self, path: &str, query: Form) -> Result<T, Error> {
        let value = self.ask(Method::Get, path, query, None).await?;
        serde_json::from_value(value).map_err(|error| Error::Odd(format!("{path}: {error}")))
    }

    /// Changes something, once for this key.
    pub async fn change(&self, method: Method, path: &str, form: Form, key: &str) -> Result<Value, Error> {
        self.ask(method, path, form, Some(key)).await
    }

    async fn ask(&self, method: Method, path: &str, form: Form, key: Option<&str>) -> Result<Value, Error> {
        let mut tries = 0;
        loop {
            let pass = self
                .breaker
                .enter()
                .ok_or_else(|| Error::Away("it was away a moment ago".into()))?;
            let answer = self.try_once(method, path, &form, key).await;
            tries += 1;
            match answer {
                Err(Error::Away(why)) => {
                    pass.failed();
                    if tries == TRIES {
                        return Err(Error::Away(why));
                    }
                    let pause = PAUSE * (1 << (tries - 1));
                    let jitter = self
                        .random
                        .below(u32::try_from(pause.as_millis()).unwrap_or(1000));
                    tokio::time::sleep(pause + Duration::from_millis(jitter.into())).await;
                }
                answered => {
                    pass.answered();
                    return answered;
                }
            }
        }
    }

    async fn try_once(
        &self,
        method: Method,
        path: &str,
        form: &Form,
        key: Option<&str>,
    ) -> Result<Value, Error> {
        let method = match method {
            Method::Get => StripeMethod::Get,
            Method::Post => StripeMethod::Post,
            Method::Delete => StripeMethod::Delete,
        };
        let mut request = RequestBuilder::new(method, path);
        let encoded = url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs(form)
            .finish();
        if !form.is_empty() {
            match method {
                StripeMethod::Post => request.body = Some(encoded),
                StripeMethod::Get | StripeMethod::Delete => request.query = Some(encoded),
            }
        }
        let strategy = match key {
            Some(key) => {
                let key = IdempotencyKey::new(key).map_err(|error| Error::Odd(error.to_string()))?;
                RequestStrategy::Idempotent(key)
            }
            None => RequestStrategy::Once,
        };
        let sent = request
            .customize::<miniserde::json::Value>()
            .request_strategy(strategy)
            .send(&self.client);
        let value = sent.await.map_err(error_of)?;
        serde_json::from_str(&miniserde::json::to_string(&value))
            .map_err(|error| Error::Odd(error.to_string()))
    }

    /// Every item of a list, page by page.
    async fn all<T: DeserializeOwned + Identified>(
        &self,
        path: &str,
        query: Form,
        most: usize,
    ) -> Result<Vec<T>, Error> {
        let mut items: Vec<T> = Vec::new();
        loop {
            let mut query = query.clone();
            query.push(pair("limit", 100));
            if let Some(last) = items.last() {
                query.push(pair("starting_after", last.id()));
            }
            let page: List<T> = self.get(path, query).await?;
            let more = page.has_more && !page.data.is_empty();
            items.extend(page.data);
            if !more || items.len() >= most {
                return Ok(items);
            }
        }
    }

    /// All that Stripe says of a customer. One that is deleted has nothing.
    pub async fn snapshot(&self, customer: &str) -> Result<Snapshot, Error> {
        let of = || vec![pair("customer", customer)];
        let mut query = vec![pair("expand[]", "invoice_settings.default_payment_method")];
        let found: CustomerShape = match self.get(&format!("/customers/{customer}"), query.clone()).await {
            Ok(found) => found,
            Err(error) if error.is_not_found() => return Ok(Snapshot::default()),
            Err(error) => return Err(error),
        };
        if found.deleted {
            return Ok(Snapshot::default());
        }
        query = of();
        query.extend([
            pair("status", "all"),
            pair("expand[]", "data.default_payment_method"),
            pair("expand[]", "data.schedule"),
        ]);
        let subscriptions: Vec<SubscriptionShape> = self.all("/subscriptions", query, 500).await?;
        let invoices: Vec<InvoiceShape> = self.all("/invoices", of(), 100).await?;
        let charges: Vec<ChargeShape> = self.all("/charges", of(), 100).await?;
        shapes::snapshot(found, subscriptions, invoices, charges)
    }

    /// The member that a customer stands for, as we noted there; `None`: none of ours.
    pub async fn member_of(&self, customer: &str) -> Result<Option<String>, Error> {
        match self
            .get::<CustomerShape>(&format!("/customers/{customer}"), vec![])
            .await
        {
            Ok(found) => Ok(found.metadata.get("contactbar_member").cloned()),
            Err(error) if error.is_not_found() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Whose charge it is.
    pub async fn customer_of_charge(&self, charge: &str) -> Result<Option<String>, Error> {
        match self
            .get::<ChargeShape>(&format!("/charges/{charge}"), vec![])
            .await
        {
            Ok(found) => Ok(found.customer),
            Err(error) if error.is_not_found() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Every customer that we made, with the member that it stands for.
    pub async fn customers(&self) -> Result<Vec<(String, String)>, Error> {
        let all: Vec<CustomerShape> = self.all("/customers", vec![], usize::MAX).await?;
        let ours = |customer: CustomerShape| {
            let member = customer.metadata.get("contactbar_member").cloned()?;
            Some((customer.id, member))
        };
        Ok(all
            .into_iter()
            .filter(|customer| !customer.deleted)
            .filter_map(ours)
            .collect())
    }
}

/// An object of a list.
trait Identified {
    fn id(&self) -> &str;
}

fn error_of(error: StripeError) -> Error {
    match error {
        StripeError::Stripe(said, status) => {
            let code = said.code.map(|code| code.to_string()).unwrap_or_default();
            // 409: the same key, or the same object, is at work elsewhere.
            if status >= 500 || matches!(status, 409 | 424 | 429) || code == "lock_timeout" {
                return Error::Away(format!("it answers {status} {code}"));
            }
            Error::Refused {
                status,
                code,
                message: said.message.unwrap_or_default(),
            }
        }
        // An error that is no JSON comes from what stands before Stripe.
        other => Error::Away(other.to_string()),
    }
}
