//! Notices, from an operator's words to a member's dashboard; operators and their record; breaches (promises 18, 19, 23, 25,
//! 33 and 35).

use std::collections::BTreeSet;
use std::time::Duration;

use contactbar::accounts::{Role, Scope};
use contactbar::clock::{DAY, HOUR, MINUTE, Stopwatch, Timestamp};
use contactbar::db::schema::{jobs as jobs_table, members, sites, suppressions, users};
use contactbar::db::{self, Conn};
use contactbar::ids::{BarId, JobId, MemberId, NoticeId};
use contactbar::jobs::{self, NewJob};
use contactbar::mail::{Category, Outgoing};
use contactbar::notices::{Audience, By, Kind, NewNotice, draft};
use contactbar::policies::{Document, Words};
use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::sql_types::BigInt;
use serde_json::{Value, json};

use crate::people::Person;
use crate::policy_story::{again, answer, changes, post_a_version};
use crate::preferences::{form, path_in};
use crate::support::{Client, Kind as Database, TestApp};

const INSTANT: Duration = Duration::from_micros(1);

fn words(text: &str) -> Words {
    Words {
        en: text.to_owned(),
        de: format!("{text} (de)"),
    }
}

fn feature(audience: Audience) -> NewNotice {
    NewNotice {
        kind: Kind::Feature,
        stage: None,
        follows: None,
        release: None,
        starts_at: None,
        ends_at: None,
        title: words("Something new"),
        body: words("It is **new**."),
        audience,
    }
}

/// Tells one member something, and lets its owner be mailed.
pub async fn announce(app: &TestApp, member: MemberId) {
    let notice = app
        .notices
        .write(By::CommandLine, feature(Audience::members([member])))
        .await
        .unwrap();
    app.notices.send(By::CommandLine, notice.id, None).await.unwrap();
    app.run_jobs().await;
}

/// What an operator sends to write a notice.
fn written(kind: &str, title: &str, rest: Value) -> Value {
    let mut body = json!({
        "kind": kind,
        "title": { "en": title, "de": format!("{title} (de)") },
        "body": { "en": "Bars **stay on**. [More](https://status.example/)", "de": "Die Leisten **bleiben an**." },
        "audience": { "everyone": true },
    });
    let fields = body.as_object_mut().unwrap();
    for (name, value) in rest.as_object().unwrap() {
        fields.insert(name.clone(), value.clone());
    }
    body
}

async fn write(operator: &Client, body: Value) -> String {
    let notice = operator.post("/api/v1/operator/notices", body).await.expect(201);
    notice["id"].as_str().unwrap().to_owned()
}

/// Writes a notice, and lets it go at once; answers its id.
async fn send(operator: &Client, body: Value) -> String {
    let id = write(operator, body).await;
    let path = format!("/api/v1/operator/notices/{id}/sending");
    operator.post(&path, json!({})).await.expect(200);
    id
}

async fn notices(client: &Client) -> Vec<Value> {
    let all = client.get("/api/v1/notices").await.expect(200);
    all["items"].as_array().unwrap().clone()
}

/// The English titles of what asks to be shown on every page.
async fn asking(client: &Client) -> Vec<String> {
    let all = notices(client).await;
    let asking = all.iter().filter(|notice| notice["asks"] == true);
    asking
        .map(|notice| notice["title"]["en"].as_str().unwrap().to_owned())
        .collect()
}

fn recipients(mails: &[Outgoing]) -> Vec<&str> {
    let mut to: Vec<&str> = mails.iter().map(|mail| mail.to.as_str()).collect();
    to.sort_unstable();
    to
}

/// What is on record about something, but for looks at the record itself.
async fn record(operator: &Client, target: &str) -> Vec<Value> {
    let path = format!("/api/v1/operator/record?target={target}");
    let all = operator.get(&path).await.expect(200);
    let all = all["items"].as_array().unwrap().iter();
    all.filter(|entry| entry["action"] != "list_operator_record")
        .cloned()
        .collect()
}

/// The actions on record, sorted: a frozen clock gives them no order.
async fn actions(operator: &Client, target: &str) -> Vec<String> {
    let all = record(operator, target).await;
    let mut actions: Vec<String> = all
        .iter()
        .map(|entry| entry["action"].as_str().unwrap().to_owned())
        .collect();
    actions.sort_unstable();
    actions
}

async fn set_plan(app: &TestApp, member: MemberId, plan: &'static str) {
    let of = members::table.filter(members::id.eq(member));
    let set = app
        .db
        .write(move |tx| Ok::<_, db::Error>(diesel::update(of).set(members::plan.eq(plan)).execute(tx)?));
    set.await.unwrap();
}

/// A bar of the member was seen on a host.
async fn seen_on(app: &TestApp, person: &Person, host: &'static str) {
    let bar = person
        .client
        .post("/api/v1/bars", json!({ "name": "Spring" }))
        .await
        .expect(201);
    let bar: BarId = bar["id"].as_str().unwrap().parse().unwrap();
    let (member, now) = (person.member, app.clock.now());
    let seen = app.db.write(move |tx| {
        let row = (
            sites::member_id.eq(member),
            sites::bar_id.eq(bar),
            sites::host.eq(host),
            sites::first_seen_at.eq(now),
            sites::last_seen_at.eq(now),
            sites::views.eq(1),
            sites::clicks.eq(0),
            sites::closes.eq(0),
            sites::submissions.eq(0),
        );
        Ok::<_, db::Error>(diesel::insert_into(sites::table).values(row).execute(tx)?)
    });
    seen.await.unwrap();
}

