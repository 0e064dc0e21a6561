//! Registration, log-in, sessions, passwords, addresses, the second factor.

use std::time::Duration;

use contactbar::clock::{DAY, MINUTE};
use contactbar::db::schema::{login_records, members, policy_decisions, users};
use contactbar::db::{self, schema::jobs};
use diesel::prelude::*;
use poem::http::Method;
use serde_json::{Value, json};
use totp_rs::{Builder, Secret};

use crate::people::{PASSWORD, token_in};
use crate::support::{Client, TestApp};

fn registration(email: &str) -> Value {
    json!({ "email": email, "password": PASSWORD, "privacy_version": 1, "terms_version": 1 })
}

async fn count_jobs(app: &TestApp) -> i64 {
    app.db
        .read(|conn| Ok::<_, db::Error>(jobs::table.count().get_result(conn)?))
        .await
        .unwrap()
}

/// An answer without what differs each time.
fn told(answer: &crate::support::Answer) -> (u16, Value) {
    let mut body = if answer.body.is_empty() {
        Value::Null
    } else {
        answer.json()
    };
    if let Some(body) = body.as_object_mut() {
        body.remove("request_id");
    }
    (answer.status, body)
}

async fn is_logged_in(client: &Client) -> bool {
    client.get("/api/v1/session").await.status == 200
}

fn code(secret: &str, app: &TestApp) -> String {
    let secret = Secret::try_from_base32(secret).unwrap();
    let totp = Builder::new()
        .with_secret(secret)
        .with_account_name("x")
        .with_issuer(Some("Contactbar"))
        .build()
        .unwrap();
    totp.generate(app.clock.now().secs() as u64).to_string()
}

