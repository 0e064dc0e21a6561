//! A POST that is sent again is not done again.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use contactbar::db::schema::idempotency_keys;
use contactbar::{
    clock::DAY,
    http::{
        Problem,
        guards::Guarded,
        idempotency::{ABANDONED, Idempotency},
    },
};
use diesel::prelude::*;
use poem::{Response, Route, http::Method};

use crate::{
    guards::rules,
    support::{Answer, Client, TestApp},
    team::Person,
};

/// Counts what is done; `/secret` answers a token, `/broken` fails.
fn counter(app: &TestApp) -> Client {
    let count = Arc::new(AtomicUsize::new(0));
    let endpoint = poem::endpoint::make(move |request: poem::Request| {
        let count = count.clone();
        async move {
            let times = count.fetch_add(1, Ordering::SeqCst) + 1;
            match request.uri().path() {
                "/secret" => Ok(format!("cb_{}", "x".repeat(43)).into()),
                "/broken" => Err(poem::Error::from(Problem::internal("on fire"))),
                _ => Ok(Response::builder()
                    .content_type("text/plain")
                    .body(times.to_string())),
            }
        }
    });
    let notes = Idempotency::new(app.db.clone(), app.clock.clone());
    Client::of(Guarded::new(
        rules(),
        Route::new().nest("/api/v1", notes.around(endpoint)),
    ))
}

async fn post(client: &Client, path: &str, key: &str, token: &str, body: &str) -> Answer {
    let call = client
        .call(Method::POST, &format!("/api/v1/{path}"))
        .header("authorization", token);
    call.header("idempotency-key", key)
        .body(body.to_owned())
        .send()
        .await
}