/// Refuses, at an address, every kind of mail that may be refused.
async fn refuse_all(app: &TestApp, address: &'static str) {
    let now = app.clock.now();
    let refused = app.db.write(move |tx| {
        for category in Category::ALL
            .into_iter()
            .filter(|category| category.may_be_refused())
        {
            let row = (
                suppressions::address.eq(address),
                suppressions::purpose.eq(category),
                suppressions::scope.eq(""),
                suppressions::reason.eq("unsubscribed"),
                suppressions::created_at.eq(now),
            );
            diesel::insert_into(suppressions::table).values(row).execute(tx)?;
        }
        Ok::<_, db::Error>(())
    });
    refused.await.unwrap();
}

/// What comes round by itself.
async fn watch(app: &TestApp) -> Vec<Outgoing> {
    let job = NewJob {
        id: JobId::new(&app.clock, &app.random),
        kind: "notices.watch_breaches",
        payload: Value::Null,
        run_at: app.clock.now(),
        unique_key: None,
    };
    app.db.write(move |tx| jobs::enqueue(tx, &job)).await.unwrap();
    app.mails().await
}

#[derive(QueryableByName)]
struct Counted {
    #[diesel(sql_type = BigInt)]
    n: i64,
}

async fn count(app: &TestApp, statement: &'static str) -> i64 {
    let counted: Counted = app
        .db
        .read(move |conn| {
            let query = diesel::sql_query(statement);
            Ok::<_, db::Error>(contactbar::both!(conn, |c| query.get_result(c)?))
        })
        .await
        .unwrap();
    counted.n
}

