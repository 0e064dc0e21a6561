//! Billing from end to end, against a Stripe of our own over real HTTP: the life of a subscription, every order of its events,
//! what is lost, what is doubled, Stripe away, limits, usage, and the mails about all that.

use std::collections::BTreeMap;
use std::time::Duration;

use contactbar::accounts::Role;
use contactbar::billing::Difference;
use contactbar::clock::{DAY, HOUR, MINUTE};
use contactbar::db::schema::{billing_events, billing_requests, members};
use contactbar::db::{self};
use contactbar::ids::{BillingRequestId, EventId, MemberId};
use contactbar::plans::Plan;
use diesel::prelude::*;
use poem::http::Method;
use serde_json::{Value, json};

use crate::people::Person;
use crate::stripe::{FakeStripe, Fault};
use crate::support::{Answer, Client, Kind, TestApp};
use crate::team::PASSWORD as TEAM_PASSWORD;

/// A service that sells, and a member's owner.
struct Shop {
    app: TestApp,
    stripe: FakeStripe,
    owner: Person,
}

impl Shop {
    async fn open(kind: Kind) -> Self {
        let stripe = FakeStripe::start(true).await;
        let settings = stripe.settings();
        let app = TestApp::start(kind, &settings.iter().map(String::as_str).collect::<Vec<_>>()).await;
        stripe.follow(&app.clock);
        let owner = app.with_owner("anna@bloom.example").await;
        app.mails().await;
        Self { app, stripe, owner }
    }

    fn client(&self) -> &Client {
        &self.owner.client
    }

    fn member(&self) -> MemberId {
        self.owner.member
    }

    /// The owner, logged in again if that was long ago.
    async fn awake(&self) -> &Client {
        if self.client().get("/api/v1/session").await.status == 401 {
            self.client()
                .log_in(&self.owner.email, crate::people::PASSWORD)
                .await
                .expect(201);
        }
        self.client()
    }

    async fn post(&self, path: &str, body: Value) -> Answer {
        self.awake()
            .await
            .post(&format!("/api/v1/billing{path}"), body)
            .await
    }

    async fn billing(&self) -> Value {
        self.awake().await.get("/api/v1/billing").await.expect(200)
    }

    /// Opens a page at Stripe; answers its id there.
    async fn page(&self, plan: &str, interval: &str) -> String {
        let page = self
            .post("/checkout", json!({ "plan": plan, "interval": interval }))
            .await
            .expect(200);
        page["url"]
            .as_str()
            .unwrap()
            .rsplit('/')
            .next()
            .unwrap()
            .to_owned()
    }

    /// Subscribes with a card; answers the subscription's id.
    async fn subscribe(&self, plan: &str) -> String {
        let page = self.page(plan, "monthly").await;
        let id = self.stripe.world().complete(&page, Some("4242"));
        self.stripe.deliver(&self.app).await;
        self.app.run_jobs().await;
        id
    }

    /// Moves on, day by day, with everything that comes round by itself.
    async fn days(&self, days: u32) -> Vec<String> {
        let mut subjects = Vec::new();
        for _ in 0..days {
            self.app.clock.advance(DAY);
            subjects.extend(self.round().await);
        }
        subjects
    }

    /// What comes round by itself now; answers the subjects of the mails.
    async fn round(&self) -> Vec<String> {
        self.app.jobs.enqueue_due_schedules().await.unwrap();
        self.subjects().await
    }

    async fn subjects(&self) -> Vec<String> {
        self.app
            .mails()
            .await
            .into_iter()
            .map(|mail| mail.subject)
            .collect()
    }

    async fn actions(&self) -> Vec<String> {
        let log = self
            .awake()
            .await
            .get("/api/v1/audit-log?limit=200")
            .await
            .expect(200);
        let actions = log["items"].as_array().unwrap().iter().rev();
        let actions = actions.map(|entry| entry["action"].as_str().unwrap().to_owned());
        actions.filter(|action| action.starts_with("billing.")).collect()
    }

    /// All that is kept of the member's billing, but for when.
    async fn state(&self) -> String {
        let member = self.member();
        let known = self.app.db.read(move |conn| {
            #[derive(diesel::QueryableByName)]
            struct Line {
                #[diesel(sql_type = diesel::sql_types::Text)]
                line: String,
            }
            let cast = match conn {
                contactbar::db::Conn::Sqlite(_) => "state",
                contactbar::db::Conn::Postgres(_) => "state::text",
            };
            let since = match conn {
                contactbar::db::Conn::Sqlite(_) => "delinquent_since",
                contactbar::db::Conn::Postgres(_) => "extract(epoch FROM delinquent_since)::bigint * 1000000",
            };
            let statement = format!(
                "SELECT id || ' ' || {cast} AS line FROM billing_subscriptions WHERE member_id = $1 UNION ALL \
                 SELECT id || ' ' || {cast} FROM billing_invoices WHERE member_id = $1 UNION ALL \
                 SELECT charge || ' ' || kind || ' ' || CAST(amount AS text) FROM billing_reversals WHERE member_id = $1 UNION ALL \
                 SELECT 'since ' || coalesce(CAST({since} AS text), '') FROM billing_accounts WHERE member_id = $1 UNION ALL \
                 SELECT 'plan ' || plan FROM members WHERE id = $1 ORDER BY 1"
            );
            let query = diesel::sql_query(statement).bind::<contactbar::db::types::Uid, _>(member);
            let lines: Vec<Line> = contactbar::both!(conn, |c| query.load(c)?);
            Ok::<_, db::Error>(lines.into_iter().map(|line| line.line).collect::<Vec<_>>().join("\n"))
        });
        known.await.unwrap()
    }

    async fn close(self) {
        self.app.run_jobs().await;
        self.app.assert_nothing_is_left().await;
    }
}

