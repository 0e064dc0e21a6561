//! Leaving for good: bars off at once, back after a change of mind, and after 30 days nothing left but the record.

use std::collections::BTreeMap;
use std::time::Duration;

use contactbar::accounts::Role;
use contactbar::clock::{DAY, MINUTE, Timestamp};
use contactbar::db::schema::{
    bar_scripts, billing_accounts, billing_events, billing_invoices, billing_notices, billing_requests,
    billing_reversals, billing_subscriptions, views_of_deleted_bars, webhook_deliveries,
};
use contactbar::db::types::Uid;
use contactbar::db::{self, Conn, Json};
use contactbar::ids::{BillingRequestId, DeliveryId, JobId, MemberId, WebhookId};
use contactbar::jobs::{self, NewJob};
use contactbar::policies;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text};
use poem::http::Method;
use serde_json::{Value, json};

use crate::contacts::Stage;
use crate::people::PASSWORD;
use crate::support::{Client, TestApp};
use crate::team;

const FIREFOX: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:132.0) Gecko/20100101 Firefox/132.0";

#[derive(QueryableByName)]
struct Named {
    #[diesel(sql_type = Text)]
    name: String,
}

#[derive(QueryableByName)]
struct Counted {
    #[diesel(sql_type = BigInt)]
    n: i64,
}

/// How many rows of a member each table holds that says whose its rows are. Read from the schema: a new one is not
/// forgotten.
async fn rows_of(app: &TestApp, member: MemberId) -> BTreeMap<String, i64> {
    let count = move |conn: &mut Conn| {
        let tables: Vec<Named> = match conn {
            Conn::Sqlite(c) => diesel::sql_query(
                "SELECT m.name AS name FROM sqlite_schema m, pragma_table_info(m.name) c \
                 WHERE m.type = 'table' AND c.name = 'member_id'",
            )
            .load(c)?,
            Conn::Postgres(c) => diesel::sql_query(
                "SELECT table_name::text AS name FROM information_schema.columns \
                 WHERE table_schema = 'public' AND column_name = 'member_id'",
            )
            .load(c)?,
        };
        let mut rows = BTreeMap::new();
        for Named { name } in tables {
            let statement = format!("SELECT count(*) AS n FROM {name} WHERE member_id = $1");
            let query = diesel::sql_query(statement).bind::<Uid, _>(member);
            let counted: Counted = contactbar::both!(conn, |c| query.get_result(c)?);
            rows.insert(name, counted.n);
        }
        Ok::<_, db::Error>(rows)
    };
    app.db.read(count).await.unwrap()
}

