//! The life of a bar: made, worked on, published, paused, duplicated, returned to, deleted; and never another's.

use std::collections::BTreeSet;

use contactbar::accounts::api_tokens::NewApiToken;
use contactbar::accounts::{Access, NewPassword, Principal, Role, Scope, SignedIn};
use contactbar::audit;
use contactbar::bars::BarKey;
use contactbar::clock::MINUTE;
use contactbar::ids::{MemberId, SessionId};
use contactbar::mail::{EmailAddress, Language};
use poem::http::Method;
use serde_json::{Value, json};

use crate::support::{Answer, Client, TestApp};

/// A member with an API token of every scope that a token can have for bars.
pub async fn member(app: &TestApp, name: &str) -> (MemberId, Client) {
    app.migrate().await.unwrap(); // posts the policies that one registers under
    let email: EmailAddress = format!("{name}@shop.example").parse().unwrap();
    let password = NewPassword::parse("seven quiet herons wade".to_owned(), None).unwrap();
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
    let scopes = BTreeSet::from([Scope::BarsRead, Scope::BarsWrite]);
    let new = NewApiToken {
        name: "test".parse().unwrap(),
        scopes,
        expires_at: None,
    };
    let (_, token) = app.accounts.create_token(&access, new).await.unwrap();
    app.run_jobs().await;
    app.mailbox.take(); // that a token was made
    (member, app.client().with_token(token.reveal()))
}

async fn made(client: &Client) -> Value {
    client
        .post("/api/v1/bars", json!({ "name": "Ask us" }))
        .await
        .expect(201)
}

/// Made, and published.
pub async fn published(client: &Client) -> Value {
    let bar = made(client).await;
    client.post(&path(&bar, "/publish"), json!({})).await.expect(200)
}

pub fn path(bar: &Value, rest: &str) -> String {
    format!("/api/v1/bars/{}{rest}", bar["id"].as_str().unwrap())
}

fn key(bar: &Value) -> BarKey {
    bar["key"].as_str().unwrap().parse().unwrap()
}

/// The draft with another message, as a client would send it back.
fn reworded(bar: &Value, message: &str) -> Value {
    let mut configuration = bar["draft"]["configuration"].clone();
    configuration["variants"][0]["texts"]["en"]["message"] = message.into();
    configuration
}

async fn reword(client: &Client, bar: &Value, message: &str) -> Answer {
    let body = json!({ "configuration": reworded(bar, message), "revision": bar["draft"]["revision"] });
    client.put(&path(bar, "/draft"), body).await
}

fn message(configuration: &Value) -> &str {
    configuration["variants"][0]["texts"]["en"]["message"]
        .as_str()
        .unwrap()
}

