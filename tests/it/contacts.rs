//! What visitors leave: kept once or refused with a reason, told to those who want to know, worked through, exported,
//! and never shown to another member.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use contactbar::accounts::api_tokens::NewApiToken;
use contactbar::accounts::{Access, NewPassword, Principal, Role, Scope, SignedIn};
use contactbar::audit::Actor;
use contactbar::bars::configuration::Configuration;
use contactbar::bars::{Bar, NewBar, Note, Settings};
use contactbar::clock::{DAY, HOUR};
use contactbar::contacts::SendDigests;
use contactbar::db::{self, schema};
use contactbar::ids::{ContactId, MemberId, SessionId, SubmissionId};
use contactbar::jobs::{Attempt, Handler};
use contactbar::mail::{EmailAddress, Language};
use diesel::prelude::*;
use poem::http::Method;
use serde_json::{Value, json};

use crate::support::{Answer, Call, Client, TestApp};
use crate::tracking::another_process;

const FIREFOX: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:132.0) Gecko/20100101 Firefox/132.0";

/// A member with a published form, and a token for all that contacts and webhooks allow.
pub struct Stage {
    pub app: TestApp,
    pub member: MemberId,
    pub bar: Bar,
    pub client: Client,
    posts: AtomicU32,
}

fn configuration() -> Configuration {
    Configuration::from_json(&json!({
        "default_language": "en",
        "variants": [{
            "key": "a", "weight": 100,
            "goal": {"kind": "contact", "consent": {"required": false}, "fields": [
                {"name": "email", "kind": "email"},
                {"name": "name", "kind": "name"},
                {"name": "phone", "kind": "phone"},
                {"name": "message", "kind": "message"}
            ]},
            "texts": {
                "en": {"message": "Hello", "button": "Send", "success": "Thank you!", "consent": "I agree to be called"},
                "de": {"message": "Hallo", "button": "Senden", "success": "Danke!", "consent": "Ich stimme zu"}
            }
        }]
    }))
    .unwrap()
}

impl Stage {
    pub async fn new(app: &TestApp, name: &str) -> Self {
        Self::with(app, name, json!({}), &[]).await
    }

    pub async fn with(app: &TestApp, name: &str, settings: Value, hosts: &[&str]) -> Self {
        let email: EmailAddress = format!("{name}@shop.example").parse().unwrap();
        let password = NewPassword::parse("seven quiet herons wade".to_owned(), None).unwrap();
        app.migrate().await.unwrap(); // posts the first policies
        let opened = app
            .accounts
            .open_account(email, password, name.parse().unwrap(), Language::En)
            .await;
        let (user, member) = opened.unwrap();
        let session = SessionId::new(&app.clock, &app.random);
        let signed_in = SignedIn {
            user,
            session,
            membership: Some((member, Role::Owner)),
        };
        let access = Access {
            member,
            user: Some(user),
            role: Some(Role::Owner),
            principal: Principal::User(signed_in),
        };
        let scopes = [
            Scope::ContactsRead,
            Scope::ContactsWrite,
            Scope::WebhooksRead,
            Scope::WebhooksWrite,
        ];
        let new = NewApiToken {
            name: "test".parse().unwrap(),
            scopes: BTreeSet::from(scopes),
            expires_at: None,
        };
        let (_, token) = app.accounts.create_token(&access, new).await.unwrap();
        let new = NewBar {
            name: "Spring offer".parse().unwrap(),
            configuration: configuration(),
            allowed_hosts: hosts.iter().map(|host| host.parse().unwrap()).collect(),
            settings: serde_json::from_value::<Settings>(settings)
                .unwrap()
                .check()
                .unwrap(),
        };
        let bar = app.bars.create(member, Actor::System, new).await.unwrap();
        let published = app
            .bars
            .publish(member, Actor::System, bar.id, None, Note::default())
            .await;
        app.run_jobs().await;
        app.mailbox.take(); // that a token was made
        Self {
            app: app.clone(),
            member,
            bar: published.unwrap().unwrap(),
            client: app.client().with_token(token.reveal()),
            posts: AtomicU32::new(0),
        }
    }

    fn path(&self) -> String {
        format!("/b/{}/contacts", self.bar.key)
    }

    /// A post like no other.
    fn post(&self, fields: Value) -> Value {
        let number = self.posts.fetch_add(1, Ordering::SeqCst);
        json!({
            "i": format!("{number:032x}"), "v": "a", "u": "https://shop.example/pricing?utm_source=news",
            "r": "https://news.example/today", "t": 5000, "l": "en", "f": fields,
        })
    }

    async fn send(&self, post: &Value) -> Answer {
        self.call("127.0.0.1:50000").body(post.to_string()).send().await
    }

