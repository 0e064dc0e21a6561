//! Mails after they have left: what came back and whom that stops, who looked, what was given up, and that no domain holds up another.

use std::time::Duration;

use contactbar::clock::{DAY, HOUR, MINUTE};
use contactbar::db;
use contactbar::ids::{JobId, MessageId, UserId};
use contactbar::jobs::{self, Attempt, Handler, JobError, Pace, Priority, Runner};
use contactbar::mail::feedback::Taken;
use contactbar::mail::{Intake, Outgoing, ReadReports, SendError};
use poem::http::Method;
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::contacts::Stage;
use crate::support::{Answer, Client, TestApp};
use crate::team;

const THUNDERBIRD: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:132.0) Gecko/20100101 Thunderbird/132.0";
const SECRET: &str = "a-secret-of-more-than-32-characters";

/// A member whose owner is told of each contact by mail.
struct Post {
    app: TestApp,
    stage: Stage,
    owner: Client,
    visitors: std::cell::Cell<u32>,
}

impl Post {
    async fn new(app: &TestApp) -> Self {
        let stage = Stage::new(app, "ada").await;
        let owner = team::log_in(app, "ada@shop.example").await;
        app.run_jobs().await;
        app.mailbox.take(); // of the log-in
        Self {
            app: app.clone(),
            stage,
            owner,
            visitors: 0.into(),
        }
    }

    /// A visitor leaves details; answers the mails that this sends.
    async fn contact(&self) -> Vec<Outgoing> {
        self.visitors.set(self.visitors.get() + 1);
        let visitor = format!("jo-{}@example.com", self.visitors.get());
        self.stage.leave(json!({ "email": visitor })).await;
        self.app.run_jobs().await;
        self.app.mailbox.take()
    }

    async fn notification(&self) -> Outgoing {
        let mut mails = self.contact().await;
        assert_eq!(mails.len(), 1);
        mails.remove(0)
    }

    /// Somebody forgot the password; answers the mails.
    async fn reset(&self) -> Vec<Outgoing> {
        self.app.clock.advance(HOUR);
        let asked = json!({ "email": "ada@shop.example" });
        self.app
            .client()
            .post("/api/v1/users/password-reset", asked)
            .await
            .expect(202);
        self.app.run_jobs().await;
        self.app.mailbox.take()
    }

    async fn shown(&self, mail: &Outgoing) -> Value {
        let path = format!("/api/v1/messages/{}", id_of(mail));
        self.owner.get(&path).await.expect(200)
    }

    async fn looks(&self, mail: &Outgoing) -> (u64, u64, u64) {
        let looks = &self.shown(mail).await["looks"];
        let number = |name: &str| looks[name].as_u64().unwrap();
        (number("opens"), number("clicks"), number("by_machines"))
    }

    async fn report(&self, mail: &Outgoing, status: &str) -> Intake {
        let report = bounce(mail, status);
        self.app.mailer.take_report(report.into_bytes()).await.unwrap()
    }
}

fn id_of(mail: &Outgoing) -> MessageId {
    mail.message_id.split('@').next().unwrap().parse().unwrap()
}

fn bounce(mail: &Outgoing, status: &str) -> String {
    format!(
        "From: MAILER-DAEMON@mx.example\r\nTo: bounces@shop.example\r\nSubject: failure\r\nMIME-Version: 1.0\r\n\
         Content-Type: multipart/report; report-type=delivery-status; boundary=b\r\n\r\n--b\r\n\
         Content-Type: text/plain\r\n\r\nSorry.\r\n--b\r\nContent-Type: message/delivery-status\r\n\r\n\
         Reporting-MTA: dns; mx.example\r\n\r\nFinal-Recipient: rfc822; {to}\r\nAction: failed\r\nStatus: {status}\r\n\
         Diagnostic-Code: smtp; 550 {status} no\r\n\r\n--b\r\nContent-Type: text/rfc822-headers\r\n\r\n\
         Message-ID: <{id}>\r\nTo: {to}\r\n\r\n--b--\r\n",
        to = mail.to,
        id = mail.message_id
    )
}

/// The paths of the links, in their order, and the pixel, as they stand in the HTML.
fn paths(mail: &Outgoing, before: &str) -> Vec<String> {
    let origin = "http://localhost:8080";
    let start = format!("\"{origin}{before}");
    let found = mail.html.split(&start).skip(1);
    found
        .map(|rest| format!("{before}{}", rest.split('"').next().unwrap()))
        .collect()
}

