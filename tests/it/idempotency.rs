//! A POST that is sent again is not done again.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use contactbar::{
    clock::DAY,
    http::{
        Problem,
        guards::Guarded,
        idempotency::{ABANDONED, Idempotency},
    },
};
use poem::{Response, Route, http::Method};

use crate::{
    guards::rules,
    support::{Answer, Client, TestApp},
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
        assert_eq!(other, ["Idempotency-Key: was used for another request"]);
        post(&client, "other", "k1", "Bearer a", "x").await.problem(422);
    }

    async fn a_key_is_its_owner_s(app: TestApp) {
        let client = counter(&app);
        post(&client, "count", "k1", "Bearer a", "x").await.expect_text("1");
        post(&client, "count", "k1", "Bearer b", "x").await.expect_text("2");
    }

    async fn a_secret_is_told_once(app: TestApp) {
        let client = counter(&app);
        assert_eq!(post(&client, "secret", "k1", "Bearer a", "").await.status, 200);
        post(&client, "secret", "k1", "Bearer a", "").await.problem(409);
    }

    async fn what_failed_may_be_tried_again(app: TestApp) {
        let client = counter(&app);
        post(&client, "broken", "k1", "Bearer a", "").await.problem(500);
        post(&client, "count", "k1", "Bearer a", "").await.expect_text("2");
    }

    async fn a_request_under_way_is_not_begun_again_until_it_is_abandoned(app: TestApp) {
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
        post(&client, "count", "k1", "Bearer a", "x").await.expect_text("1");
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