/// A member with something in every table, and its owner, logged in.
async fn full(app: &TestApp, name: &str) -> (Stage, Client) {
    let stage = Stage::new(app, name).await;
    let owner = team::log_in(app, &format!("{name}@shop.example")).await;
    let own = |rest: &str| format!("/api/v1/members/{}{rest}", stage.member);
    stage
        .leave(json!({ "email": "jo@example.com", "message": "Hello" }))
        .await;
    view(app, &stage).await;
    let bot = app
        .client()
        .call(Method::POST, "/e")
        .header("content-type", "text/plain");
    bot.header("user-agent", "curl/8")
        .body(event(app, &stage).to_string())
        .send()
        .await;
    let contact = format!(
        "/api/v1/contacts/{}",
        stage.only_contact().await["id"].as_str().unwrap()
    );
    stage
        .client
        .put(&format!("{contact}/tags/vip"), json!(null))
        .await
        .expect(204);
    stage
        .client
        .post(&format!("{contact}/notes"), json!({ "text": "Call back" }))
        .await
        .expect(201);
    let view = json!({ "name": "Brides", "query": { "tag": "vip" } });
    stage.client.post("/api/v1/contact-views", view).await.expect(201);
    let hook = json!({ "url": "https://crm.example/in", "event_types": ["contact.created"] });
    let hook = stage.client.post("/api/v1/webhooks", hook).await.expect(201);
    let hook: WebhookId = hook["webhook"]["id"].as_str().unwrap().parse().unwrap();
    owner
        .patch(&own("/profile"), json!({ "city": "Bern" }))
        .await
        .expect(200);
    let guest = json!({ "email": format!("guest-of-{name}@example.com"), "role": "viewer" });
    owner.post(&own("/invitations"), guest).await.expect(201);
    let delivery = (
        webhook_deliveries::id.eq(DeliveryId::new(&app.clock, &app.random)),
        webhook_deliveries::member_id.eq(stage.member),
        webhook_deliveries::webhook_id.eq(hook),
        webhook_deliveries::event_type.eq("contact.created"),
        webhook_deliveries::payload.eq("{}"),
        webhook_deliveries::state.eq("delivered"),
        webhook_deliveries::attempts.eq(1),
        webhook_deliveries::created_at.eq(app.clock.now()),
    );
    // Scripts are made where one is built; here it may not be.
    let script = (
        bar_scripts::bar_id.eq(stage.bar.id),
        bar_scripts::hash.eq("0".repeat(64)),
        bar_scripts::member_id.eq(stage.member),
        bar_scripts::version.eq(1),
        bar_scripts::gzip.eq(vec![0_u8]),
        bar_scripts::brotli.eq(vec![0_u8]),
        bar_scripts::created_at.eq(app.clock.now()),
    );
    let (member, now) = (stage.member, app.clock.now());
    let request = BillingRequestId::new(&app.clock, &app.random);
    let bar = stage.bar.id;
    let kept = app.db.write(move |tx| {
        let named = |prefix: &str| format!("{prefix}_{member}");
        macro_rules! put {
            ($table:ident: $($column:ident = $value:expr),*) => {
                diesel::insert_into($table::table)
                    .values(($table::member_id.eq(member), $($table::$column.eq($value)),*))
                    .execute(tx)?
            };
        }
        let nothing = || Json(json!({}));
        put!(billing_accounts: created_at = now);
        put!(billing_subscriptions: id = named("sub"), status = "canceled", state = nothing(), created_at = now);
        put!(billing_invoices: id = named("in"), state = nothing(), created_at = now);
        put!(billing_reversals: charge = named("ch"), kind = "refund", amount = 1, currency = "eur", seen_at = now);
        put!(billing_events: id = named("evt"), kind = "x", handled = true, created_at = now, received_at = now);
        put!(billing_requests: id = request, kind = "x", method = "post", path = "/", form = nothing(), state = "done",
            created_at = now);
        put!(billing_notices: kind = "x", subject = "y", sent_at = now);
        put!(views_of_deleted_bars: bar_id = bar, hour = 1, views = 1);
        let version = policies::current(tx)?.terms.id;
        let window = policies::NewWindow {
            member,
            message: None,
        };
        policies::insert_windows(tx, version, now, now, &[window])?;
        diesel::insert_into(bar_scripts::table)
            .values(script)
            .execute(tx)?;
        diesel::insert_into(webhook_deliveries::table)
            .values(delivery)
            .execute(tx)?;
        Ok::<_, db::Error>(())
    });
    kept.await.unwrap();
    crate::notices::announce(app, stage.member).await;
    let wishes = json!({ "addresses": [], "users": true });
    owner.put(&own("/own-visits"), wishes).await.expect(200);
    owner.get(&own("")).await.expect(200); // in a browser that is now one of the member's own
    app.run_jobs().await;
    app.mailbox.take();
    let empty: Vec<String> = rows_of(app, stage.member)
        .await
        .into_iter()
        .filter_map(|(table, rows)| (rows == 0).then_some(table))
        .collect();
    assert!(
        empty.is_empty(),
        "tables that this test has to put something into: {empty:?}"
    );
    (stage, owner)
}

fn event(app: &TestApp, stage: &Stage) -> Value {
    let id = contactbar::ids::EventId::new(&app.clock, &app.random)
        .uuid()
        .simple()
        .to_string();
    json!({ "b": stage.bar.key.to_string(), "i": id, "k": "view", "v": "a", "u": "https://shop.example/" })
}

/// Shows the bar; answers what was not counted, and why.
async fn view(app: &TestApp, stage: &Stage) -> String {
    let call = app
        .client()
        .call(Method::POST, "/e")
        .header("content-type", "text/plain");
    let answer = call
        .header("user-agent", FIREFOX)
        .body(event(app, stage).to_string())
        .send()
        .await;
    assert_eq!(answer.status, 204);
    answer.header("x-contactbar-dropped").to_owned()
}

