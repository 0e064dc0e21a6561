//! A change of the privacy policy over 60 days, with eight members: what is mailed, what may be used, what is evidence, at
//! every step (promises 1 to 10 and 45).

use std::time::Duration;

use contactbar::accounts::policy_changes::PolicyError;
use contactbar::clock::{DAY, HOUR, Timestamp};
use contactbar::db::schema::{policy_decisions, policy_versions};
use contactbar::db::{self, Conn};
use contactbar::ids::{JobId, MemberId, MessageId, PolicyVersionId};
use contactbar::jobs::{self, NewJob};
use contactbar::mail::{Outgoing, SendError};
use contactbar::policies::rules::WINDOW;
use contactbar::policies::{self, Collected, Document, Purpose, Refused};
use diesel::prelude::*;
use poem::http::Method;
use serde_json::{Value, json};

use crate::people::{PASSWORD, Person, token_in};
use crate::support::{Answer, Client, TestApp};

const INSTANT: Duration = Duration::from_micros(1);

/// A file of the operator: a change that can be left out, one for marketing, one that ends the account of who objects.
fn second_version() -> String {
    let change = |key: &str, purpose: &str, rest: &str, title: &str| {
        format!(
            "[[changes]]\nkey = \"{key}\"\npurpose = \"{purpose}\"\nmaterial = true\n{rest}\n\
             title = {{ en = \"{title}\", de = \"{title} (de)\" }}\nsummary = {{ en = \"What it means.\", de = \"Was es heißt.\" }}\n"
        )
    };
    format!(
        "+++\ntitle = \"Privacy policy\"\n{}{}{}+++\n# Privacy policy\n\nThe second version.\n",
        change("benchmarks", "benchmarking", "per_account = true", "Benchmarks"),
        change("news", "promotion", "marketing = true", "News"),
        change("partner", "transfer", "", "A partner <b>"),
    )
}

fn file(body: &str, key: &str, purpose: &str, material: bool) -> String {
    format!(
        "+++\ntitle = \"Privacy policy\"\n[[changes]]\nkey = \"{key}\"\npurpose = \"{purpose}\"\nmaterial = {material}\n\
         title = {{ en = \"T\", de = \"T\" }}\nsummary = {{ en = \"S\", de = \"S\" }}\n+++\n{body}\n"
    )
}

async fn post(app: &TestApp, file: String) -> (PolicyVersionId, usize) {
    app.policies.draft(Document::Privacy, file).await.unwrap();
    let (version, told) = app.accounts.post_policy(Document::Privacy).await.unwrap();
    (version.id, told)
}

/// Something new in the privacy policy, with a mail to each open account.
pub async fn post_a_version(app: &TestApp) {
    post(app, second_version()).await;
}

/// What comes round by itself every hour.
async fn watch(app: &TestApp) {
    let job = NewJob {
        id: JobId::new(&app.clock, &app.random),
        kind: "accounts.watch_policies",
        payload: Value::Null,
        run_at: app.clock.now(),
        unique_key: None,
    };
    app.db.write(move |tx| jobs::enqueue(tx, &job)).await.unwrap();
    app.run_jobs().await;
}

async fn may(app: &TestApp, member: MemberId, collected: Collected, purpose: Purpose) -> Result<(), Refused> {
    let now = app.clock.now();
    let answer = app
        .db
        .read(move |conn| policies::may(conn, Some(member), collected, purpose, now));
    answer.await.unwrap().map(drop)
}

/// Collects something from a member, through the API; answers how.
async fn collect(person: &Person, city: &str) -> Collected {
    let path = format!("/api/v1/members/{}/profile", person.member);
    let profile = person
        .client
        .patch(&path, json!({ "city": city }))
        .await
        .expect(200);
    let city = &profile["city"];
    Collected {
        at: city["collected_at"].as_str().unwrap().parse().unwrap(),
        under: city["policy_version_id"].as_str().unwrap().parse().unwrap(),
    }
}

pub async fn changes(client: &Client) -> Vec<Value> {
    let all = client.get("/api/v1/policy-changes").await.expect(200);
    all["items"].as_array().unwrap().clone()
}

pub async fn answer(person: &Person, version: PolicyVersionId, change: &str, body: Value) -> Answer {
    let path = format!("/api/v1/policy-changes/{version}/changes/{change}/decision");
    person.client.put(&path, body).await
}