    /// Leaves details; each visitor from an address of their own.
    pub async fn leave(&self, fields: Value) -> Value {
        let post = self.post(fields);
        let peer = format!("203.0.113.{}:40000", self.posts.load(Ordering::SeqCst) % 250);
        self.call(&peer).body(post.to_string()).send().await.expect(200)
    }

    /// A browser's.
    fn call(&self, peer: &str) -> Call {
        let call = self.app.client().call(Method::POST, &self.path()).peer_at(peer);
        call.header("content-type", "text/plain")
            .header("user-agent", FIREFOX)
    }

    async fn list(&self, query: &str) -> Vec<Value> {
        let page = self
            .client
            .get(&format!("/api/v1/contacts{query}"))
            .await
            .expect(200);
        page["items"].as_array().unwrap().clone()
    }

    pub async fn only_contact(&self) -> Value {
        let contacts = self.list("").await;
        assert_eq!(contacts.len(), 1, "{contacts:#?}");
        contacts[0].clone()
    }

    async fn counted(&self) -> (i64, Vec<(String, i64)>) {
        self.app.tracking.catch_up().await.unwrap();
        let (member, bar) = (self.member, self.bar.id);
        let read = self.app.db.read(move |conn| {
            use schema::{hourly_counts, hourly_drops};
            let submissions: Vec<i64> = hourly_counts::table
                .filter(hourly_counts::member_id.eq(member))
                .filter(hourly_counts::bar_id.eq(bar))
                .filter(hourly_counts::dimension.eq("total"))
                .select(hourly_counts::submissions)
                .load(conn)?;
            let drops = hourly_drops::table
                .filter(hourly_drops::member_id.eq(member))
                .select((hourly_drops::reason, hourly_drops::dropped))
                .load(conn)?;
            Ok::<_, db::Error>((submissions.iter().sum(), drops))
        });
        read.await.unwrap()
    }

    async fn mails(&self) -> Vec<contactbar::mail::Outgoing> {
        self.app.run_jobs().await;
        self.app.mailbox.take()
    }
}

fn id(value: &Value) -> String {
    value["id"].as_str().unwrap().to_owned()
}

fn contact_path(contact: &Value, rest: &str) -> String {
    format!("/api/v1/contacts/{}{rest}", id(contact))
}

