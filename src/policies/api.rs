//! The policies as they are published: to programs, and as pages to read. Nobody needs to be logged in for them.

use poem::{Request, Response, Route, endpoint::make, http::StatusCode};
use poem_openapi::types::Example;
use poem_openapi::{Object, OpenApi, param::Path};
use serde_json::{Value, json};

use super::draft::{Line, compare};
use super::{Change, ChangeKey, Consequence, Document, Policies, PolicyVersion, Purpose, Words, hex};
use crate::clock::Timestamp;
use crate::http::{
    Json, Methods, Problem,
    html::{Page, Shape, escape},
};
use crate::ids::PolicyVersionId;
use crate::markdown;

crate::string_type!(ChangeKey, "policy-change", "benchmarks", None);

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
    /// What changed since the version before: nothing for the first.
    pub changes: Vec<ChangeBody>,
}

/// A text in every language of ours.
#[derive(Debug, Object)]
#[oai(rename = "PolicyWords")]
pub struct WordsBody {
    pub en: String,
    pub de: String,
}

impl From<Words> for WordsBody {
    fn from(words: Words) -> Self {
        Self {
            en: words.en,
            de: words.de,
        }
    }
}

/// One change inside a version.
#[derive(Debug, Object)]
#[oai(rename = "StatedChange", example)]
pub struct ChangeBody {
    /// Its name within the version.
    pub key: ChangeKey,
    /// What data may be used for by it.
    pub purpose: Purpose,
    /// It widens marketing: it can be opted out of at any time.
    pub marketing: bool,
    /// Members are told, and can say no. A typo is not material.
    pub material: bool,
    /// It uses sensitive data, only of who accepts it.
    pub sensitive: bool,
    /// What a no brings about.
    pub consequence: Consequence,
    pub title: WordsBody,
    pub summary: WordsBody,
}

impl From<Change> for ChangeBody {
    fn from(change: Change) -> Self {
        Self {
            consequence: change.consequence(),
            key: change.key,
            purpose: change.purpose,
            marketing: change.marketing,
            material: change.material,
            sensitive: change.sensitive,
            title: change.title.into(),
            summary: change.summary.into(),
        }
    }
}

impl Example for ChangeBody {
    fn example() -> Self {
        Self {
            key: "benchmarks".parse().expect("this is a key"),
            purpose: Purpose::Benchmarking,
            marketing: false,
            material: true,
            sensitive: false,
            consequence: Consequence::NotApplied,
            title: WordsBody {
                en: "Benchmarks by industry".to_owned(),
                de: "Vergleichswerte nach Branche".to_owned(),
            },
            summary: WordsBody {
                en: "We compare how often bars are clicked, by industry and never by name.".to_owned(),
                de: "Wir vergleichen, wie oft Leisten angeklickt werden: nach Branche und nie mit Namen."
                    .to_owned(),
            },
        }
    }
}

impl From<PolicyVersion> for Version {
    fn from(version: PolicyVersion) -> Self {
        Self {
            id: version.id,
            document: version.document,
            version: version.version,
            title: version.title,
            body: version.body,
            sha256: hex(&version.sha256),
            posted_at: version.posted_at,
            changes: version.changes.into_iter().map(Into::into).collect(),
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
    Ok(page)
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

fn write_page(shown: &PolicyVersion, all: &[PolicyVersion]) -> Response {
    let text = markdown::to_html(&shown.body);
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
    let before = all.iter().find(|version| version.version == shown.version - 1);
    let body = format!(
        "<p class=\"quiet\">Version {number}, posted on {when}</p>{text}{changes}<h2>All versions</h2><ul>{others}</ul>\
         <p class=\"quiet\">SHA-256 of this version: <code>{hash}</code></p>",
        changes = before.map_or_else(String::new, |before| what_changed(before, shown)),
        hash = shown.sha256_hex(),
        number = shown.version,
        when = day(shown.posted_at),
    );
    Page {
        status: StatusCode::OK,
        language: "en",
        title: &shown.title,
        body,
        shape: Shape::Text,
    }
    .respond()
}

/// What changed since the version before: as it was stated, and line by line (promise 10).
fn what_changed(before: &PolicyVersion, shown: &PolicyVersion) -> String {
    let stated: String = shown
        .changes
        .iter()
        .map(|change| {
            format!(
                "<li><strong>{}</strong>: {}</li>",
                escape(&change.title.en),
                escape(&change.summary.en)
            )
        })
        .collect();
    let groups: Vec<String> = compare(&before.body, &shown.body)
        .iter()
        .map(|group| group.iter().map(line).collect::<String>())
        .collect();
    format!(
        "<h2>What changed since version {}</h2><ul>{stated}</ul><p>{}</p>",
        before.version,
        groups.join("</p><p>")
    )
}

fn line(line: &Line<'_>) -> String {
    match line {
        Line::Same(text) => format!("{}<br>", escape(text)),
        Line::Gone(text) => format!("<del>{}</del><br>", escape(text)),
        Line::New(text) => format!("<ins>{}</ins><br>", escape(text)),
    }
}

fn day(at: Timestamp) -> String {
    at.jiff().strftime("%-d %B %Y").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn markup_in_a_policy_is_shown_as_text() {
        let version = PolicyVersion {
            id: PolicyVersionId::from_uuid(uuid::Uuid::nil()),
            document: Document::Terms,
            version: 1,
            title: "A <b>".to_owned(),
            body: "# Hi\n\n<script>x</script> and <i>this</i>".to_owned(),
            changes: Vec::new(),
            sha256: Vec::new(),
            key: Vec::new(),
            posted_at: Timestamp::from_secs(1_800_000_000),
        };
        let written = write_page(&version, std::slice::from_ref(&version));
        let written = written.into_body().into_string().await.unwrap();
        assert!(
            written.contains("<h1>Hi</h1>")
                && written.contains("&lt;script&gt;")
                && written.contains("A &lt;b&gt;"),
            "{written}"
        );
        assert!(!written.contains("<script") && !written.contains("<i>"));
        assert!(written.contains("15 January 2027"));
    }
}
