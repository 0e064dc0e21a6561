//! Members and their teams: roles, invitations, API tokens, the profile, and the record of it all.

use std::time::Duration;

use contactbar::accounts::{Name, NewPassword};
use contactbar::clock::{DAY, HOUR, MINUTE};
use contactbar::db::schema::policy_decisions;
use contactbar::mail::{EmailAddress, Language};
use diesel::prelude::*;
use serde_json::{Value, json};

use crate::support::{Client, TestApp};

pub const PASSWORD: &str = "seven quiet herons wade";

/// Somebody who is logged in, with a member of their own.
pub struct Person {
    pub client: Client,
    pub user: String,
    pub member: String,
}

impl Person {
    pub async fn new(app: &TestApp, email: &str) -> Self {
        let address: EmailAddress = email.parse().unwrap();
        let password = NewPassword::parse(PASSWORD.to_owned(), Some(&address)).unwrap();
        let name: Name = "Herons & Sons".parse().unwrap();
        let (user, member) = app
            .accounts
            .open_account(address, password, name, Language::En)
            .await
            .unwrap();
        Self {
            client: log_in(app, email).await,
            user: user.to_string(),
            member: member.to_string(),
        }
    }

    /// The path of something of their member.
    pub fn path(&self, rest: &str) -> String {
        format!("/api/v1/members/{}{rest}", self.member)
    }

    /// Somebody new joins the team as `role`, and makes its member their current one.
    async fn joined_by(&self, app: &TestApp, email: &str, role: &str) -> Person {
        let person = Person::new(app, email).await;
        let token = self.invite(app, email, role).await;
        person
            .client
            .post("/api/v1/invitations/accept", json!({ "token": token }))
            .await
            .expect(200);
        let switch = json!({ "member_id": self.member });
        person.client.patch("/api/v1/session", switch).await.expect(200);
        Person {
            member: self.member.clone(),
            ..person
        }
    }

    /// Invites an address; answers the token of the mail.
    async fn invite(&self, app: &TestApp, email: &str, role: &str) -> String {
        let body = json!({ "email": email, "role": role });
        self.client
            .post(&self.path("/invitations"), body)
            .await
            .expect(201);
        mailed_token(app).await
    }
}

pub async fn log_in(app: &TestApp, email: &str) -> Client {
    let client = app.client();
    client
        .post("/api/v1/session", json!({ "email": email, "password": PASSWORD }))
        .await
        .expect(201);
    client
}