fn pixel(mail: &Outgoing) -> String {
    let all = paths(mail, "/m/");
    assert_eq!(all.len(), 1, "{}", mail.html);
    all[0].clone()
}

fn links(mail: &Outgoing) -> Vec<String> {
    paths(mail, "/c/")
}

async fn look(app: &TestApp, path: &str, user_agent: &str) -> Answer {
    let call = app.client().call(Method::GET, path);
    call.header("user-agent", user_agent).send().await
}

async fn tell(app: &TestApp, events: Value) -> Answer {
    let call = app.client().call(Method::POST, "/mail/feedback");
    call.header("authorization", &format!("Bearer {SECRET}"))
        .json(&json!({ "events": events }))
        .send()
        .await
}

both_databases! {
    /// Promise 25; and a reset is never stopped.
    async fn a_missing_mailbox_stops_what_may_be_refused_for_ninety_days(app: TestApp) {
        let post = Post::new(&app).await;
        let mail = post.notification().await;
        assert_eq!(post.report(&mail, "5.1.1").await, Intake::Taken(Taken::Noted));
        assert_eq!(post.report(&mail, "5.1.1").await, Intake::Taken(Taken::Known), "it counts once");
        let shown = post.shown(&mail).await;
        assert_eq!(shown["state"], "sent");
        assert_eq!((&shown["error"], shown["bounced_at"].is_string()), (&json!("smtp; 550 5.1.1 no"), true));
        assert_eq!(post.contact().await, []);
        let reset = post.reset().await;
        assert_eq!(reset.len(), 1);
        assert_eq!(post.report(&reset[0], "5.1.1").await, Intake::Taken(Taken::Noted));
        let counted = app.metrics.text();
        for what in ["sent\"} 1", "bounced\"} 1", "suppressed\"} 1"] {
            let line = format!("contactbar_mails_total{{category=\"contact_notification\",outcome=\"{what}");
            assert!(counted.contains(&line), "{line} in {counted}");
        }
        app.clock.advance(DAY * 91);
        assert_eq!(post.contact().await.len(), 1, "it is over");
    }

    async fn an_address_that_is_confirmed_anew_is_written_to_again(app: TestApp) {
        let post = Post::new(&app).await;
        post.report(&post.notification().await, "5.1.1").await;
        let reset = post.reset().await.remove(0);
        let new = json!({ "token": crate::people::token_in(&reset), "password": "nine loud geese run" });
        app.client().post("/api/v1/users/password-reset/confirm", new).await.expect(204);
        app.run_jobs().await;
        app.mailbox.take(); // that it was changed
        assert_eq!(post.contact().await.len(), 1);
    }

    async fn an_address_is_written_to_again_when_a_later_mail_does_not_come_back(app: TestApp) {
        let post = Post::new(&app).await;
        post.report(&post.notification().await, "5.1.1").await;
        let first = post.reset().await.remove(0);
        app.clock.advance(DAY);
        post.report(&first, "5.1.1").await;
        app.clock.advance(DAY * 3);
        assert_eq!(post.contact().await, [], "it came back too");
        post.reset().await;
        app.clock.advance(DAY * 3 + MINUTE);
        app.run_jobs().await;
        assert_eq!(post.contact().await.len(), 1);
    }

    async fn other_bounces_stop_mails_when_they_are_many_and_for_a_week(app: TestApp) {
        let post = Post::new(&app).await;
        for _ in 0..4 {
            let mail = post.notification().await;
            assert_eq!(post.report(&mail, "4.2.2").await, Intake::Taken(Taken::Noted));
        }
        let fifth = post.notification().await;
        post.report(&fifth, "5.7.1").await;
        assert_eq!(post.contact().await, []);
        app.clock.advance(DAY * 7 + MINUTE);
        assert_eq!(post.contact().await.len(), 1);
    }

    async fn a_complaint_is_taken_for_an_unsubscription(app: TestApp) {
        let post = Post::new(&app).await;
        let mail = post.notification().await;
        let complaint = format!(
            "From: abuse@mail.example\r\nMIME-Version: 1.0\r\nContent-Type: multipart/report; report-type=feedback-report; boundary=b\r\n\r\n\
             --b\r\nContent-Type: message/feedback-report\r\n\r\nFeedback-Type: abuse\r\nUser-Agent: X/1\r\n\r\n\
             --b\r\nContent-Type: message/rfc822\r\n\r\nMessage-ID: <{}>\r\nSubject: x\r\n\r\nHello\r\n--b--\r\n",
            mail.message_id
        );
        assert_eq!(app.mailer.take_report(complaint.into_bytes()).await.unwrap(), Intake::Taken(Taken::Noted));
        assert!(post.shown(&mail).await["complained_at"].is_string());
        app.clock.advance(DAY * 400);
        assert_eq!(post.contact().await, [], "without an end");
        assert_eq!(post.reset().await.len(), 1, "a reset is never stopped");
    }

    async fn a_bounce_that_nobody_can_have_seen_changes_nothing(app: TestApp) {
        let post = Post::new(&app).await;
        let mut mail = post.notification().await;
        let unknown = MessageId::new(&app.clock, &app.random);
        mail.message_id = format!("{unknown}@localhost");
        assert_eq!(post.report(&mail, "5.1.1").await, Intake::Taken(Taken::Unknown));
        mail.message_id = format!("{unknown}@elsewhere.example");
        assert_eq!(post.report(&mail, "5.1.1").await, Intake::OfNoMail);
        assert_eq!(post.contact().await.len(), 1);
    }

    async fn a_delivery_service_reports_by_a_webhook(app: TestApp) {
        let off = app.client().call(Method::POST, "/mail/feedback").json(&json!({ "events": [] })).send().await;
        off.problem(404);
        let app = TestApp::start(app.kind(), &[&format!("--mail-feedback-secret={SECRET}")]).await;
        let post = Post::new(&app).await;
        let mail = post.notification().await;
        for header in ["", "Bearer wrong", "Basic x"] {
            let call = app.client().call(Method::POST, "/mail/feedback").header("authorization", header);
            call.json(&json!({ "events": [] })).send().await.problem(401);
        }
        let bounced = json!({ "id": "1", "kind": "bounced", "message_id": mail.message_id, "status": "5.1.1", "detail": "550\r\nno" });
        let strange = json!({ "id": "2", "kind": "bounced", "message_id": MessageId::new(&app.clock, &app.random) });
        let told = tell(&app, json!([bounced, strange, bounced])).await.expect(200);
        assert_eq!(told, json!({ "noted": 1, "known": 1, "unknown": ["2"] }));
        assert_eq!(tell(&app, json!([bounced])).await.expect(200), json!({ "noted": 0, "known": 1, "unknown": [] }));
        assert_eq!(post.shown(&mail).await["error"], "550no");
        assert_eq!(post.contact().await, []);
        let delivered = json!({ "id": "3", "kind": "delivered", "message_id": format!("<{}>", mail.message_id) });
        tell(&app, json!([delivered])).await.expect(200);
        assert_eq!(post.contact().await.len(), 1, "it arrived: the address works");

        let wrong = json!([{ "id": "", "kind": "bounced", "message_id": "x", "status": "no" }]);
        assert_eq!(
            tell(&app, wrong).await.problem(422),
            [
                "events.0.id: must have 1 to 200 characters, none of them a control character",
                "events.0.status: is not a status code such as 5.1.1",
                "events.0.message_id: is not the Message-ID of a mail of ours"
            ]
        );
        for broken in [json!([{ "id": "1" }]), json!([{ "id": "1", "kind": "read", "message_id": "x" }]), json!({})] {
            tell(&app, broken).await.problem(400);
        }
        let many: Vec<_> = (0..101).map(|n| json!({ "id": n.to_string(), "kind": "delivered", "message_id": mail.message_id })).collect();
        assert_eq!(tell(&app, json!(many)).await.problem(422), ["events: at most 100 at a time"]);
        app.mailbox.take();
    }

    async fn reports_in_a_maildir_are_read_once(app: TestApp) {
        let post = Post::new(&app).await;
        let mail = post.notification().await;
        let maildir = app.database.folder.path().join("reports");
        std::fs::create_dir_all(maildir.join("new")).unwrap();
        std::fs::write(maildir.join("new/1.mx"), bounce(&mail, "5.1.1")).unwrap();
        std::fs::write(maildir.join("new/2.mx"), "Subject: I am away\r\n\r\nUntil Monday.\r\n").unwrap();
        std::fs::write(maildir.join("new/3.mx"), vec![b'x'; 2 * 1024 * 1024]).unwrap();
        let reader = ReadReports { mailer: app.mailer.clone(), maildir: maildir.clone() };
        let attempt = Attempt { number: 1, last: false };
        for _ in 0..2 {
            reader.run((), attempt).await.unwrap();
        }
        let names = |folder: &str| -> Vec<String> {
            let entries = std::fs::read_dir(maildir.join(folder)).unwrap();
            let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
            names.sort();
            names
        };
        assert_eq!((names("new"), names("cur")), (vec![], vec!["1.mx:2,S".into(), "2.mx:2,S".into(), "3.mx:2,S".into()]));
        assert!(post.shown(&mail).await["bounced_at"].is_string());
    }

    /// Promise 15.
    async fn opens_and_clicks_of_registered_users_are_counted_people_and_machines_apart(app: TestApp) {
        let post = Post::new(&app).await;
        let mail = post.notification().await;
        let (pixel, link) = (pixel(&mail), links(&mail).remove(0));
        assert!(!mail.text.contains("/c/") && mail.text.contains("http://localhost:8080/contacts/"), "{}", mail.text);
        assert_eq!(post.looks(&mail).await, (0, 0, 0));

        look(&app, &pixel, THUNDERBIRD).await;
        assert_eq!(post.looks(&mail).await, (0, 0, 1), "nobody reads so fast");
        app.clock.advance(MINUTE);
        for proxy in ["Mozilla/5.0", "Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)", ""] {
            look(&app, &pixel, proxy).await;
        }
        let head = app.client().call(Method::HEAD, &link).header("user-agent", THUNDERBIRD).send().await;
        assert_eq!(head.status, 302);
        assert_eq!(post.looks(&mail).await, (0, 0, 5));

        let opened = look(&app, &pixel, THUNDERBIRD).await;
        assert_eq!((opened.status, opened.header("content-type"), opened.body.len()), (200, "image/gif", 43));
        assert_eq!((opened.header("cache-control"), opened.header("set-cookie")), ("no-store", ""));
        let opened_at = app.clock.now();
        app.clock.advance(MINUTE);
        look(&app, &pixel, THUNDERBIRD).await;
        let clicked = look(&app, &link, THUNDERBIRD).await;
        assert_eq!(clicked.status, 302);
        assert!(clicked.header("location").starts_with("http://localhost:8080/contacts/con_"), "{:?}", clicked.headers);
        assert_eq!(clicked.header("set-cookie"), "");
        let shown = post.shown(&mail).await;
        assert_eq!(shown["looks"]["opened_at"], opened_at.to_string());
        assert_eq!(shown["looks"]["clicked_at"], app.clock.now().to_string());
        assert_eq!(post.looks(&mail).await, (2, 1, 5));

        // What is made up leads nowhere, and says nothing.
        assert_eq!(look(&app, "/m/x.gif", THUNDERBIRD).await.status, 200);
        for path in ["/c/x", &format!("{link}x"), &pixel.replace("/m/", "/c/")] {
            look(&app, path, THUNDERBIRD).await;
        }
        assert_eq!(look(&app, "/c/x", THUNDERBIRD).await.status, 404);
        assert_eq!(look(&app, &format!("{link}?to=https://evil.example"), THUNDERBIRD).await.header("location"), clicked.header("location"));
        app.clock.advance(DAY * 181);
        app.jobs.enqueue_due_schedules().await.unwrap();
        app.run_jobs().await;
        let post = Post { owner: team::log_in(&app, "ada@shop.example").await, ..post };
        app.run_jobs().await;
        app.mailbox.take();
        assert_eq!(post.looks(&mail).await, (0, 0, 0), "forgotten");
        assert_eq!(look(&app, &link, THUNDERBIRD).await.status, 302, "and still a way");
    }

    async fn who_follows_several_links_at_once_is_no_person(app: TestApp) {
        let post = Post::new(&app).await;
        let mail = post.notification().await;
        let one = links(&mail).remove(0);
        // A second link of the same mail.
        let (message, other) = (id_of(&mail), contactbar::secrets::Token::new("", &app.random));
        let (hash, path) = (other.sha256(), format!("/c/{}", other.reveal()));
        app.db
            .write(move |tx| {
                use contactbar::db::schema::mail_tracks::dsl;
                use diesel::prelude::*;
                let row = (
                    dsl::token_sha256.eq(hash),
                    dsl::message_id.eq(message),
                    dsl::target.eq(Some("http://localhost:8080/bars")),
                    dsl::by_people.eq(0),
                    dsl::by_machines.eq(0),
                    dsl::last_by_person.eq(false),
                );
                Ok::<_, db::Error>(diesel::insert_into(dsl::mail_tracks).values(row).execute(tx)?)
            })
            .await
            .unwrap();
        app.clock.advance(MINUTE);
        look(&app, &one, THUNDERBIRD).await;
        assert_eq!(post.looks(&mail).await, (0, 1, 0));
        app.clock.advance(Duration::from_millis(400));
        look(&app, &path, THUNDERBIRD).await;
        assert_eq!(post.looks(&mail).await, (0, 0, 2), "the first was none either");
        app.clock.advance(MINUTE);
        look(&app, &path, THUNDERBIRD).await;
        assert_eq!(post.looks(&mail).await, (0, 1, 2));
    }

    /// Promise 15: with a switch; and never in password mails, nor to visitors.
    async fn what_must_not_be_tracked_is_not(app: TestApp) {
        let post = Post::new(&app).await;
        let tracked = |mail: &Outgoing| mail.html.contains("/m/") || mail.html.contains("/c/");
        let before = post.notification().await;
        app.clock.advance(MINUTE);
        look(&app, &pixel(&before), THUNDERBIRD).await;
        assert_eq!(post.looks(&before).await, (1, 0, 0));
        for mail in post.reset().await {
            assert!(!tracked(&mail), "{}", mail.html);
        }
        let user = post.owner.get("/api/v1/users/me").await.expect(200);
        assert_eq!(user["mail_tracking"], true);
        let off = post.owner.patch("/api/v1/users/me", json!({ "mail_tracking": false })).await.expect(200);
        assert_eq!(off["mail_tracking"], false);
        assert_eq!(post.looks(&before).await, (0, 0, 0), "what was counted is forgotten");
        look(&app, &pixel(&before), THUNDERBIRD).await;
        assert_eq!(look(&app, &links(&before)[0], THUNDERBIRD).await.status, 302);
        assert_eq!(post.looks(&before).await, (0, 0, 0));
        let after = post.notification().await;
        assert!(!tracked(&after), "{}", after.html);
        assert_eq!(post.shown(&after).await["looks"], Value::Null);
        post.owner.patch("/api/v1/users/me", json!({ "mail_tracking": true })).await.expect(200);
        assert!(tracked(&post.notification().await));
    }

    async fn a_link_ends_with_its_message(app: TestApp) {
        let post = Post::new(&app).await;
        let mail = post.notification().await;
        let user: UserId = post.owner.get("/api/v1/users/me").await.expect(200)["id"].as_str().unwrap().parse().unwrap();
        app.db.write(move |tx| contactbar::mail::forget_user(tx, user)).await.unwrap();
        assert_eq!(look(&app, &links(&mail)[0], THUNDERBIRD).await.status, 404);
        assert_eq!(look(&app, &pixel(&mail), THUNDERBIRD).await.status, 200);
    }

    async fn what_was_given_up_is_seen_and_sent_again(app: TestApp) {
        let post = Post::new(&app).await;
        app.mailbox.fail_with(Some(SendError::Refused("554 not today".into())));
        assert_eq!(post.contact().await, []);
        let parked = app.mailer.list_parked(10).await.unwrap();
        assert_eq!(parked.len(), 1);
        assert_eq!(parked[0].error.as_deref(), Some("refused: 554 not today"));
        let counts = app.mailer.backlog().await.unwrap();
        assert_eq!((counts.pending, counts.failed), (0, 1));
        app.mailbox.fail_with(None);
        assert_eq!(app.mailer.retry(vec![MessageId::new(&app.clock, &app.random)]).await.unwrap(), 0);
        assert_eq!(app.mailer.retry(vec![parked[0].id]).await.unwrap(), 1);
        app.run_jobs().await;
        let mails = app.mailbox.take();
        assert_eq!(mails.len(), 1);
        assert_eq!(id_of(&mails[0]), parked[0].id);
        assert_eq!(app.mailer.retry(vec![]).await.unwrap(), 0);
        assert_eq!(app.mailer.backlog().await.unwrap(), jobs::JobCounts::default());
    }

    async fn a_domain_gets_so_many_mails_in_a_minute_and_another_its_own(app: TestApp) {
        let mut runner = Runner::new(app.db.clone(), app.clock.clone(), app.random.clone(), 1);
        let (tell, mut told) = mpsc::unbounded_channel();
        runner.register(Call { tell, pace: Pace { at_a_time: 10, per_minute: 3 } });
        for n in 0..5 {
            enqueue(&app, "one.example", n).await;
        }
        enqueue(&app, "other.example", 5).await;
        let mut take = || std::iter::from_fn(|| told.try_recv().ok()).collect::<Vec<_>>();
        runner.run_until_empty().await.unwrap();
        assert_eq!(take(), [0, 1, 2, 5]);
        app.clock.advance(MINUTE);
        runner.run_until_empty().await.unwrap();
        assert_eq!(take(), [3, 4]);
    }

    /// Who waits for a mail does not wait for a mass of them, and finds room in a minute that they have filled.
    async fn what_somebody_waits_for_goes_before_a_mass(app: TestApp) {
        let mut runner = Runner::new(app.db.clone(), app.clock.clone(), app.random.clone(), 1);
        let (tell, mut told) = mpsc::unbounded_channel();
        runner.register(Call { tell, pace: Pace { at_a_time: 10, per_minute: 10 } });
        let now = app.clock.now();
        let mass: Vec<_> = (0..20).map(|n| (JobId::new(&app.clock, &app.random), n, now, "one.example".to_owned())).collect();
        app.db.write(move |tx| jobs::enqueue_all_for::<Call>(tx, &mass, Priority::Low)).await.unwrap();
        enqueue(&app, "one.example", 100).await;
        let mut take = || std::iter::from_fn(|| told.try_recv().ok()).collect::<Vec<_>>();
        runner.run_until_empty().await.unwrap();
        let first = take();
        assert_eq!((first[0], first.len()), (100, 9), "{first:?}");
        enqueue(&app, "one.example", 101).await;
        enqueue(&app, "one.example", 102).await;
        runner.run_until_empty().await.unwrap();
        assert_eq!(take(), [101], "the minute has ten places");
        app.clock.advance(MINUTE);
        runner.run_until_empty().await.unwrap();
        let second = take();
        assert_eq!((second[0], second.len()), (102, 9), "{second:?}");
        forget_calls(&app).await;
    }

    /// As many hang as may at a time; those to another domain go on.
    async fn a_server_that_hangs_holds_up_its_own_domain_only(app: TestApp) {
        let mut runner = Runner::new(app.db.clone(), app.clock.clone(), app.random.clone(), 6);
        let (tell, mut told) = mpsc::unbounded_channel();
        runner.register(Call { tell, pace: Pace { at_a_time: 2, per_minute: 1000 } });
        for n in 0..20 {
            enqueue(&app, "hangs.example", -n - 1).await;
        }
        for n in 1..4 {
            enqueue(&app, "works.example", n).await;
        }
        let stop = CancellationToken::new();
        let running = tokio::spawn({
            let (runner, stop) = (runner.clone(), stop.clone());
            async move { runner.run(stop).await }
        });
        let mut worked = Vec::new();
        let mut hang = 0;
        while worked.len() < 3 {
            match told.recv().await.unwrap() {
                n if n > 0 => worked.push(n),
                _ => hang += 1,
            }
        }
        worked.sort_unstable();
        assert_eq!((worked, hang), (vec![1, 2, 3], 2));
        running.abort();
        let due = app.db.read(jobs::next_due).await.unwrap();
        assert!(due.is_some());
        forget_calls(&app).await;
    }
}

