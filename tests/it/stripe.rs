//! A Stripe of our own, over real HTTP: what the service needs of its API, by the test's clock, with what a test wants to go wrong:
//! errors, delays, lost answers, banks that ask first. It keeps Stripe's word on Idempotency-Keys, and makes an event of each change;
//! whether and in which order they are delivered is the test's business.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard};

use contactbar::billing::rules::signature::sign;
use contactbar::clock::Clock;
use poem::http::{Method, StatusCode};
use poem::{Endpoint, Request, Response, Server, endpoint::make};
use serde_json::{Value, json};

use crate::support::{Answer, TestApp};

pub const SECRET: &str = "whsec_0123456789abcdef";

/// What goes wrong with the next request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Answered so, and nothing is done.
    Status(u16),
    /// Done, and the answer is lost.
    Lost,
}

#[derive(Default)]
pub struct World {
    now: i64,
    next_id: u32,
    /// By id; `object` says what it is.
    pub objects: BTreeMap<String, Value>,
    keys: HashMap<String, (String, u16, Value)>,
    pub events: Vec<Value>,
    pub faults: VecDeque<Fault>,
    /// Faults are for what changes something.
    pub only_changes: bool,
    pub down: bool,
    /// Method, path and key of what was done, once for each key.
    pub done: Vec<(String, String)>,
    pub asked: usize,
    pub api_versions: Vec<String>,
}

#[derive(Clone)]
pub struct FakeStripe {
    pub url: String,
    clock: Arc<Mutex<Option<Clock>>>,
    world: Arc<Mutex<World>>,
}

impl FakeStripe {
    /// With nothing in it but what is sold, if `stocked`.
    pub async fn start(stocked: bool) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let fake = Self {
            url: format!("http://{}", listener.local_addr().unwrap()),
            clock: Arc::default(),
            world: Arc::default(),
        };
        if stocked {
            fake.stock();
        }
        let acceptor = poem::listener::TcpAcceptor::from_tokio(listener).unwrap();
        tokio::spawn(Server::new_with_acceptor(acceptor).run(fake.routes()));
        fake
    }

    pub fn settings(&self) -> Vec<String> {
        vec![
            "--stripe-key=sk_test_0123456789".to_owned(),
            format!("--stripe-webhook-secret={SECRET}"),
            format!("--stripe-url={}", self.url),
            "--operator-address=operator@example.com".to_owned(),
        ]
    }

    /// Goes by the service's clock from now on.
    pub fn follow(&self, clock: &Clock) {
        *self.clock.lock().unwrap() = Some(clock.clone());
    }

    pub fn world(&self) -> MutexGuard<'_, World> {
        let mut world = self.world.lock().unwrap();
        let clock = self.clock.lock().unwrap();
        world.now = clock.as_ref().map_or(1_795_000_000, |clock| clock.now().secs());
        world
    }

    fn stock(&self) {
        let mut world = self.world();
        for (plan, interval, amount) in [
            ("pro", "monthly", 1200),
            ("pro", "yearly", 12000),
            ("business", "monthly", 4900),
            ("business", "yearly", 49000),
        ] {
            let every = if interval == "monthly" { "month" } else { "year" };
            let price = json!({ "id": format!("price_{plan}_{interval}"), "object": "price", "active": true, "unit_amount": amount,
                "currency": "eur", "lookup_key": format!("contactbar_{plan}_{interval}"), "recurring": { "interval": every },
                "metadata": { "contactbar_plan": plan, "contactbar_interval": interval } });
            world.put(price);
        }
    }

    fn routes(&self) -> impl Endpoint<Output = Response> + 'static {
        let fake = self.clone();
        make(move |mut request: Request| {
            let fake = fake.clone();
            async move {
                let body = request.take_body().into_string().await.unwrap_or_default();
                let path = request.uri().path().trim_start_matches("/v1").to_owned();
                let query = request.uri().query().unwrap_or_default().to_owned();
                let header = |name: &str| request.header(name).unwrap_or_default().to_owned();
                let (key, version) = (header("idempotency-key"), header("stripe-version"));
                assert_eq!(header("authorization"), "Bearer sk_test_0123456789");
                let form = if request.method() == Method::POST {
                    body
                } else {
                    query
                };
                let (status, answer) = fake.answer(request.method(), &path, &form, &key, version);
                Ok::<_, poem::Error>(
                    Response::builder()
                        .status(StatusCode::from_u16(status).unwrap())
                        .content_type("application/json")
                        .body(answer.to_string()),
                )
            }
        })
    }

    fn answer(&self, method: &Method, path: &str, form: &str, key: &str, version: String) -> (u16, Value) {
        let mut world = self.world();
        world.asked += 1;
        world.api_versions.push(version);
        let away = (
            503,
            json!({ "error": { "type": "api_error", "message": "away" } }),
        );
        if world.down {
            return away;
        }
        let spared = world.only_changes && method == Method::GET;
        let fault = if spared { None } else { world.faults.pop_front() };
        if let Some(Fault::Status(status)) = fault {
            return (
                status,
                json!({ "error": { "type": "api_error", "message": "told to" } }),
            );
        }
        let fingerprint = format!("{method} {path} {form}");
        let answer = match (!key.is_empty()).then(|| world.keys.get(key).cloned()).flatten() {
            Some((same, status, answer)) if same == fingerprint => (status, answer),
            Some(_) => (
                400,
                json!({ "error": { "type": "idempotency_error", "message": "another request" } }),
            ),
            None => {
                let fields: HashMap<String, String> = url::form_urlencoded::parse(form.as_bytes())
                    .into_owned()
                    .collect();
                let (status, answer) = world.handle(method, path, &fields);
                if !key.is_empty() {
                    world
                        .keys
                        .insert(key.to_owned(), (fingerprint, status, answer.clone()));
                    if status == 200 {
                        world.done.push((method.to_string(), path.to_owned()));
                    }
                }
                (status, answer)
            }
        };
        if fault == Some(Fault::Lost) { away } else { answer }
    }

    /// Sends an event as Stripe does, signed now.
    pub async fn send(&self, app: &TestApp, event: &Value) -> Answer {
        let body = event.to_string();
        let at = app.clock.now().secs().to_string();
        let hex: String = sign(SECRET, &at, body.as_bytes())
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        app.client()
            .call(Method::POST, "/stripe/webhook")
            .header("content-type", "application/json")
            .header("stripe-signature", &format!("t={at},v1={hex}"))
            .body(body)
            .send()
            .await
    }

    /// Delivers all events that there are, in their order, and forgets them.
    pub async fn deliver(&self, app: &TestApp) {
        let events = std::mem::take(&mut self.world().events);
        for event in events {
            self.send(app, &event).await.expect(204);
        }
    }
}

