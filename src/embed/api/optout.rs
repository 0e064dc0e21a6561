//! `GET /optout` and `POST /optout`: the visitor's choice, as a page of the embed host.

use std::sync::Arc;

use poem::http::{StatusCode, header};
use poem::{Request, Response, endpoint::make};

use crate::embed::optout::{self, Choice};
use crate::http::{FieldError, Methods, Problem};

/// `/optout`: GET shows the choice, POST changes it. `public_url` is where the policies are.
pub fn optout(public_url: &url::Url) -> Methods {
    let policies: Arc<str> = format!("{}/policies", public_url.as_str().trim_end_matches('/')).into();
    let known = policies.clone();
    Methods::new()
        .get(make(move |request: Request| {
            let policies = known.clone();
            async move { Ok::<_, poem::Error>(write_page(&request, None, &policies)) }
        }))
        .post(make(move |request: Request| {
            let policies = policies.clone();
            async move { change_choice(request, &policies).await.map_err(poem::Error::from) }
        }))
}

async fn change_choice(mut request: Request, policies: &str) -> Result<Response, Problem> {
    // Another site's form must not undo what the visitor chose.
    if request
        .header("sec-fetch-site")
        .is_some_and(|site| site != "same-origin" && site != "none")
    {
        return Err(Problem::forbidden("Only this page itself may change the choice."));
    }
    let essence = request
        .content_type()
        .and_then(|kind| kind.split(';').next())
        .unwrap_or_default();
    if !essence
        .trim()
        .eq_ignore_ascii_case("application/x-www-form-urlencoded")
    {
        let problem = Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE);
        return Err(problem.detail("A form is expected: application/x-www-form-urlencoded."));
    }
    let body = request
        .take_body()
        .into_bytes()
        .await
        .map_err(|_| Problem::bad_request("The body broke off."))?;
    let choice = read_choice(&body)?;
    Ok(write_page(&request, Some(choice), policies))
}

fn read_choice(body: &[u8]) -> Result<Choice, Problem> {
    let mut choice = None;
    let mut faults = Vec::new();
    for (name, value) in url::form_urlencoded::parse(body) {
        match value.parse::<Choice>() {
            _ if name != "choice" => faults.push(FieldError::new("", "only `choice` is known here")),
            _ if choice.is_some() => faults.push(FieldError::new("choice", "stands there twice")),
            Ok(made) => choice = Some(made),
            Err(error) => faults.push(FieldError::new("choice", error.to_string())),
        }
    }
    match choice {
        Some(choice) if faults.is_empty() => Ok(choice),
        None if faults.is_empty() => Err(Problem::field("choice", "is required: `out` or `in`")),
        _ => Err(Problem::unprocessable(faults)),
    }
}

fn write_page(request: &Request, choice: Option<Choice>, policies: &str) -> Response {
    let page = optout::page(reads_german(request), choice, policies);
    Response::builder()
        .content_type("text/html; charset=utf-8")
        .header(header::CONTENT_SECURITY_POLICY, page.content_security_policy)
        .header(header::CACHE_CONTROL, "no-store")
        .header(header::VARY, "accept-language")
        .body(page.html)
}

/// Does German come before English among the languages that the visitor reads?
fn reads_german(request: &Request) -> bool {
    let languages = request.header("accept-language").unwrap_or_default();
    let known = languages
        .split(',')
        .map(|tag| tag.trim().get(..2).unwrap_or_default().to_ascii_lowercase());
    { known }
        .find(|tag| tag == "de" || tag == "en")
        .is_some_and(|tag| tag == "de")
}