both_databases! {
    async fn the_same_request_gets_the_same_answer(app: TestApp) {
        let client = counter(&app);
        let first = post(&client, "count", "k1", "Bearer a", "x").await;
        let again = post(&client, "count", "k1", "Bearer a", "x").await;
        assert_eq!((first.text(), again.text(), again.status), ("1", "1", 200));
        assert_eq!((again.header("idempotency-replayed"), again.header("content-type")), ("true", "text/plain"));
        assert_eq!(post(&client, "count", "k2", "Bearer a", "x").await.text(), "2");
    }

    async fn another_request_with_the_same_key_is_refused(app: TestApp) {
        let client = counter(&app);
        post(&client, "count", "k1", "Bearer a", "x").await.expect_text("1");
        let other = post(&client, "count", "k1", "Bearer a", "y").await.problem(422);
        assert_eq!(other, ["Idempotency-Key: was used for another request before; take a new one"]);
        post(&client, "other", "k1", "Bearer a", "x").await.problem(422);
    }

    async fn a_key_is_its_owner_s(app: TestApp) {
        let client = counter(&app);
        post(&client, "count", "k1", "Bearer a", "x").await.expect_text("1");
        post(&client, "count", "k1", "Bearer b", "x").await.expect_text("2");
    }

    async fn a_secret_is_told_again_but_never_to_the_database(app: TestApp) {
        let client = counter(&app);
        let first = post(&client, "secret", "k-of-a", "Bearer a", "").await;
        let again = post(&client, "secret", "k-of-a", "Bearer a", "").await;
        assert_eq!((first.text(), again.header("idempotency-replayed")), (again.text(), "true"));
        let rows: Vec<(String, String, Option<Vec<u8>>)> = app
            .db
            .read(|conn| Ok::<_, contactbar::db::Error>(
                idempotency_keys::table
                    .select((idempotency_keys::principal, idempotency_keys::key, idempotency_keys::body))
                    .load(conn)?
            ))
            .await
            .unwrap();
        let (principal, key, body) = &rows[0];
        let text = format!("{principal} {key} {}", String::from_utf8_lossy(body.as_ref().unwrap()));
        for secret in ["xxxx", "k-of-a", "Bearer"] {
            assert!(!text.contains(secret), "{text}");
        }
    }

    async fn without_a_log_in_a_key_is_nobodys(app: TestApp) {
        let client = counter(&app);
        for times in ["1", "2"] {
            let call = client.call(Method::POST, "/api/v1/count").header("idempotency-key", "k1");
            call.body("x").send().await.expect_text(times);
        }
    }

    async fn a_client_that_went_away_finds_the_answer_when_it_comes_back(app: TestApp) {
        let (entered, go_on) = (Arc::new(tokio::sync::Notify::new()), Arc::new(tokio::sync::Notify::new()));
        let endpoint = {
            let (entered, go_on) = (entered.clone(), go_on.clone());
            poem::endpoint::make(move |_| {
                let (entered, go_on) = (entered.clone(), go_on.clone());
                async move {
                    entered.notify_one();
                    go_on.notified().await;
                    Ok::<_, poem::Error>(Response::builder().body("done"))
                }
            })
        };
        let notes = Idempotency::new(app.db.clone(), app.clock.clone());
        let client = Client::of(Guarded::new(rules(), Route::new().nest("/api/v1", notes.around(endpoint))));
        let first = {
            let client = client.clone();
            tokio::spawn(async move { post(&client, "count", "k1", "Bearer a", "x").await })
        };
        entered.notified().await;
        first.abort();
        go_on.notify_one();
        loop {
            let answer = post(&client, "count", "k1", "Bearer a", "x").await;
            if answer.status != 409 {
                break answer.expect_text("done");
            }
        }
    }

    async fn an_answer_comes_back_with_its_headers(app: TestApp) {
        let olga = Person::new(&app, "olga@herons.example").await;
        let body = serde_json::json!({ "name": "One" });
        let make = || async {
            let call = olga.client.call(Method::POST, "/api/v1/bars").header("idempotency-key", "k1");
            call.json(&body).send().await
        };
        let (first, again) = (make().await, make().await);
        assert_eq!(first.expect(201), again.expect(201));
        assert_eq!(first.header("location"), again.header("location"));
        assert_eq!(olga.client.get("/api/v1/bars").await.expect(200)["items"].as_array().unwrap().len(), 1);
    }

    async fn what_failed_may_be_tried_again(app: TestApp) {
        let client = counter(&app);
        post(&client, "broken", "k1", "Bearer a", "").await.problem(500);
        post(&client, "count", "k1", "Bearer a", "").await.expect_text("2");
    }

    async fn a_request_under_way_is_not_begun_again_and_never_done_twice(app: TestApp) {
        let client = counter(&app);
        let entered = Arc::new(tokio::sync::Notify::new());
        let waiting = {
            let entered = entered.clone();
            let endpoint = poem::endpoint::make(move |_| {
                let entered = entered.clone();
                async move {
                    entered.notify_one();
                    std::future::pending::<poem::Result<Response>>().await
                }
            });
            let notes = Idempotency::new(app.db.clone(), app.clock.clone());
            Client::of(Guarded::new(rules(), Route::new().nest("/api/v1", notes.around(endpoint))))
        };
        let open = tokio::spawn(async move { post(&waiting, "count", "k1", "Bearer a", "x").await });
        entered.notified().await;
        let second = post(&client, "count", "k1", "Bearer a", "x").await;
        second.problem(409);
        assert_eq!(second.header("retry-after"), "1");
        open.abort();
        app.clock.advance(ABANDONED);
        let late = post(&client, "count", "k1", "Bearer a", "x").await;
        late.problem(409);
        assert_eq!(late.json()["type"], "urn:contactbar:problem:idempotency-outcome-unknown");
    }

    async fn after_a_day_a_key_is_forgotten(app: TestApp) {
        let client = counter(&app);
        post(&client, "count", "k1", "Bearer a", "x").await.expect_text("1");
        app.clock.advance(DAY);
        let notes = Idempotency::new(app.db.clone(), app.clock.clone());
        assert_eq!(notes.forget_expired().await.unwrap(), 1);
        post(&client, "count", "k1", "Bearer a", "y").await.expect_text("2");
    }

    async fn a_key_must_be_a_key(app: TestApp) {
        let client = counter(&app);
        for key in ["", "with space", "ä", &"k".repeat(129)] {
            post(&client, "count", key, "Bearer a", "").await.problem(400);
        }
    }
}

trait ExpectText {
    fn expect_text(&self, text: &str);
}

impl ExpectText for Answer {
    #[track_caller]
    fn expect_text(&self, text: &str) {
        assert_eq!((self.status, self.text()), (200, text));
    }
}
