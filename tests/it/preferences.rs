//! Which mails come: chosen in the settings, by the link in every mail, and by leads who asked to be reminded.

use contactbar::clock::{DAY, HOUR, MINUTE};
use contactbar::db::schema::{leads, mail_consents};
use contactbar::ids::JobId;
use contactbar::jobs::{self, NewJob};
use contactbar::mail::{Category, EmailAddress, Outgoing};
use diesel::prelude::*;
use serde_json::{Value, json};

use crate::contacts::Stage;
use crate::people::token_in;
use crate::support::{Client, TestApp};

const OWN: &str = "/api/v1/users/me/mail-preferences";

/// The path of the first link in a mail whose address holds this.
#[track_caller]
pub fn path_in(mail: &Outgoing, part: &str) -> String {
    let link = mail.text.split_whitespace().find(|word| word.contains(part));
    let link = link.unwrap_or_else(|| panic!("no {part} in {}", mail.text));
    link.parse::<url::Url>().unwrap().path().to_owned()
}

pub async fn form(client: &Client, path: &str, body: &str) -> crate::support::Answer {
    let call = client.call(poem::http::Method::POST, path);
    call.header("content-type", "application/x-www-form-urlencoded")
        .body(body.to_owned())
        .send()
        .await
}

fn wish_of(all: &Value, category: &str) -> String {
    let items = all["items"].as_array().unwrap();
    let item = items.iter().find(|item| item["category"] == category);
    item.unwrap_or_else(|| panic!("{category} in {all}"))["wish"]
        .as_str()
        .unwrap()
        .to_owned()
}

async fn leave_address(app: &TestApp, email: &str) {
    let lead = json!({ "email": email, "language": "de" });
    app.client().post("/api/v1/leads", lead).await.expect(202);
    app.run_jobs().await;
}

/// What comes round by itself every hour.
async fn purge(app: &TestApp) {
    let job = NewJob {
        id: JobId::new(&app.clock, &app.random),
        kind: "accounts.purge",
        payload: Value::Null,
        run_at: app.clock.now(),
        unique_key: None,
    };
    app.db.write(move |tx| jobs::enqueue(tx, &job)).await.unwrap();
    assert_eq!(app.mails().await, []);
}

async fn leads_kept(app: &TestApp) -> i64 {
    app.db
        .read(|conn| Ok::<_, contactbar::db::Error>(leads::table.count().get_result(conn)?))
        .await
        .unwrap()
}