fn refused(code: &str) -> (u16, Value) {
    (
        400,
        json!({ "error": { "type": "invalid_request_error", "code": code, "message": code } }),
    )
}

fn missing() -> (u16, Value) {
    (
        404,
        json!({ "error": { "type": "invalid_request_error", "code": "resource_missing", "message": "No such object" } }),
    )
}

impl World {
    fn id(&mut self, prefix: &str) -> String {
        self.next_id += 1;
        format!("{prefix}_{:04}", self.next_id)
    }

    fn put(&mut self, object: Value) -> Value {
        self.objects
            .insert(object["id"].as_str().unwrap().to_owned(), object.clone());
        object
    }

    fn get(&self, id: &str) -> Value {
        self.objects.get(id).cloned().unwrap_or(Value::Null)
    }

    pub fn all(&self, object: &str) -> Vec<Value> {
        self.objects
            .values()
            .filter(|o| o["object"] == object)
            .cloned()
            .collect()
    }

    pub fn live_subscriptions(&self) -> Vec<Value> {
        let over = |s: &Value| matches!(s["status"].as_str(), Some("canceled" | "incomplete_expired"));
        self.all("subscription")
            .into_iter()
            .filter(|s| !over(s))
            .collect()
    }

    fn tell(&mut self, kind: &str, object: &Value) {
        let id = self.id("evt");
        let (created, object) = (self.now, object.clone());
        self.events.push(
            json!({ "id": id, "object": "event", "type": kind, "created": created, "livemode": false,
            "data": { "object": object } }),
        );
    }

    fn list(items: Vec<Value>) -> (u16, Value) {
        (200, json!({ "object": "list", "data": items, "has_more": false }))
    }

