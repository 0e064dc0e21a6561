//! Snippets and the look at a member's page, in the management API; and, on the embed host, the script that ManyContacts'
//! snippets load.

use poem::http::{HeaderValue, header};
use poem::{Endpoint, Response, endpoint::make_sync};
use poem_openapi::param::{Header, Path, Query};
use poem_openapi::types::Example;
use poem_openapi::{Object, OpenApi, Tags};
use serde_json::{Value, json};

use super::rules::snippets::{Snippet, SnippetKind, Syntax};
use super::rules::{Kind, Level, Outcome, message, outcome};
use super::{Check, Installs};
use crate::accounts::Operation;
use crate::accounts::api::Caller;
use crate::http::rate_limit::RateLimit;
use crate::http::{Json, Problem};
use crate::ids::{BarId, MemberId};
use crate::mail::Language;

/// So many pages a member has looked at in a minute: each is a request that leaves us.
pub const CHECKS_PER_MINUTE: u32 = 10;
/// Where ManyContacts' snippets find their script.
pub const OLD_SCRIPT: &str = "/assets/js/manycontacts.min.js";

pub struct InstallApi {
    pub installs: Installs,
    pub limit: RateLimit<MemberId>,
}

#[derive(Tags)]
enum Chapter {
    /// Help with embedding bars: what to paste, and a look at the page where it was pasted.
    Install,
}

#[OpenApi(tag = "Chapter::Install")]
impl InstallApi {
    /// Read a bar's snippets
    ///
    /// The code to paste for each kind of site, with the steps to take there.
    #[oai(
        path = "/bars/:bar_id/snippets",
        method = "get",
        operation_id = "read_snippets"
    )]
    async fn snippets(
        &self,
        caller: Caller,
        /// The bar.
        bar_id: Path<BarId>,
        /// The language of titles and steps. Without it, `Accept-Language` decides.
        language: Query<Option<Language>>,
        /// The languages that the reader knows: the first of ours among them, else English.
        #[oai(name = "Accept-Language")]
        accept_language: Header<Option<String>>,
    ) -> Result<Json<SnippetList>, Problem> {
        let access = caller.may(Operation::ReadSnippets)?;
        let language = language_of(language.0, accept_language.0.as_deref());
        let found = self.installs.snippets(access.member, bar_id.0, language).await?;
        Ok(Json(found.ok_or_else(Problem::not_found)?.into()))
    }

    /// Look whether a bar is installed on a page
    ///
    /// Fetches the page, as a visitor without scripts would (at most 2 MiB, 3 redirects, 10 seconds), and says whether the
    /// snippet is there and what keeps the bar away. A page that can't be read is a finding too: 200. What other scripts add to
    /// the page is not seen. Pages in private networks are not fetched. At most 10 looks a minute for each member.
    #[oai(
        path = "/bars/:bar_id/install-check",
        method = "post",
        operation_id = "check_install"
    )]
    async fn check(
        &self,
        caller: Caller,
        /// The bar.
        bar_id: Path<BarId>,
        /// The language of messages. Without it, `Accept-Language` decides.
        language: Query<Option<Language>>,
        /// The languages that the reader knows: the first of ours among them, else English.
        #[oai(name = "Accept-Language")]
        accept_language: Header<Option<String>>,
        body: Json<CheckInstall>,
    ) -> Result<Json<InstallCheck>, Problem> {
        let access = caller.may(Operation::CheckInstall)?;
        let language = language_of(language.0, accept_language.0.as_deref());
        let bar = self.installs.find(access.member, bar_id.0).await?;
        let bar = bar.ok_or_else(Problem::not_found)?;
        let target = self.installs.parse(&body.url);
        let target = target.map_err(|error| Problem::field("url", error.to_string()))?;
        self.limit.check(&access.member)?;
        let check = self.installs.check(bar, &target).await;
        Ok(Json(InstallCheck::of(&check, language)))
    }
}

/// The page to look at.
#[derive(Debug, Object)]
#[oai(example)]
pub struct CheckInstall {
    /// Its address, `https://` or `http://`; without either it is taken for `https://`.
    #[oai(validator(min_length = 1, max_length = 2048))]
    pub url: String,
}

impl Example for CheckInstall {
    fn example() -> Self {
        Self {
            url: "https://shop.example/".to_owned(),
        }
    }
}

/// What a look at a page showed.
#[derive(Debug, Object)]
#[oai(skip_serializing_if_is_none, example)]
pub struct InstallCheck {
    /// The page that was asked for.
    pub url: String,
    /// Where it was in the end; absent if there was no page.
    pub final_url: Option<String>,
    /// The page's status; absent if there was no page.
    pub status: Option<u16>,
    /// What the findings come to.
    pub outcome: Outcome,
    /// What was found, what matters most first.
    pub findings: Vec<InstallFinding>,
}

/// One thing that was found.
#[derive(Debug, Object)]
#[oai(skip_serializing_if_is_none)]
pub struct InstallFinding {
    /// What it is. More kinds may come.
    pub kind: Kind,
    /// What it means.
    pub level: Level,
    /// What it is about, for programs; see `kind`.
    pub subject: Option<String>,
    /// What to tell the member, and what to do about it: plain text.
    pub message: String,
}