both_databases! {
    /// Promise 23: each kind goes by mail to owners and admins and stays in the dashboard; only `feature` has a way out.
    async fn every_kind_is_mailed_and_shown_and_only_a_feature_can_be_refused(app: TestApp) {
        let anna = app.with_owner("anna@example.com").await;
        let ben = app.with_colleague("ben@example.com", anna.member, Role::Admin).await;
        let vera = app.with_colleague("vera@example.com", anna.member, Role::Viewer).await;
        app.mails().await;
        let operator = app.with_operator("otto").await;
        let only = json!({ "members": [anna.member] });
        let kinds = [
            ("outage", json!({ "stage": "planned", "starts_at": "2026-12-01T02:00:00Z", "ends_at": "2026-12-01T03:00:00Z" }), "Planned outage: T"),
            ("feature", json!({}), "New: T"),
            ("version", json!({ "release": "1.4" }), "New version: T"),
            ("point_release", json!({ "release": "1.4.2" }), "New version: T"),
            ("major_release", json!({ "release": "2.0.0" }), "Major release: T"),
            ("abuse", json!({}), "Abuse: T"),
        ];
        for (kind, rest, subject) in kinds {
            app.clock.advance(MINUTE);
            let mut body = written(kind, "T", rest.clone());
            body["audience"] = only.clone();
            let id = send(&operator, body).await;
            let mails = app.mails().await;
            assert_eq!(recipients(&mails), ["anna@example.com", "ben@example.com"], "{kind}");
            for mail in &mails {
                assert_eq!(mail.subject, subject);
                assert_eq!(mail.unsubscribe.is_some(), kind == "feature", "{kind}");
                assert!(mail.text.contains("Bars stay on. More (https://status.example/)"), "{}", mail.text);
                let way_out = if kind == "feature" { "/mail/unsubscribe/msg_" } else { "/mail/preferences/msg_" };
                assert!(mail.text.contains(way_out) && mail.html.contains(way_out), "{kind}: {}", mail.text);
                assert_eq!(mail.text.contains("/mail/unsubscribe/"), kind == "feature");
                assert!(!mail.text.contains("0place0") && !mail.html.contains("0place0"), "{kind}");
                if let Some(release) = rest["release"].as_str() {
                    assert!(mail.text.contains(&format!("Version: {release}")), "{}", mail.text);
                }
            }
            let way_outs: BTreeSet<_> = mails.iter().filter_map(|mail| mail.unsubscribe.as_ref()).collect();
            assert_eq!(way_outs.len(), if kind == "feature" { 2 } else { 0 }, "each their own");
            let shown = &notices(&anna.client).await[0];
            assert_eq!((&shown["id"], &shown["kind"], &shown["asks"]), (&json!(id), &json!(kind), &json!(true)));
            assert_eq!(shown["html"]["en"], "<p>Bars <strong>stay on</strong>. <a href=\"https://status.example/\">More</a></p>\n");
            assert!(shown["title"]["de"] == "T (de)");
            let seen = notices(&vera.client).await.iter().any(|notice| notice["id"] == json!(id));
            assert_eq!(seen, kind != "abuse", "{kind}: what may harm a member is for those who answer for it");
            // On record, for the member too (promise 25).
            let messages = anna.client.get("/api/v1/messages?limit=2").await.expect(200);
            assert_eq!(messages["items"][0]["template"], format!("notice_{kind}"));
            let message = messages["items"][0]["id"].as_str().unwrap();
            let text = anna.client.get(&format!("/api/v1/messages/{message}")).await.expect(200);
            let text = text["text"].as_str().unwrap();
            assert!(text.contains("Bars stay on") && !text.contains("0place0"), "{text}");
            assert!(kind != "feature" || text.contains("/mail/unsubscribe/…"), "the way out is the recipient's: {text}");
            assert!(!text.contains("/mail/preferences/msg_"), "{text}");
        }
        let nobody = operator.post("/api/v1/operator/notices", written("feature", "T", json!({ "audience": {} }))).await;
        assert_eq!(nobody.problem(422), ["audience: names nobody: say `everyone`, or plans, regions, sites or members"]);
        assert_eq!(ben.client.get("/api/v1/notices?limit=2").await.expect(200)["items"].as_array().unwrap().len(), 2);
    }

    /// Promises 6, 18 and 19: advertising needs a policy that allows it, a yes that was confirmed, and a rest between two.
    async fn advertising_goes_to_those_who_asked_and_not_too_often(app: TestApp) {
        let anna = app.with_owner("anna@example.com").await;
        let ben = app.with_owner("ben@example.com").await;
        app.with_owner("carla@example.com").await;
        app.mails().await;
        for person in [&anna, &ben] {
            let yes = json!({ "category": "promotion", "wanted": true });
            person.client.put("/api/v1/users/me/mail-preferences", yes).await.expect(200);
            let asked_back = app.mails().await;
            let link = path_in(&asked_back[0], "/mail/confirm/");
            form(&app.client(), &link, "").await.expect_success();
        }
        let operator = app.with_operator("otto").await;
        let sent = async |kind: &str| {
            let id = send(&operator, written(kind, "T", json!({}))).await;
            let mails = app.mails().await;
            let progress = operator.get(&format!("/api/v1/operator/notices/{id}")).await.expect(200);
            assert_eq!(progress["state"], "sent");
            mails
        };
        assert_eq!(sent("promotion").await, [], "no version of the policy brings it");

        post_a_version(&app).await;
        app.mails().await;
        let changed = changes(&ben.client).await;
        let version = changed[0]["policy_version_id"].as_str().unwrap().parse().unwrap();
        answer(&ben, version, "news", json!({ "decision": "opt_out" })).await.expect(200);
        assert_eq!(sent("promotion").await, [], "addresses were given before it, and the window is open (promise 8)");
        app.clock.advance(21 * DAY);

        let id = write(&operator, written("promotion", "T", json!({}))).await;
        let preview = operator.get(&format!("/api/v1/operator/notices/{id}/preview")).await.expect(200);
        assert_eq!((&preview["people"], &preview["refusing"]), (&json!(3), &json!(2)));
        let mails = sent("promotion").await;
        assert_eq!(recipients(&mails), ["anna@example.com"], "Ben opted out, and Carla never asked");
        assert_eq!(mails[0].subject, "Offer: T");
        assert!(mails[0].unsubscribe.is_some());
        assert!(!mails[0].text.contains("/notices"), "{}", mails[0].text);
        let shown = notices(&again(&app, &anna).await.client).await;
        assert!(shown.iter().all(|notice| notice["kind"] != "promotion"), "mailed, not shown");
        app.mails().await;
        assert_eq!(sent("cross_selling").await, [], "each for itself");

        app.clock.advance(7 * DAY - MINUTE);
        assert_eq!(sent("promotion").await, [], "two within a week");
        app.clock.advance(MINUTE);
        let second = sent("promotion").await;
        assert_eq!(recipients(&second), ["anna@example.com"]);
        app.clock.advance(20 * DAY);
        assert_eq!(sent("promotion").await, [], "three within a month");
        app.clock.advance(3 * DAY);
        assert_eq!(recipients(&sent("promotion").await), ["anna@example.com"]);

        let way_out = second[0].unsubscribe.as_ref().unwrap().path().to_owned();
        form(&app.client(), &way_out, "List-Unsubscribe=One-Click").await.expect_success();
        app.clock.advance(31 * DAY);
        assert_eq!(sent("promotion").await, []);
    }

    /// Promise 23: who refuses news of features still has them in the dashboard, and still gets the rest.
    async fn a_refused_feature_is_not_mailed_but_shown_and_an_outage_comes_all_the_same(app: TestApp) {
        let anna = app.with_owner("anna@example.com").await;
        let ben = app.with_owner("ben@example.com").await;
        app.mails().await;
        let operator = app.with_operator("otto").await;
        send(&operator, written("feature", "First", json!({}))).await;
        let mails = app.mails().await;
        assert_eq!(recipients(&mails), ["anna@example.com", "ben@example.com"]);
        let annas = mails.iter().find(|mail| mail.to.as_str() == "anna@example.com").unwrap();
        let way_out = annas.unsubscribe.as_ref().unwrap().path().to_owned();
        assert_eq!(app.client().get(&way_out).await.status, 200, "scanners change nothing");
        app.client().call(poem::http::Method::POST, &way_out)
            .header("content-type", "application/x-www-form-urlencoded").body("List-Unsubscribe=One-Click")
            .send().await.expect_success();
        // It is between her and us, whatever member the mail is on record for: her settings say so too.
        let settings = anna.client.get("/api/v1/users/me/mail-preferences").await.expect(200);
        let features: Vec<&Value> = settings["items"].as_array().unwrap().iter().filter(|item| item["category"] == "features").collect();
        assert_eq!((features.len(), &features[0]["wish"]), (1, &json!("off")), "{settings}");
        app.clock.advance(MINUTE);
        let id = write(&operator, written("feature", "Second", json!({}))).await;
        let preview = operator.get(&format!("/api/v1/operator/notices/{id}/preview")).await.expect(200);
        assert_eq!((&preview["people"], &preview["refusing"], &preview["members"]), (&json!(2), &json!(1), &json!(2)));
        operator.post(&format!("/api/v1/operator/notices/{id}/sending"), json!({})).await.expect(200);
        let mails = app.mails().await;
        assert_eq!(recipients(&mails), ["ben@example.com"]);
        assert_eq!(asking(&anna.client).await, ["Second", "First"], "shown all the same");
        let messages = anna.client.get("/api/v1/messages?limit=1").await.expect(200);
        assert_eq!(messages["items"][0]["state"], "suppressed", "and on record");
        let progress = operator.get(&format!("/api/v1/operator/notices/{id}")).await.expect(200)["progress"].clone();
        assert_eq!(progress, json!({ "members": 2, "queued": 0, "sent": 1, "failed": 0, "suppressed": 1 }));
        app.clock.advance(MINUTE);
        send(&operator, written("outage", "Down", json!({ "stage": "begun" }))).await;
        assert_eq!(recipients(&app.mails().await), ["anna@example.com", "ben@example.com"]);
        assert_eq!(asking(&ben.client).await, ["Down", "Second", "First"]);
    }

    async fn a_notice_goes_to_those_concerned_and_to_nobody_else(app: TestApp) {
        let anna = app.with_owner("anna@example.com").await;
        let ben = app.with_owner("ben@example.com").await;
        let cara = app.with_owner("cara@example.com").await;
        let dan = app.with_owner("dan@example.com").await;
        set_plan(&app, ben.member, "pro").await;
        set_plan(&app, cara.member, "pro").await;
        seen_on(&app, &cara, "shop.example").await;
        let ending = format!("/api/v1/members/{}/ending", dan.member);
        dan.client.post(&ending, json!({ "password": crate::people::PASSWORD })).await.expect(200);
        app.mails().await;
        let operator = app.with_operator("otto").await;
        let cases = [
            (json!({ "everyone": true }), vec!["anna", "ben", "cara"]),
            (json!({ "plans": ["pro"] }), vec!["ben", "cara"]),
            (json!({ "plans": ["pro"], "sites": ["Shop.example"] }), vec!["cara"]),
            (json!({ "sites": ["other.example"] }), vec![]),
            (json!({ "regions": ["eu"], "members": [anna.member, cara.member] }), vec!["anna", "cara"]),
            (json!({ "plans": ["free", "pro"] }), vec!["anna", "ben", "cara"]),
        ];
        for (audience, names) in cases {
            app.clock.advance(MINUTE);
            let id = write(&operator, written("feature", "T", json!({ "audience": audience }))).await;
            let preview = operator.get(&format!("/api/v1/operator/notices/{id}/preview")).await.expect(200);
            assert_eq!(preview["members"], names.len(), "{audience}");
            operator.post(&format!("/api/v1/operator/notices/{id}/sending"), json!({})).await.expect(200);
            let mails = app.mails().await;
            let expected: Vec<String> = names.iter().map(|name| format!("{name}@example.com")).collect();
            assert_eq!(recipients(&mails), expected, "{audience}");
        }
        assert_eq!(notices(&anna.client).await.len(), 3);
        assert_eq!(notices(&dan.client).await.len(), 0, "who is leaving is left alone");
    }

    async fn who_belongs_to_two_members_is_mailed_once_and_shown_it_in_both(app: TestApp) {
        let anna = app.with_owner("anna@example.com").await;
        let ben = app.with_colleague("ben@example.com", anna.member, Role::Admin).await;
        app.mails().await;
        let operator = app.with_operator("otto").await;
        let id = send(&operator, written("version", "T", json!({ "release": "2" }))).await;
        assert_eq!(recipients(&app.mails().await), ["anna@example.com", "ben@example.com"]);
        assert_eq!(notices(&ben.client).await.len(), 1);
        ben.client.patch("/api/v1/session", json!({ "member_id": ben.member })).await.expect(200);
        assert_eq!(notices(&ben.client).await.len(), 1);
        ben.client.post(&format!("/api/v1/notices/{id}/read"), json!(null)).await.expect(204);
        ben.client.patch("/api/v1/session", json!({ "member_id": anna.member })).await.expect(200);
        assert_eq!(asking(&ben.client).await, [""; 0], "read is read, wherever");
        assert_eq!(asking(&anna.client).await, ["T"], "each for themself");
    }

    async fn a_notice_goes_at_its_time_unless_it_is_cancelled_before(app: TestApp) {
        app.with_owner("anna@example.com").await;
        app.mails().await;
        let operator = app.with_operator("otto").await;
        let at = app.clock.now() + DAY;
        let (first, second) = (write(&operator, written("feature", "First", json!({}))).await, write(&operator, written("feature", "Second", json!({}))).await);
        for id in [&first, &second] {
            let path = format!("/api/v1/operator/notices/{id}/sending");
            let scheduled = operator.post(&path, json!({ "at": at })).await.expect(200);
            assert_eq!(scheduled["state"], "scheduled");
            operator.post(&path, json!({ "at": at })).await.expect(200); // twice is as good as once
            operator.post(&path, json!({ "at": at + HOUR })).await.problem(409);
        }
        app.clock.advance(DAY - INSTANT);
        assert_eq!(app.mails().await.len(), 0);
        for _ in 0..2 {
            let cancelled = operator.post(&format!("/api/v1/operator/notices/{second}/cancellation"), json!(null)).await.expect(200);
            assert_eq!(cancelled["state"], "cancelled");
        }
        app.clock.advance(INSTANT);
        let mails = app.mails().await;
        assert_eq!(mails.iter().map(|mail| mail.subject.as_str()).collect::<Vec<_>>(), ["New: First"]);
        operator.post(&format!("/api/v1/operator/notices/{first}/cancellation"), json!(null)).await.problem(409);
        operator.post(&format!("/api/v1/operator/notices/{second}/sending"), json!({})).await.problem(409);
        assert_eq!(actions(&operator, &second).await, ["notice.cancelled", "notice.scheduled", "notice.written"]);
        assert_eq!(actions(&operator, &first).await, ["notice.scheduled", "notice.sent", "notice.written"]);
    }

    async fn an_outage_is_a_thread_of_which_the_last_word_is_shown(app: TestApp) {
        let anna = app.with_owner("anna@example.com").await;
        let ben = app.with_owner("ben@example.com").await;
        app.mails().await;
        let operator = app.with_operator("otto").await;
        let planned = json!({ "stage": "planned", "starts_at": "2026-12-01T02:00:00Z", "ends_at": "2026-12-01T03:00:00Z", "audience": { "members": [anna.member] } });
        let first = send(&operator, written("outage", "Planned", planned)).await;
        app.mails().await;
        assert_eq!(asking(&anna.client).await, ["Planned"]);
        for (stage, title) in [("begun", "Begun"), ("over", "Over")] {
            app.clock.advance(HOUR);
            let follows = json!({ "stage": stage, "follows": first, "audience": null });
            send(&operator, written("outage", title, follows)).await;
            let mails = app.mails().await;
            assert_eq!(recipients(&mails), ["anna@example.com"], "those who were told of the plan");
            assert_eq!(asking(&anna.client).await, [title]);
        }
        let all = notices(&anna.client).await;
        assert!(all.len() == 3 && all.iter().all(|notice| notice["thread_id"] == json!(first)));
        assert_eq!(notices(&ben.client).await.len(), 0);
        let late = json!({ "stage": "begun", "follows": first, "audience": null });
        let refused = operator.post("/api/v1/operator/notices", written("outage", "Again", late)).await;
        assert_eq!(refused.problem(422), ["follows: is an outage that is over"]);
        // What was announced before somebody came is there to be read, and does not ask.
        app.clock.advance(HOUR);
        let cara = app.with_colleague("cara@example.com", anna.member, Role::Admin).await;
        assert_eq!((notices(&cara.client).await.len(), asking(&cara.client).await.len()), (3, 0));
        app.mails().await;
        // A page at a time, in the same order.
        let page = anna.client.get("/api/v1/notices?limit=2").await.expect(200);
        let cursor = page["next_cursor"].as_str().unwrap();
        let rest = anna.client.get(&format!("/api/v1/notices?limit=2&after={cursor}")).await.expect(200);
        assert_eq!((&rest["items"][0]["id"], &rest["next_cursor"]), (&json!(first), &Value::Null));
        // Another's notice is not there; nor does a program read for anybody.
        ben.client.post(&format!("/api/v1/notices/{first}/read"), json!(null)).await.problem(404);
        let program = app.with_token(anna.member, &[Scope::MembersRead], None).await;
        program.post(&format!("/api/v1/notices/{first}/read"), json!(null)).await.problem(403);
        assert_eq!(notices(&program).await.len(), 3);
        for _ in 0..2 {
            anna.client.post(&format!("/api/v1/notices/{first}/read"), json!(null)).await.expect(204);
        }
        assert!(notices(&anna.client).await[2]["read_at"].is_string());
    }

    /// Promise 23: a change of policy is announced by its posting, once, and stands among the notices.
    async fn a_posted_version_stands_among_the_notices_and_is_mailed_once(app: TestApp) {
        let anna = app.with_owner("anna@example.com").await;
        app.mails().await;
        let operator = app.with_operator("otto").await;
        let refused = operator.post("/api/v1/operator/notices", written("policy_change", "T", json!({}))).await;
        assert_eq!(refused.problem(422), ["kind: is announced by posting a version: `contactbar policy post`"]);
        let file = "+++\ntitle = \"Privacy policy\"\n[[changes]]\nkey = \"x\"\npurpose = \"benchmarking\"\nmaterial = true\n\
                    title = { en = \"Benchmarks\", de = \"Vergleiche\" }\nsummary = { en = \"We compare.\", de = \"Wir vergleichen.\" }\n+++\nTwo.\n";
        app.policies.draft(Document::Privacy, file.to_owned()).await.unwrap();
        let (version, _) = app.accounts.post_policy(Document::Privacy).await.unwrap();
        let mails = app.mails().await;
        assert_eq!(mails.len(), 1, "the policy's own");
        assert_eq!(mails[0].subject, "Changes to our privacy policy");
        let shown = notices(&anna.client).await;
        assert_eq!(shown.len(), 1);
        assert_eq!((&shown[0]["kind"], &shown[0]["policy_version_id"]), (&json!("policy_change"), &json!(version.id)));
        assert_eq!(shown[0]["html"]["de"], "<ul>\n<li><strong>Vergleiche</strong>: Wir vergleichen.</li>\n</ul>\n");
        let id = shown[0]["id"].as_str().unwrap();
        anna.client.post(&format!("/api/v1/notices/{id}/read"), json!(null)).await.expect(204);
        assert_eq!(asking(&anna.client).await, [""; 0]);
    }

    /// A process that dies after a batch, or after the work and before the note of it, tells nobody twice and leaves nobody
    /// out.
    async fn a_notice_reaches_everybody_once_however_often_its_job_runs(app: TestApp) {
        fill(&app, 1_200).await;
        let notice = app.notices.write(By::CommandLine, feature(Audience::everyone())).await.unwrap();
        app.notices.send(By::CommandLine, notice.id, None).await.unwrap();
        assert!(app.notices.send_some(notice.id).await.unwrap(), "one batch, and then the process is gone");
        assert_eq!(count(&app, "SELECT count(*) AS n FROM messages").await, 500);
        assert_eq!(count(&app, "SELECT count(*) AS n FROM notice_members").await, 500);
        // The job as it was enqueued, and once more, as if its end had not been noted.
        let job = NewJob {
            id: JobId::new(&app.clock, &app.random),
            kind: "notices.send",
            payload: json!({ "notice": notice.id }),
            run_at: app.clock.now(),
            unique_key: None,
        };
        app.db.write(move |tx| jobs::enqueue(tx, &job)).await.unwrap();
        run_only(&app, "notices.send").await;
        assert_eq!(count(&app, "SELECT count(*) AS n FROM messages").await, 1_200);
        assert_eq!(count(&app, "SELECT count(DISTINCT user_id) AS n FROM messages").await, 1_200);
        assert_eq!(count(&app, "SELECT count(*) AS n FROM notice_members").await, 1_200);
        let waiting = count(&app, "SELECT count(*) AS n FROM jobs WHERE kind = 'mail.send'").await;
        let sent = count(&app, "SELECT count(*) AS n FROM messages WHERE state = 'sent'").await;
        assert_eq!(waiting + sent, 1_200, "one sending each");
        assert!(!app.notices.send_some(notice.id).await.unwrap());
        let (sent, progress) = app.notices.find_written(notice.id).await.unwrap();
        assert_eq!((sent.state.as_str(), progress.members), ("sent", 1_200));
        forget_jobs(&app).await;
    }

    /// Promise 33: an operator is nobody's user, needs a reason to see a member's data, and all is on record for ever.
    async fn an_operator_is_on_record_with_all_that_they_do_and_look_at(app: TestApp) {
        let anna = app.with_owner("anna@example.com").await;
        app.mails().await;
        let operator = app.with_operator("otto").await;
        let me = operator.get("/api/v1/operator").await.expect(200);
        assert_eq!(me["name"], "otto");
        let id = send(&operator, written("feature", "T", json!({}))).await;
        app.mails().await;
        let path = format!("/api/v1/operator/notices/{id}/recipients");
        operator.get(&path).await.problem(400);
        operator.get(&format!("{path}?reason=no")).await.problem(400);
        let seen = operator.get(&format!("{path}?reason=Ticket%204711")).await.expect(200);
        assert_eq!(seen["items"], json!([{ "member_id": anna.member, "name": "Bloom & Co", "mails": 1 }]));
        let told = record(&operator, &id).await;
        let look = told.iter().find(|entry| entry["action"] == "list_notice_recipients").unwrap();
        assert_eq!((&look["reason"], &look["operator_id"]), (&json!("Ticket 4711"), &me["id"]));
        assert_eq!(told.iter().filter(|entry| entry["action"] == "list_notice_recipients").count(), 1, "only what was shown");
        let sent = told.iter().find(|entry| entry["action"] == "notice.sent").unwrap();
        assert_eq!((&sent["operator_id"], &sent["detail"]["by"]), (&Value::Null, &json!("service")));
        for statement in ["UPDATE operator_record SET action = 'x'", "DELETE FROM operator_record"] {
            let refused = app.db.write(move |tx| {
                contactbar::both!(tx, |c| c.batch_execute(statement)?);
                Ok::<_, db::Error>(())
            });
            assert!(refused.await.unwrap_err().to_string().contains("append-only"), "{statement}");
        }
        // Nothing of a member's opens this; nothing of an operator's opens a member's.
        anna.client.get("/api/v1/operator").await.problem(401);
        app.with_token(anna.member, &Scope::ALL, None).await.get("/api/v1/operator").await.problem(401);
        operator.get("/api/v1/bars").await.problem(401);
        operator.get("/api/v1/notices").await.problem(401);
        // Removed, or after its time: dead.
        let other = app.with_operator("olga").await;
        other.get("/api/v1/operator").await.expect(200);
        app.operators.remove("olga".parse().unwrap()).await.unwrap();
        other.get("/api/v1/operator").await.problem(401);
        assert!(app.operators.add("otto".parse().unwrap(), DAY).await.is_err(), "a name is one person's");
        assert!(app.operators.add("oskar".parse().unwrap(), DAY * 367).await.is_err());
        app.clock.advance(DAY * 90 - INSTANT);
        operator.get("/api/v1/operator").await.expect(200);
        app.clock.advance(INSTANT);
        operator.get("/api/v1/operator").await.problem(401);
    }

    /// Promise 35: affected, told past every preference, on the clock, and not closed without a corrective report.
    async fn a_breach_is_told_to_those_affected_and_closes_only_when_all_is_done(app: TestApp) {
        let app = TestApp::start(app.kind(), &["--operator-address=operator@contactbar.example"]).await;
        let anna = app.with_owner("anna@example.com").await;
        let ben = app.with_owner("ben@example.com").await;
        let dan = app.with_owner("dan@example.com").await;
        let ending = format!("/api/v1/members/{}/ending", dan.member);
        dan.client.post(&ending, json!({ "password": crate::people::PASSWORD })).await.expect(200);
        refuse_all(&app, "anna@example.com").await;
        app.mails().await;
        let operator = app.with_operator("otto").await;
        let noticed = app.clock.now();
        let ahead = json!({ "what": "A disk", "noticed_at": noticed + HOUR });
        assert_eq!(operator.post("/api/v1/operator/breaches", ahead).await.problem(422), ["noticed_at: must not lie ahead"]);
        app.clock.advance(HOUR);
        let opened = operator.post("/api/v1/operator/breaches", json!({ "what": "A disk was public.", "noticed_at": noticed })).await.expect(201);
        assert_eq!(opened["due_at"].as_str().unwrap().parse::<Timestamp>().unwrap(), noticed + HOUR * 72);
        assert_eq!(opened["clock"], "running");
        let id = opened["id"].as_str().unwrap().to_owned();
        let path = |rest: &str| format!("/api/v1/operator/breaches/{id}{rest}");
        let why_not = async || {
            let refused = operator.post(&path("/closing"), json!(null)).await;
            refused.problem(409);
            refused.json()["detail"].as_str().unwrap().to_owned()
        };
        assert_eq!(why_not().await, "It is not on record who is affected.");
        let said = json!({ "title": { "en": "What happened", "de": "Was geschah" }, "body": { "en": "A disk.", "de": "Eine Platte." } });
        operator.post(&path("/notice"), said.clone()).await.problem(409);

        // Who is affected; members on their way out are.
        let affected = operator.put(&path("/affected"), json!({ "members": [anna.member, dan.member] })).await.expect(200);
        assert_eq!(affected["members"], 2);
        operator.get(&path("/affected")).await.problem(400);
        let list = operator.get(&path("/affected?reason=Letters%20by%20post")).await.expect(200);
        assert_eq!(list["items"].as_array().unwrap().len(), 2);
        assert_eq!(list["items"][0]["people"], 1);
        assert_eq!(why_not().await, "Those affected have not all been told.");

        // The clock: a reminder when a day is left, another when it is over; each once.
        app.clock.advance(HOUR * 47 - INSTANT);
        assert_eq!(watch(&app).await.len(), 0);
        app.clock.advance(INSTANT);
        let mails = watch(&app).await;
        assert_eq!(recipients(&mails), ["operator@contactbar.example"]);
        assert_eq!(mails[0].subject, "Soon due: tell the authority of the breach");
        assert_eq!(watch(&app).await.len(), 0, "once");
        app.clock.advance(HOUR * 24);
        assert_eq!(watch(&app).await.len(), 0, "the last instant is in time");
        app.clock.advance(INSTANT);
        let mails = watch(&app).await;
        assert_eq!(mails[0].subject, "Overdue: tell the authority of the breach");
        assert_eq!(watch(&app).await.len(), 0, "once");
        assert_eq!(operator.get(&path("")).await.expect(200)["clock"], "overdue");

        // The mail that no preference stops.
        operator.post(&path("/notice"), said.clone()).await.expect(200);
        assert_eq!(why_not().await, "Those affected have not all been told.");
        let mails = app.mails().await;
        assert_eq!(recipients(&mails), ["anna@example.com", "dan@example.com"], "and nobody else");
        assert!(mails.iter().all(|mail| mail.unsubscribe.is_none() && mail.subject == "Security breach: What happened"));
        operator.post(&path("/notice"), said).await.problem(409);
        operator.put(&path("/affected"), json!({ "everyone": true })).await.problem(409);
        let again = app.client();
        again.log_in("anna@example.com", crate::people::PASSWORD).await.expect(201);
        assert_eq!(asking(&again).await, ["What happened"]);
        let ben_again = app.client();
        ben_again.log_in("ben@example.com", crate::people::PASSWORD).await.expect(201);
        assert_eq!(notices(&ben_again).await.len(), 0);
        drop(ben);

        // The authority, the report, the end.
        assert_eq!(why_not().await, "The authority has not been told, nor is it on record why it need not be.");
        operator.put(&path("/authority"), json!({ "words": "Reference 4711." })).await.expect(200);
        assert_eq!(why_not().await, "There is no corrective report.");
        operator.put(&path("/report"), json!({ "report": " " })).await.problem(422);
        operator.put(&path("/report"), json!({ "report": "Disks are checked daily." })).await.expect(200);
        let closed = operator.post(&path("/closing"), json!(null)).await.expect(200);
        assert!(closed["closed_at"].is_string() && closed["clock"] == "answered", "{closed}");
        operator.put(&path("/report"), json!({ "report": "Another." })).await.problem(409);
        assert_eq!(actions(&operator, &id).await, [
            "breach.affected", "breach.authority", "breach.closed", "breach.nearly_due", "breach.notified", "breach.opened",
            "breach.overdue", "breach.reported", "list_breach_affected", "read_breach",
        ]);
        app.mails().await;
    }

    async fn a_written_file_becomes_a_notice_in_both_languages(app: TestApp) {
        let anna = app.with_owner("anna@example.com").await;
        let person = users::table.filter(users::id.eq(anna.user));
        app.db.write(move |tx| Ok::<_, db::Error>(diesel::update(person).set(users::language.eq("de")).execute(tx)?)).await.unwrap();
        app.mails().await;
        let file = "+++\nkind = \"outage\"\nstage = \"begun\"\neveryone = true\ntitle = { en = \"Down\", de = \"Unten\" }\n+++\nDown.\n+++ de\nUnten & aus.\n";
        let notice = app.notices.write(By::CommandLine, draft::parse(file).unwrap()).await.unwrap();
        app.notices.send(By::CommandLine, notice.id, None).await.unwrap();
        let mails = app.mails().await;
        assert_eq!((mails.len(), mails[0].subject.as_str()), (1, "Ausfall: Unten"));
        assert!(mails[0].html.contains("Unten &amp; aus.") && mails[0].text.contains("Alle Mitteilungen"), "{}", mails[0].text);
    }
}