    fn handle(&mut self, method: &Method, path: &str, form: &HashMap<String, String>) -> (u16, Value) {
        let parts: Vec<&str> = path.trim_matches('/').split('/').collect();
        let field = |name: &str| form.get(name).cloned().unwrap_or_default();
        let of_customer = |o: &Value| field("customer").is_empty() || o["customer"] == field("customer");
        match (method.as_str(), parts.as_slice()) {
            ("POST", ["customers"]) => {
                let id = self.id("cus");
                let made = self.put(
                    json!({ "id": id, "object": "customer", "email": field("email"), "name": field("name"),
                    "metadata": { "contactbar_member": field("metadata[contactbar_member]") },
                    "invoice_settings": { "default_payment_method": null } }),
                );
                self.tell("customer.created", &made);
                (200, made)
            }
            ("GET", ["customers"]) => Self::list(self.all("customer")),
            ("DELETE", ["customers", id]) => {
                for subscription in self
                    .live_subscriptions()
                    .into_iter()
                    .filter(|s| s["customer"] == **id)
                {
                    self.set(
                        subscription["id"].as_str().unwrap(),
                        json!({ "status": "canceled" }),
                    );
                }
                self.set(id, json!({ "deleted": true }));
                (200, json!({ "id": id, "object": "customer", "deleted": true }))
            }
            ("GET", ["prices"]) => {
                let keys: Vec<&String> = form
                    .iter()
                    .filter(|(k, _)| k.starts_with("lookup_keys"))
                    .map(|(_, v)| v)
                    .collect();
                let wanted = |p: &Value| keys.iter().any(|key| p["lookup_key"] == ***key);
                Self::list(self.all("price").into_iter().filter(wanted).collect())
            }
            ("POST", ["prices"]) => {
                let id = self.id("price");
                let metadata = json!({ "contactbar_plan": field("metadata[contactbar_plan]"),
                    "contactbar_interval": field("metadata[contactbar_interval]") });
                (200, self.put(json!({ "id": id, "object": "price", "unit_amount": field("unit_amount").parse::<i64>().unwrap(),
                    "currency": field("currency"), "lookup_key": field("lookup_key"), "metadata": metadata,
                    "recurring": { "interval": field("recurring[interval]") } })))
            }
            ("POST", ["products"]) => (
                200,
                self.put(
                    json!({ "id": field("id"), "object": "product", "name": field("name"), "active": true }),
                ),
            ),
            ("GET", ["billing_portal", "configurations"]) => {
                Self::list(self.all("billing_portal.configuration"))
            }
            ("POST", ["billing_portal", "configurations"]) => {
                let id = self.id("bpc");
                (200, self.put(json!({ "id": id, "object": "billing_portal.configuration", "metadata": { "contactbar": "1" } })))
            }
            ("POST", ["billing_portal", "sessions"]) => {
                let flow = field("flow_data[type]");
                (
                    200,
                    json!({ "id": "bps_1", "url": format!("https://billing.stripe.example/{flow}") }),
                )
            }
            ("GET", ["webhook_endpoints"]) => Self::list(self.all("webhook_endpoint")),
            ("POST", ["webhook_endpoints"]) => {
                let id = self.id("we");
                let events: Vec<&String> = form
                    .iter()
                    .filter(|(k, _)| k.starts_with("enabled_events"))
                    .map(|(_, v)| v)
                    .collect();
                let mut made = self.put(
                    json!({ "id": id, "object": "webhook_endpoint", "url": field("url"), "status": "enabled",
                    "api_version": field("api_version"), "enabled_events": events }),
                );
                made["secret"] = json!("whsec_made0123456789");
                (200, made)
            }
            ("POST", ["checkout", "sessions"]) => {
                let id = self.id("cs");
                let trial = field("subscription_data[trial_period_days]");
                (200, self.put(json!({ "id": id, "object": "checkout.session", "status": "open",
                    "customer": field("customer"), "url": format!("https://checkout.stripe.example/{id}"),
                    "expires_at": self.now + 86_400, "price": field("line_items[0][price]"), "trial": trial })))
            }
            ("POST", ["checkout", "sessions", id, "expire"]) => {
                if self.get(id)["status"] != "open" {
                    return refused("checkout_session_not_open");
                }
                (200, self.set(id, json!({ "status": "expired" })))
            }
            ("GET", ["subscriptions"]) => {
                let mut found: Vec<Value> =
                    self.all("subscription").into_iter().filter(of_customer).collect();
                for subscription in &mut found {
                    if let Some(schedule) = subscription["schedule"].as_str() {
                        subscription["schedule"] = self.get(schedule);
                    }
                }
                Self::list(found)
            }
            ("POST", ["subscriptions", id]) => self.change(id, form),
            ("DELETE", ["subscriptions", id]) => {
                let ended = self.set(id, json!({ "status": "canceled" }));
                self.tell("customer.subscription.deleted", &ended);
                (200, ended)
            }
            ("POST", ["subscriptions", id, "resume"]) => {
                let on = self.set(id, json!({ "status": "active" }));
                self.tell("customer.subscription.resumed", &on);
                (200, on)
            }
            ("POST", ["subscription_schedules"]) => {
                let (id, subscription) = (self.id("sub_sched"), field("from_subscription"));
                if form.len() != 1 || !self.get(&subscription)["schedule"].is_null() {
                    return refused("schedule_exists");
                }
                self.set(&subscription, json!({ "schedule": id }));
                (200, self.put(json!({ "id": id, "object": "subscription_schedule", "subscription": subscription, "phases": [] })))
            }
            ("POST", ["subscription_schedules", id]) => {
                let subscription = self.get(self.get(id)["subscription"].as_str().unwrap());
                let metadata = json!({ "contactbar_plan": field("phases[1][metadata][contactbar_plan]"),
                    "contactbar_interval": field("phases[1][metadata][contactbar_interval]") });
                let phases = json!([{ "start_date": field("phases[0][start_date]").parse::<i64>().unwrap(), "metadata": {} },
                    { "start_date": field("phases[0][end_date]").parse::<i64>().unwrap(), "metadata": metadata,
                      "price": field("phases[1][items][0][price]") }]);
                let changed = self.set(id, json!({ "phases": phases }));
                self.tell("customer.subscription.updated", &subscription);
                (200, changed)
            }
            ("POST", ["subscription_schedules", id, "release"]) => {
                let subscription = self.get(id)["subscription"].as_str().unwrap().to_owned();
                self.set(&subscription, json!({ "schedule": null }));
                (200, self.set(id, json!({ "status": "released" })))
            }
            ("GET", ["invoices"]) => {
                Self::list(self.all("invoice").into_iter().filter(of_customer).collect())
            }
            ("GET", ["charges"]) => Self::list(self.all("charge").into_iter().filter(of_customer).collect()),
            ("POST", ["invoices", "create_preview"]) => {
                let price = self.get(&field("subscription_details[items][0][price]"));
                let due = price["unit_amount"].as_i64().unwrap() - 600;
                (
                    200,
                    json!({ "total": due, "currency": "eur", "total_taxes": [{ "amount": 0 }], "lines": { "data": [
                    { "description": "Unused time", "amount": -600 }, { "description": "Remaining time", "amount": due + 600 }] } }),
                )
            }
            ("GET", [_, id]) => match self.get(id) {
                Value::Null => missing(),
                found => (200, found),
            },
            _ => missing(),
        }
    }