/// A job that says its number; one below zero never ends.
struct Call {
    tell: mpsc::UnboundedSender<i64>,
    pace: Pace,
}

impl Handler for Call {
    const KIND: &'static str = "test.call";
    type Payload = i64;

    fn pace(&self) -> Option<Pace> {
        Some(self.pace)
    }

    async fn run(&self, number: i64, _: Attempt) -> Result<(), JobError> {
        self.tell.send(number).unwrap();
        if number < 0 {
            std::future::pending::<()>().await;
        }
        Ok(())
    }
}

async fn enqueue(app: &TestApp, lane: &'static str, number: i64) {
    app.clock.advance(Duration::from_millis(1));
    let (id, now) = (JobId::new(&app.clock, &app.random), app.clock.now());
    app.db
        .write(move |tx| jobs::enqueue_in_lane_for::<Call>(tx, id, &number, now, lane))
        .await
        .unwrap();
}

async fn forget_calls(app: &TestApp) {
    use contactbar::db::schema::jobs::dsl;
    use diesel::prelude::*;
    let forget = app.db.write(|tx| {
        let calls = dsl::jobs.filter(dsl::kind.eq("test.call"));
        Ok::<_, db::Error>(diesel::delete(calls).execute(tx)?)
    });
    forget.await.unwrap();
}
