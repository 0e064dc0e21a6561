//! The policies as they are published: to programs, and as pages to read. Nobody needs to be logged in for them.

use base64::{Engine, engine::general_purpose::STANDARD};
use poem::{Request, Response, Route, endpoint::make, http::header};
use poem_openapi::{Object, OpenApi, param::Path};
use pulldown_cmark::{Options, Parser, html};
use serde_json::{Value, json};

use super::{Document, Policies, PolicyVersion};
use crate::clock::Timestamp;
use crate::http::{Json, Methods, Problem};
use crate::ids::PolicyVersionId;
use crate::secrets::sha256;

/// A posted version of a policy. Immutable.
#[derive(Debug, Object)]
#[oai(rename = "PolicyVersion")]
pub struct Version {
    pub id: PolicyVersionId,
    pub document: Document,
    /// 1, 2, 3, … within the document.
    pub version: i32,
    pub title: String,
    /// The text, in Markdown.
    pub body: String,
    /// SHA-256 of `body` in UTF-8, in hexadecimal digits.
    pub sha256: String,
    pub posted_at: Timestamp,
}

impl From<PolicyVersion> for Version {
    fn from(version: PolicyVersion) -> Self {
        Self {
            id: version.id,
            document: version.document,
            version: version.version,
            title: version.title,
            body: version.body,
            sha256: version.sha256.iter().map(|byte| format!("{byte:02x}")).collect(),
            posted_at: version.posted_at,
        }
    }
}

/// All versions, newest first.
#[derive(Debug, Object)]
pub struct PolicyVersions {
    pub items: Vec<Version>,
}

pub struct PoliciesApi {
    pub policies: Policies,
}

#[derive(poem_openapi::Tags)]
enum Tag {
    /// What the service owes its members, version by version.
    Policies,
}

#[OpenApi]
impl PoliciesApi {
    /// List all posted policy versions
    ///
    /// Of both documents, newest first. Every version stays readable (promise 10).
    #[oai(
        path = "/policies",
        method = "get",
        operation_id = "list_policies",
        tag = "Tag::Policies"
    )]
    async fn list(&self) -> Result<Json<PolicyVersions>, Problem> {
        let items = self.policies.list_all().await?;
        Ok(Json(PolicyVersions {
            items: items.into_iter().map(Version::from).collect(),
        }))
    }

    /// Read one policy version
    #[oai(
        path = "/policies/:document/:version",
        method = "get",
        operation_id = "read_policy_version",
        tag = "Tag::Policies"
    )]
    async fn read(
        &self,
        /// Which document.
        document: Path<Document>,
        /// Its version: 1, 2, 3, …
        #[oai(validator(minimum(value = "1")))]
        version: Path<i32>,
    ) -> Result<Json<Version>, Problem> {
        let found = self.policies.find_version(document.0, version.0).await?;
        Ok(Json(found.ok_or_else(Problem::not_found)?.into()))
    }
}

/// `/policies/{document}` and `/policies/{document}/{version}`: the text as a page, its date, and the other versions.
pub fn pages(policies: Policies) -> Route {
    let page = || {
        let policies = policies.clone();
        Methods::new().get(make(move |request| {
            let policies = policies.clone();
            async move { policy_page(&policies, &request).await }
        }))
    };
    Route::new()
        .at("/:document", page())
        .at("/:document/:version", page())
}

async fn policy_page(policies: &Policies, request: &Request) -> Result<Response, Problem> {
    let document: Document = request
        .raw_path_param("document")
        .and_then(|text| text.parse().ok())
        .ok_or_else(Problem::not_found)?;
    let wanted = match request.raw_path_param("version") {
        Some(text) => Some(text.parse::<i32>().map_err(|_| Problem::not_found())?),
        None => None,
    };
    let versions = policies.list_versions(document).await?;
    let shown = match wanted {
        Some(number) => versions.iter().find(|version| version.version == number),
        None => versions.first(),
    };
    let page = write_page(shown.ok_or_else(Problem::not_found)?, &versions);
    Ok(Response::builder()
        .content_type("text/html; charset=utf-8")
        .header(header::CONTENT_SECURITY_POLICY, content_security_policy())
        .body(page))
}