both_databases! {
    /// Promise 17: after 24 hours and 7 days, and then no more. What nobody registered with is forgotten (promise 41).
    async fn a_lead_is_reminded_twice_and_then_forgotten(app: TestApp) {
        leave_address(&app, "jo@example.com").await;
        leave_address(&app, "Jo@Example.com").await; // asked again: nothing starts anew
        app.clock.advance(DAY - MINUTE);
        assert_eq!(app.mails().await, []);
        app.clock.advance(MINUTE);
        let first = app.mails().await;
        assert_eq!(first.len(), 1);
        assert_eq!(first[0].subject, "Sie wollten sich Contactbar ansehen");
        assert!(first[0].unsubscribe.is_some());
        app.clock.advance(6 * DAY - MINUTE);
        assert_eq!(app.mails().await, []);
        app.clock.advance(MINUTE);
        let second = app.mails().await;
        assert_eq!(second.len(), 1);
        assert_eq!(second[0].subject, "Ein letztes Wort zu Ihrer Kontaktleiste");
        for _ in 0..29 {
            app.clock.advance(DAY);
            assert_eq!(app.mails().await, []);
        }
        assert_eq!(leads_kept(&app).await, 1);
        app.clock.advance(DAY + HOUR);
        purge(&app).await;
        assert_eq!(leads_kept(&app).await, 0);
        let path = path_in(&second[0], "/mail/preferences/");
        assert_eq!(app.client().get(&path).await.status, 404, "the reminders are forgotten too");
    }

    /// Promises 7 and 17: who registers is not reminded, and what they left keeps the version under which it was collected.
    async fn a_lead_that_registers_is_linked_and_left_alone(app: TestApp) {
        leave_address(&app, "jo@example.com").await;
        let registration = json!({
            "email": "jo@example.com", "password": "a quiet garden wall",
            "privacy_version": 1, "terms_version": 1,
        });
        app.client().post("/api/v1/users", registration).await.expect(202);
        let mails = app.mails().await;
        assert_eq!(mails.len(), 1);
        let token = token_in(&mails[0]);
        app.client().post("/api/v1/users/verification", json!({ "token": token })).await.expect(204);
        for _ in 0..40 {
            app.clock.advance(DAY);
            assert_eq!(app.mails().await, []);
        }
        let linked: i64 = app.db.read(|conn| {
            let own = leads::table.filter(leads::user_id.is_not_null()).filter(leads::registered_at.is_not_null());
            Ok::<_, contactbar::db::Error>(own.count().get_result(conn)?)
        }).await.unwrap();
        assert_eq!(linked, 1);

        // An address that has an account hears nothing, and the answer does not tell.
        leave_address(&app, "jo@example.com").await;
        app.clock.advance(8 * DAY);
        assert_eq!(app.mails().await, []);
        let client = app.client();
        client.log_in("jo@example.com", "a quiet garden wall").await.expect(201);
        app.mails().await;
        client.post("/api/v1/users/me/deletion", json!({ "password": "a quiet garden wall" })).await.problem(409);
    }

    /// Promise 17: never after a no, nor after an erasure.
    async fn a_lead_says_no_or_is_forgotten_by_the_mail_s_link(app: TestApp) {
        leave_address(&app, "jo@example.com").await;
        leave_address(&app, "eve@example.com").await;
        app.clock.advance(DAY);
        let mails = app.mails().await;
        let of = |address: &str| mails.iter().find(|mail| mail.to.as_str() == address).unwrap();
        let page = path_in(of("jo@example.com"), "/mail/preferences/");
        let asked = app.client().get(&page).await;
        assert_eq!(asked.status, 200);
        assert!(asked.text().contains("Erinnerungen an die Anmeldung"), "{}", asked.text());
        assert!(!asked.text().contains("jo@example.com"), "masked: {}", asked.text());
        let stopped = form(&app.client(), &page, "category=nudge&wanted=no").await;
        assert!(stopped.text().contains("Diese bekommen Sie nicht."), "{}", stopped.text());

        let page = path_in(of("eve@example.com"), "/mail/preferences/");
        let gone = form(&app.client(), &page, "forget=yes").await;
        assert!(gone.text().contains("Vergessen"), "{}", gone.text());
        assert_eq!(app.client().get(&page).await.status, 404);
        assert_eq!(leads_kept(&app).await, 1);
        app.clock.advance(7 * DAY);
        assert_eq!(app.mails().await, []);
    }

    /// Promise 20: every mail leads to the preferences, without a log-in; a look changes nothing.
    async fn who_reads_a_mail_chooses_which_come(app: TestApp) {
        let settings = json!({
            "notification": { "mode": "each", "recipients": [] },
            "autoresponse": { "enabled": true, "texts": { "en": { "subject": "Thanks", "text": "Hello" } } },
        });
        let stage = Stage::with(&app, "bloom", settings, &[]).await;
        stage.leave(json!({ "email": "jo@example.com", "name": "Jo" })).await;
        let mails = app.mails().await;
        assert_eq!(mails.len(), 2);
        let to_owner = mails.iter().find(|mail| mail.to.as_str() == "bloom@shop.example").unwrap();
        let to_visitor = mails.iter().find(|mail| mail.to.as_str() == "jo@example.com").unwrap();

        let page = path_in(to_owner, "/mail/preferences/");
        for _ in 0..2 {
            let text = app.client().get(&page).await.text().to_owned();
            assert!(text.contains("Mails about each new contact · bloom"), "{text}");
            assert!(text.contains("Offers") && text.contains("in any case"), "{text}");
        }
        let stop = format!("category=contact_notification&member={}&wanted=no", stage.member);
        form(&app.client(), &page, &stop).await;

        // The visitor sees their own, and nothing of the owner's.
        let of_visitor = path_in(to_visitor, "/mail/preferences/");
        let text = app.client().get(&of_visitor).await.text().to_owned();
        assert!(text.contains("Automatic answers · bloom") && !text.contains("each new contact"), "{text}");
        assert!(!text.contains("in any case"), "{text}");
        assert_eq!(form(&app.client(), &of_visitor, &stop).await.status, 404);
        assert_eq!(form(&app.client(), &of_visitor, "category=promotion&wanted=yes").await.status, 404);

        stage.leave(json!({ "email": "sam@example.com", "name": "Sam" })).await;
        let mails = app.mails().await;
        assert_eq!(mails.len(), 1, "the owner's are stopped");
        assert_eq!(mails[0].to.as_str(), "sam@example.com");
        form(&app.client(), &page, &stop.replace("wanted=no", "wanted=yes")).await;
        stage.leave(json!({ "email": "ute@example.com", "name": "Ute" })).await;
        assert_eq!(app.mails().await.len(), 2, "and come again");

        let forged = format!("{}x", &page[..page.len() - 1]);
        for path in [forged.as_str(), "/mail/preferences/x", "/mail/preferences/msg_x.y"] {
            assert_eq!(app.client().get(path).await.status, 404);
            assert_eq!(form(&app.client(), path, &stop).await.status, 404);
        }
    }

    /// Promise 19: advertising is asked for twice.
    async fn advertising_comes_to_who_said_yes_twice(app: TestApp) {
        let anna = app.with_owner("anna@example.com").await;
        app.mails().await;
        let address: EmailAddress = "anna@example.com".parse().unwrap();
        let mailer = app.mailer.clone();
        let may = async || {
            let (mailer, address) = (mailer.clone(), address.clone());
            app.db.read(move |conn| mailer.may_advertise(conn, &address, Category::Promotion)).await.unwrap()
        };
        let all = anna.client.get(OWN).await.expect(200);
        assert_eq!(wish_of(&all, "promotion"), "off");
        assert_eq!((wish_of(&all, "features"), wish_of(&all, "security")), ("on".into(), "on".into()));
        assert!(!may().await);

        let yes = json!({ "category": "promotion", "wanted": true });
        for _ in 0..3 {
            let all = anna.client.put(OWN, yes.clone()).await.expect(200);
            assert_eq!(wish_of(&all, "promotion"), "asked");
        }
        let mails = app.mails().await;
        assert_eq!(mails.len(), 1, "one mail an hour asks back");
        let link = path_in(&mails[0], "/mail/confirm/");
        let asked = app.client().get(&link).await;
        assert!(asked.text().contains("<button>Yes, please</button>"), "{}", asked.text());
        assert!(!may().await, "a look changes nothing");

        // A later mail voids the link before.
        app.clock.advance(HOUR);
        anna.client.put(OWN, yes.clone()).await.expect(200);
        let newer = path_in(&app.mails().await[0], "/mail/confirm/");
        assert_eq!(form(&app.client(), &link, "").await.status, 404);
        for _ in 0..2 {
            assert!(form(&app.client(), &newer, "").await.text().contains("Offers go to a…@example.com"));
        }
        assert!(may().await);
        assert_eq!(wish_of(&anna.client.get(OWN).await.expect(200), "promotion"), "on");
        assert_eq!(wish_of(&anna.client.get(OWN).await.expect(200), "cross_selling"), "off", "each for itself (promise 18)");
        anna.client.put(OWN, yes).await.expect(200);
        assert_eq!(app.mails().await, [], "said already");

        // A no ends it, and the proof stays.
        anna.client.put(OWN, json!({ "category": "promotion", "wanted": false })).await.expect(200);
        assert!(!may().await);
        assert_eq!(form(&app.client(), &newer, "").await.status, 404);
        let kept: i64 = app.db.read(|conn| {
            let proved = mail_consents::table.filter(mail_consents::confirmed_at.is_not_null());
            Ok::<_, contactbar::db::Error>(proved.count().get_result(conn)?)
        }).await.unwrap();
        assert_eq!(kept, 1);

        // An answer that comes too late is none.
        anna.client.put(OWN, json!({ "category": "cross_selling", "wanted": true })).await.expect(200);
        let late = path_in(&app.mails().await[0], "/mail/confirm/");
        app.clock.advance(7 * DAY);
        assert_eq!(form(&app.client(), &late, "").await.status, 404);
    }

    async fn nobody_chooses_what_is_not_theirs_or_comes_in_any_case(app: TestApp) {
        let anna = app.with_owner("anna@example.com").await;
        let ben = app.with_owner("ben@example.com").await;
        app.mails().await;
        for category in ["account_mail", "security", "system_alerts", "billing"] {
            let no = json!({ "category": category, "wanted": false });
            let fields = anna.client.put(OWN, no).await.problem(422);
            assert_eq!(fields, ["category: comes in any case"]);
        }
        let others = json!({ "category": "contact_digest", "member_id": ben.member, "wanted": false });
        anna.client.put(OWN, others).await.problem(404);
        let nobody = json!({ "category": "autoresponse", "wanted": false });
        anna.client.put(OWN, nobody).await.problem(404);
        let own = json!({ "category": "contact_digest", "member_id": anna.member, "wanted": false });
        assert_eq!(wish_of(&anna.client.put(OWN, own).await.expect(200), "contact_digest"), "off");
        assert_eq!(wish_of(&ben.client.get(OWN).await.expect(200), "contact_digest"), "on");
    }

    /// The link in a mail to many is each one's own.
    async fn a_mail_to_many_leads_each_to_their_own_preferences(app: TestApp) {
        let anna = app.with_owner("anna@example.com").await;
        let ben = app.with_owner("ben@example.com").await;
        app.mails().await;
        crate::policy_story::post_a_version(&app).await;
        let mails = app.mails().await;
        let page_of = |person: &crate::people::Person| {
            let mail = mails.iter().find(|mail| mail.to.as_str() == person.email).unwrap();
            path_in(mail, "/mail/preferences/")
        };
        let (of_anna, of_ben) = (page_of(&anna), page_of(&ben));
        assert_ne!(of_anna, of_ben);
        assert!(app.client().get(&of_anna).await.text().contains("a…@example.com"));
        form(&app.client(), &of_ben, "category=features&wanted=no").await;
        assert_eq!(wish_of(&ben.client.get(OWN).await.expect(200), "features"), "off");
        assert_eq!(wish_of(&anna.client.get(OWN).await.expect(200), "features"), "on");
        // What a member reads of its messages leaves out what opens them.
        let listed = anna.client.get("/api/v1/messages").await.expect(200);
        let id = listed["items"][0]["id"].as_str().unwrap().to_owned();
        let text = anna.client.get(&format!("/api/v1/messages/{id}")).await.expect(200);
        assert!(!text.to_string().contains(of_anna.rsplit('/').next().unwrap()), "{text}");
    }
}