/// Shows a bar `times`; answers what was not counted, and why, of the last.
async fn view(app: &TestApp, key: &str, times: usize) -> String {
    let mut dropped = String::new();
    let mut left = times;
    while left > 0 {
        let some = left.min(32);
        let event = |_| {
            let id = EventId::new(&app.clock, &app.random).uuid().simple().to_string();
            json!({ "b": key, "i": id, "k": "view", "v": "a", "u": "https://shop.example/" })
        };
        let events: Vec<Value> = (0..some).map(event).collect();
        let call = app
            .client()
            .call(Method::POST, "/e")
            .header("content-type", "text/plain");
        let call = call.header(
            "user-agent",
            "Mozilla/5.0 (X11; Linux x86_64; rv:132.0) Gecko/20100101 Firefox/132.0",
        );
        let answer = call.body(json!(events).to_string()).send().await;
        assert_eq!(answer.status, 204, "{}", answer.text());
        dropped = answer.header("x-contactbar-dropped").to_owned();
        left -= some;
    }
    dropped
}

async fn published_bar(client: &Client, name: &str) -> (String, String) {
    let configuration = json!({ "default_language": "en", "variants": [{ "key": "a", "weight": 100,
        "goal": { "kind": "link", "url": "https://shop.example/" },
        "texts": { "en": { "message": "Hello", "button": "Look" } } }] });
    let bar = client
        .post("/api/v1/bars", json!({ "name": name, "draft": configuration }))
        .await
        .expect(201);
    let id = bar["id"].as_str().unwrap().to_owned();
    client
        .post(&format!("/api/v1/bars/{id}/publish"), json!({}))
        .await
        .expect(200);
    (id, bar["key"].as_str().unwrap().to_owned())
}

/// Puts a member's views of this very hour where they are wanted, without so many beacons.
async fn set_views(app: &TestApp, views: i64) {
    app.tracking.catch_up().await.unwrap();
    let set = app.db.write(move |tx| {
        for table in ["hourly_counts", "daily_counts"] {
            let statement = format!("UPDATE {table} SET views = {views} WHERE dimension = 'total'");
            contactbar::both!(tx, |c| diesel::sql_query(statement).execute(c)?);
        }
        Ok::<_, db::Error>(())
    });
    set.await.unwrap();
}