both_databases! {
    async fn a_form_post_is_kept_whole_and_told(app: TestApp) {
        let stage = Stage::new(&app, "ada").await;
        let mut post = stage.post(json!({"email": "Jo@Example.com", "name": "Jo", "message": "Hi\r\nthere"}));
        post["c"] = true.into();
        post["l"] = "de-AT".into();
        let answer = stage.send(&post).await;
        assert_eq!(answer.expect(200), json!({ "message": "Danke!" }));
        assert_eq!(answer.header("access-control-allow-origin"), "*");
        let contact = stage.only_contact().await;
        assert_eq!((&contact["email"], &contact["name"], &contact["status"]), (&json!("jo@example.com"), &json!("Jo"), &json!("new")));
        let latest = &contact["latest"];
        assert_eq!(latest["fields"][0]["value"], "Jo@Example.com");
        assert_eq!(latest["fields"][2]["value"], "Hi\nthere");
        assert_eq!((&latest["host"], &latest["path"], &latest["referrer_host"]), (&json!("shop.example"), &json!("/pricing"), &json!("news.example")));
        assert_eq!((&latest["consent_text"], &latest["consented_at"]), (&json!("Ich stimme zu"), &json!("2026-11-22T10:00:00Z")));
        assert_eq!(stage.counted().await, (1, vec![]));
        let mails = stage.mails().await;
        assert_eq!(mails.len(), 1);
        assert_eq!(mails[0].to.as_str(), "ada@shop.example");
        assert_eq!(mails[0].reply_to.as_ref().unwrap().as_str(), "Jo@example.com");
        assert!(mails[0].text.contains("Jo@Example.com") && mails[0].text.contains("shop.example/pricing"), "{}", mails[0].text);
    }

    async fn what_does_not_fit_is_refused_and_kept_nowhere(app: TestApp) {
        let stage = Stage::with(&app, "ada", json!({}), &["shop.example"]).await;
        let fields = json!({"email": "jo@example.com"});
        let with = |name: &str, value: Value| {
            let mut post = stage.post(fields.clone());
            post[name] = value;
            post
        };
        assert_eq!(stage.send(&with("u", json!("https://evil.example/"))).await.status, 403);
        assert_eq!(stage.send(&with("v", json!("z"))).await.problem(422), ["v: The form has changed meanwhile: please load the page again."]);
        assert_eq!(stage.send(&with("i", json!("short"))).await.problem(422), ["i: must be 32 hexadecimal digits"]);
        assert_eq!(stage.send(&with("extra", json!(1))).await.status, 422);
        for (field, value, words) in [
            ("email", json!("jo"), "Please enter an email address."),
            ("phone", json!("call me"), "Please enter a phone number."),
            ("name", json!("a\u{0}b"), "This has characters in it that can't be taken."),
            ("name", json!("x".repeat(201)), "This is too long."),
            ("message", json!("my card: 4242 4242 4242 4242"), "This looks like a card number. Please leave it out."),
            ("other", json!("x"), "This form has no such field."),
        ] {
            let answer = stage.send(&with("f", json!({ field: value }))).await;
            assert_eq!(answer.problem(422)[0], format!("{field}: {words}"));
        }
        assert_eq!(stage.send(&with("f", json!({}))).await.problem(422), ["email: Please fill this in."]);
        let call = |path: &str| app.client().call(Method::POST, path);
        let body = stage.post(fields.clone()).to_string();
        assert_eq!(call("/b/0000000000/contacts").header("content-type", "text/plain").body(body.clone()).send().await.status, 404);
        assert_eq!(call("/b/x/contacts").header("content-type", "text/plain").body(body.clone()).send().await.status, 404);
        assert_eq!(call(&stage.path()).header("content-type", "text/html").body(body.clone()).send().await.status, 415);
        assert_eq!(call(&stage.path()).header("content-type", "text/plain").body("{").send().await.status, 400);
        let from = |origin: &str| call(&stage.path()).peer_at("203.0.113.9:1").header("content-type", "text/plain").header("origin", origin).body(body.clone());
        assert_eq!(from("https://evil.example").send().await.status, 403);
        app.bars.pause(stage.member, Actor::System, stage.bar.id).await.unwrap();
        assert_eq!(from("https://shop.example").send().await.status, 404);
        assert_eq!(stage.list("").await, Vec::<Value>::new());
        assert_eq!(stage.counted().await, (0, vec![]));
    }

    async fn one_address_posts_only_so_often(app: TestApp) {
        let stage = Stage::new(&app, "ada").await;
        let post = stage.post(json!({"email": "jo@example.com"}));
        for _ in 0..20 {
            stage.send(&post).await.expect(200);
        }
        let answer = stage.send(&post).await;
        assert_eq!((answer.status, answer.header("retry-after")), (429, "3"));
        assert_eq!(stage.mails().await.len(), 1);
    }

    async fn a_post_sent_twice_is_kept_once(app: TestApp) {
        let stage = Stage::new(&app, "ada").await;
        let post = stage.post(json!({"name": "Jo"}));
        let (a, b) = tokio::join!(stage.send(&post), stage.send(&post));
        let c = stage.send(&post).await;
        for answer in [a, b, c] {
            assert_eq!(answer.expect(200), json!({ "message": "Thank you!" }));
        }
        assert_eq!(stage.only_contact().await["submissions"], 1);
        assert_eq!(stage.counted().await, (1, vec![]));
        assert_eq!(stage.mails().await.len(), 1);
    }

    async fn posts_with_one_address_are_one_contact(app: TestApp) {
        let stage = Stage::with(&app, "ada", json!({"notification": {"mode": "off"}}), &[]).await;
        stage.leave(json!({"email": "jo@example.com", "name": "Jo", "phone": "030 901820"})).await;
        let contact = stage.only_contact().await;
        stage.client.patch(&contact_path(&contact, ""), json!({"status": "done"})).await.expect(200);
        app.clock.advance(HOUR);
        stage.leave(json!({"email": "JO@example.com", "name": "Jo Lind"})).await;
        stage.leave(json!({"name": "No address"})).await;
        stage.leave(json!({"name": "No address"})).await;
        let contacts = stage.list("?sort=oldest").await;
        assert_eq!(contacts.len(), 3);
        let jo = &contacts.iter().find(|c| c["email"] == "jo@example.com").unwrap();
        assert_eq!((&jo["submissions"], &jo["name"], &jo["phone"], &jo["status"]), (&json!(2), &json!("Jo Lind"), &json!("030 901820"), &json!("new")));
        let detail = stage.client.get(&contact_path(jo, "")).await.expect(200);
        assert_eq!(detail["submissions"].as_array().unwrap().len(), 2);
        assert_eq!(detail["submissions"][1]["fields"][1]["value"], "Jo");
    }

    async fn a_machine_is_told_the_same_and_kept_nowhere(app: TestApp) {
        let stage = Stage::new(&app, "ada").await;
        let mut hasty = stage.post(json!({"email": "jo@example.com"}));
        hasty["t"] = 100.into();
        let mut caught = stage.post(json!({"email": "jo@example.com"}));
        caught["h"] = "http://spam.example".into();
        for post in [hasty, caught] {
            assert_eq!(stage.send(&post).await.expect(200), json!({ "message": "Thank you!" }));
        }
        assert_eq!(stage.list("").await, Vec::<Value>::new());
        assert_eq!(stage.counted().await, (0, vec![("automated_form".to_owned(), 2)]));
    }

    // Promise 44.
    async fn who_opted_out_is_kept_and_not_counted(app: TestApp) {
        let stage = Stage::with(&app, "ada", json!({"notification": {"mode": "off"}}), &[]).await;
        let mut post = stage.post(json!({"email": "jo@example.com"}));
        post["o"] = true.into();
        stage.send(&post).await.expect(200);
        stage.only_contact().await;
        assert_eq!(stage.counted().await.0, 0);
    }

    async fn a_digest_comes_once_in_the_morning(app: TestApp) {
        let settings = json!({"notification": {"mode": "daily", "recipients": ["team@shop.example"]}});
        let stage = Stage::with(&app, "ada", settings, &[]).await;
        stage.leave(json!({"email": "jo@example.com"})).await;
        stage.leave(json!({"email": "sam@example.com"})).await;
        app.jobs.enqueue_due_schedules().await.unwrap();
        assert_eq!(stage.mails().await.len(), 0);
        app.clock.advance(Duration::from_secs(22 * 3600)); // 08:00 in UTC, the member's time zone
        app.jobs.enqueue_due_schedules().await.unwrap();
        let mails = stage.mails().await;
        assert_eq!(mails.len(), 1);
        assert_eq!(mails[0].to.as_str(), "team@shop.example");
        assert!(mails[0].text.contains("jo@example.com") && mails[0].text.contains("sam@example.com"), "{}", mails[0].text);
        app.clock.advance(DAY);
        app.jobs.enqueue_due_schedules().await.unwrap();
        assert_eq!(stage.mails().await.len(), 0);
    }

    async fn a_digest_that_two_processes_send_at_once_is_sent_once(app: TestApp) {
        let settings = json!({"notification": {"mode": "daily", "recipients": ["team@shop.example"]}});
        let stage = Stage::with(&app, "ada", settings, &[]).await;
        let (other, _) = another_process(&app, &[]);
        for day in 0..5 {
            stage.leave(json!({"email": format!("jo{day}@example.com")})).await;
            app.clock.advance(DAY);
            // A process that lost its lease goes on; another has taken the job over.
            let run = Attempt { number: 1, last: false };
            let (one, another) = (SendDigests(app.contacts.clone()), SendDigests(other.contacts.clone()));
            let (one, another) = tokio::join!(one.run((), run), another.run((), run));
            assert!(one.is_ok() && another.is_ok());
            let mails = stage.mails().await;
            assert_eq!(mails.len(), 1, "day {day}");
            assert!(mails[0].text.contains(&format!("jo{day}@example.com")), "{}", mails[0].text);
        }
    }

    async fn a_visitor_is_answered_once_a_day(app: TestApp) {
        let settings = json!({
            "notification": {"mode": "off"},
            "autoresponse": {"enabled": true, "texts": {"en": {"subject": "Thanks", "text": "We write back."}}},
        });
        let stage = Stage::with(&app, "ada", settings, &[]).await;
        stage.leave(json!({"email": "Jo@example.com"})).await;
        stage.leave(json!({"email": "jo@example.com"})).await;
        stage.leave(json!({"name": "No address"})).await;
        let mails = stage.mails().await;
        assert_eq!(mails.iter().map(|mail| (mail.to.as_str(), mail.subject.as_str())).collect::<Vec<_>>(), [("jo@example.com", "Thanks")]);
        assert!(mails[0].unsubscribe.is_some());
        app.clock.advance(DAY);
        stage.leave(json!({"email": "jo@example.com"})).await;
        assert_eq!(stage.mails().await.len(), 1);
    }

    async fn contacts_are_found_in_pages(app: TestApp) {
        let stage = Stage::with(&app, "ada", json!({"notification": {"mode": "off"}}), &[]).await;
        for (email, message) in [("a@x.example", "Rosen für Änne"), ("b@x.example", "100% rabatt"), ("c@y.example", "1000 rabatt")] {
            stage.leave(json!({"email": email, "message": message})).await;
            app.clock.advance(HOUR);
        }
        let emails = async |query: &str| -> Vec<String> {
            stage.list(query).await.iter().map(|c| c["email"].as_str().unwrap()[..1].to_owned()).collect()
        };
        assert_eq!(emails("").await, ["c", "b", "a"]);
        assert_eq!(emails("?sort=oldest").await, ["a", "b", "c"]);
        assert_eq!(emails("?search=X.EXAMPLE+rab").await, ["b"]);
        assert_eq!(emails("?search=%C3%84NNE").await, ["a"]);
        assert_eq!(emails("?search=100%25").await, ["b"]);
        assert_eq!(emails("?search=%5C").await, [""; 0]);
        assert_eq!(emails("?from=2026-11-22T11:00:00Z&to=2026-11-22T12:00:00Z").await, ["b"]);
        assert_eq!(emails("?from=0000-01-01T00:00:00Z").await, ["c", "b", "a"]);
        assert_eq!(emails(&format!("?bar={}", stage.bar.id)).await, ["c", "b", "a"]);
        assert_eq!(emails("?bar=bar_01jd3k8q9x7v2m5n6p4r8s0tbw&status=new").await, [""; 0]);
        for sort in ["newest", "oldest", "changed"] {
            let (mut seen, mut after) = (Vec::new(), String::new());
            loop {
                let page = stage.client.get(&format!("/api/v1/contacts?limit=2&sort={sort}{after}")).await.expect(200);
                seen.extend(page["items"].as_array().unwrap().iter().map(id));
                let Some(next) = page["next_cursor"].as_str() else { break };
                after = format!("&after={next}");
            }
            assert_eq!((seen.len(), seen.iter().collect::<BTreeSet<_>>().len()), (3, 3), "{sort}");
        }
        for query in ["?search=a%00b", "?status=old", "?after=x", "?limit=0", "?limit=201", "?tag=", "?bar=x"] {
            let status = stage.client.get(&format!("/api/v1/contacts{query}")).await.status;
            assert!([400, 422].contains(&status), "{query}: {status}");
        }
    }

    /// On SQLite the index of words is kept by triggers.
    async fn a_search_knows_what_was_changed_and_nothing_of_what_was_deleted(app: TestApp) {
        let stage = Stage::with(&app, "ada", json!({"notification": {"mode": "off"}}), &[]).await;
        for n in 0..3 {
            stage.leave(json!({"email": format!("jo{n}@example.com"), "name": "Rabbit"})).await;
        }
        let contacts = stage.list("?search=rabbit").await;
        assert_eq!(contacts.len(), 3);
        stage.client.patch(&contact_path(&contacts[0], ""), json!({"name": "Badger \"B\" O'Neil"})).await.expect(200);
        stage.client.delete(&contact_path(&contacts[1], "")).await.expect(204);
        // What was sent stays what it was.
        for (search, found) in [("rabbit", 2), ("badger", 1), ("%22b%22", 1), ("o%27neil", 1), ("ab", 2), ("jo", 2), ("example+jo", 2)] {
            assert_eq!(stage.list(&format!("?search={search}")).await.len(), found, "{search}");
        }
    }

    async fn a_contact_is_worked_through(app: TestApp) {
        let stage = Stage::with(&app, "ada", json!({"notification": {"mode": "off"}}), &[]).await;
        stage.leave(json!({"email": "jo@example.com"})).await;
        stage.leave(json!({"email": "sam@example.com", "name": "Sam"})).await;
        let contacts = stage.list("").await;
        let (jo, sam) = (contacts.iter().find(|c| c["email"] == "jo@example.com").unwrap(), contacts.iter().find(|c| c["email"] == "sam@example.com").unwrap());
        let client = &stage.client;
        app.clock.advance(HOUR);

        // Changes: what is left out stays, null removes, another's address is theirs.
        let changed = client.patch(&contact_path(sam, ""), json!({"name": null, "phone": "+49 30 1234567", "status": "open"})).await.expect(200);
        assert_eq!((changed.get("name"), &changed["phone"], &changed["status"]), (None, &json!("+49 30 1234567"), &json!("open")));
        assert_eq!((&changed["collected_at"], &changed["email"]), (&json!("2026-11-22T11:00:00Z"), &json!("sam@example.com")));
        client.patch(&contact_path(sam, ""), json!({"email": "JO@example.com"})).await.problem(409);
        assert_eq!(client.patch(&contact_path(sam, ""), json!({"email": "x", "member_id": 1})).await.status, 422);
        assert_eq!(client.patch(&contact_path(sam, ""), json!({"name": "4242 4242 4242 4242"})).await.status, 422);
        assert_eq!(stage.list("?search=1234567").await.len(), 1);

        // Tags.
        client.put(&contact_path(jo, "/tags/VIP%20Kunde"), json!(null)).await.expect(204);
        client.put(&contact_path(jo, "/tags/vip%20kunde"), json!(null)).await.expect(204);
        assert_eq!(client.get("/api/v1/tags").await.expect(200), json!({"items": [{"tag": "vip kunde", "contacts": 1}]}));
        assert_eq!(stage.list("?tag=vip+kunde").await.len(), 1);
        client.delete(&contact_path(sam, "/tags/vip%20kunde")).await.expect(204);

        // Notes.
        let note = client.post(&contact_path(jo, "/notes"), json!({"text": " called\r\nback "})).await.expect(201);
        assert_eq!(note["text"], "called\nback");
        assert_eq!(client.post(&contact_path(jo, "/notes"), json!({"text": "a\u{0}"})).await.status, 422);
        assert_eq!(client.get(&contact_path(jo, "/notes")).await.expect(200)["items"].as_array().unwrap().len(), 1);

        // Many at once.
        let both = json!([jo["id"], sam["id"], "con_01jd3k8q9x7v2m5n6p4r8s0tbw"]);
        let done = client.post("/api/v1/contacts/bulk", json!({"ids": both, "action": "add_tag", "tag": "autumn"})).await.expect(200);
        assert_eq!(done, json!({"done": 2, "missing": ["con_01jd3k8q9x7v2m5n6p4r8s0tbw"]}));
        assert_eq!(client.post("/api/v1/contacts/bulk", json!({"ids": both, "action": "set_status"})).await.problem(422), ["status: is needed for this action"]);
        client.post("/api/v1/contacts/bulk", json!({"ids": both, "action": "set_status", "status": "spam"})).await.expect(200);
        assert_eq!(stage.list("?status=spam").await.len(), 2);

        // Merging.
        assert_eq!(client.post(&contact_path(jo, "/merge"), json!({"from": jo["id"]})).await.status, 422);
        let merged = client.post(&contact_path(sam, "/merge"), json!({"from": jo["id"]})).await.expect(200);
        assert_eq!((&merged["submissions"], &merged["tags"], &merged["email"]), (&json!(2), &json!(["autumn", "vip kunde"]), &json!("sam@example.com")));
        assert_eq!(client.get(&contact_path(jo, "")).await.status, 404);
        let detail = client.get(&contact_path(sam, "")).await.expect(200);
        assert_eq!((detail["submissions"].as_array().unwrap().len(), detail["notes"].as_array().unwrap().len()), (2, 1));
        assert_eq!(stage.list("?search=jo@example").await.len(), 1);

        // The end.
        let path = contact_path(sam, &format!("/notes/{}", id(&note)));
        client.delete(&path).await.expect(204);
        assert_eq!(client.delete(&path).await.status, 404);
        client.delete(&contact_path(sam, "")).await.expect(204);
        assert_eq!(client.delete(&contact_path(sam, "")).await.status, 404);
        let left = app.db.read(|conn| Ok::<i64, db::Error>(schema::submissions::table.count().get_result(conn)?)).await;
        assert_eq!((stage.list("").await.len(), left.unwrap()), (0, 0));
    }

    async fn an_export_runs_no_formula_and_leaves_nobody_out(app: TestApp) {
        let stage = Stage::with(&app, "ada", json!({"notification": {"mode": "off"}}), &[]).await;
        stage.leave(json!({"email": "jo@example.com", "name": "=HYPERLINK(\"http://evil.example\")", "phone": "+49 30 901820", "message": "@SUM(1)\nänd"})).await;
        let answer = stage.client.get("/api/v1/contacts.csv?bom=true").await;
        let rows = csv::Reader::from_reader(answer.text().as_bytes()).records().count();
        assert_eq!(answer.header("x-total-count"), rows.to_string());
        assert_eq!((answer.status, answer.header("content-type"), answer.header("content-disposition")), (200, "text/csv", "attachment; filename=\"contacts.csv\""));
        let text = answer.text().strip_prefix('\u{feff}').unwrap();
        let mut reader = csv::Reader::from_reader(text.as_bytes());
        let names: Vec<String> = reader.headers().unwrap().iter().map(str::to_owned).collect();
        let row = reader.records().next().unwrap().unwrap();
        let cell = |name: &str| row.get(names.iter().position(|n| n == name).unwrap()).unwrap();
        assert_eq!((cell("email"), cell("name"), cell("phone")), ("jo@example.com", "'=HYPERLINK(\"http://evil.example\")", "'+49 30 901820"));
        assert_eq!((cell("page"), cell("status")), ("shop.example/pricing", "new"));
        assert!(cell("fields").ends_with("@SUM(1)\nänd"), "{}", cell("fields"));

        // More than two pages, all of the same moment.
        let (member, app_copy) = (stage.member, app.clone());
        app.db.write(move |tx| {
            use schema::contacts::dsl;
            let policy = dsl::contacts.select(dsl::policy_version_id).first::<contactbar::ids::PolicyVersionId>(tx)?;
            let now = app_copy.clock.now();
            for number in 0..1200 {
                diesel::insert_into(dsl::contacts).values((
                    dsl::id.eq(ContactId::new(&app_copy.clock, &app_copy.random)), dsl::member_id.eq(member),
                    dsl::email.eq(format!("{number}@x.example")), dsl::status.eq("new"), dsl::search.eq(""), dsl::submissions.eq(1),
                    dsl::first_submitted_at.eq(now), dsl::last_submitted_at.eq(now),
                    dsl::last_submission_id.eq(SubmissionId::new(&app_copy.clock, &app_copy.random)),
                    dsl::policy_version_id.eq(policy), dsl::collected_at.eq(now), dsl::updated_at.eq(now),
                )).execute(tx)?;
            }
            Ok::<_, db::Error>(())
        }).await.unwrap();
        let answer = stage.client.get("/api/v1/contacts.csv").await;
        let mut reader = csv::Reader::from_reader(answer.text().as_bytes());
        let emails: Vec<String> = reader.records().map(|row| row.unwrap().get(1).unwrap().to_owned()).collect();
        assert_eq!((emails.len(), emails.iter().collect::<BTreeSet<_>>().len()), (1201, 1201));
        let filtered = stage.client.get("/api/v1/contacts.csv?search=hyperlink").await;
        assert_eq!(csv::Reader::from_reader(filtered.text().as_bytes()).records().count(), 1);
        assert_eq!(filtered.header("x-total-count"), "1");
    }

    // Promise 34.
    async fn nothing_is_shown_to_another_member(app: TestApp) {
        let (ada, eve) = (Stage::new(&app, "ada").await, Stage::new(&app, "eve").await);
        ada.leave(json!({"email": "jo@example.com"})).await;
        ada.mails().await;
        let contact = ada.only_contact().await;
        let note = ada.client.post(&contact_path(&contact, "/notes"), json!({"text": "x"})).await.expect(201);
        ada.client.put(&contact_path(&contact, "/tags/t"), json!(null)).await.expect(204);
        let hook = json!({"url": "https://hooks.example/", "event_types": ["contact.deleted"]});
        let webhook = ada.client.post("/api/v1/webhooks", hook).await.expect(201)["webhook"].clone();
        assert_eq!(eve.list("").await, Vec::<Value>::new());
        assert_eq!(eve.client.get("/api/v1/tags").await.expect(200), json!({"items": []}));
        assert_eq!(eve.client.get("/api/v1/webhooks").await.expect(200), json!({"items": []}));
        assert_eq!(eve.client.get("/api/v1/contacts.csv").await.text().lines().count(), 1);
        assert_eq!(eve.list(&format!("?bar={}", ada.bar.id)).await.len(), 0);
        let hooks = format!("/api/v1/webhooks/{}", id(&webhook));
        let empty = || json!({});
        for (method, path, body) in [
            (Method::GET, contact_path(&contact, ""), None),
            (Method::PATCH, contact_path(&contact, ""), Some(json!({"status": "done"}))),
            (Method::DELETE, contact_path(&contact, ""), None),
            (Method::PUT, contact_path(&contact, "/tags/x"), None),
            (Method::DELETE, contact_path(&contact, "/tags/t"), None),
            (Method::GET, contact_path(&contact, "/notes"), None),
            (Method::POST, contact_path(&contact, "/notes"), Some(json!({"text": "x"}))),
            (Method::DELETE, contact_path(&contact, &format!("/notes/{}", id(&note))), None),
            (Method::POST, contact_path(&contact, "/merge"), Some(json!({"from": "con_01jd3k8q9x7v2m5n6p4r8s0tbw"}))),
            (Method::GET, hooks.clone(), None),
            (Method::PATCH, hooks.clone(), Some(empty())),
            (Method::DELETE, hooks.clone(), None),
            (Method::POST, format!("{hooks}/test"), None),
            (Method::POST, format!("{hooks}/rotate-secret"), None),
            (Method::GET, format!("{hooks}/deliveries"), None),
        ] {
            let call = eve.client.call(method.clone(), &path);
            let answer = match body {
                Some(body) => call.json(&body).send().await,
                None => call.send().await,
            };
            assert_eq!(answer.status, 404, "{method} {path}: {}", answer.text());
        }
        let bulk = json!({"ids": [contact["id"]], "action": "delete"});
        assert_eq!(eve.client.post("/api/v1/contacts/bulk", bulk).await.expect(200)["done"], 0);
        let theirs = ada.only_contact().await;
        assert_eq!((&theirs["status"], &theirs["tags"]), (&json!("new"), &json!(["t"])));
    }

    async fn views_are_kept_for_the_whole_team(app: TestApp) {
        let (ada, eve) = (Stage::new(&app, "ada").await, Stage::new(&app, "eve").await);
        let views = "/api/v1/contact-views";
        let query = json!({ "search": " jo ", "status": "open", "tag": "VIP", "bar": ada.bar.id, "from": "2026-11-01T00:00:00Z", "sort": "oldest" });
        let made = ada.client.post(views, json!({ "name": "Brides", "query": query })).await.expect(201);
        let kept = json!({ "search": "jo", "status": "open", "tag": "vip", "bar": ada.bar.id, "from": "2026-11-01T00:00:00Z", "sort": "oldest" });
        assert_eq!((&made["name"], &made["query"]), (&json!("Brides"), &kept));
        assert!(id(&made).starts_with("cvw_"), "{made}");
        ada.client.post(views, json!({ "name": "All", "query": {} })).await.expect(201);
        let names = async || {
            let list = ada.client.get(views).await.expect(200);
            list["items"].as_array().unwrap().iter().map(|view| view["name"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
        };
        assert_eq!(names().await, ["All", "Brides"]);
        ada.client.post(views, json!({ "name": "Brides", "query": {} })).await.problem(409);
        eve.client.post(views, json!({ "name": "Brides", "query": {} })).await.expect(201);
        let path = format!("{views}/{}", id(&made));
        app.clock.advance(HOUR);
        let renamed = ada.client.patch(&path, json!({ "name": "Grooms" })).await.expect(200);
        assert_eq!((&renamed["name"], &renamed["query"], &renamed["created_at"]), (&json!("Grooms"), &kept, &made["created_at"]));
        assert_ne!(renamed["updated_at"], made["updated_at"]);
        let emptied = ada.client.patch(&path, json!({ "query": {} })).await.expect(200);
        assert_eq!((&emptied["name"], &emptied["query"]), (&json!("Grooms"), &json!({})));
        ada.client.patch(&path, json!({ "name": "All" })).await.problem(409);
        for body in [json!({ "name": "x\ny", "query": {} }), json!({ "name": "x", "query": { "search": "a\u{1}b" } })] {
            assert_eq!(ada.client.post(views, body).await.problem(422).len(), 1);
        }
        assert_eq!(ada.client.post(views, json!({ "name": "x", "query": { "colour": "red" } })).await.status, 422);
        eve.client.patch(&path, json!({ "name": "Mine" })).await.problem(404);
        eve.client.delete(&path).await.problem(404);
        ada.client.delete(&path).await.expect(204);
        ada.client.delete(&path).await.problem(404);
        assert_eq!(names().await, ["All"]);
        for number in 1..50 {
            ada.client.post(views, json!({ "name": format!("View {number}"), "query": {} })).await.expect(201);
        }
        ada.client.post(views, json!({ "name": "One too many", "query": {} })).await.problem(409);
    }

    async fn a_contact_has_a_story(app: TestApp) {
        let stage = Stage::new(&app, "ada").await;
        stage.leave(json!({ "email": "jo@example.com" })).await;
        let contact = stage.only_contact().await;
        assert_eq!(stage.client.get(&contact_path(&contact, "")).await.expect(200)["history"], json!([]));
        stage.client.patch(&contact_path(&contact, ""), json!({ "status": "open", "name": "Jo" })).await.expect(200);
        app.clock.advance(HOUR);
        stage.client.put(&contact_path(&contact, "/tags/vip"), json!(null)).await.expect(204);
        app.clock.advance(HOUR);
        let note = stage.client.post(&contact_path(&contact, "/notes"), json!({ "text": "x" })).await.expect(201);
        app.clock.advance(HOUR);
        stage.leave(json!({ "email": "joan@example.com" })).await;
        let other = stage.list("?search=joan").await.remove(0);
        stage.client.post(&contact_path(&contact, "/merge"), json!({ "from": other["id"] })).await.expect(200);
        let story = stage.client.get(&contact_path(&contact, "")).await.expect(200);
        let history = story["history"].as_array().unwrap();
        let actions: Vec<&str> = history.iter().map(|change| change["action"].as_str().unwrap()).collect();
        assert_eq!(actions, ["contact.merged", "contact.note_added", "contact.tagged", "contact.updated"]);
        assert_eq!((&history[0]["merged_from"], &history[1]["note"], &history[2]["tag"]), (&other["id"], &note["id"], &json!("vip")));
        assert_eq!((&history[3]["fields"], &history[3]["status"]), (&json!(["name", "status"]), &json!("open")));
        assert!(history[3]["token"].as_str().unwrap().starts_with("tok_") && history[3].get("user").is_none(), "{}", history[3]);
        assert!(!story["history"].to_string().contains("Jo"), "names of fields, never what stands in them");
        stage.mails().await;
    }
}
