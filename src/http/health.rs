//! `/healthz`: the process lives. `/readyz`: it can do its work, by the checks that app.rs hands in.

use std::{sync::Arc, time::Duration};

use futures_util::future::{BoxFuture, join_all};
use poem::{
    Endpoint, Response,
    endpoint::make,
    http::{StatusCode, header},
};
use serde_json::{Value, json};

use super::problem::{FieldError, Problem};

/// A check that takes longer has failed.
const PATIENCE: Duration = Duration::from_secs(2);

type Check = Arc<dyn Fn() -> BoxFuture<'static, bool> + Send + Sync>;

/// What has to work for the service to be of use.
#[derive(Clone, Default)]
pub struct Readiness {
    checks: Vec<(&'static str, Check)>,
}

impl Readiness {
    /// Adds a check. It says only yes or no: why not is for the log.
    #[must_use]
    pub fn check<F>(mut self, name: &'static str, check: impl Fn() -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = bool> + Send + 'static,
    {
        self.checks.push((name, Arc::new(move || Box::pin(check()))));
        self
    }

    async fn answer(&self) -> Result<Response, Problem> {
        let asked = self.checks.iter().map(|(name, check)| async move {
            let well = tokio::time::timeout(PATIENCE, check()).await.unwrap_or(false);
            (*name, well)
        });
        let answers = join_all(asked).await;
        let failed: Vec<_> = answers
            .iter()
            .filter(|(_, well)| !well)
            .map(|(name, _)| FieldError::new(*name, "does not answer"))
            .collect();
        if !failed.is_empty() {
            return Err(Problem::unprocessable(failed)
                .with_status(StatusCode::SERVICE_UNAVAILABLE)
                .retry_after(1));
        }
        let checks: serde_json::Map<_, _> = answers
            .into_iter()
            .map(|(name, _)| (name.to_owned(), json!("ok")))
            .collect();
        Ok(json_answer(&json!({ "status": "ready", "checks": checks })))
    }

    /// `/readyz`
    pub fn readyz(self) -> impl Endpoint<Output = Response> + 'static {
        make(move |_| {
            let readiness = self.clone();
            async move { readiness.answer().await }
        })
    }
}

/// `/healthz`
pub fn healthz() -> impl Endpoint<Output = Response> + 'static {
    make(|_| async { json_answer(&json!({ "status": "alive" })) })
}

fn json_answer(value: &Value) -> Response {
    Response::builder()
        .content_type("application/json")
        .header(header::CACHE_CONTROL, "no-store")
        .body(value.to_string())
}

/// The two routes, for the document.
pub fn describe() -> Value {
    let status = |description: &str, example: Value| {
        json!({ "description": description, "content": { "application/json": {
            "schema": { "$ref": "#/components/schemas/Health" }, "example": example } } })
    };
    json!({
        "paths": {
            "/healthz": { "get": {
                "operationId": "healthz", "tags": ["Service"], "summary": "Is the process alive?",
                "responses": { "200": status("It is.", json!({ "status": "alive" })) }
            } },
            "/readyz": { "get": {
                "operationId": "readyz", "tags": ["Service"], "summary": "Can it do its work?",
                "responses": {
                    "200": status("It can.", json!({ "status": "ready", "checks": { "database": "ok" } })),
                    "503": { "description": "It can't; `errors` names what does not answer.",
                             "content": { "application/problem+json": { "schema": { "$ref": "#/components/schemas/Problem" } } } }
                }
            } }
        },
        "components": { "schemas": { "Health": {
            "type": "object", "required": ["status"],
            "properties": {
                "status": { "type": "string", "enum": ["alive", "ready"] },
                "checks": { "type": "object", "additionalProperties": { "type": "string" } }
            }
        } } },
        "tags": [{ "name": "Service", "description": "The state of the service itself." }]
    })
}