both_databases! {
    /// Without Stripe nothing is sold, and everybody has everything.
    async fn without_a_key_everybody_has_everything(app: TestApp) {
        let owner = app.with_owner("anna@bloom.example").await;
        let billing = owner.client.get("/api/v1/billing").await.expect(200);
        assert_eq!((&billing["sold"], &billing["plan"]), (&json!(false), &json!("self_hosted")));
        assert!(billing["limits"].get("views").is_none(), "{billing}");
        let plans = owner.client.get("/api/v1/billing/plans").await.expect(200);
        assert_eq!(plans["items"][0]["plan"], "self_hosted");
        let refused = owner.client.post("/api/v1/billing/checkout", json!({ "plan": "pro", "interval": "monthly" })).await;
        refused.problem(409);
        assert_eq!(refused.json()["type"], "urn:contactbar:problem:billing-not-configured");
        for path in ["/portal", "/cancel", "/resume", "/reconcile"] {
            let body = if path == "/portal" { json!({ "place": "home" }) } else { json!(null) };
            owner.client.post(&format!("/api/v1/billing{path}"), body).await.problem(409);
        }
        app.client().call(Method::POST, "/stripe/webhook").body("{}").send().await.problem(404);
        for n in 0..4 {
            owner.client.post("/api/v1/bars", json!({ "name": format!("Bar {n}") })).await.expect(201);
        }
        app.mails().await;
    }

    /// Promise 22.
    async fn a_subscription_lives_from_its_trial_to_its_end(app: TestApp) {
        let shop = Shop::open(app.kind()).await;
        let billing = shop.billing().await;
        assert_eq!((&billing["plan"], &billing["trial_available"]), (&json!("free"), &json!(true)));
        let plans = shop.awake().await.get("/api/v1/billing/plans").await.expect(200);
        assert_eq!(plans["items"][1]["monthly"], json!({ "amount": 1200, "currency": "eur" }));

        // A page, and the same page again; for another plan another one, and the first is closed.
        let first = shop.page("pro", "monthly").await;
        assert_eq!(shop.page("pro", "monthly").await, first);
        let second = shop.page("business", "monthly").await;
        assert_eq!(shop.stripe.world().objects[&first]["status"], "expired");
        let page = shop.page("pro", "monthly").await;
        assert_ne!(page, second);
        assert_eq!(shop.stripe.world().all("customer").len(), 1);

        // A trial without a card.
        let subscription = shop.stripe.world().complete(&page, None);
        shop.stripe.deliver(&shop.app).await;
        let billing = shop.billing().await;
        assert_eq!((&billing["plan"], &billing["subscription"]["status"]), (&json!("pro"), &json!("trialing")));
        assert_eq!(billing["trial_available"], false);
        let again = shop.post("/checkout", json!({ "plan": "pro", "interval": "monthly" })).await;
        again.problem(409);
        assert_eq!(again.json()["type"], "urn:contactbar:problem:subscribed");
        assert_eq!(shop.days(10).await, Vec::<String>::new());
        assert_eq!(shop.days(2).await, ["The trial of Bloom & Co ends soon"], "three days before, once");

        // Up at once, after a preview; down at the period's end, and taken back.
        shop.app.clock.advance(DAY * 2);
        shop.stripe.world().renew(&subscription, true);
        shop.stripe.deliver(&shop.app).await;
        let preview = shop.awake().await.get("/api/v1/billing/change?plan=business&interval=monthly").await.expect(200);
        assert_eq!((&preview["at_once"], &preview["due_now"]["amount"]), (&json!(true), &json!(4300)));
        let change = json!({ "plan": "business", "interval": "monthly", "proration_at": preview["proration_at"] });
        let changed = shop.post("/change", change).await.expect(200);
        assert_eq!(changed["plan"], "business");
        shop.post("/change", json!({ "plan": "business", "interval": "monthly" })).await.problem(409);
        let preview = shop.awake().await.get("/api/v1/billing/change?plan=pro&interval=monthly").await.expect(200);
        assert_eq!((&preview["at_once"], &preview["due_now"]["amount"]), (&json!(false), &json!(0)));
        let down = json!({ "plan": "pro", "interval": "monthly" });
        let later = shop.post("/change", down.clone()).await.expect(200);
        assert_eq!((&later["plan"], &later["subscription"]["next"]["plan"]), (&json!("business"), &json!("pro")));
        let kept = shop.awake().await.delete("/api/v1/billing/change").await.expect(200);
        assert!(kept["subscription"].get("next").is_none(), "{kept}");
        shop.post("/change", down).await.expect(200);
        shop.app.run_jobs().await;
        shop.stripe.world().renew(&subscription, true);
        shop.stripe.deliver(&shop.app).await;
        assert_eq!(shop.billing().await["plan"], "pro");

        // Cancelled, resumed, cancelled, ended.
        let ending = shop.post("/cancel", json!(null)).await.expect(200);
        assert_eq!(ending["subscription"]["ends_at"], ending["subscription"]["period_end"]);
        let on = shop.post("/resume", json!(null)).await.expect(200);
        assert!(on["subscription"].get("ends_at").is_none());
        shop.post("/resume", json!(null)).await.problem(409);
        shop.post("/cancel", json!(null)).await.expect(200);
        shop.app.run_jobs().await;
        shop.stripe.world().end(&subscription);
        shop.stripe.deliver(&shop.app).await;
        assert_eq!(shop.subjects().await, ["Bloom & Co is on the free plan"]);
        let billing = shop.billing().await;
        assert_eq!((&billing["plan"], billing.get("subscription")), (&json!("free"), None));

        // And begun anew: without a second trial.
        let page = shop.page("pro", "yearly").await;
        assert_eq!(shop.stripe.world().objects[&page]["trial"], "");
        let invoices = shop.awake().await.get("/api/v1/billing/invoices?limit=1").await.expect(200);
        let next = format!("/api/v1/billing/invoices?limit=200&after={}", invoices["next_cursor"].as_str().unwrap());
        let rest = shop.awake().await.get(&next).await.expect(200);
        assert_eq!(rest["items"].as_array().unwrap().len() + 1, shop.stripe.world().all("invoice").len());
        let actions = shop.actions().await;
        for action in ["billing.customer_made", "billing.checkout_opened", "billing.subscribed", "billing.invoice_paid",
            "billing.change_asked", "billing.change_scheduled", "billing.change_withdrawn", "billing.cancel_asked",
            "billing.plan_changed"] {
            assert!(actions.iter().any(|known| known == action), "{action} {actions:?}");
        }
        let pinned = shop.stripe.world().api_versions.clone();
        assert!(pinned.iter().all(|version| version == &contactbar::billing::stripe::Stripe::api_version()));
        shop.close().await;
    }

    /// Promise 22: days 0, 3 and 7, then the free plan; and the bank that asks first.
    async fn a_missing_payment_is_asked_for_three_times_and_then_the_plan_ends(app: TestApp) {
        let shop = Shop::open(app.kind()).await;
        let subscription = shop.subscribe("pro").await;
        shop.app.clock.advance(DAY * 30);
        let invoice = shop.stripe.world().renew(&subscription, false);
        let mut events = std::mem::take(&mut shop.stripe.world().events);
        events.extend(events.clone());
        for event in events {
            shop.stripe.send(&shop.app, &event).await.expect(204);
        }
        let first = shop.subjects().await;
        assert_eq!(first.len(), 2, "{first:?}");
        assert!(first.contains(&"A payment of Bloom & Co did not go through".to_owned()));
        assert!(first.contains(&"Please confirm a payment of Bloom & Co".to_owned()));
        let billing = shop.billing().await;
        assert_eq!((&billing["plan"], &billing["subscription"]["status"]), (&json!("pro"), &json!("past_due")));
        shop.post("/change", json!({ "plan": "business", "interval": "monthly" })).await.problem(409);
        assert_eq!(shop.days(2).await, Vec::<String>::new());
        assert_eq!(shop.days(1).await, ["A payment of Bloom & Co did not go through"]);
        assert_eq!(shop.days(3).await, Vec::<String>::new());
        assert_eq!(shop.days(1).await, ["Last reminder: a payment of Bloom & Co is missing"]);
        assert_eq!(shop.days(2).await, Vec::<String>::new());
        assert_eq!(shop.billing().await["plan"], "pro");
        assert_eq!(shop.days(1).await, ["Bloom & Co is on the free plan"]);
        assert_eq!(shop.billing().await["plan"], "free");
        assert_eq!(shop.stripe.world().objects[&subscription]["status"], "canceled", "it charges nothing later");
        assert_eq!(shop.stripe.world().objects[&invoice]["status"], "open");
        shop.stripe.deliver(&shop.app).await;
        assert_eq!(shop.days(3).await, Vec::<String>::new());
        shop.close().await;
    }

    async fn a_payment_in_time_keeps_the_plan_and_ends_the_reminders(app: TestApp) {
        let shop = Shop::open(app.kind()).await;
        let subscription = shop.subscribe("pro").await;
        let card = &shop.billing().await["card"];
        assert_eq!(*card, json!({ "brand": "Visa", "last4": "4242", "expires_month": 12, "expires_year": 2030 }));
        shop.app.clock.advance(DAY * 30);
        let invoice = shop.stripe.world().renew(&subscription, false);
        shop.stripe.deliver(&shop.app).await;
        shop.subjects().await;
        shop.days(4).await;
        shop.stripe.world().pay(&invoice, &subscription);
        shop.stripe.deliver(&shop.app).await;
        let billing = shop.billing().await;
        assert_eq!((&billing["plan"], billing.get("delinquent_since")), (&json!("pro"), None));
        assert_eq!(shop.days(8).await, Vec::<String>::new());
        shop.close().await;
    }

    /// 3-D Secure at the first payment: nothing is granted before the bank agrees.
    async fn a_first_payment_that_waits_for_the_bank_grants_nothing(app: TestApp) {
        let shop = Shop::open(app.kind()).await;
        let page = shop.page("business", "monthly").await;
        let subscription = shop.stripe.world().complete(&page, Some("3ds"));
        shop.stripe.deliver(&shop.app).await;
        assert_eq!(shop.subjects().await, ["Please confirm a payment of Bloom & Co"]);
        assert_eq!(shop.billing().await["plan"], "free");
        let invoice = shop.stripe.world().all("invoice")[0]["id"].as_str().unwrap().to_owned();
        shop.stripe.world().pay(&invoice, &subscription);
        shop.stripe.deliver(&shop.app).await;
        assert_eq!(shop.billing().await["plan"], "business");
        shop.close().await;
    }

    /// Events in any order, twice, while Stripe moves on: one state. (All 40,320 orders are tried on the fold itself.)
    async fn orders_of_events_end_in_one_state_in_the_store(app: TestApp) {
        let (mut expected, random) = (None, contactbar::secrets::Random::seeded(40_320));
        for round in 0..12 {
            let shop = Shop::open(app.kind()).await;
            let subscription = shop.subscribe("pro").await;
            shop.stripe.world().events.clear();
            shop.app.clock.advance(DAY * 30);
            let mut events = Vec::new();
            {
                let mut world = shop.stripe.world();
                let invoice = world.renew(&subscription, false);
                world.pay(&invoice, &subscription);
                world.reverse(300, false);
                world.reverse(300, true);
                world.renew(&subscription, false);
                events.append(&mut world.events);
            }
            assert!(events.len() >= 8, "{}", events.len());
            events.extend(events.clone());
            if round > 0 {
                for at in (1..events.len()).rev() {
                    events.swap(at, random.below(at as u32 + 1) as usize);
                }
            }
            for event in &events {
                shop.stripe.send(&shop.app, event).await.expect(204);
            }
            let state = shop.state().await;
            let ids = |text: &str| text.to_owned();
            assert_eq!(*expected.get_or_insert_with(|| ids(&state)), state, "round {round}");
            let kept: i64 = shop.app.db.read(|conn| Ok::<_, db::Error>(billing_events::table.count().get_result(conn)?)).await.unwrap();
            assert!(kept as usize >= events.len() / 2, "each event once");
            shop.app.mails().await;
            shop.close().await;
        }
    }

    async fn all_events_dropped_one_reconciliation_converges(app: TestApp) {
        let told = Shop::open(app.kind()).await;
        let dropped = Shop::open(app.kind()).await;
        let mut states = Vec::new();
        for (shop, deliver) in [(told, true), (dropped, false)] {
            let page = shop.page("pro", "monthly").await;
            let subscription = shop.stripe.world().complete(&page, Some("4242"));
            for step in 0..3 {
                if deliver {
                    shop.stripe.deliver(&shop.app).await;
                }
                shop.app.clock.advance(DAY * 30);
                let mut world = shop.stripe.world();
                match step {
                    0 => drop(world.renew(&subscription, true)),
                    1 => world.reverse(500, false),
                    _ => drop(world.renew(&subscription, false)),
                }
            }
            if deliver {
                shop.stripe.deliver(&shop.app).await;
            }
            let found = shop.app.billing.reconcile().await.unwrap();
            assert_eq!((found.looked_at, found.repaired), (1, u32::from(!deliver)));
            assert_eq!(shop.app.billing.reconcile().await.unwrap().repaired, 0, "one is enough");
            states.push(shop.state().await);
            shop.app.mails().await;
            shop.close().await;
        }
        assert_eq!(states[0], states[1]);
        assert!(states[0].contains("past_due"), "{}", states[0]);
    }

    /// A backup from before the member subscribed: its customer is found again by what we noted there.
    async fn a_restored_backup_reconciles(app: TestApp) {
        let shop = Shop::open(app.kind()).await;
        shop.subscribe("business").await;
        let expected = shop.state().await;
        let member = shop.member();
        let forget = shop.app.db.write(move |tx| {
            diesel::delete(billing_requests::table).execute(tx)?;
            let forget = contactbar::billing::forget_member(&contactbar::clock::Clock::system(), &contactbar::secrets::Random::seeded(1));
            forget(tx, member)?;
            diesel::delete(contactbar::db::schema::jobs::table).execute(tx)?;
            Ok::<_, db::Error>(diesel::update(members::table).set(members::plan.eq(Plan::Free)).execute(tx)?)
        });
        forget.await.unwrap();
        shop.stripe.world().put_stranger();
        let found = shop.app.billing.reconcile().await.unwrap();
        assert_eq!((found.adopted, found.repaired, found.strangers), (1, 1, 1));
        assert_eq!(shop.state().await, expected);
        shop.app.mails().await;
        shop.close().await;
    }

    async fn unknown_kinds_and_strangers_are_kept_and_ignored_and_forgeries_refused(app: TestApp) {
        let shop = Shop::open(app.kind()).await;
        let event = |id: &str, kind: &str, customer: &str| json!({ "id": id, "type": kind, "created": 1_795_000_000,
            "data": { "object": { "id": "x_1", "object": "x", "customer": customer } } });
        for (id, kind) in [("evt_a", "terminal.reader.action_failed"), ("evt_b", "invoice.paid"), ("evt_a", "terminal.reader.action_failed")] {
            shop.stripe.send(&shop.app, &event(id, kind, "cus_nobody")).await.expect(204);
        }
        let kept: Vec<(String, bool)> = shop.app.db.read(|conn| {
            Ok::<_, db::Error>(billing_events::table.order(billing_events::id).select((billing_events::id, billing_events::handled)).load(conn)?)
        }).await.unwrap();
        assert_eq!(kept, [("evt_a".to_owned(), false), ("evt_b".to_owned(), false)]);
        let post = |header: &'static str, body: &'static str| {
            let call = shop.app.client().call(Method::POST, "/stripe/webhook").header("stripe-signature", header);
            async move { call.body(body).send().await }
        };
        post("t=1,v1=00", "{}").await.problem(400);
        shop.app.client().call(Method::POST, "/stripe/webhook").body("{}").send().await.problem(400);
        // An old signature is refused, however right.
        shop.subscribe("pro").await;
        shop.close().await;
    }

    /// Whoever dies between any two steps of a change: what was written down is done, once.
    async fn what_was_written_down_is_done_once_wherever_we_died(app: TestApp) {
        let shop = Shop::open(app.kind()).await;
        // Away before it was done: the row stays, and the job does it.
        shop.stripe.world().faults.extend([Fault::Status(500), Fault::Status(503), Fault::Status(429)]);
        let away = shop.post("/checkout", json!({ "plan": "pro", "interval": "monthly" })).await;
        away.problem(503);
        assert_eq!(away.json()["type"], "urn:contactbar:problem:stripe-away");
        shop.app.clock.advance(MINUTE * 2);
        shop.app.run_jobs().await;
        assert_eq!(shop.stripe.world().all("customer").len(), 1);
        // Done, and every answer lost.
        shop.stripe.world().faults.extend([Fault::Lost, Fault::Lost, Fault::Lost]);
        let page = shop.post("/checkout", json!({ "plan": "pro", "interval": "monthly" })).await;
        assert_eq!(page.status, 503, "{}", page.text()); // of the look before
        let page = shop.page("pro", "monthly").await;
        let subscription = shop.stripe.world().complete(&page, Some("4242"));
        shop.stripe.deliver(&shop.app).await;
        shop.app.clock.advance(MINUTE);
        for (n, wanted) in ["business", "pro"].into_iter().enumerate() {
            shop.stripe.world().only_changes = true;
            let asked = shop.stripe.world().done.len();
            shop.stripe.world().faults.extend([Fault::Lost, Fault::Lost, Fault::Lost]);
            let change = json!({ "plan": wanted, "interval": "monthly" });
            assert_eq!(shop.post("/change", change.clone()).await.status, 503);
            assert_eq!(shop.stripe.world().done.len(), asked + 1, "done once, its answer lost three times");
            let refused = shop.post("/change", change).await;
            assert!([409, 200].contains(&refused.status), "{}", refused.text());
            shop.app.clock.advance(MINUTE * 2);
            shop.app.run_jobs().await;
            let billing = shop.billing().await;
            match n {
                0 => assert_eq!(billing["plan"], "business"),
                _ => assert_eq!(billing["subscription"]["next"]["plan"], "pro", "{billing}"),
            }
        }
        let billed = shop.stripe.world().all("invoice").len();
        assert_eq!(billed, 2, "the first, and one for going up");
        assert_eq!(shop.stripe.world().live_subscriptions().len(), 1);
        let open: i64 = shop.app.db.read(|conn| {
            Ok::<_, db::Error>(billing_requests::table.filter(billing_requests::state.eq("open")).count().get_result(conn)?)
        }).await.unwrap();
        assert_eq!(open, 0);
        assert!(shop.stripe.world().objects.contains_key(&subscription));
        shop.stripe.deliver(&shop.app).await;
        shop.app.mails().await;
        shop.close().await;
    }

    /// A webhook whose transaction fails leaves nothing, and has its effect when it comes again.
    async fn a_webhook_that_fails_half_way_comes_again(app: TestApp) {
        let shop = Shop::open(app.kind()).await;
        let page = shop.page("pro", "monthly").await;
        shop.stripe.world().complete(&page, Some("4242"));
        let events = std::mem::take(&mut shop.stripe.world().events);
        let event = events.iter().find(|event| event["type"] == "customer.subscription.created").unwrap();
        // Stripe answers the first two questions of four, then no more.
        shop.stripe.world().faults.extend([Fault::Lost, Fault::Lost, Fault::Lost]);
        assert_eq!(shop.stripe.send(&shop.app, event).await.status, 503);
        let kept: i64 = shop.app.db.read(|conn| Ok::<_, db::Error>(billing_events::table.count().get_result(conn)?)).await.unwrap();
        assert_eq!((kept, &shop.billing().await["plan"]), (0, &json!("free")));
        shop.stripe.send(&shop.app, event).await.expect(204);
        shop.stripe.send(&shop.app, event).await.expect(204);
        assert_eq!(shop.billing().await["plan"], "pro");
        let subscribed = shop.actions().await.into_iter().filter(|action| action == "billing.subscribed").count();
        assert_eq!(subscribed, 1);
        shop.close().await;
    }

    async fn stripe_away_stops_neither_bars_nor_log_ins_nor_the_page(app: TestApp) {
        let shop = Shop::open(app.kind()).await;
        shop.subscribe("pro").await;
        let (_, key) = published_bar(shop.awake().await, "Sale").await;
        shop.stripe.world().down = true;
        shop.post("/portal", json!({ "place": "card" })).await.problem(503);
        shop.post("/portal", json!({ "place": "card" })).await.problem(503);
        let asked = shop.stripe.world().asked;
        shop.post("/portal", json!({ "place": "card" })).await.problem(503);
        assert_eq!(shop.stripe.world().asked, asked, "the circuit is open: nobody asks");
        assert_eq!(view(&shop.app, &key, 1).await, "");
        shop.app.client().log_in("anna@bloom.example", crate::people::PASSWORD).await.expect(201);
        assert_eq!(shop.billing().await["plan"], "pro");
        assert!(shop.awake().await.get("/api/v1/billing/plans").await.expect(200)["items"][1].get("monthly").is_some(), "from memory");
        shop.stripe.world().down = false;
        shop.app.clock.advance(MINUTE * 2);
        let page = shop.post("/portal", json!({ "place": "card" })).await.expect(200);
        assert!(page["url"].as_str().unwrap().ends_with("payment_method_update"));
        shop.app.clock.advance(HOUR);
        shop.app.run_jobs().await;
        shop.close().await;
    }

    async fn of_two_subscriptions_the_newer_is_cancelled(app: TestApp) {
        let shop = Shop::open(app.kind()).await;
        let page = shop.page("pro", "monthly").await;
        let first = shop.stripe.world().complete(&page, Some("4242"));
        shop.app.clock.advance(MINUTE);
        let second = {
            let mut world = shop.stripe.world();
            world.set(&page, json!({ "status": "open" }));
            world.complete(&page, Some("4242"))
        };
        shop.stripe.deliver(&shop.app).await;
        shop.app.run_jobs().await;
        let live = shop.stripe.world().live_subscriptions();
        assert_eq!((live.len(), &live[0]["id"]), (1, &json!(first)));
        assert_eq!(shop.stripe.world().objects[&second]["status"], "canceled");
        shop.stripe.deliver(&shop.app).await;
        assert_eq!(shop.billing().await["plan"], "pro");
        shop.close().await;
    }

    async fn refunds_and_disputes_are_on_record_and_the_operator_hears(app: TestApp) {
        let shop = Shop::open(app.kind()).await;
        shop.subscribe("pro").await;
        shop.stripe.world().reverse(300, false);
        shop.stripe.deliver(&shop.app).await;
        shop.stripe.world().reverse(300, true);
        shop.stripe.deliver(&shop.app).await;
        assert_eq!(shop.subjects().await, ["Refunded: 3.00 EUR", "Disputed: 12.00 EUR"]);
        let actions = shop.actions().await;
        assert!(actions.contains(&"billing.refunded".to_owned()) && actions.contains(&"billing.disputed".to_owned()));
        shop.close().await;
    }

    async fn limits_stop_what_is_new_and_name_the_plan_that_has_it(app: TestApp) {
        let shop = Shop::open(app.kind()).await;
        let client = shop.awake().await;
        let (id, key) = published_bar(client, "One").await;
        for name in ["Two", "Three"] {
            client.post("/api/v1/bars", json!({ "name": name })).await.expect(201);
        }
        let refused = client.post("/api/v1/bars", json!({ "name": "Four" })).await;
        refused.problem(403);
        let said = refused.json();
        assert_eq!(said["type"], "urn:contactbar:problem:plan-limit");
        assert_eq!(said["detail"], "Your plan Free has 3 bars; Pro has 25 bars.");
        let hosts = |n: usize| json!({ "allowed_hosts": (0..n).map(|n| format!("s{n}.example")).collect::<Vec<_>>() });
        let bar = format!("/api/v1/bars/{id}");
        client.patch(&bar, hosts(3)).await.expect(200);
        client.patch(&bar, hosts(4)).await.problem(403);
        client.patch(&bar, json!({ "name": "Uno" })).await.expect(200);
        let hook = json!({ "url": "https://crm.example/in", "event_types": ["contact.created"] });
        client.post("/api/v1/webhooks", hook.clone()).await.problem(403);
        client.get("/api/v1/contacts.csv").await.problem(403);
        client.get(&format!("{bar}/stats.csv")).await.problem(403);
        let invite = |n: u32| json!({ "email": format!("guest{n}@example.com"), "role": "viewer" });
        let invitations = format!("/api/v1/members/{}/invitations", shop.member());
        client.post(&invitations, invite(1)).await.expect(201);
        client.post(&invitations, invite(2)).await.problem(403);
        shop.subjects().await;

        let subscription = shop.subscribe("pro").await;
        client.post("/api/v1/bars", json!({ "name": "Four" })).await.expect(201);
        client.patch(&bar, hosts(5)).await.expect(200);
        client.post("/api/v1/webhooks", hook).await.expect(201);
        assert_eq!(client.get("/api/v1/contacts.csv").await.status, 200);
        client.post(&invitations, invite(2)).await.expect(201);
        shop.subjects().await;

        // Back on the free plan: what is there stays and works, only more is refused.
        shop.stripe.world().end(&subscription);
        shop.stripe.deliver(&shop.app).await;
        shop.subjects().await;
        client.patch(&bar, json!({ "allowed_hosts": [] })).await.expect(200);
        assert_eq!(view(&shop.app, &key, 1).await, "");
        let hooks = client.get("/api/v1/webhooks").await.expect(200);
        assert_eq!(hooks["items"][0]["enabled"], true);
        client.post("/api/v1/bars", json!({ "name": "Five" })).await.problem(403);
        // Who leaves takes everything along.
        let ending = format!("/api/v1/members/{}/ending", shop.member());
        client.post(&ending, json!({ "password": crate::people::PASSWORD })).await.expect(200);
        assert_eq!(client.get("/api/v1/contacts.csv").await.status, 200);
        shop.subjects().await;
        shop.close().await;
    }

    /// A bar of the free plan says whose it is; a bigger one takes that away, a smaller one brings it back.
    async fn our_name_is_on_bars_of_the_free_plan(app: TestApp) {
        let shop = Shop::open(app.kind()).await;
        let client = shop.awake().await;
        let (_, key) = published_bar(client, "One").await;
        let named = async || {
            shop.app.clock.advance(MINUTE); // what is in memory is believed for some seconds
            let script = shop.app.client().get(&format!("/b/{key}.js")).await;
            let link = format!(r#"["a",{{"class":"policy","href":"{}","target":"_blank","rel":"noopener"}},"Contactbar"]"#,
                shop.app.config.public_url.as_str().trim_end_matches('/'));
            let shown = script.text().contains(&link);
            assert_eq!(shown, script.text().contains(r#""Contactbar"]"#), "{}", script.text());
            let bar = json!({ "configuration": { "default_language": "en", "variants": [{ "key": "a", "weight": 100,
                "goal": { "kind": "notice" }, "texts": { "en": { "message": "Hello" } } }] } });
            let preview = shop.awake().await.post("/api/v1/previews", bar).await.expect(200);
            assert_eq!(preview["script"].as_str().unwrap().contains(&link), shown, "the preview is what visitors see");
            shown
        };
        assert!(named().await);
        let subscription = shop.subscribe("pro").await;
        assert!(!named().await);
        shop.stripe.world().end(&subscription);
        shop.stripe.deliver(&shop.app).await;
        assert!(named().await);
        shop.subjects().await;
        shop.close().await;

        let own = app.with_owner("ben@petal.example").await;
        let (_, key) = published_bar(&own.client, "Two").await;
        assert!(!app.client().get(&format!("/b/{key}.js")).await.text().contains(r#""Contactbar"]"#), "where nothing is sold");
        app.mails().await;
    }

    async fn usage_is_exact_and_said_at_eighty_and_a_hundred_percent(app: TestApp) {
        let shop = Shop::open(app.kind()).await;
        let (id, key) = published_bar(shop.awake().await, "Sale").await;
        view(&shop.app, &key, 7).await;
        let usage = shop.billing().await["usage"].clone();
        assert_eq!((&usage["views"], &usage["limit"]), (&json!(7), &json!(10_000)));
        assert_eq!((&usage["from"], &usage["to"]), (&json!("2026-11-01T00:00:00Z"), &json!("2026-12-01T00:00:00Z")));
        assert_eq!(usage["forecast"], 9);
        set_views(&shop.app, 7_999).await;
        assert_eq!(shop.round().await, Vec::<String>::new());
        set_views(&shop.app, 8_000).await;
        shop.app.clock.advance(MINUTE * 15);
        assert_eq!(shop.round().await, ["80 % of the views of Bloom & Co are used"]);
        shop.app.clock.advance(MINUTE * 15);
        assert_eq!(shop.round().await, Vec::<String>::new());
        set_views(&shop.app, 10_000).await;
        shop.app.clock.advance(MINUTE * 15);
        assert_eq!(shop.round().await, ["The views of Bloom & Co are used up"]);
        assert_eq!(view(&shop.app, &key, 1).await, "", "nothing was chosen: the bar goes on");

        // Chosen: it rests, until the month is over.
        let choice = |choice: Value| json!({ "at_limit": choice });
        shop.awake().await.patch("/api/v1/billing", choice(json!("pause"))).await.expect(200);
        shop.app.clock.advance(MINUTE * 15);
        assert_eq!(shop.round().await, Vec::<String>::new(), "said before");
        let billing = shop.billing().await;
        assert_eq!(billing["usage"]["resting_until"], "2026-12-01T00:00:00Z");
        assert_eq!(view(&shop.app, &key, 1).await, "paused=1");
        assert_eq!(shop.awake().await.get(&format!("/api/v1/bars/{id}")).await.expect(200)["state"], "active");
        shop.awake().await.patch("/api/v1/billing", choice(json!(null))).await.expect(200);
        assert_eq!(view(&shop.app, &key, 1).await, "");
        shop.awake().await.patch("/api/v1/billing", choice(json!("pause"))).await.expect(200);
        shop.app.clock.advance(MINUTE * 15);
        shop.round().await;
        assert_eq!(view(&shop.app, &key, 1).await, "paused=1");
        shop.app.clock.set("2026-12-01T00:00:01Z".parse().unwrap());
        shop.app.clock.advance(Duration::from_secs(6));
        shop.round().await;
        assert_eq!(view(&shop.app, &key, 1).await, "", "another month");
        assert_eq!(shop.billing().await["usage"]["views"], 1);

        // A deleted bar takes its views nowhere.
        shop.awake().await.delete(&format!("/api/v1/bars/{id}")).await.expect(204);
        assert_eq!(shop.billing().await["usage"]["views"], 1);
        shop.app.clock.advance(MINUTE * 2);
        shop.app.run_jobs().await;
        assert_eq!(shop.billing().await["usage"]["views"], 1);
        shop.close().await;
    }

    async fn who_chose_so_goes_on_to_the_next_plan_once(app: TestApp) {
        let shop = Shop::open(app.kind()).await;
        shop.subscribe("pro").await;
        let (_, key) = published_bar(shop.awake().await, "Sale").await;
        view(&shop.app, &key, 1).await;
        shop.awake().await.patch("/api/v1/billing", json!({ "at_limit": "next_plan" })).await.expect(200);
        set_views(&shop.app, 200_000).await;
        shop.app.clock.advance(MINUTE * 15);
        assert_eq!(shop.round().await, ["The views of Bloom & Co are used up"]);
        assert_eq!(shop.billing().await["plan"], "business");
        shop.app.clock.advance(MINUTE * 15);
        assert_eq!(shop.round().await, Vec::<String>::new());
        assert_eq!(shop.stripe.world().all("invoice").len(), 2);
        assert_eq!(view(&shop.app, &key, 1).await, "");
        shop.stripe.deliver(&shop.app).await;
        shop.close().await;
    }

    /// Promise 5: what a leaving member pays for ends too.
    async fn ending_an_account_cancels_at_stripe_and_withdrawing_resumes(app: TestApp) {
        let shop = Shop::open(app.kind()).await;
        let subscription = shop.subscribe("pro").await;
        let ending = format!("/api/v1/members/{}/ending", shop.member());
        let password = json!({ "password": crate::people::PASSWORD });
        assert_ne!(crate::people::PASSWORD, TEAM_PASSWORD);
        let ends = |shop: &Shop| shop.stripe.world().objects[&subscription]["cancel_at_period_end"].clone();
        shop.awake().await.post(&ending, password.clone()).await.expect(200);
        shop.app.mails().await;
        assert_eq!(ends(&shop), true);
        shop.awake().await.delete(&ending).await.expect(200);
        shop.app.mails().await;
        assert_eq!(ends(&shop), false);
        shop.awake().await.post(&ending, password).await.expect(200);
        shop.app.mails().await;
        shop.stripe.world().events.clear();
        shop.app.clock.advance(DAY * 30 + MINUTE);
        shop.app.mails().await;
        assert_eq!(shop.stripe.world().live_subscriptions().len(), 0);
        assert_eq!(shop.stripe.world().all("customer")[0]["deleted"], json!(true));
        shop.close().await;
    }

    async fn a_team_s_editors_and_tokens_spend_nothing(app: TestApp) {
        let shop = Shop::open(app.kind()).await;
        let editor = shop.app.with_colleague("eva@bloom.example", shop.member(), Role::Editor).await;
        editor.client.get("/api/v1/billing").await.problem(403);
        editor.client.get("/api/v1/billing/plans").await.expect(200);
        let token = shop.app.with_token(shop.member(), &contactbar::accounts::Scope::ALL, None).await;
        token.get("/api/v1/billing").await.expect(200);
        token.post("/api/v1/billing/checkout", json!({ "plan": "pro", "interval": "monthly" })).await.problem(403);
        shop.app.mails().await;
        shop.close().await;
    }

    /// After a fall the retention of the plan before holds for 30 days.
    async fn retention_is_the_plan_s_and_shrinks_late(app: TestApp) {
        let shop = Shop::open(app.kind()).await;
        let subscription = shop.subscribe("pro").await;
        let (_, key) = published_bar(shop.awake().await, "Sale").await;
        view(&shop.app, &key, 3).await;
        shop.app.tracking.catch_up().await.unwrap();
        let events = async || -> i64 {
            shop.app.db.read(|conn| {
                Ok::<_, db::Error>(contactbar::db::schema::events::table.count().get_result(conn)?)
            }).await.unwrap()
        };
        shop.app.clock.advance(DAY * 40);
        shop.round().await;
        assert_eq!(events().await, 3, "Pro keeps 180 days; the setting 90");
        shop.stripe.world().end(&subscription);
        shop.stripe.deliver(&shop.app).await;
        shop.app.clock.advance(HOUR);
        shop.round().await;
        assert_eq!(events().await, 3);
        shop.app.clock.advance(DAY * 30);
        shop.round().await;
        assert_eq!(events().await, 0, "Free keeps 30");
        shop.app.mails().await;
        shop.close().await;
    }
}

/// `contactbar billing sync`: what is missing is made once, what differs is said and left alone.
#[tokio::test]
async fn sync_makes_what_is_missing_and_says_what_differs() {
    let stripe = FakeStripe::start(false).await;
    let settings = stripe.settings();
    let app = TestApp::start(
        Kind::Sqlite,
        &settings.iter().map(String::as_str).collect::<Vec<_>>(),
    )
    .await;
    let dry = app.billing.sync_catalogue(true).await.unwrap();
    assert_eq!(dry.len(), 2 + 4 + 1 + 1, "{dry:?}");
    assert!(
        dry.iter()
            .all(|found| matches!(found, Difference::Missing { made: false, .. }))
    );
    assert_eq!(stripe.world().objects.len(), 0);
    let made = app.billing.sync_catalogue(false).await.unwrap();
    assert!(
        made.contains(&Difference::WebhookSecret("whsec_made0123456789".into())),
        "{made:?}"
    );
    let prices = app.billing.prices().await.unwrap();
    let amounts: BTreeMap<_, _> = prices
        .iter()
        .map(|price| ((price.plan, price.interval), price.money.amount))
        .collect();
    assert_eq!(
        amounts.values().copied().collect::<Vec<_>>(),
        [1200, 12_000, 4900, 49_000]
    );
    assert_eq!(app.billing.sync_catalogue(false).await.unwrap(), []);
    let price = stripe.world().all("price")[0]["id"].as_str().unwrap().to_owned();
    stripe.world().set(&price, json!({ "unit_amount": 1 }));
    stripe.world().set("contactbar_pro", json!({ "active": false }));
    let words: Vec<String> = app
        .billing
        .sync_catalogue(false)
        .await
        .unwrap()
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(words.len(), 2, "{words:?}");
    assert!(
        words[0].starts_with("differs  product contactbar_pro, active"),
        "{words:?}"
    );
    assert!(
        words[1].contains("expected 12.00 EUR, found 0.01 EUR (left as it is)"),
        "{words:?}"
    );
}

/// A request that Stripe no longer remembers is not asked again.
#[tokio::test]
async fn what_stripe_has_forgotten_is_not_asked_again() {
    let shop = Shop::open(Kind::Sqlite).await;
    shop.stripe.world().down = true;
    shop.post("/checkout", json!({ "plan": "pro", "interval": "monthly" }))
        .await
        .problem(503);
    let id: BillingRequestId = shop
        .app
        .db
        .read(|conn| Ok::<_, db::Error>(billing_requests::table.select(billing_requests::id).first(conn)?))
        .await
        .unwrap();
    shop.stripe.world().down = false;
    shop.app.clock.advance(DAY);
    assert!(shop.app.billing.perform(id).await.is_err());
    assert_eq!(shop.stripe.world().all("customer").len(), 0);
    // The slot is free: asked anew, it is another request.
    shop.page("pro", "monthly").await;
    assert_eq!(shop.stripe.world().all("customer").len(), 1);
    shop.app.run_jobs().await;
    shop.close().await;
}