both_databases! {
    async fn who_registers_verifies_the_address_and_logs_in(app: TestApp) {
        let client = app.client();
        client.post("/api/v1/users", registration("Anna@Example.com")).await.expect(202);
        let mails = app.mails().await;
        assert_eq!((mails.len(), mails[0].to.as_str()), (1, "Anna@example.com"));
        client.log_in("anna@example.com", PASSWORD).await.problem(403);
        let token = token_in(&mails[0]);
        // Scanners follow every link: that changes nothing.
        client.get(&format!("/verify?token={token}")).await;
        client.log_in("anna@example.com", PASSWORD).await.problem(403);

        let verify = || client.post("/api/v1/users/verification", json!({ "token": token }));
        verify().await.expect(204);
        verify().await.problem(404);
        let logged_in = client.log_in("anna@example.com", PASSWORD).await;
        let cookie = logged_in.header("set-cookie").to_owned();
        assert!(cookie.starts_with("session=cbs_") && cookie.contains("HttpOnly; SameSite=Lax"), "{cookie}");
        let session = logged_in.expect(201);
        assert_eq!(session["user"]["email"], "Anna@example.com");
        assert_eq!(session["member"]["role"], "owner");
        assert_eq!(session["member"]["name"], "Anna");
        // Promise 11: what was agreed to is on record.
        let decisions: i64 = app.db
            .read(|conn| Ok::<_, db::Error>(policy_decisions::table.count().get_result(conn)?)).await.unwrap();
        assert_eq!(decisions, 2);
    }

    async fn a_bad_registration_says_what_is_wrong(app: TestApp) {
        let client = app.client();
        let mut weak = registration("anna@example.com");
        weak["password"] = json!("1q2w3e4r5t6y");
        let answer = client.post("/api/v1/users", weak).await.problem(422);
        assert_eq!(answer, ["password: is among the passwords that are tried first; choose another"]);
        let mut old = registration("anna@example.com");
        old["terms_version"] = json!(7);
        assert_eq!(client.post("/api/v1/users", old).await.problem(422).len(), 2);
        let mut card = registration("anna@example.com");
        card["name"] = json!("4111 1111 1111 1111");
        assert_eq!(client.post("/api/v1/users", card).await.problem(422).len(), 1);
        assert_eq!(count_jobs(&app).await, 0);
    }

    /// Promise 31: the same answer, for the same work.
    async fn a_known_address_is_answered_like_an_unknown_one(app: TestApp) {
        app.with_account("anna@example.com").await;
        let client = app.client();
        let mut answers = Vec::new();
        for email in ["anna@example.com", "nobody@example.com"] {
            let before = (app.accounts.passwords().hashed(), count_jobs(&app).await);
            let registered = told(&client.post("/api/v1/users", registration(email)).await);
            let reset = told(&client.post("/api/v1/users/password-reset", json!({ "email": email })).await);
            let again = told(&client.post("/api/v1/users/verification/resend", json!({ "email": email })).await);
            let after = (app.accounts.passwords().hashed() - before.0, count_jobs(&app).await - before.1);
            answers.push((registered, reset, again, after));
        }
        assert_eq!(answers[0], answers[1]);
        assert_eq!(answers[0].3, (1, 3));
        let mut subjects: Vec<_> = app.mails().await.into_iter().map(|mail| (mail.to.to_string(), mail.subject)).collect();
        subjects.sort();
        assert_eq!(subjects.iter().filter(|(to, _)| to == "anna@example.com").count(), 2, "{subjects:?}");

        let hashed = app.accounts.passwords().hashed();
        let wrong = told(&client.log_in("anna@example.com", "not the password").await);
        assert_eq!(app.accounts.passwords().hashed(), hashed + 1);
        let unknown = told(&client.log_in("nobody.at.all@example.com", "not the password").await);
        assert_eq!(app.accounts.passwords().hashed(), hashed + 2);
        assert_eq!(told(&client.log_in("no address", "not the password").await), unknown);
        assert_eq!(wrong, unknown);
        assert_eq!(wrong.0, 401);
    }

    async fn the_last_to_register_an_unproved_address_wins(app: TestApp) {
        let client = app.client();
        let mut first = registration("anna@example.com");
        first["password"] = json!("the attacker's own");
        client.post("/api/v1/users", first).await.expect(202);
        let stale = token_in(&app.mails().await[0]);
        client.post("/api/v1/users", registration("anna@example.com")).await.expect(202);
        let token = token_in(&app.mails().await[0]);
        client.post("/api/v1/users/verification", json!({ "token": stale })).await.problem(404);
        client.post("/api/v1/users/verification", json!({ "token": token })).await.expect(204);
        client.log_in("anna@example.com", "the attacker's own").await.problem(401);
        client.log_in("anna@example.com", PASSWORD).await.expect(201);
    }

    async fn a_reset_ends_all_sessions_and_works_once(app: TestApp) {
        let anna = app.with_owner("anna@example.com").await;
        // Links come from the configured address, whatever host the request names.
        let asked = anna.client.call(Method::POST, "/api/v1/users/password-reset").header("host", "evil.example");
        asked.json(&json!({ "email": "ANNA@example.com" })).send().await.expect(202);
        let mails = app.mails().await;
        assert!(mails[0].text.contains("http://localhost:8080/reset-password?token="), "{}", mails[0].text);
        assert!(!mails[0].text.contains("evil"));
        let token = token_in(&mails[0]);
        app.client().get(&format!("/reset-password?token={token}")).await;
        let reset = json!({ "token": token, "password": "another garden wall" });
        let client = app.client();
        client.post("/api/v1/users/password-reset/confirm", reset.clone()).await.expect(204);
        assert!(!is_logged_in(&anna.client).await);
        client.post("/api/v1/users/password-reset/confirm", reset).await.problem(404);
        client.log_in("anna@example.com", PASSWORD).await.problem(401);
        client.log_in("anna@example.com", "another garden wall").await.expect(201);
        assert_eq!(app.mails().await.len(), 1, "that it was changed");

        client.post("/api/v1/users/password-reset", json!({ "email": "anna@example.com" })).await.expect(202);
        let late = json!({ "token": token_in(&app.mails().await[0]), "password": "a third garden wall" });
        app.clock.advance(30 * MINUTE);
        let hashed = app.accounts.passwords().hashed();
        client.post("/api/v1/users/password-reset/confirm", late).await.problem(404);
        assert_eq!(app.accounts.passwords().hashed(), hashed, "a dead link costs no hash");
    }

    async fn a_change_of_password_ends_the_other_sessions(app: TestApp) {
        let anna = app.with_owner("anna@example.com").await;
        let elsewhere = app.client();
        elsewhere.log_in(&anna.email, PASSWORD).await.expect(201);
        let change = |old: &str| json!({ "current_password": old, "new_password": "another garden wall" });
        let wrong = anna.client.put("/api/v1/users/me/password", change("not the password")).await;
        wrong.problem(403);
        assert_eq!(wrong.json()["type"], "urn:contactbar:problem:wrong-password");
        anna.client.put("/api/v1/users/me/password", change(PASSWORD)).await.expect(204);
        assert!(is_logged_in(&anna.client).await);
        assert!(!is_logged_in(&elsewhere).await);
        assert_eq!(app.mails().await.len(), 1);
    }

    /// Promise 39.
    async fn a_change_of_address_is_confirmed_at_the_new_one_and_told_to_both(app: TestApp) {
        let anna = app.with_owner("anna@example.com").await;
        app.with_account("taken@example.com").await;
        let ask = |email: &str| anna.client.post("/api/v1/users/me/address-change", json!({ "email": email, "password": PASSWORD }));
        ask("taken@example.com").await.expect(202);
        let mails = app.mails().await;
        assert_eq!(mails.iter().map(|mail| mail.to.as_str()).collect::<Vec<_>>(), ["taken@example.com"]);
        ask("new@example.com").await.expect(202);
        let mails = app.mails().await;
        let confirm = mails.iter().find(|mail| mail.to.as_str() == "new@example.com").unwrap();
        assert!(mails.iter().any(|mail| mail.to.as_str() == "anna@example.com"));
        app.client().log_in("anna@example.com", PASSWORD).await.expect(201);
        let token = json!({ "token": token_in(confirm) });
        app.client().post("/api/v1/users/address-change/confirm", token).await.expect(204);
        let mut told: Vec<_> = app.mails().await.iter().map(|mail| mail.to.to_string()).collect();
        told.sort();
        assert_eq!(told, ["anna@example.com", "new@example.com"]);
        app.client().log_in("anna@example.com", PASSWORD).await.problem(401);
        app.client().log_in("new@example.com", PASSWORD).await.expect(201);
    }

    async fn a_second_factor_is_asked_for_and_each_code_counts_once(app: TestApp) {
        let anna = app.with_owner("anna@example.com").await;
        let secret = anna.client.post("/api/v1/users/me/totp", json!({ "password": PASSWORD })).await.expect(201);
        let secret = secret["secret"].as_str().unwrap().to_owned();
        app.client().log_in(&anna.email, PASSWORD).await.expect(201);
        let wrong = anna.client.post("/api/v1/users/me/totp/confirm", json!({ "code": "000000" })).await;
        assert_eq!(wrong.problem(422), ["code: is wrong, or has been used"]);
        let confirm = json!({ "code": code(&secret, &app) });
        let codes = anna.client.post("/api/v1/users/me/totp/confirm", confirm).await.expect(200);
        let codes = codes["recovery_codes"].as_array().unwrap().clone();
        assert_eq!(codes.len(), 10);

        let needed = app.client().log_in(&anna.email, PASSWORD).await;
        needed.problem(401);
        assert_eq!(needed.json()["type"], "urn:contactbar:problem:second-factor-needed");
        let with = |field: &str, code: &str| {
            let mut body = json!({ "email": anna.email, "password": PASSWORD });
            body[field] = json!(code);
            let client = app.client();
            async move { client.post("/api/v1/session", body).await.status }
        };
        assert_eq!(with("totp", &code(&secret, &app)).await, 401, "used to confirm");
        app.clock.advance(MINUTE);
        assert_eq!(with("totp", &code(&secret, &app)).await, 201);
        assert_eq!(with("totp", &code(&secret, &app)).await, 401);
        let spoken = codes[0].as_str().unwrap().to_uppercase().replace('-', " ");
        assert_eq!(with("recovery_code", &spoken).await, 201);
        assert_eq!(with("recovery_code", &spoken).await, 401);
        assert_eq!(anna.client.get("/api/v1/users/me").await.expect(200)["recovery_codes_left"], 9);

        let renewed = anna.client.post("/api/v1/users/me/recovery-codes", json!({ "password": PASSWORD })).await;
        assert_eq!(renewed.expect(200)["recovery_codes"].as_array().unwrap().len(), 10);
        assert_eq!(with("recovery_code", codes[1].as_str().unwrap()).await, 401, "replaced");
        anna.client.post("/api/v1/users/me/totp/disable", json!({ "password": "wrong one here" })).await.problem(403);
        anna.client.post("/api/v1/users/me/totp/disable", json!({ "password": PASSWORD })).await.expect(204);
        app.client().log_in(&anna.email, PASSWORD).await.expect(201);
        assert_eq!(app.mails().await.len(), 3, "on, renewed, off");
    }

    async fn guessing_is_throttled_for_known_and_unknown_alike(app: TestApp) {
        app.with_account("anna@example.com").await;
        let mut statuses = Vec::new();
        for email in ["anna@example.com", "nobody@example.com"] {
            let mut each = Vec::new();
            for _ in 0..6 {
                each.push(app.client().log_in(email, "not the password").await.status);
            }
            statuses.push(each);
        }
        assert_eq!(statuses[0], [401, 401, 401, 401, 401, 429]);
        assert_eq!(statuses[0], statuses[1]);
        let blocked = app.client().log_in("Anna@example.com", PASSWORD).await;
        blocked.problem(429);
        assert_eq!(blocked.header("retry-after"), "30");
        app.clock.advance(Duration::from_secs(30));
        app.client().log_in("anna@example.com", PASSWORD).await.expect(201);
        app.client().log_in("anna@example.com", "not the password").await.problem(401);
    }

    async fn one_network_can_not_guess_at_many_accounts(app: TestApp) {
        let guess = |n: u32, peer: &'static str| {
            let body = json!({ "email": format!("user{n}@example.com"), "password": "not the password" });
            let call = app.client().call(Method::POST, "/api/v1/session").json(&body).peer_at(peer);
            async move { call.send().await.status }
        };
        for n in 0..30 {
            assert_eq!(guess(n, "203.0.113.9:4000").await, 401);
        }
        assert_eq!(guess(30, "203.0.113.9:4000").await, 429);
        assert_eq!(guess(31, "203.0.113.10:4000").await, 401);
    }

    async fn sessions_are_listed_ended_and_run_out(app: TestApp) {
        let anna = app.with_owner("anna@example.com").await;
        let eve = app.with_owner("eve@example.com").await;
        let (phone, laptop) = (app.client(), app.client());
        for client in [&phone, &laptop] {
            client.log_in(&anna.email, PASSWORD).await.expect(201);
        }
        let listed = anna.client.get("/api/v1/users/me/sessions").await.expect(200);
        assert_eq!(listed["items"].as_array().unwrap().len(), 3);
        let phones = phone.get("/api/v1/session").await.expect(200);
        let one = format!("/api/v1/users/me/sessions/{}", phones["id"].as_str().unwrap());
        eve.client.delete(&one).await.problem(404);
        anna.client.delete(&one).await.expect(204);
        assert!(!is_logged_in(&phone).await);
        assert_eq!(anna.client.delete("/api/v1/users/me/sessions").await.expect(200)["ended"], 1);
        assert!(!is_logged_in(&laptop).await);

        let stolen = anna.client.clone();
        let cookie = stolen.call(Method::GET, "/api/v1/session");
        anna.client.delete("/api/v1/session").await.expect(204);
        assert_eq!(cookie.send().await.status, 401, "logged out on the server");

        for _ in 0..4 {
            assert!(is_logged_in(&eve.client).await);
            app.clock.advance(6 * DAY);
        }
        assert!(is_logged_in(&eve.client).await);
        app.clock.advance(6 * DAY);
        assert!(!is_logged_in(&eve.client).await, "30 days are the most");
        let fay = app.with_owner("fay@example.com").await;
        app.clock.advance(7 * DAY);
        assert!(!is_logged_in(&fay.client).await, "7 days without use");
    }

    async fn a_cookie_from_another_site_changes_nothing(app: TestApp) {
        let anna = app.with_owner("anna@example.com").await;
        let change = || anna.client.call(Method::PATCH, "/api/v1/users/me").json(&json!({ "name": "Eve" }));
        change().header("origin", "https://evil.example").send().await.problem(403);
        change().header("sec-fetch-site", "cross-site").send().await.problem(403);
        assert_eq!(anna.client.get("/api/v1/users/me").await.expect(200).get("name"), Some(&Value::Null));
        change().send().await.expect(200);
        let cleared = anna.client.patch("/api/v1/users/me", json!({ "name": null, "language": "de" })).await.expect(200);
        assert_eq!((&cleared["name"], &cleared["language"]), (&Value::Null, &json!("de")));
    }

    /// Promise 12.
    async fn what_is_over_is_forgotten(app: TestApp) {
        let anna = app.with_owner("anna@example.com").await;
        app.client().post("/api/v1/users", registration("never@example.com")).await.expect(202);
        app.mails().await;
        app.clock.advance(MINUTE);
        app.client().log_in("anna@example.com", "not the password").await.problem(401);
        let logins = anna.client.get("/api/v1/users/me/logins?limit=1").await.expect(200);
        assert_eq!(logins["items"][0]["outcome"], "wrong_password");
        let next = logins["next_cursor"].as_str().unwrap();
        let older = anna.client.get(&format!("/api/v1/users/me/logins?after={next}")).await.expect(200);
        assert_eq!(older["items"][0]["outcome"], "success");
        app.clock.advance(90 * DAY);
        app.jobs.enqueue_due_schedules().await.unwrap();
        app.run_jobs().await;
        let (records, people, tenants): (i64, i64, i64) = app.db
            .read(|conn| Ok::<_, db::Error>((
                login_records::table.count().get_result(conn)?,
                users::table.count().get_result(conn)?,
                members::table.count().get_result(conn)?,
            ))).await.unwrap();
        assert_eq!((records, people, tenants), (0, 1, 1));
    }

    async fn a_log_in_from_another_device_is_told(app: TestApp) {
        app.with_account("anna@example.com").await;
        let log_in = |agent: &'static str| {
            let body = json!({ "email": "anna@example.com", "password": PASSWORD });
            let call = app.client().call(Method::POST, "/api/v1/session").json(&body).header("user-agent", agent);
            async move { call.send().await.expect(201) }
        };
        let firefox = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0";
        log_in(firefox).await;
        log_in(firefox).await;
        assert_eq!(app.mails().await, []);
        log_in("Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:128.0) Gecko/20100101 Firefox/128.0").await;
        assert_eq!(app.mails().await.len(), 1);
    }
}