both_databases! {
    async fn a_new_bar_is_a_draft_with_the_line_to_paste(app: TestApp) {
        let (_, client) = member(&app, "ada").await;
        let bar = made(&client).await;
        let key = bar["key"].as_str().unwrap();
        assert_eq!(bar["snippet"], format!("<script async src=\"http://localhost:8080/b/{key}.js\"></script>"));
        assert_eq!(bar["state"], "active");
        assert_eq!(bar["draft"]["revision"], 1);
        assert_eq!(bar["draft"]["problems"], json!([]));
        assert_eq!(bar["draft"]["has_changes"], true);
        assert_eq!(bar.get("published"), None);
        assert_eq!(client.get(&path(&bar, "")).await.expect(200), bar);
    }

    async fn a_bar_begins_with_a_configuration_of_ones_own(app: TestApp) {
        let (_, client) = member(&app, "ada").await;
        let draft = json!({ "variants": [{ "key": "a", "goal": { "kind": "notice" }, "texts": { "en": { "message": "Hello" } } }] });
        let body = json!({ "name": "Mine", "draft": draft, "allowed_hosts": ["Shop.Example:8080", "*.bücher.example"] });
        let bar = client.post("/api/v1/bars", body).await.expect(201);
        assert_eq!(message(&bar["draft"]["configuration"]), "Hello");
        assert_eq!(bar["allowed_hosts"], json!(["shop.example", "*.xn--bcher-kva.example"]));
    }

    async fn what_can_not_be_taken_is_named_field_by_field(app: TestApp) {
        let (_, client) = member(&app, "ada").await;
        let settings = json!({ "notification": { "recipients": ["nobody"] } });
        let body = json!({ "name": " ", "allowed_hosts": ["a b"], "settings": settings });
        let answer = client.post("/api/v1/bars", body).await;
        assert_eq!(answer.problem(422), [
            "name: must not be empty",
            "allowed_hosts[0]: must be a host such as `example.org`, `*.example.org` for all below it, or `*` for any",
            "settings.notification.recipients[0]: this is not an email address that we can send to",
        ]);
        let unknown = json!({ "name": "x", "member_id": "mem_01jd3k8q9x7v2m5n6p4r8s0tbw", "draft": { "variants": [], "colour": 1 } });
        let answer = client.post("/api/v1/bars", unknown).await;
        let mut faults = answer.problem(422);
        faults.sort();
        assert_eq!(faults, [
            "draft.colour: is not known",
            "draft.variants: has fewer than 1 entries",
            "member_id: is not known",
        ]);
    }

    async fn a_bar_goes_through_its_whole_life(app: TestApp) {
        let (member, client) = member(&app, "ada").await;
        let bar = published(&client).await;
        assert_eq!(bar["published"]["version"], 1);
        assert_eq!(bar["draft"]["has_changes"], false);
        // Publishing it again makes no new version.
        assert_eq!(client.post(&path(&bar, "/publish"), json!({})).await.expect(200)["published"]["version"], 1);

        let draft = reword(&client, &bar, "Second").await.expect(200);
        assert_eq!(draft["revision"], 2);
        assert_eq!(draft["has_changes"], true);
        let body = json!({ "revision": 2, "note": "The second" });
        let bar = client.post(&path(&bar, "/publish"), body).await.expect(200);
        assert_eq!(bar["published"]["note"], "The second");

        let history = client.get(&path(&bar, "/versions?limit=1")).await.expect(200);
        assert_eq!(history["items"][0]["version"], 2);
        let after = history["next_cursor"].as_str().unwrap();
        let rest = client.get(&path(&bar, &format!("/versions?after={after}"))).await.expect(200);
        assert_eq!(rest["items"][0]["version"], 1);
        assert_eq!(rest.get("next_cursor"), None);
        let first = client.get(&path(&bar, "/versions/1")).await.expect(200);
        assert_ne!(message(&first["configuration"]), "Second");

        let copy = client.post(&path(&bar, "/duplicate"), json!({})).await.expect(201);
        assert_eq!(copy["name"], "Ask us (copy)");
        assert_eq!(message(&copy["draft"]["configuration"]), "Second");
        assert!(copy["key"] != bar["key"] && copy.get("published").is_none());

        let change = json!({ "name": "Renamed", "settings": { "notification": { "mode": "daily" } } });
        let bar = client.patch(&path(&bar, ""), change).await.expect(200);
        assert_eq!((&bar["name"], &bar["settings"]["notification"]["mode"]), (&json!("Renamed"), &json!("daily")));
        assert_eq!(bar["draft"]["has_changes"], false);

        assert_eq!(client.post(&path(&bar, "/pause"), json!({})).await.expect(200)["state"], "paused");
        assert_eq!(client.get("/api/v1/bars?state=paused").await.expect(200)["items"][0]["id"], bar["id"]);
        assert_eq!(client.post(&path(&bar, "/resume"), json!({})).await.expect(200)["state"], "active");

        assert_eq!(client.delete(&path(&bar, "")).await.status, 204);
        client.get(&path(&bar, "")).await.problem(404);
        client.delete(&path(&bar, "")).await.problem(404);
        app.clock.advance(MINUTE);
        app.run_jobs().await;
        let left = client.get("/api/v1/bars").await.expect(200);
        assert_eq!(left["items"].as_array().unwrap().len(), 1);

        let entries = app.db.read(move |conn| audit::list(conn, member, &audit::Filter::default(), None, 100)).await.unwrap();
        let mut actions: Vec<_> = entries.iter().filter(|e| e.action.starts_with("bar.")).map(|e| e.action.as_str()).collect();
        actions.sort();
        assert_eq!(actions, [
            "bar.changed", "bar.created", "bar.deleted", "bar.draft_changed", "bar.duplicated", "bar.paused",
            "bar.published", "bar.published", "bar.resumed",
        ]);
    }

    async fn a_draft_that_somebody_else_changed_is_not_overwritten(app: TestApp) {
        let (_, client) = member(&app, "ada").await;
        let bar = made(&client).await;
        let first = reword(&client, &bar, "Mine").await;
        assert_eq!(first.header("etag"), "\"2\"");
        let second = reword(&client, &bar, "Yours").await;
        second.problem(409);
        assert_eq!(second.json()["type"], "urn:contactbar:problem:draft-changed");
        let kept = client.get(&path(&bar, "/draft")).await;
        assert_eq!(message(&kept.expect(200)["configuration"]), "Mine");

        let body = json!({ "configuration": reworded(&bar, "Theirs") });
        let put = |tag: &'static str| {
            client.call(Method::PUT, &path(&bar, "/draft")).header("if-match", tag).json(&body).send()
        };
        put("\"1\"").await.problem(409);
        assert_eq!(put("\"x\"").await.problem(400), ["If-Match: is not the `ETag` of a draft"]);
        assert_eq!(put("\"2\"").await.expect(200)["revision"], 3);
        let blind = client.put(&path(&bar, "/draft"), body.clone()).await;
        assert_eq!(blind.problem(422), ["revision: is required: which draft did you read?"]);
        client.post(&path(&bar, "/publish"), json!({ "revision": 2 })).await.problem(409);
    }

    async fn of_two_who_save_at_once_one_is_told(app: TestApp) {
        let (_, client) = member(&app, "ada").await;
        let bar = made(&client).await;
        let (a, b) = tokio::join!(reword(&client, &bar, "A"), reword(&client, &bar, "B"));
        let mut statuses = [a.status, b.status];
        statuses.sort();
        assert_eq!(statuses, [200, 409]);
    }

    async fn one_returns_to_an_earlier_version_or_to_what_is_published(app: TestApp) {
        let (_, client) = member(&app, "ada").await;
        let bar = published(&client).await;
        let original = message(&bar["draft"]["configuration"]).to_owned();
        reword(&client, &bar, "Second").await.expect(200);
        let bar = client.post(&path(&bar, "/publish"), json!({})).await.expect(200);
        let draft = reword(&client, &bar, "Unfinished").await.expect(200);
        assert_eq!(draft["revision"], 3);

        let back = client.post(&path(&bar, "/versions/1/restore"), json!({ "to": "published" })).await.expect(200);
        assert_eq!(back["published"]["version"], 3);
        assert_eq!(message(&back["draft"]["configuration"]), "Unfinished", "the draft stays");
        let live = client.get(&path(&bar, "/versions/3")).await.expect(200);
        assert_eq!(message(&live["configuration"]), original);

        client.delete(&path(&bar, "/draft?revision=2")).await.problem(409);
        let discarded = client.delete(&path(&bar, "/draft?revision=3")).await.expect(200);
        assert_eq!((message(&discarded["configuration"]), &discarded["has_changes"]), (original.as_str(), &json!(false)));

        let body = json!({ "to": "draft", "revision": discarded["revision"] });
        let restored = client.post(&path(&bar, "/versions/2/restore"), body).await.expect(200);
        assert_eq!(message(&restored["draft"]["configuration"]), "Second");
        assert_eq!(restored["published"]["version"], 3);
        client.post(&path(&bar, "/versions/9/restore"), json!({ "to": "published" })).await.problem(404);
    }

    async fn a_draft_that_says_what_is_published_is_no_change_however_it_came_to(app: TestApp) {
        let (_, client) = member(&app, "ada").await;
        let bar = published(&client).await;
        let original = message(&bar["draft"]["configuration"]).to_owned();
        let bar = client.get(&path(&bar, "")).await.expect(200);
        let second = reword(&client, &bar, "Second").await.expect(200);
        assert_eq!((&second["revision"], &second["has_changes"]), (&json!(2), &json!(true)));
        // Undone by hand.
        let bar = client.get(&path(&bar, "")).await.expect(200);
        let undone = reword(&client, &bar, &original).await.expect(200);
        assert_eq!((&undone["revision"], &undone["has_changes"]), (&json!(3), &json!(false)));
        assert_eq!(client.get("/api/v1/bars").await.expect(200)["items"][0]["has_changes"], false);
        assert_eq!(client.post(&path(&bar, "/publish"), json!({})).await.expect(200)["published"]["version"], 1);

        // An earlier version is published again, and the draft says the same already.
        let bar = client.get(&path(&bar, "")).await.expect(200);
        reword(&client, &bar, "Second").await.expect(200);
        let bar = client.post(&path(&bar, "/publish"), json!({})).await.expect(200);
        let draft = reword(&client, &bar, &original).await.expect(200);
        assert_eq!(draft["has_changes"], true);
        let back = client.post(&path(&bar, "/versions/1/restore"), json!({ "to": "published" })).await.expect(200);
        assert_eq!((&back["published"]["version"], &back["draft"]["has_changes"]), (&json!(3), &json!(false)));
        assert_eq!(back["draft"]["revision"], draft["revision"], "it was right already");
        assert_eq!(client.get(&path(&bar, "")).await.expect(200)["draft"]["has_changes"], false);
    }

    async fn a_draft_without_changes_goes_along_with_what_is_published_again(app: TestApp) {
        let (_, client) = member(&app, "ada").await;
        let bar = published(&client).await;
        let original = message(&bar["draft"]["configuration"]).to_owned();
        reword(&client, &bar, "Second").await.expect(200);
        let bar = client.post(&path(&bar, "/publish"), json!({})).await.expect(200);
        let back = client.post(&path(&bar, "/versions/1/restore"), json!({ "to": "published" })).await.expect(200);
        assert_eq!(message(&back["draft"]["configuration"]), original);
        assert_eq!((&back["draft"]["revision"], &back["draft"]["has_changes"]), (&json!(3), &json!(false)));
        // Whoever was still at the draft before is told.
        reword(&client, &bar, "Third").await.problem(409);
    }

    async fn a_draft_without_anything_published_can_not_be_discarded(app: TestApp) {
        let (_, client) = member(&app, "ada").await;
        let bar = made(&client).await;
        client.delete(&path(&bar, "/draft?revision=1")).await.problem(409);
    }

    async fn what_is_not_sensible_is_refused_at_publishing(app: TestApp) {
        let (_, client) = member(&app, "ada").await;
        let bar = made(&client).await;
        let mut configuration = bar["draft"]["configuration"].clone();
        configuration["layout"] = json!({ "kind": "inline", "selector": "<main>" });
        configuration["variants"][0]["goal"] = json!({ "kind": "link", "url": "javascript:alert(1)" });
        let body = json!({ "configuration": configuration, "revision": 1 });
        let draft = client.put(&path(&bar, "/draft"), body).await.expect(200);
        let named: Vec<_> = draft["problems"].as_array().unwrap().iter().map(|p| p["field"].as_str().unwrap()).collect();
        assert!(named.contains(&"layout.selector") && named.contains(&"variants[0].goal.url"), "{named:?}");
        let refused = client.post(&path(&bar, "/publish"), json!({})).await;
        assert_eq!(refused.problem(422).len(), named.len());
        assert!(app.bars.published().find_published(&key(&bar)).await.unwrap().is_none());
    }

    async fn a_list_is_searched_sorted_and_read_by_the_page(app: TestApp) {
        let (_, client) = member(&app, "ada").await;
        for name in ["Beta", "alpha", "Gamma"] {
            client.post("/api/v1/bars", json!({ "name": name })).await.expect(201);
            app.clock.advance(MINUTE);
        }
        let page = client.get("/api/v1/bars?sort=name&limit=2").await.expect(200);
        assert_eq!((&page["items"][0]["name"], &page["items"][1]["name"]), (&json!("alpha"), &json!("Beta")));
        let next = format!("/api/v1/bars?sort=name&limit=2&after={}", page["next_cursor"].as_str().unwrap());
        let rest = client.get(&next).await.expect(200);
        assert_eq!((&rest["items"][0]["name"], rest.get("next_cursor")), (&json!("Gamma"), None));
        let found = client.get("/api/v1/bars?search=ALP").await.expect(200);
        assert_eq!(found["items"].as_array().unwrap().len(), 1);
        assert_eq!(
            client.get("/api/v1/bars?after=nonsense").await.problem(400),
            ["after: is not the `next_cursor` of this list in this order"]
        );
    }

    // Promise 34.
    async fn another_member_s_bar_is_not_there(app: TestApp) {
        let (_, ada) = member(&app, "ada").await;
        let (_, eve) = member(&app, "eve").await;
        let bar = published(&ada).await;
        let body = json!({ "configuration": bar["draft"]["configuration"], "revision": 1 });
        for (method, rest, body) in [
            (Method::GET, "", None),
            (Method::PATCH, "", Some(json!({ "name": "Mine now" }))),
            (Method::DELETE, "", None),
            (Method::GET, "/draft", None),
            (Method::PUT, "/draft", Some(body)),
            (Method::DELETE, "/draft?revision=1", None),
            (Method::POST, "/publish", None),
            (Method::POST, "/pause", None),
            (Method::POST, "/resume", None),
            (Method::POST, "/duplicate", None),
            (Method::GET, "/versions", None),
            (Method::GET, "/versions/1", None),
            (Method::GET, "/script", None),
            (Method::POST, "/versions/1/restore", Some(json!({ "to": "published" }))),
        ] {
            for (client, status) in [(&eve, 404), (&app.client(), 401)] {
                let call = client.call(method.clone(), &path(&bar, rest));
                let answer = match &body {
                    Some(body) => call.json(body).send().await,
                    None => call.send().await,
                };
                assert_eq!(answer.status, status, "{method} {rest}");
            }
        }
        assert_eq!(eve.get("/api/v1/bars").await.expect(200)["items"], json!([]));
        assert_eq!(ada.get(&path(&bar, "")).await.expect(200), bar);
    }

    async fn the_look_up_is_told_of_every_change(app: TestApp) {
        let (_, client) = member(&app, "ada").await;
        let bar = made(&client).await;
        let find = || async { app.bars.published().find_published(&key(&bar)).await.unwrap() };
        assert!(find().await.is_none(), "nothing is published");
        client.post(&path(&bar, "/publish"), json!({})).await.expect(200);
        assert_eq!(find().await.unwrap().version, 1);
        client.patch(&path(&bar, ""), json!({ "allowed_hosts": ["shop.example"] })).await.expect(200);
        let shown = find().await.unwrap();
        assert!(shown.may_show_on("shop.example") && !shown.may_show_on("evil.example"));
        client.post(&path(&bar, "/pause"), json!({})).await.expect(200);
        assert!(!find().await.unwrap().is_active());
        assert_eq!(client.delete(&path(&bar, "")).await.status, 204);
        assert!(find().await.is_none());
        app.clock.advance(MINUTE);
        app.run_jobs().await;
    }

    async fn what_another_process_changes_is_seen_within_five_seconds(app: TestApp) {
        let (_, client) = member(&app, "ada").await;
        let bar = published(&client).await;
        let other = contactbar::bars::PublishedBars::new(app.db.clone(), app.clock.clone());
        assert!(other.find_published(&key(&bar)).await.unwrap().unwrap().is_active());
        client.post(&path(&bar, "/pause"), json!({})).await.expect(200);
        assert!(other.find_published(&key(&bar)).await.unwrap().unwrap().is_active(), "it believes what it knows");
        app.clock.advance(contactbar::bars::FRESH);
        assert!(!other.find_published(&key(&bar)).await.unwrap().unwrap().is_active());
    }
}