    fn change(&mut self, id: &str, form: &HashMap<String, String>) -> (u16, Value) {
        let subscription = self.get(id);
        if subscription["status"] == "canceled" {
            return refused("resource_missing");
        }
        if let Some(ends) = form.get("cancel_at_period_end") {
            self.set(id, json!({ "cancel_at_period_end": ends == "true" }));
        }
        if let Some(price) = form.get("items[0][price]") {
            let amount = self.get(price)["unit_amount"].as_i64().unwrap();
            self.set_price(id, price);
            self.bill(id, amount - 600, true);
        }
        let changed = self.get(id);
        self.tell("customer.subscription.updated", &changed);
        (200, changed)
    }

    fn set_price(&mut self, id: &str, price: &str) {
        let mut items = self.get(id)["items"].clone();
        items["data"][0]["price"] = self.get(price);
        self.set(id, json!({ "items": items }));
    }

    pub fn set(&mut self, id: &str, fields: Value) -> Value {
        let object = self.objects.get_mut(id).unwrap();
        for (name, value) in fields.as_object().unwrap() {
            object[name] = value.clone();
        }
        object.clone()
    }

    /// The visitor of the page at Stripe has paid, or begins a trial; with `3ds` the bank asks first.
    pub fn complete(&mut self, session: &str, card: Option<&str>) -> String {
        let page = self.get(session);
        assert_eq!(page["status"], "open");
        self.set(session, json!({ "status": "complete" }));
        let (id, item) = (self.id("sub"), self.id("si"));
        let price = self.get(page["price"].as_str().unwrap());
        let days = page["trial"]
            .as_str()
            .unwrap()
            .parse::<i64>()
            .ok()
            .filter(|_| card.is_none());
        let start = self.now;
        let month = if price["recurring"]["interval"] == "year" {
            365
        } else {
            30
        };
        let end = start + 86_400 * days.unwrap_or(month);
        let status = match (days, card) {
            (Some(_), _) => "trialing",
            (None, Some("3ds")) => "incomplete",
            _ => "active",
        };
        let method = card.map(|_| json!({ "id": "pm_1", "card": { "brand": "visa", "last4": "4242", "exp_month": 12, "exp_year": 2030 } }));
        let made = self.put(
            json!({ "id": id, "object": "subscription", "customer": page["customer"], "status": status,
            "created": start, "cancel_at_period_end": false, "trial_end": days.map(|_| end), "schedule": null,
            "default_payment_method": method, "items": { "data": [{ "id": item, "price": price,
            "current_period_start": start, "current_period_end": end }] } }),
        );
        if days.is_none() {
            let amount = price["unit_amount"].as_i64().unwrap();
            self.bill(&id, amount, card != Some("3ds"));
        }
        self.tell("customer.subscription.created", &made);
        let page = self.get(session);
        self.tell("checkout.session.completed", &page);
        id
    }