impl InstallCheck {
    fn of(check: &Check, language: Language) -> Self {
        let finding = |found: &super::rules::Finding| InstallFinding {
            kind: found.kind(),
            level: found.level(),
            subject: found.subject(),
            message: message(found, &check.subject, language),
        };
        Self {
            url: check.url.clone(),
            final_url: check.page.as_ref().map(|(url, _)| url.as_str().to_owned()),
            status: check.page.as_ref().map(|(_, status)| *status),
            outcome: outcome(&check.findings),
            findings: check.findings.iter().map(finding).collect(),
        }
    }
}

impl Example for InstallCheck {
    fn example() -> Self {
        Self {
            url: "https://shop.example/".to_owned(),
            final_url: Some("https://www.shop.example/".to_owned()),
            status: Some(200),
            outcome: Outcome::Blocked,
            findings: vec![
                InstallFinding {
                    kind: Kind::Installed,
                    level: Level::Good,
                    subject: Some("snippet".to_owned()),
                    message: "The snippet is on the page.".to_owned(),
                },
                InstallFinding {
                    kind: Kind::BlockedByCsp,
                    level: Level::Problem,
                    subject: Some("script-src".to_owned()),
                    message: "The Content-Security-Policy in a header keeps the script away: add \
                              https://embed.example to `script-src`."
                        .to_owned(),
                },
            ],
        }
    }
}

/// All snippets of a bar.
#[derive(Debug, Object)]
#[oai(example)]
pub struct SnippetList {
    pub items: Vec<SnippetBody>,
}

/// What to paste into one kind of site.
#[derive(Debug, Object)]
#[oai(rename = "Snippet")]
pub struct SnippetBody {
    /// For which kind of site. More kinds may come.
    pub kind: SnippetKind,
    /// The kind of site, in words.
    pub title: String,
    /// In which language the code is written.
    pub syntax: Syntax,
    /// What to paste, as it is.
    pub code: String,
    /// What to do, in order: plain text.
    pub steps: Vec<String>,
}

impl From<Vec<Snippet>> for SnippetList {
    fn from(snippets: Vec<Snippet>) -> Self {
        let body = |snippet: Snippet| SnippetBody {
            kind: snippet.kind,
            title: snippet.title.to_owned(),
            syntax: snippet.syntax,
            code: snippet.code,
            steps: snippet.steps.into_iter().map(str::to_owned).collect(),
        };
        Self {
            items: snippets.into_iter().map(body).collect(),
        }
    }
}

impl Example for SnippetList {
    fn example() -> Self {
        Self {
            items: vec![SnippetBody {
                kind: SnippetKind::Html,
                title: "HTML".to_owned(),
                syntax: Syntax::Html,
                code: "<script async src=\"https://embed.example/b/7m2k9x4qtz.js\"></script>".to_owned(),
                steps: vec!["Paste the line into every page that shall show the bar.".to_owned()],
            }],
        }
    }
}

/// What was asked for, else what the reader likes best of what we speak.
fn language_of(asked: Option<Language>, accepted: Option<&str>) -> Language {
    asked.unwrap_or_else(|| Language::preferred(accepted))
}

/// What ManyContacts' snippets load: it loads the bar that they name, from here and nowhere else. `base_url` has no slash
/// at its end.
pub fn old_script(base_url: &str) -> impl Endpoint<Output = Response> + 'static {
    let script = old_script_text(base_url);
    make_sync(move |_| {
        Response::builder()
            .content_type("text/javascript; charset=utf-8")
            .header(
                header::CACHE_CONTROL,
                HeaderValue::from_static(
                    "max-age=86400, stale-while-revalidate=604800, stale-if-error=604800",
                ),
            )
            .body(script.clone())
    })
}

/// The host comes from our settings: `window._EP` could be anybody's.
fn old_script_text(base_url: &str) -> String {
    // JSON is JavaScript but for `<`, which would end a script in a page.
    let base = json!(format!("{base_url}/b/"))
        .to_string()
        .replace('<', "\\u003c");
    include_str!("old.js").replace("BASE", &base)
}

/// The plain route, for the document.
pub fn describe() -> Value {
    json!({ "paths": { OLD_SCRIPT: { "get": {
        "operationId": "read_old_script", "tags": ["Embed"], "summary": "The script of old snippets",
        "description": "What ManyContacts' snippets load. It reads the bar's id from `window.__bID` and loads `/b/{id}.js` from this \
            service, once. An id that no bar has shows nothing.",
        "responses": {
            "200": { "description": "The script.", "content": { "text/javascript": {
                "schema": { "type": "string" }, "example": "(function () {…})();" } } },
            "404": { "description": "This is not the embed host.", "content": { "application/problem+json": {
                "schema": { "$ref": "#/components/schemas/Problem" } } } }
        }
    } } } })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_old_script_has_its_host_from_us() {
        let script = old_script_text("https://bars.example/<x>\"");
        assert!(
            script.contains(r#"url = "https://bars.example/\u003cx>\"/b/" + id"#),
            "{script}"
        );
        assert!(!script.contains("_EP") && !script.contains("innerHTML") && !script.contains("BASE"));
    }
}