/// Many members with an owner each.
async fn fill(app: &TestApp, accounts: usize) {
    let filling = crate::ledger::fill_with(app.kind(), accounts);
    app.db
        .write(move |tx| {
            contactbar::both!(tx, |c| c.batch_execute(&filling)?);
            Ok::<_, db::Error>(())
        })
        .await
        .unwrap();
}

/// Runs the jobs of one kind that are due; the others are left as they are.
async fn run_only(app: &TestApp, kind: &'static str) {
    let hold = move |tx: &mut Conn| {
        let others = jobs_table::table.filter(jobs_table::kind.ne(kind));
        let later = "2100-01-01T00:00:00Z".parse::<Timestamp>().unwrap();
        Ok::<_, db::Error>(
            diesel::update(others)
                .set(jobs_table::run_at.eq(later))
                .execute(tx)?,
        )
    };
    app.db.write(hold).await.unwrap();
    loop {
        let due = app.db.read(move |conn| {
            let due: Option<JobId> = jobs_table::table
                .filter(jobs_table::kind.eq(kind))
                .select(jobs_table::id)
                .first(conn)
                .optional()?;
            Ok::<_, db::Error>(due)
        });
        if due.await.unwrap().is_none() {
            break;
        }
        // Mails that a run enqueues wait, too: they are looked at as rows.
        app.jobs.run_until_empty().await.unwrap();
        app.mailbox.take();
    }
}