    /// An invoice of a subscription, paid or tried in vain.
    pub fn bill(&mut self, subscription: &str, amount: i64, paid: bool) -> String {
        let (id, charge, customer) = (
            self.id("in"),
            self.id("ch"),
            self.get(subscription)["customer"].clone(),
        );
        let status = if paid { "paid" } else { "open" };
        let invoice = self.put(json!({ "id": id, "object": "invoice", "number": id.to_uppercase(), "customer": customer,
            "status": status, "total": amount, "amount_due": amount, "amount_remaining": if paid { 0 } else { amount },
            "currency": "eur", "attempt_count": 1, "created": self.now, "hosted_invoice_url": format!("https://invoice.stripe.example/{id}"),
            "invoice_pdf": null, "parent": { "subscription_details": { "subscription": subscription } } }));
        if paid {
            self.put(json!({ "id": charge, "object": "charge", "customer": customer, "amount": amount, "amount_refunded": 0,
                "disputed": false, "currency": "eur" }));
        }
        let kind = if paid {
            "invoice.paid"
        } else {
            "invoice.payment_failed"
        };
        self.tell(kind, &invoice);
        if !paid {
            self.tell("invoice.payment_action_required", &invoice);
        }
        id
    }

    /// The next period begins; the schedule's next phase, too.
    pub fn renew(&mut self, subscription: &str, paid: bool) -> String {
        let mut items = self.get(subscription)["items"].clone();
        let end = items["data"][0]["current_period_end"].as_i64().unwrap();
        items["data"][0]["current_period_start"] = json!(end);
        items["data"][0]["current_period_end"] = json!(end + 30 * 86_400);
        self.set(
            subscription,
            json!({ "items": items, "status": if paid { "active" } else { "past_due" } }),
        );
        if let Some(schedule) = self.get(subscription)["schedule"].as_str() {
            let price = self.get(schedule)["phases"][1]["price"]
                .as_str()
                .unwrap()
                .to_owned();
            self.set(subscription, json!({ "schedule": null }));
            self.set_price(subscription, &price);
        }
        let amount = self.get(subscription)["items"]["data"][0]["price"]["unit_amount"]
            .as_i64()
            .unwrap();
        let invoice = self.bill(subscription, amount, paid);
        let changed = self.get(subscription);
        self.tell("customer.subscription.updated", &changed);
        invoice
    }

    pub fn pay(&mut self, invoice: &str, subscription: &str) {
        let paid = self.set(
            invoice,
            json!({ "status": "paid", "amount_remaining": 0, "attempt_count": 2 }),
        );
        let active = self.set(subscription, json!({ "status": "active" }));
        self.tell("invoice.paid", &paid);
        self.tell("customer.subscription.updated", &active);
    }

    pub fn reverse(&mut self, refund: i64, dispute: bool) {
        let charge = self.all("charge")[0]["id"].as_str().unwrap().to_owned();
        let changed = self.set(&charge, json!({ "amount_refunded": refund, "disputed": dispute }));
        match dispute {
            true => self.tell(
                "charge.dispute.created",
                &json!({ "id": "dp_1", "object": "dispute", "charge": charge }),
            ),
            false => self.tell("charge.refunded", &changed),
        }
    }

    /// A customer of a member that is not here.
    pub fn put_stranger(&mut self) {
        self.put(json!({ "id": "cus_stranger", "object": "customer",
            "metadata": { "contactbar_member": "mem_01jd3k8q9x7v2m5n6p4r8s0tbw" } }));
    }

    pub fn end(&mut self, subscription: &str) {
        let ended = self.set(subscription, json!({ "status": "canceled" }));
        self.tell("customer.subscription.deleted", &ended);
    }
}