/// What was decided for a member: change, decision and way, oldest first.
async fn evidence(app: &TestApp, member: MemberId) -> Vec<String> {
    type Row = (Option<String>, String, String, Vec<u8>, PolicyVersionId);
    let rows: Vec<Row> = app
        .db
        .read(move |conn| {
            let rows = policy_decisions::table
                .filter(policy_decisions::member_id.eq(member))
                .order(policy_decisions::decided_at)
                .select((
                    policy_decisions::change_key,
                    policy_decisions::decision,
                    policy_decisions::way,
                    policy_decisions::version_sha256,
                    policy_decisions::policy_version_id,
                ))
                .load(conn)?;
            Ok::<_, db::Error>(rows)
        })
        .await
        .unwrap();
    let mut lines = Vec::new();
    for (change, decision, way, sha256, version) in rows {
        let kept: Vec<u8> = app
            .db
            .read(move |conn| {
                let of = policy_versions::table.filter(policy_versions::id.eq(version));
                Ok::<_, db::Error>(of.select(policy_versions::sha256).first(conn)?)
            })
            .await
            .unwrap();
        assert_eq!(sha256, kept, "a decision names the text that it is about");
        lines.push(format!(
            "{} {decision} by {way}",
            change.unwrap_or_else(|| "-".to_owned())
        ));
    }
    // Registration says the same twice: for the privacy policy and for the terms.
    assert_eq!(
        lines[..2],
        ["- accept by command_line", "- accept by command_line"]
    );
    lines.split_off(2)
}

/// The path of the link in the mail to an address.
#[track_caller]
fn link_to(mails: &[Outgoing], address: &str) -> String {
    let mail = mails.iter().find(|mail| mail.to.as_str() == address).unwrap();
    let (_, rest) = mail.text.split_once("/objection/").unwrap();
    let link = rest.split_whitespace().next().unwrap();
    assert!(
        mail.html.contains(&format!("/objection/{link}\"")),
        "both forms lead to the same page"
    );
    format!("/objection/{link}")
}

async fn by_link(app: &TestApp, link: &str, form: &str) -> Answer {
    let call = app.client().call(Method::POST, link);
    call.header("content-type", "application/x-www-form-urlencoded")
        .body(form.to_owned())
        .send()
        .await
}

async fn ends_at(person: &Person) -> Option<Timestamp> {
    let path = format!("/api/v1/members/{}", person.member);
    let member = person.client.get(&path).await.expect(200);
    member["ends_at"].as_str().map(|at| at.parse().unwrap())
}

fn id_of(mail: &Outgoing) -> MessageId {
    mail.message_id.split('@').next().unwrap().parse().unwrap()
}

/// Somebody who logs in anew: sessions do not last for 60 days.
pub async fn again(app: &TestApp, person: &Person) -> Person {
    let client = app.client();
    client.log_in(&person.email, PASSWORD).await.expect(201);
    Person {
        client,
        ..person.clone()
    }
}