async fn forget_jobs(app: &TestApp) {
    let forget = |tx: &mut Conn| Ok::<_, db::Error>(diesel::delete(jobs_table::table).execute(tx)?);
    app.db.write(forget).await.unwrap();
    app.mailbox.take();
}

async fn ten_thousand(kind: Database) {
    let app = TestApp::start(kind, &["--database-wait=60"]).await;
    fill(&app, 10_000).await;
    let id: NoticeId = {
        let notice = app
            .notices
            .write(By::CommandLine, feature(Audience::everyone()))
            .await
            .unwrap();
        app.notices.send(By::CommandLine, notice.id, None).await.unwrap();
        notice.id
    };
    let watch = Stopwatch::start();
    while app.notices.send_some(id).await.unwrap() {}
    println!("{kind:?}: 10,000 mails queued in {:?}", watch.elapsed());
    assert_eq!(
        count(&app, "SELECT count(DISTINCT user_id) AS n FROM messages").await,
        10_000
    );
    assert_eq!(
        count(&app, "SELECT count(*) AS n FROM jobs WHERE kind = 'mail.send'").await,
        10_000
    );
    let watch = Stopwatch::start();
    let preview = app.notices.preview(id).await.unwrap();
    println!("{kind:?}: previewed in {:?}", watch.elapsed());
    assert_eq!((preview.members, preview.people), (10_000, 10_000));
}

#[tokio::test]
async fn ten_thousand_people_are_told_on_sqlite() {
    ten_thousand(Database::Sqlite).await;
}

#[tokio::test]
async fn ten_thousand_people_are_told_on_postgres() {
    ten_thousand(Database::Postgres).await;
}