/// Nothing but the page's own style.
fn content_security_policy() -> String {
    let style = STANDARD.encode(sha256(STYLE.as_bytes()));
    format!(
        "default-src 'none'; style-src 'sha256-{style}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
}

/// The pages, for the document.
pub fn describe() -> Value {
    let document = json!({ "name": "document", "in": "path", "required": true,
        "description": "Which document.", "schema": { "type": "string", "enum": ["privacy", "terms"] } });
    let version = json!({ "name": "version", "in": "path", "required": true,
        "description": "Its version: 1, 2, 3, …", "schema": { "type": "integer", "format": "int32", "minimum": 1 } });
    let problem = |words: &str| {
        json!({ "description": words,
            "content": { "application/problem+json": { "schema": { "$ref": "#/components/schemas/Problem" } } } })
    };
    let page = |id: &str, summary: &str, parameters: Value| {
        json!({ "get": {
            "operationId": id, "tags": ["Policies"], "summary": summary, "parameters": parameters,
            "responses": {
                "200": { "description": "The page.",
                    "content": { "text/html": { "schema": { "type": "string" }, "example": "<!doctype html>…" } } },
                "404": problem("There is no such document or version."),
                "429": problem("Too many requests; `Retry-After` says when to come back."),
                "503": problem("Not able to answer right now."),
            }
        } })
    };
    json!({ "paths": {
        "/policies/{document}": page("show_policy", "Show the current version as a page", json!([document])),
        "/policies/{document}/{version}": page("show_policy_version", "Show one version as a page", json!([document, version])),
    } })
}

fn write_page(shown: &PolicyVersion, all: &[PolicyVersion]) -> String {
    let mut text = String::new();
    // Events of raw HTML become text: what operators write can hold no markup of its own.
    let events = Parser::new_ext(&shown.body, Options::ENABLE_TABLES).map(|event| match event {
        pulldown_cmark::Event::Html(html) | pulldown_cmark::Event::InlineHtml(html) => {
            pulldown_cmark::Event::Text(html)
        }
        other => other,
    });
    html::push_html(&mut text, events);
    let others: String = all
        .iter()
        .map(|version| {
            let current = if version.version == shown.version {
                " aria-current=\"page\""
            } else {
                ""
            };
            format!(
                "<li><a href=\"/policies/{}/{}\"{current}>Version {}</a>, {}</li>",
                version.document.as_str(),
                version.version,
                version.version,
                day(version.posted_at)
            )
        })
        .collect();
    format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
         <title>{title} · Contactbar</title><style>{STYLE}</style></head><body><main>\
         <p class=\"when\">Version {number}, posted on {when}</p>{text}</main>\
         <footer><h2>All versions</h2><ul>{others}</ul>\
         <p><a href=\"/policies/privacy\">Privacy policy</a> · <a href=\"/policies/terms\">Terms of service</a></p>\
         </footer></body></html>",
        title = escape(&shown.title),
        number = shown.version,
        when = day(shown.posted_at),
    )
}

fn day(at: Timestamp) -> String {
    at.jiff().strftime("%-d %B %Y").to_string()
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('"', "&quot;")
}

const STYLE: &str = ":root{color-scheme:light dark}body{font:17px/1.6 system-ui,sans-serif;max-width:42rem;margin:0 auto;\
    padding:3rem 1.25rem;color:light-dark(#1e293b,#e2e8f0);background:light-dark(#fff,#0f172a)}h1{font-size:2rem;\
    line-height:1.2;letter-spacing:-.02em;margin:.25rem 0 1rem}h2{font-size:1.15rem;margin:2rem 0 .5rem}\
    .when,footer{color:light-dark(#64748b,#94a3b8);font-size:.9rem}li{margin:.35rem 0}a{color:light-dark(#1d4ed8,#93c5fd)}\
    footer{margin-top:3rem;border-top:1px solid light-dark(#e2e8f0,#334155)}";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markup_in_a_policy_is_shown_as_text() {
        let version = PolicyVersion {
            id: PolicyVersionId::from_uuid(uuid::Uuid::nil()),
            document: Document::Terms,
            version: 1,
            title: "A <b>".to_owned(),
            body: "# Hi\n\n<script>x</script> and <i>this</i>".to_owned(),
            changes: serde_json::json!([]),
            sha256: Vec::new(),
            posted_at: Timestamp::from_secs(1_800_000_000),
        };
        let written = write_page(&version, std::slice::from_ref(&version));
        assert!(
            written.contains("<h1>Hi</h1>")
                && written.contains("&lt;script&gt;")
                && written.contains("A &lt;b>"),
            "{written}"
        );
        assert!(!written.contains("<script") && !written.contains("<i>"));
        assert!(written.contains("15 January 2027"));
    }
}