both_databases! {
    async fn a_policy_changes_for_eight_members_over_sixty_days(app: TestApp) {
        let app = TestApp::start(app.kind(), &["--operator-address=operator@contactbar.example"]).await;
        let start = app.clock.now();
        let person = async |name: &str| app.with_owner(&format!("{name}@example.com")).await;
        let anna = person("anna").await; // accepts
        let ben = person("ben").await; // ignores it
        let cara = person("cara").await; // objects at the last instant
        let dan = person("dan").await; // objects late
        let eve = person("eve").await; // opts out of marketing
        let finn = person("finn").await; // his mail comes back, then he gets it
        let hugo = person("hugo").await; // objects, and takes it back
        // gina joins later.
        let german = format!("/api/v1/members/{}", ben.member);
        ben.client.patch(&german, json!({ "language": "de" })).await.expect(200);
        let mut old = Vec::new();
        for person in [&anna, &ben, &cara, &dan, &eve, &finn, &hugo] {
            old.push(collect(person, "Bern").await);
        }
        let [anna_old, ben_old, cara_old, dan_old, eve_old, finn_old, hugo_old] = old[..] else { unreachable!() };
        app.mails().await;

        // Day 0: posted. One mail is queued for each open account; nothing is in effect yet (promises 1 and 2).
        let (v2, told) = post(&app, second_version()).await;
        assert_eq!(told, 7);
        let page = app.client().get("/policies/privacy/2").await;
        assert_eq!(page.status, 200);
        for part in ["The second version.", "What changed since version 1", "<del>", "<ins>", "Benchmarks", "A partner &lt;b&gt;", "SHA-256"] {
            assert!(page.text().contains(part), "{part}: {}", page.text());
        }
        assert!(app.client().get("/policies/privacy/1").await.text().contains("first version"), "promise 10");
        let queued = &changes(&anna.client).await[0];
        assert_eq!((&queued["state"], &queued["open"], &queued["asks"]), (&json!("queued"), &json!(true), &json!(true)));
        assert!(queued["effective_at"].is_null() && queued["closes_at"].is_null());
        let between = collect(&anna, "Basel").await;
        assert_eq!(between.under, anna_old.under, "what is collected before it is sent is the old version's");
        assert_eq!(may(&app, anna.member, between, Purpose::Benchmarking).await, Err(Refused::NotInEffect));
        assert_eq!(evidence(&app, anna.member).await, [""; 0], "nothing was in effect to go on under");

        // Hour 1: sent. In effect from now on, for 20 days open.
        app.clock.advance(HOUR);
        let sent = app.clock.now();
        let mails = app.mails().await;
        let mut to: Vec<&str> = mails.iter().map(|mail| mail.to.as_str()).collect();
        to.sort_unstable();
        let everybody = ["anna", "ben", "cara", "dan", "eve", "finn", "hugo"].map(|name| format!("{name}@example.com"));
        assert_eq!(to, everybody, "one each, and to nobody else");
        let of = |name: &str| mails.iter().find(|mail| mail.to.as_str() == format!("{name}@example.com")).unwrap();
        assert_eq!(of("anna").subject, "Changes to our privacy policy");
        assert_eq!(of("ben").subject, "Unsere Datenschutzhinweise ändern sich");
        assert!(of("ben").text.contains("News (de)") && of("ben").unsubscribe.is_none());
        assert!(of("anna").html.contains("A partner &lt;b&gt;"));
        let open = &changes(&anna.client).await[0];
        assert_eq!(open["state"], "open");
        assert_eq!(open["effective_at"].as_str().unwrap().parse::<Timestamp>().unwrap(), sent);
        assert_eq!(open["closes_at"].as_str().unwrap().parse::<Timestamp>().unwrap(), sent + WINDOW);
        assert_eq!(open["changes"][2]["change"]["consequence"], "ends_account");
        let record = anna.client.get("/api/v1/messages").await.expect(200);
        let message = record["items"][0]["id"].as_str().unwrap();
        let kept = anna.client.get(&format!("/api/v1/messages/{message}")).await.expect(200);
        let text = kept["text"].as_str().unwrap();
        assert!(text.contains("Benchmarks") && text.contains("/objection/…"), "on record, without the link (promise 25): {text}");
        let new = collect(&ben, "Bonn").await;
        assert_eq!(new.under, v2);
        assert_eq!(may(&app, ben.member, new, Purpose::Benchmarking).await, Ok(()), "promise 8");
        assert_eq!(may(&app, ben.member, ben_old, Purpose::Benchmarking).await, Err(Refused::WindowOpen));
        assert_eq!(evidence(&app, ben.member).await, ["- continued_use by use"], "promise 9");
        collect(&ben, "Bochum").await;
        assert_eq!(evidence(&app, ben.member).await.len(), 1, "once");

        // Day 1: scanners follow every link, and change nothing. Anna accepts.
        app.clock.advance(DAY);
        let link = link_to(&mails, "hugo@example.com");
        for method in [Method::GET, Method::HEAD, Method::GET] {
            let looked = app.client().call(method.clone(), &link).send().await;
            assert_eq!(looked.status, 200);
            assert!(method == Method::HEAD || looked.text().contains("<button name=\"decision\" value=\"object\">"));
        }
        let forged = format!("{}A", &link[..link.len() - 1]);
        let swapped = link.replace(&hugo.member.to_string(), &anna.member.to_string());
        for wrong in [&forged, &swapped, "/objection/x"] {
            assert_eq!(app.client().get(wrong).await.status, 404);
            assert_eq!(by_link(&app, wrong, "change=partner&decision=object&understood=ends_account").await.status, 404);
        }
        assert_eq!(evidence(&app, hugo.member).await, [""; 0]);
        for change in ["benchmarks", "news", "partner"] {
            for _ in 0..2 {
                let said = answer(&anna, v2, change, json!({ "decision": "accept" })).await.expect(200);
                assert_eq!(said["asks"], change != "partner", "{change}");
            }
        }
        let accepted = ["benchmarks accept by api", "news accept by api", "partner accept by api"];
        assert_eq!(evidence(&app, anna.member).await, accepted);
        assert_eq!(may(&app, anna.member, anna_old, Purpose::Benchmarking).await, Err(Refused::WindowOpen), "a yes shortens nothing");

        // Day 2: finn's mail comes back. In effect it stays; his time to object does not run, and a banner asks.
        app.clock.advance(DAY);
        assert!(app.mailer.note_bounce(id_of(of("finn")), "550 5.1.1 gone".to_owned()).await.unwrap());
        let bounced = &changes(&finn.client).await[0];
        assert_eq!((&bounced["state"], &bounced["asks"]), (&json!("bounced"), &json!(true)));
        assert!(bounced["closes_at"].is_null());

        // Day 5: hugo objects by the link. What comes of it is said before; then the account is on its way out (promise 5).
        app.clock.advance(DAY * 3);
        let asked = by_link(&app, &link, "change=partner&decision=object").await;
        assert_eq!(asked.status, 200);
        assert!(asked.text().contains("Object and end the account") && asked.text().contains("A partner &lt;b&gt;"));
        assert_eq!((evidence(&app, hugo.member).await.len(), ends_at(&hugo).await), (0, None), "asked, and nothing done");
        let objected = app.clock.now();
        for _ in 0..2 {
            let done = by_link(&app, &link, "change=partner&decision=object&understood=ends_account").await;
            assert_eq!(done.status, 200);
            assert!(done.text().contains("The account ends on") && done.text().contains("Take the objection back"));
        }
        assert_eq!(ends_at(&hugo).await, Some(objected + DAY * 30));
        assert_eq!(evidence(&app, hugo.member).await, ["partner object by mail"], "twice is as good as once");
        let told = app.mails().await;
        assert_eq!(told.len(), 1);
        assert!(told[0].subject.contains("Your objection") && told[0].text.contains("export") && told[0].text.contains("/contacts"));
        let hugo_new = collect(&hugo, "Hamm").await;
        assert_eq!(evidence(&app, hugo.member).await.len(), 1, "who objected accepts nothing by going on");
        assert_eq!(may(&app, hugo.member, hugo_old, Purpose::Transfer).await, Err(Refused::Objected));
        assert_eq!(may(&app, hugo.member, hugo_new, Purpose::Transfer).await, Ok(()), "promise 4: only what is collected afterwards");
        assert_eq!(by_link(&app, &link, "nonsense").await.status, 422);

        // Day 10: gina joins. She is bound by the newest version, and asked nothing.
        app.clock.advance(DAY * 5);
        let gina = person("gina").await;
        let ginas = collect(&gina, "Genf").await;
        assert_eq!(ginas.under, v2);
        assert_eq!(changes(&gina.client).await, [Value::Null; 0]);
        assert_eq!(may(&app, gina.member, ginas, Purpose::Benchmarking).await, Ok(()));
        let lead = Collected { at: start, under: anna_old.under };
        assert_eq!(may(&app, gina.member, lead, Purpose::Benchmarking).await, Err(Refused::NotGranted), "promise 7");
        watch(&app).await;
        assert_eq!(app.mails().await, []);

        // Day 15: hugo takes it back. Nothing ends.
        app.clock.advance(DAY * 5);
        let hugo = again(&app, &hugo).await;
        let back = answer(&hugo, v2, "partner", json!({ "decision": "withdraw" })).await.expect(200);
        assert!(back["ends_at"].is_null());
        assert_eq!(ends_at(&hugo).await, None);
        assert_eq!(app.mails().await.len(), 1, "the owners hear that it stays");
        assert_eq!(evidence(&app, hugo.member).await[1..], ["partner withdraw by api"]);
        assert_eq!(may(&app, hugo.member, hugo_old, Purpose::Transfer).await, Err(Refused::WindowOpen));

        // The last instant of day 20: cara objects. First she has to say that she knows what it means.
        app.clock.advance((sent + WINDOW).since(app.clock.now()));
        let cara = again(&app, &cara).await;
        let dan = again(&app, &dan).await;
        let missing = answer(&cara, v2, "partner", json!({ "decision": "object" })).await.problem(422);
        assert!(missing[0].contains("understood: say `ends_account`"), "{missing:?}");
        assert_eq!(evidence(&app, cara.member).await, [""; 0]);
        let cara_objected = app.clock.now();
        let object = || json!({ "decision": "object", "understood": "ends_account" });
        answer(&cara, v2, "partner", object()).await.expect(200);
        assert_eq!(ends_at(&cara).await, Some(cara_objected + DAY * 30));
        assert_eq!(app.mails().await.len(), 1);

        // One instant later dan is late; cara's answer stays the same (promise 3).
        app.clock.advance(INSTANT);
        let late = answer(&dan, v2, "partner", object()).await;
        late.problem(409);
        assert_eq!(late.json()["type"], "urn:contactbar:problem:objection-too-late");
        answer(&dan, v2, "benchmarks", json!({ "decision": "object", "understood": "not_applied" })).await.problem(409);
        let by_mail = by_link(&app, &link_to(&mails, "dan@example.com"), "change=partner&decision=object&understood=ends_account").await;
        assert_eq!(by_mail.status, 409);
        assert!(by_mail.text().contains("too late"));
        assert_eq!((evidence(&app, dan.member).await.len(), ends_at(&dan).await), (0, None));
        answer(&cara, v2, "partner", object()).await.expect(200);
        assert_eq!(evidence(&app, cara.member).await, ["partner object by api"]);

        // The window has passed: old data may be used for what is new, but not an objector's (promise 4).
        for (person, collected) in [(&anna, anna_old), (&ben, ben_old), (&dan, dan_old), (&eve, eve_old), (&hugo, hugo_old)] {
            for purpose in [Purpose::Benchmarking, Purpose::Promotion, Purpose::Transfer] {
                assert_eq!(may(&app, person.member, collected, purpose).await, Ok(()), "{} {purpose}", person.email);
            }
        }
        assert_eq!(may(&app, cara.member, cara_old, Purpose::Transfer).await, Err(Refused::Objected));
        assert_eq!(may(&app, cara.member, cara_old, Purpose::Benchmarking).await, Ok(()), "change by change");
        assert_eq!(may(&app, finn.member, finn_old, Purpose::Benchmarking).await, Err(Refused::WindowOpen));
        assert_eq!(changes(&dan.client).await[0]["asks"], false);

        // Day 25: typos start no window.
        app.clock.advance(DAY * 5);
        let (_, told) = post(&app, file("The third version, spelt better.", "typos", "service", false)).await;
        assert_eq!(told, 0);
        assert_eq!(app.mails().await, []);
        let dan = again(&app, &dan).await;
        assert_eq!(changes(&dan.client).await.len(), 1);

        // Day 30: another version, with a window of its own beside finn's. The server takes no mail.
        app.clock.advance(DAY * 5);
        app.mailbox.fail_with(Some(SendError::Refused("554 no".into())));
        let (v4, told) = post(&app, file("The fourth version.", "enrichment", "enrichment", true)).await;
        assert_eq!(told, 7, "eight open accounts, without cara's, who leaves");
        assert_eq!(app.mails().await, []);
        let finn = again(&app, &finn).await;
        let states = changes(&finn.client).await;
        assert_eq!((&states[0]["state"], &states[1]["state"]), (&json!("unsent"), &json!("bounced")));
        let finn_new = collect(&finn, "Fulda").await;
        assert_ne!(finn_new.under, v4, "never sent: not in effect (promise 2)");
        assert_eq!(may(&app, finn.member, finn_new, Purpose::Enrichment).await, Err(Refused::NotInEffect));
        app.mailbox.fail_with(None);
        watch(&app).await;
        let told = app.mailbox.take();
        assert_eq!(told.len(), 1, "the operator is told, once for all");
        assert_eq!(told[0].to.as_str(), "operator@contactbar.example");
        assert!(told[0].subject.starts_with("Not sent to 7") && told[0].text.contains(&finn.member.to_string()));
        watch(&app).await;
        assert_eq!(app.mailbox.take(), [], "once");
        let status = app.policies.status().await.unwrap();
        assert_eq!((status[0].1.members, status[0].1.sent, status[0].1.bounced, status[0].1.ending), (7, 7, 1, 1));
        assert_eq!((status[1].1.members, status[1].1.sent, status[1].1.unsent), (7, 0, 7));

        // Day 40: finn has another address. What came back, and what was not sent, is sent there by itself.
        app.clock.advance(DAY * 10);
        let finn = again(&app, &finn).await;
        let change = json!({ "email": "finn@new.example", "password": PASSWORD });
        finn.client.post("/api/v1/users/me/address-change", change).await.expect(202);
        let asked = app.mails().await;
        let confirm = asked.iter().find(|mail| mail.to.as_str() == "finn@new.example").unwrap();
        app.client().post("/api/v1/users/address-change/confirm", json!({ "token": token_in(confirm) })).await.expect(204);
        app.mails().await;
        watch(&app).await;
        let got = app.mailbox.take();
        let mut subjects: Vec<&str> = got.iter().map(|mail| mail.subject.as_str()).collect();
        subjects.sort_unstable();
        assert_eq!(subjects, ["Changes to our privacy policy"; 2]);
        assert!(got.iter().all(|mail| mail.to.as_str() == "finn@new.example"));
        let delivered = app.clock.now();
        let states = changes(&finn.client).await;
        assert_eq!((&states[0]["state"], &states[1]["state"]), (&json!("open"), &json!("open")));
        for state in &states {
            assert_eq!(state["closes_at"].as_str().unwrap().parse::<Timestamp>().unwrap(), delivered + WINDOW);
        }
        assert_eq!(states[1]["effective_at"].as_str().unwrap().parse::<Timestamp>().unwrap(), sent, "in effect it has been since");
        watch(&app).await;
        assert_eq!(app.mailbox.take(), []);

        // Day 50: long after the window eve opts out of marketing, by the link. Her account is as it was (promise 6).
        app.clock.advance((cara_objected + DAY * 30).since(app.clock.now()) - INSTANT);
        let eves = link_to(&mails, "eve@example.com");
        for _ in 0..2 {
            let out = by_link(&app, &eves, "change=news&decision=object").await;
            assert_eq!(out.status, 200);
            assert!(out.text().contains("Allow again"));
        }
        let eve = again(&app, &eve).await;
        assert_eq!((evidence(&app, eve.member).await, ends_at(&eve).await), (vec!["news opt_out by mail".to_owned()], None));
        let eve_new = collect(&eve, "Essen").await;
        for collected in [eve_old, eve_new] {
            assert_eq!(may(&app, eve.member, collected, Purpose::Promotion).await, Err(Refused::OptedOut));
            assert_eq!(may(&app, eve.member, collected, Purpose::Benchmarking).await, Ok(()));
        }
        assert_eq!(app.mails().await, []);

        // The same instant, cara's time is over: her account is purged, and the proof stays (promise 5).
        let cara = again(&app, &cara).await;
        let receipt = cara.client.get(&format!("/api/v1/policy-changes/{v2}/receipt")).await.expect(200);
        app.clock.advance(INSTANT);
        answer(&cara, v2, "partner", json!({ "decision": "withdraw" })).await.problem(409);
        app.run_jobs().await;
        assert_eq!(cara.client.get("/api/v1/policy-changes").await.status, 401);
        assert_eq!(evidence(&app, cara.member).await, ["partner object by api"]);
        assert_eq!(app.client().get(&link_to(&mails, "cara@example.com")).await.status, 404);
        assert!(app.accounts.verify_receipt(serde_json::from_value(receipt.clone()).unwrap()).await.unwrap());
        assert_eq!(receipt["decisions"][0]["decision"], "object");
        let mut forged = receipt;
        forged["decisions"] = json!([]);
        assert!(!app.accounts.verify_receipt(serde_json::from_value(forged).unwrap()).await.unwrap());

        // Day 60: finn's windows close; he objects to what can be left out for him, and goes on.
        app.clock.advance((delivered + WINDOW).since(app.clock.now()));
        let finn = again(&app, &Person { email: "finn@new.example".to_owned(), ..finn }).await;
        assert_eq!(may(&app, finn.member, finn_old, Purpose::Benchmarking).await, Err(Refused::WindowOpen));
        answer(&finn, v2, "benchmarks", json!({ "decision": "object", "understood": "not_applied" })).await.expect(200);
        assert_eq!(ends_at(&finn).await, None);
        app.clock.advance(INSTANT);
        assert_eq!(may(&app, finn.member, finn_old, Purpose::Benchmarking).await, Err(Refused::Objected));
        assert_eq!(may(&app, finn.member, finn_new, Purpose::Benchmarking).await, Err(Refused::Objected), "not applied at all");
        assert_eq!(may(&app, finn.member, finn_old, Purpose::Promotion).await, Ok(()));
        let told = finn.client.get("/api/v1/policy-decisions").await.expect(200);
        assert_eq!(told["items"][0]["decision"], "object");
        app.mailbox.take();
    }

    /// Promises 1 and 3: versions are immutable, and decisions are only ever added, whoever asks the database.
    async fn versions_and_decisions_are_only_ever_added(app: TestApp) {
        app.with_account("anna@example.com").await;
        for statement in [
            "UPDATE policy_decisions SET decision = 'accept'",
            "DELETE FROM policy_decisions",
            "UPDATE policy_versions SET body = 'other'",
            "DELETE FROM policy_versions",
        ] {
            let tried: db::Result<()> = app.db.write(move |tx| {
                match tx {
                    Conn::Sqlite(c) => diesel::sql_query(statement).execute(c)?,
                    Conn::Postgres(c) => diesel::sql_query(statement).execute(c)?,
                };
                Ok(())
            }).await;
            assert!(tried.unwrap_err().to_string().contains("append-only"), "{statement}");
        }
        assert!(matches!(app.accounts.post_policy(Document::Terms).await, Err(PolicyError::NoDraft)));
    }

    /// Promise 5: two objections, and an owner who keeps the account: all is taken back, and on record.
    async fn an_account_stays_when_no_objection_stands(app: TestApp) {
        let anna = app.with_owner("anna@example.com").await;
        let (v2, _) = post(&app, file("Two.", "one", "transfer", true)).await;
        let (v3, _) = post(&app, file("Three.", "two", "transfer", true)).await;
        assert_eq!(app.mails().await.len(), 2);
        let object = || json!({ "decision": "object", "understood": "ends_account" });
        answer(&anna, v2, "one", object()).await.expect(200);
        let first = ends_at(&anna).await.unwrap();
        app.clock.advance(DAY);
        answer(&anna, v3, "two", object()).await.expect(200);
        assert_eq!(ends_at(&anna).await, Some(first), "it keeps its date");
        assert_eq!(app.mails().await.len(), 1);
        answer(&anna, v2, "one", json!({ "decision": "withdraw" })).await.expect(200);
        assert_eq!(ends_at(&anna).await, Some(first), "the other objection stands");
        answer(&anna, v3, "two", json!({ "decision": "accept" })).await.expect(200);
        assert_eq!(ends_at(&anna).await, None);

        answer(&anna, v3, "two", object()).await.expect(200);
        let ending = format!("/api/v1/members/{}/ending", anna.member);
        anna.client.delete(&ending).await.expect(200);
        assert_eq!(ends_at(&anna).await, None);
        assert_eq!(evidence(&app, anna.member).await.last().unwrap(), "two withdraw by api");

        // Who was leaving anyway leaves, whatever becomes of an objection.
        anna.client.post(&ending, json!({ "password": PASSWORD })).await.expect(200);
        answer(&anna, v2, "one", object()).await.expect(200);
        answer(&anna, v2, "one", json!({ "decision": "withdraw" })).await.expect(200);
        assert!(ends_at(&anna).await.is_some());
        app.mails().await;
    }

    /// Promise 2: who was leaving when a version was posted, and stays after all, is told then; nobody is told twice.
    async fn who_stays_after_all_is_told_too(app: TestApp) {
        let anna = app.with_owner("anna@example.com").await;
        let ending = format!("/api/v1/members/{}/ending", anna.member);
        anna.client.post(&ending, json!({ "password": PASSWORD })).await.expect(200);
        app.mails().await;
        let (_, told) = post(&app, second_version()).await;
        assert_eq!(told, 0);
        anna.client.delete(&ending).await.expect(200);
        app.mails().await; // that it stays
        watch(&app).await;
        assert_eq!(app.mailbox.take().len(), 1);
        watch(&app).await;
        assert_eq!(app.mailbox.take(), []);
    }
}