both_databases! {
    /// Promises 5, 26 and 41.
    async fn a_member_ends_after_thirty_days_and_nobody_else_does(app: TestApp) {
        let (ada, owner) = full(&app, "ada").await;
        let (bob, _) = full(&app, "bob").await;
        app.clock.advance(Duration::from_micros(1_234_567)); // the end is met to the microsecond
        let cara = app.with_colleague("cara@example.com", ada.member, Role::Editor).await;
        let ending = format!("/api/v1/members/{}/ending", ada.member);
        let bar = format!("/api/v1/bars/{}", ada.bar.id);
        let password = || json!({ "password": team::PASSWORD });
        owner.post(&ending, json!({ "password": "not the one" })).await.problem(403);
        assert_eq!(view(&app, &ada).await, "");

        let told = owner.post(&ending, password()).await.expect(200);
        let until = |told: &Value| told["ends_at"].as_str().unwrap().parse::<Timestamp>().unwrap();
        assert_eq!(until(&told), app.clock.now() + DAY * 30);
        assert_eq!(view(&app, &ada).await, "paused=1", "off at once");
        assert_eq!(view(&app, &bob).await, "");
        assert_eq!(owner.get(&bar).await.expect(200)["state"], "active", "as it was, for its return");
        let mails = app.mails().await;
        let to: Vec<String> = mails.iter().map(|mail| mail.to.to_string()).collect();
        assert_eq!(to, ["ada@shop.example"], "every owner, and nobody else");
        assert!(mails[0].text.contains("2026") && mails[0].text.contains("settings/account"), "{}", mails[0].text);

        app.clock.advance(DAY);
        let again = owner.post(&ending, password()).await.expect(200);
        assert_eq!(until(&again), until(&told), "the date stays");
        let kept = owner.delete(&ending).await.expect(200);
        assert!(kept["ends_at"].is_null(), "{kept}");
        owner.delete(&ending).await.expect(200);
        assert_eq!(view(&app, &ada).await, "", "on again");
        let mails = app.mails().await;
        let to: Vec<String> = mails.iter().map(|mail| mail.to.to_string()).collect();
        assert_eq!(to, ["ada@shop.example"], "every owner, and once");
        assert!(mails[0].subject.ends_with("stays with Contactbar"), "{}", mails[0].subject);
        assert!(mails[0].text.contains("Nothing is deleted") && mails[0].text.contains("/bars"), "{}", mails[0].text);
        app.clock.advance(MINUTE);
        let last = owner.post(&ending, password()).await.expect(200);
        app.mails().await;
        let actions = owner.get("/api/v1/audit-log?limit=3").await.expect(200);
        assert_eq!(actions["items"][0]["action"], "member.ending");
        assert_eq!(actions["items"][1]["action"], "member.ending_withdrawn");

        app.clock.advance(until(&last).since(app.clock.now()) - MINUTE);
        app.run_jobs().await; // the end that was withdrawn comes to nothing
        assert!(rows_of(&app, ada.member).await["contacts"] > 0);
        let owner = team::log_in(&app, "ada@shop.example").await;
        app.clock.advance(MINUTE);
        owner.delete(&ending).await.problem(409);
        let neighbour = rows_of(&app, bob.member).await;
        app.mails().await;

        let mut left = rows_of(&app, ada.member).await;
        assert!(left.remove("audit_log").unwrap() > 3, "the record stays");
        assert!(left.remove("policy_decisions").unwrap() >= 2, "the proof of what it agreed to stays, under a pseudonym");
        left.retain(|_, rows| *rows > 0);
        assert_eq!(left, BTreeMap::new());
        assert_eq!(rows_of(&app, bob.member).await, neighbour);
        let log_in = async |email: &str, password: &str| app.client().log_in(email, password).await;
        log_in("ada@shop.example", team::PASSWORD).await.problem(401);
        let session = log_in("cara@example.com", PASSWORD).await.expect(201);
        assert_eq!(session["member"]["member_id"], cara.member.to_string(), "she has a member of her own");
        assert!(!app.client().get(&format!("/b/{}.js", ada.bar.key)).await.text().contains("Hello"));

        // A job that ran half-way runs again.
        let (job, now) = (JobId::new(&app.clock, &app.random), app.clock.now());
        let again = NewJob {
            id: job,
            kind: "accounts.end_member",
            payload: json!({ "member": ada.member, "ends_at": until(&last) }),
            run_at: now,
            unique_key: None,
        };
        app.db.write(move |tx| jobs::enqueue(tx, &again)).await.unwrap();
        app.run_jobs().await;
        assert_eq!(rows_of(&app, bob.member).await, neighbour);
        app.mailbox.take();
    }

    async fn a_user_goes_at_once_unless_they_are_the_last_owner(app: TestApp) {
        let bob = app.with_owner("bob@example.com").await;
        let cara = app.with_colleague("cara@example.com", bob.member, Role::Editor).await;
        let password = json!({ "password": PASSWORD });
        cara.client.post("/api/v1/users/me/deletion", json!({ "password": "not mine" })).await.problem(403);
        let refused = cara.client.post("/api/v1/users/me/deletion", password.clone()).await;
        refused.problem(409);
        let said = refused.json();
        assert!(said["detail"].as_str().unwrap().contains("“Bloom & Co”"), "{said}");
        assert_eq!(said["type"], "urn:contactbar:problem:last-owner");
        app.with_colleague("dora@example.com", cara.member, Role::Owner).await;
        app.clock.advance(MINUTE);
        let gone = cara.client.post("/api/v1/users/me/deletion", password).await;
        assert_eq!((gone.status, gone.header("set-cookie").to_lowercase().contains("max-age=0")), (204, true));
        cara.client.log_in("cara@example.com", PASSWORD).await.problem(401);
        let team = bob.client.get(&format!("/api/v1/members/{}/users", bob.member)).await.expect(200);
        assert_eq!(team["items"].as_array().unwrap().len(), 1);
        let log = bob.client.get("/api/v1/audit-log?limit=1").await.expect(200);
        assert_eq!(log["items"][0]["action"], "team.user_left");
        app.mails().await;
    }
}
