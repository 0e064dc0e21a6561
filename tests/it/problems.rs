//! Whatever goes wrong is a problem of one shape, and never says what happened inside.

use contactbar::http::{Json, Problem, guards::Guarded, openapi};
use poem::{Route, http::Method};
use poem_openapi::{
    Object, OpenApi,
    param::{Path, Query},
};
use serde_json::json;

use crate::{guards::rules, support::Client};

#[derive(Object)]
struct Greeting {
    #[oai(validator(min_length = 1, max_length = 8))]
    name: String,
    times: Option<u8>,
}

struct Api;

#[OpenApi]
impl Api {
    #[oai(path = "/greetings", method = "post", operation_id = "greet")]
    async fn greet(&self, greeting: Json<Greeting>) -> Result<Json<Greeting>, Problem> {
        Ok(greeting)
    }

    #[oai(path = "/greetings/:number", method = "get", operation_id = "greeting")]
    async fn greeting(
        &self,
        number: Path<u32>,
        loud: Query<Option<bool>>,
    ) -> Result<Json<Greeting>, Problem> {
        match (number.0, loud.0) {
            (1, _) => Ok(Json(Greeting {
                name: "Ada".to_owned(),
                times: None,
            })),
            (2, _) => Err(Problem::internal("disk /dev/sda1 is on fire")),
            (3, _) => Err(Problem::conflict("It has been said already.")),
            _ => Err(Problem::not_found()),
        }
    }
}

fn client() -> Client {
    Client::of(Guarded::new(
        rules(),
        Route::new().nest("/api/v1", openapi::routes(Api)),
    ))
}

#[tokio::test]
async fn what_is_right_is_answered() {
    let answer = client().post("/api/v1/greetings", json!({ "name": "Ada" })).await;
    assert_eq!(answer.expect(200), json!({ "name": "Ada", "times": null }));
    client().get("/api/v1/greetings/1?loud=true").await.expect(200);
}

#[tokio::test]
async fn no_route_is_a_problem() {
    client().get("/api/v1/nothing").await.problem(404);
    client().get("/nothing").await.problem(404);
}

#[tokio::test]
async fn another_method_is_a_problem_that_says_which_are_allowed() {
    let answer = client().delete("/api/v1/greetings/1").await;
    answer.problem(405);
    assert_eq!(answer.header("allow"), "GET, HEAD");
}

#[tokio::test]
async fn head_is_get_without_the_body() {
    let answer = client().call(Method::HEAD, "/api/v1/greetings/1").send().await;
    assert_eq!(
        (answer.status, answer.body.len(), answer.header("content-length")),
        (200, 0, "27")
    );
}

#[tokio::test]
async fn broken_json_is_a_problem() {
    let call = client()
        .call(Method::POST, "/api/v1/greetings")
        .header("content-type", "application/json");
    call.body("{\"name\":").send().await.problem(400);
}

#[tokio::test]
async fn each_field_at_fault_is_named() {
    let answer = client()
        .post(
            "/api/v1/greetings",
            json!({ "name": "", "times": "twice", "owner": 1 }),
        )
        .await;
    assert_eq!(
        answer.problem(422),
        [
            "name: must not be empty",
            "owner: is not known",
            "times: expected a whole number"
        ]
    );
}

#[tokio::test]
async fn a_number_out_of_its_type_is_a_problem() {
    let answer = client()
        .post("/api/v1/greetings", json!({ "name": "Ada", "times": 300 }))
        .await;
    assert_eq!(answer.problem(422).len(), 1);
}

#[tokio::test]
async fn another_content_type_is_a_problem() {
    let call = client()
        .call(Method::POST, "/api/v1/greetings")
        .header("content-type", "text/plain");
    call.body("{}").send().await.problem(415);
    client()
        .call(Method::POST, "/api/v1/greetings")
        .body("{}")
        .send()
        .await
        .problem(415);
}

#[tokio::test]
async fn a_parameter_that_does_not_parse_is_a_problem() {
    assert_eq!(
        client()
            .get("/api/v1/greetings/1?loud=maybe")
            .await
            .problem(400)
            .len(),
        1
    );
    // An id of the wrong form does not exist.
    client().get("/api/v1/greetings/first").await.problem(404);
}

#[tokio::test]
async fn what_happened_inside_is_not_told() {
    let answer = client().get("/api/v1/greetings/2").await;
    answer.problem(500);
    assert!(!answer.text().contains("sda1"));
}

#[tokio::test]
async fn a_detail_is_told() {
    let answer = client().get("/api/v1/greetings/3").await;
    answer.problem(409);
    assert_eq!(answer.json()["detail"], "It has been said already.");
}

#[test]
fn the_document_names_what_an_operation_can_answer_and_no_more() {
    let document = openapi::document::<Api>([]);
    let statuses = |path: &str, method: &str| {
        let responses = &document["paths"][path][method]["responses"];
        responses
            .as_object()
            .unwrap()
            .keys()
            .cloned()
            .collect::<Vec<_>>()
            .join(" ")
    };
    assert_eq!(
        statuses("/api/v1/greetings", "post"),
        "200 400 401 403 404 408 409 413 415 422 429 500 503"
    );
    assert_eq!(
        statuses("/api/v1/greetings/{number}", "get"),
        "200 400 404 422 429 500 503"
    );
    assert_eq!(
        document["components"]["schemas"]["Greeting"]["additionalProperties"],
        false
    );
}