/// The token in the one mail that has just left.
async fn mailed_token(app: &TestApp) -> String {
    app.run_jobs().await;
    let mails = app.mailbox.take();
    assert_eq!(mails.len(), 1);
    let (_, rest) = mails[0].text.split_once("token=").unwrap();
    rest.chars()
        .take_while(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-'))
        .collect()
}

fn account() -> Value {
    json!({ "password": PASSWORD, "name": "Nora", "privacy_version": 1, "terms_version": 1 })
}

fn texts(list: &Value, field: &str) -> Vec<String> {
    let items = list["items"].as_array().unwrap();
    items
        .iter()
        .map(|item| item[field].as_str().unwrap().to_owned())
        .collect()
}

both_databases! {
    async fn somebody_new_joins_by_the_link_in_the_mail(app: TestApp) {
        let owner = Person::new(&app, "olga@herons.example").await;
        let token = owner.invite(&app, "nora@herons.example", "editor").await;
        let anyone = app.client();
        let invited = anyone.post("/api/v1/invitations/read", json!({ "token": token })).await.expect(200);
        assert_eq!((&invited["role"], &invited["has_account"]), (&json!("editor"), &json!(false)));
        let old = json!({ "token": token, "account": { "password": PASSWORD, "privacy_version": 1, "terms_version": 9 } });
        assert_eq!(anyone.post("/api/v1/invitations/accept", old).await.status, 422);
        let accept = json!({ "token": token, "account": account() });
        app.clock.advance(MINUTE);
        let joined = anyone.post("/api/v1/invitations/accept", accept.clone()).await.expect(200);
        assert_eq!((&joined["role"], &joined["member"]["id"]), (&json!("editor"), &json!(owner.member)));
        anyone.post("/api/v1/invitations/accept", accept).await.problem(404);

        let nora = log_in(&app, "nora@herons.example").await;
        let team = nora.get(&owner.path("/users")).await.expect(200);
        assert_eq!(texts(&team, "email"), ["olga@herons.example", "nora@herons.example"]);
        let invitations = owner.client.get(&owner.path("/invitations")).await.expect(200);
        assert_eq!(texts(&invitations, "state"), ["accepted"]);
        let ways: Vec<String> = app
            .db
            .read(|conn| Ok::<_, contactbar::db::Error>(
                policy_decisions::table.filter(policy_decisions::way.eq("invitation")).select(policy_decisions::decision).load(conn)?
            ))
            .await
            .unwrap();
        assert_eq!(ways, ["accept", "accept"]);
    }

    async fn who_has_an_account_logs_in_with_the_invited_address(app: TestApp) {
        let owner = Person::new(&app, "olga@herons.example").await;
        let other = Person::new(&app, "otto@else.example").await;
        let emil = Person::new(&app, "emil@herons.example").await;
        let token = owner.invite(&app, "Emil@herons.example", "viewer").await;
        let accept = |account: Value| json!({ "token": token, "account": account });
        let anyone = app.client();
        anyone.post("/api/v1/invitations/accept", accept(Value::Null)).await.problem(401);
        anyone.post("/api/v1/invitations/accept", accept(account())).await.problem(409);
        other.client.post("/api/v1/invitations/accept", accept(Value::Null)).await.problem(409);
        assert_eq!(emil.client.post("/api/v1/invitations/accept", accept(account())).await.problem(422).len(), 1);
        emil.client.post("/api/v1/invitations/accept", accept(Value::Null)).await.expect(200);
        let members = emil.client.get("/api/v1/members").await.expect(200);
        assert_eq!(texts(&members, "role"), ["owner", "viewer"]);
        // In the team now: nobody is asked twice.
        let again = json!({ "email": "emil@herons.example", "role": "viewer" });
        owner.client.post(&owner.path("/invitations"), again).await.problem(409);
    }

    async fn a_link_is_dead_when_it_is_old_revoked_or_sent_again(app: TestApp) {
        let owner = Person::new(&app, "olga@herons.example").await;
        let read = |token: String| {
            let client = app.client();
            async move { client.post("/api/v1/invitations/read", json!({ "token": token })).await.status }
        };
        let first = owner.invite(&app, "nora@herons.example", "editor").await;
        let id = owner.client.get(&owner.path("/invitations")).await.expect(200)["items"][0]["id"].as_str().unwrap().to_owned();
        let resend = owner.path(&format!("/invitations/{id}/resend"));
        assert_ne!(owner.client.post(&resend, Value::Null).await.header("retry-after"), "");
        app.clock.advance(10 * MINUTE);
        owner.client.post(&resend, Value::Null).await.expect(200);
        let second = mailed_token(&app).await;
        assert_eq!((read(first).await, read(second.clone()).await), (404, 200));
        app.clock.advance(7 * DAY - Duration::from_micros(1));
        assert_eq!(read(second.clone()).await, 200);
        app.clock.advance(Duration::from_micros(1));
        assert_eq!(read(second).await, 404);
        let owner = Person { client: log_in(&app, "olga@herons.example").await, ..owner };
        owner.client.post(&owner.path(&format!("/invitations/{id}/resend")), Value::Null).await.expect(200);
        let third = mailed_token(&app).await;
        let path = owner.path(&format!("/invitations/{id}"));
        owner.client.delete(&path).await.expect(204);
        assert_eq!(read(third).await, 404);
        owner.client.delete(&path).await.problem(409);
        app.run_jobs().await;
        app.mailbox.take();
    }

    async fn nobody_reaches_above_their_own_role(app: TestApp) {
        let owner = Person::new(&app, "olga@herons.example").await;
        let admin = owner.joined_by(&app, "adam@herons.example", "admin").await;
        let viewer = owner.joined_by(&app, "vera@herons.example", "viewer").await;
        let of = |user: &str| owner.path(&format!("/users/{user}"));
        let role = |role: &str| json!({ "role": role });
        admin.client.patch(&of(&owner.user), role("viewer")).await.problem(403);
        admin.client.delete(&of(&owner.user)).await.problem(403);
        admin.client.patch(&of(&viewer.user), role("owner")).await.problem(403);
        let lifted = json!({ "email": "x@herons.example", "role": "owner" });
        admin.client.post(&owner.path("/invitations"), lifted).await.problem(403);
        viewer.client.patch(&of(&viewer.user), role("admin")).await.problem(403);
        let changed = admin.client.patch(&of(&viewer.user), role("editor")).await.expect(200);
        assert_eq!(changed["role"], "editor");
        admin.client.delete(&of(&viewer.user)).await.expect(204);
        viewer.client.get(&owner.path("")).await.problem(403);
    }

    async fn the_last_owner_stays(app: TestApp) {
        let owner = Person::new(&app, "olga@herons.example").await;
        let other = owner.joined_by(&app, "adam@herons.example", "admin").await;
        let own = owner.path(&format!("/users/{}", owner.user));
        owner.client.post(&owner.path("/leave"), Value::Null).await.problem(409);
        owner.client.delete(&own).await.problem(409);
        owner.client.patch(&own, json!({ "role": "admin" })).await.problem(409);
        let lift = owner.path(&format!("/users/{}", other.user));
        owner.client.patch(&lift, json!({ "role": "owner" })).await.expect(200);
        owner.client.post(&owner.path("/leave"), Value::Null).await.expect(204);
        owner.client.get(&owner.path("")).await.problem(403);
        other.client.post(&owner.path("/leave"), Value::Null).await.problem(409);
    }

    async fn another_members_anything_is_a_404(app: TestApp) {
        let one = Person::new(&app, "olga@herons.example").await;
        let other = Person::new(&app, "otto@else.example").await;
        one.invite(&app, "nora@herons.example", "editor").await;
        let invitation = one.client.get(&one.path("/invitations")).await.expect(200)["items"][0]["id"].as_str().unwrap().to_owned();
        let token = one.client.post("/api/v1/tokens", json!({ "name": "t", "scopes": ["bars:read"] })).await.expect(201);
        app.run_jobs().await;
        app.mailbox.take();
        for path in ["", "/profile", "/users", "/invitations"] {
            other.client.get(&one.path(path)).await.problem(404);
        }
        other.client.patch(&one.path(""), json!({ "name": "x" })).await.problem(404);
        other.client.patch(&one.path("/profile"), json!({ "city": "x" })).await.problem(404);
        other.client.delete(&one.path("/profile/city")).await.problem(404);
        other.client.post(&one.path("/leave"), Value::Null).await.problem(404);
        other.client.patch(&one.path(&format!("/users/{}", one.user)), json!({ "role": "viewer" })).await.problem(404);
        // Of one's own member, but another's person, invitation, token.
        other.client.delete(&other.path(&format!("/users/{}", one.user))).await.problem(404);
        other.client.delete(&other.path(&format!("/invitations/{invitation}"))).await.problem(404);
        other.client.post(&other.path(&format!("/invitations/{invitation}/resend")), Value::Null).await.problem(404);
        other.client.delete(&format!("/api/v1/tokens/{}", token["id"].as_str().unwrap())).await.problem(404);
        let log = other.client.get("/api/v1/audit-log").await.expect(200);
        assert!(!log.to_string().contains(&one.member), "{log}");
    }

    async fn a_user_may_have_several_members(app: TestApp) {
        let olga = Person::new(&app, "olga@herons.example").await;
        app.clock.advance(MINUTE);
        let body = json!({ "name": "Egrets", "kind": "entity", "time_zone": "Europe/Berlin", "privacy_version": 1, "terms_version": 1 });
        let made = olga.client.post("/api/v1/members", body).await.expect(201);
        assert_eq!((&made["region"], &made["time_zone"]), (&json!("eu"), &json!("Europe/Berlin")));
        let list = olga.client.get("/api/v1/members?limit=1").await.expect(200);
        assert_eq!(list["items"][0]["member"]["id"], olga.member);
        let next = format!("/api/v1/members?limit=1&after={}", list["next_cursor"].as_str().unwrap());
        let list = olga.client.get(&next).await.expect(200);
        assert_eq!((&list["items"][0]["member"]["id"], &list["next_cursor"]), (&made["id"], &Value::Null));
        olga.client.patch("/api/v1/session", json!({ "member_id": made["id"] })).await.expect(200);
        olga.client.get(&olga.path("")).await.problem(404);
        let path = format!("/api/v1/members/{}", made["id"].as_str().unwrap());
        let changed = olga.client.patch(&path, json!({ "name": "Egrets Ltd", "language": "de" })).await.expect(200);
        assert_eq!((&changed["name"], &changed["language"]), (&json!("Egrets Ltd"), &json!("de")));
        assert_eq!(olga.client.patch(&path, json!({ "time_zone": "Mars/Olympus" })).await.status, 422);
        assert_eq!(olga.client.patch(&path, json!({ "region": "us" })).await.problem(422), ["region: is not known"]);
    }

    async fn a_token_is_told_once_and_works_until_revoked(app: TestApp) {
        let olga = Person::new(&app, "olga@herons.example").await;
        let body = json!({ "name": "Nightly", "scopes": ["members:read", "audit:read"] });
        let made = olga.client.post("/api/v1/tokens", body.clone()).await.expect(201);
        app.run_jobs().await;
        assert_eq!(app.mailbox.take().len(), 1, "whoever makes a token is told");
        let token = made["token"].as_str().unwrap();
        assert!(token.starts_with("cb_") && token.ends_with(made["hint"].as_str().unwrap()), "{made}");
        let program = app.client().with_token(token);
        program.get(&olga.path("")).await.expect(200);
        program.get(&olga.path("/users")).await.expect(200);
        program.patch(&olga.path(""), json!({ "name": "x" })).await.problem(403);
        program.post("/api/v1/tokens", body).await.problem(403);
        program.get("/api/v1/members").await.problem(403);
        let list = olga.client.get("/api/v1/tokens").await.expect(200);
        assert!(list["items"][0]["last_used_at"].is_string() && !list.to_string().contains(token), "{list}");
        olga.client.delete(&format!("/api/v1/tokens/{}", made["id"].as_str().unwrap())).await.expect(204);
        program.get(&olga.path("")).await.problem(401);
        assert_eq!(olga.client.get("/api/v1/tokens").await.expect(200)["items"], json!([]));
    }

    async fn a_token_ends(app: TestApp) {
        let olga = Person::new(&app, "olga@herons.example").await;
        let until = |at: contactbar::clock::Timestamp| json!({ "name": "t", "scopes": ["members:read"], "expires_at": at });
        for end in [app.clock.now(), app.clock.now() + 367 * DAY] {
            assert_eq!(olga.client.post("/api/v1/tokens", until(end)).await.problem(422).len(), 1);
        }
        assert_eq!(olga.client.post("/api/v1/tokens", json!({ "name": "t", "scopes": [] })).await.status, 422);
        let made = olga.client.post("/api/v1/tokens", until(app.clock.now() + DAY)).await.expect(201);
        let program = app.client().with_token(made["token"].as_str().unwrap());
        app.clock.advance(DAY - MINUTE);
        program.get(&olga.path("")).await.expect(200);
        app.clock.advance(MINUTE);
        program.get(&olga.path("")).await.problem(401);
        app.run_jobs().await;
        app.mailbox.take();
    }

    /// Promises 4 and 11.
    async fn a_profile_says_when_and_under_which_policy_it_was_collected(app: TestApp) {
        let olga = Person::new(&app, "olga@herons.example").await;
        let path = olga.path("/profile");
        assert_eq!(olga.client.get(&path).await.expect(200), json!({}));
        let first = olga.client.patch(&path, json!({ "city": " Bern ", "phone": "+41 31 000 00 00" })).await.expect(200);
        assert_eq!((&first["city"]["value"], &first["city"]["source"]), (&json!("Bern"), &json!("member")));
        assert!(first["city"]["policy_version_id"].as_str().unwrap().starts_with("pol_"));
        app.clock.advance(MINUTE);
        let second = olga.client.patch(&path, json!({ "city": "Basel", "phone": "+41 31 000 00 00" })).await.expect(200);
        assert_ne!(second["city"]["collected_at"], first["city"]["collected_at"]);
        assert_eq!(second["phone"], first["phone"], "what is the same stays as it was collected");
        olga.client.delete(&olga.path("/profile/city")).await.expect(204);
        olga.client.delete(&olga.path("/profile/city")).await.problem(404);
        assert!(olga.client.get(&path).await.expect(200).get("city").is_none());
    }

    /// Promise 11.
    async fn a_card_number_is_refused_in_any_field(app: TestApp) {
        let olga = Person::new(&app, "olga@herons.example").await;
        for field in ["full_name", "street", "city", "occupation", "gender", "industry", "tax_id", "phone"] {
            let body = json!({ field: "4111 1111 1111 1111" });
            let faults = olga.client.patch(&olga.path("/profile"), body).await.problem(422);
            assert!(faults[0].contains("looks like a card number"), "{faults:?}");
        }
        assert_eq!(olga.client.patch(&olga.path(""), json!({ "name": "4111111111111111" })).await.status, 422);
        assert_eq!(olga.client.get(&olga.path("/profile")).await.expect(200), json!({}));
    }

    /// Promise 26.
    async fn every_change_is_on_record(app: TestApp) {
        let olga = Person::new(&app, "olga@herons.example").await;
        olga.client.patch(&olga.path(""), json!({ "name": "Egrets" })).await.expect(200);
        olga.client.patch(&olga.path("/profile"), json!({ "city": "Bern" })).await.expect(200);
        olga.invite(&app, "nora@herons.example", "editor").await;
        let log = olga.client.get("/api/v1/audit-log?limit=2").await.expect(200);
        let mut actions = texts(&log, "action");
        let next = format!("/api/v1/audit-log?limit=2&after={}", log["next_cursor"].as_str().unwrap());
        actions.extend(texts(&olga.client.get(&next).await.expect(200), "action"));
        actions.sort();
        assert_eq!(actions, ["invitation.sent", "member.changed", "member.registered", "profile.changed"]);
        assert!(!log.to_string().contains("Bern"), "names of fields, never what stands in them");
        assert_eq!(olga.client.get("/api/v1/audit-log?after=nonsense").await.status, 400);
    }

    /// Promise 26.
    async fn the_record_is_searched_by_area_action_actor_target_and_time(app: TestApp) {
        let olga = Person::new(&app, "olga@herons.example").await;
        let nora = olga.joined_by(&app, "nora@herons.example", "editor").await;
        let start = app.clock.now();
        app.clock.advance(HOUR);
        let bar = nora.client.post("/api/v1/bars", json!({ "name": "Spring" })).await.expect(201);
        nora.client.post("/api/v1/bars", json!({ "name": "Summer" })).await.expect(201);
        app.clock.advance(HOUR);
        let bar = bar["id"].as_str().unwrap();
        let token = json!({ "name": "Nightly", "scopes": ["bars:write"] });
        let token = olga.client.post("/api/v1/tokens", token).await.expect(201);
        let program = app.client().with_token(token["token"].as_str().unwrap());
        program.post(&format!("/api/v1/bars/{bar}/pause"), Value::Null).await.expect(200);

        let log = async |query: &str| {
            let list = olga.client.get(&format!("/api/v1/audit-log?{query}")).await.expect(200);
            let mut actions = texts(&list, "action");
            actions.sort();
            actions.join(" ")
        };
        assert_eq!(log("area=bar").await, "bar.created bar.created bar.paused");
        assert_eq!(log("action=bar.paused").await, "bar.paused");
        assert_eq!(log("area=token&action=bar.paused").await, "");
        assert_eq!(log("area=contact").await, "");
        let user = &nora.user;
        assert_eq!(log(&format!("user_id={user}&area=bar")).await, "bar.created bar.created");
        let id = token["id"].as_str().unwrap();
        assert_eq!(log(&format!("token_id={id}")).await, "bar.paused");
        assert_eq!(log("actor=token").await, "bar.paused");
        assert_eq!(log("actor=user&area=token").await, "token.created");
        assert_eq!(log("actor=system").await, "member.registered");
        assert_eq!(log(&format!("target={bar}")).await, "bar.created bar.paused");
        let (from, to) = (start + MINUTE, start + HOUR + MINUTE);
        assert_eq!(log(&format!("from={from}&to={to}")).await, "bar.created bar.created");
        assert_eq!(log("to=0001-01-01T00:00:00Z").await, "");

        let first = olga.client.get("/api/v1/audit-log?area=bar&limit=2").await.expect(200);
        let after = first["next_cursor"].as_str().unwrap();
        let rest = olga.client.get(&format!("/api/v1/audit-log?area=bar&limit=2&after={after}")).await.expect(200);
        assert_eq!((texts(&rest, "action").len(), &rest["next_cursor"]), (1, &Value::Null));

        for (query, fault) in [
            (format!("user_id={user}&token_id={id}"), "token_id: can't be asked for together with `user_id`"),
            (format!("user_id={user}&actor=system"), "actor: is not the kind of the one that is named"),
        ] {
            assert_eq!(olga.client.get(&format!("/api/v1/audit-log?{query}")).await.problem(422), [fault]);
        }
        app.run_jobs().await;
        app.mailbox.take();
    }

    async fn the_policies_are_there_from_the_first_day(app: TestApp) {
        let list = app.client().get("/api/v1/policies").await.expect(200);
        assert_eq!(texts(&list, "document"), ["privacy", "terms"]);
        app.client().get("/api/v1/policies/privacy/1").await.expect(200);
        app.client().get("/api/v1/policies/privacy/2").await.problem(404);
        for page in ["/policies/privacy", "/policies/terms/1"] {
            let page = app.client().get(page).await;
            assert_eq!((page.status, page.header("content-type")), (200, "text/html; charset=utf-8"));
        }
        assert_eq!(app.client().get("/policies/cookies").await.status, 404);
    }
}
