//! Whether a bar would show on a page, told rule by rule: what a member asks before they publish.

use poem_openapi::param::{Header, Query};
use poem_openapi::types::Example;
use poem_openapi::{Enum, Object, OpenApi};
use url::Url;

use super::Tag;
use super::shapes::faults_under;
use crate::accounts::Operation;
use crate::accounts::api::Caller;
use crate::bars::configuration::{Configuration, Device, GoalKind, TargetingRule, Visit};
use crate::clock::{Clock, Timestamp};
use crate::http::{Json, Problem};
use crate::mail::Language;

pub struct ShowingApi {
    pub clock: Clock,
}

/// A visitor on a page.
#[derive(Debug, Object)]
#[oai(example)]
pub struct AskShowing {
    /// The configuration to try. Only its targeting is looked at.
    pub configuration: Configuration,
    /// The address of the page, `https://` or `http://`; without either it is taken for `https://`.
    #[oai(validator(min_length = 1, max_length = 2048))]
    pub page: String,
    /// The address that the visitor comes from, as their browser tells it: often the origin only. Absent: it tells none.
    #[oai(validator(max_length = 2048))]
    pub referrer: Option<String>,
    /// What the visitor holds; `desktop` if you don't say.
    pub device: Option<Device>,
    /// The language that the visitor likes best, a BCP 47 tag; the bar's default language if you don't say.
    #[oai(validator(max_length = 35))]
    pub language: Option<String>,
    /// Is the visitor here for the first time? `new` if you don't say.
    pub visitor: Option<Visitor>,
    /// When; now if you don't say.
    pub at: Option<Timestamp>,
}

/// Is a visitor here for the first time?
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[oai(rename_all = "snake_case")]
pub enum Visitor {
    New,
    Returning,
}

impl Example for AskShowing {
    fn example() -> Self {
        Self {
            configuration: Configuration::starter(GoalKind::Link, "en"),
            page: "https://shop.example/tea?utm_source=letter".to_owned(),
            referrer: Some("https://news.example/".to_owned()),
            device: Some(Device::Phone),
            language: Some("en-GB".to_owned()),
            visitor: Some(Visitor::New),
            at: None,
        }
    }
}

/// Whether a bar would show.
#[derive(Debug, Object)]
#[oai(example)]
pub struct Showing {
    /// Does every rule pass?
    pub shows: bool,
    /// What each rule comes to that the bar has, in the order in which the script asks.
    pub rules: Vec<RuleVerdict>,
}

/// What one rule comes to.
#[derive(Debug, Object)]
pub struct RuleVerdict {
    /// What it is about.
    pub rule: TargetingRule,
    pub passes: bool,
    /// What to tell the member: plain text.
    pub message: String,
}

impl Example for Showing {
    fn example() -> Self {
        Self {
            shows: false,
            rules: vec![
                RuleVerdict {
                    rule: TargetingRule::Page,
                    passes: true,
                    message: "A rule matches this page.".to_owned(),
                },
                RuleVerdict {
                    rule: TargetingRule::Language,
                    passes: false,
                    message: "The bar is only for visitors who read de; this one reads en-GB.".to_owned(),
                },
            ],
        }
    }
}

#[OpenApi]
impl ShowingApi {
    /// Try whether a bar would show
    ///
    /// Decides about a page and a visitor exactly as the script does in the page, and says what each rule of the targeting
    /// comes to. Triggers, frequency and the bar's state are not looked at. Whether the visitor is among a share of all
    /// is chance: that passes. Nothing is kept.
    #[oai(
        path = "/previews/showing",
        method = "post",
        operation_id = "read_showing",
        tag = "Tag::Bars"
    )]
    async fn read(
        &self,
        caller: Caller,
        /// The language of messages. Without it, `Accept-Language` decides.
        language: Query<Option<Language>>,
        /// The languages that the reader knows: the first of ours among them, else English.
        #[oai(name = "Accept-Language")]
        accept_language: Header<Option<String>>,
        body: Json<AskShowing>,
    ) -> Result<Json<Showing>, Problem> {
        caller.may(Operation::ReadShowing)?;
        let reader = language
            .0
            .unwrap_or_else(|| Language::preferred(accept_language.0.as_deref()));
        let visit = self.visit(&body.0)?;
        let mut faults = body.configuration.validate().err().unwrap_or_default();
        faults.retain(|fault| fault.field.starts_with("targeting"));
        if !faults.is_empty() {
            return Err(Problem::unprocessable(faults_under("configuration", faults)));
        }
        let targeting = &body.configuration.targeting;
        let verdicts = targeting
            .judge(&visit)
            .map_err(|_| Problem::field("configuration.targeting", "is too much to be tried here"))?;
        let rules = verdicts.iter().map(|verdict| RuleVerdict {
            rule: verdict.rule,
            passes: verdict.passes(),
            message: verdict.message(targeting, &visit, reader),
        });
        Ok(Json(Showing {
            shows: verdicts.iter().all(|verdict| verdict.passes()),
            rules: rules.collect(),
        }))
    }
}

impl ShowingApi {
    fn visit(&self, asked: &AskShowing) -> Result<Visit, Problem> {
        let page = address(&asked.page).ok_or_else(|| {
            Problem::field(
                "page",
                "must be the address of a page such as `https://shop.example/tea`",
            )
        })?;
        let referrer = asked.referrer.as_deref().filter(|referrer| !referrer.is_empty());
        let referrer = match referrer.map(address) {
            Some(None) => {
                return Err(Problem::field(
                    "referrer",
                    "must be the address of a page such as `https://news.example/`",
                ));
            }
            Some(known) => known,
            None => None,
        };
        Ok(Visit {
            page,
            referrer,
            device: asked.device.unwrap_or(Device::Desktop),
            language: asked
                .language
                .clone()
                .unwrap_or_else(|| asked.configuration.default_language.clone()),
            returns: asked.visitor == Some(Visitor::Returning),
            at: asked.at.unwrap_or_else(|| self.clock.now()),
        })
    }
}

/// As a browser tells it.
fn address(text: &str) -> Option<Url> {
    let text = text.trim();
    let url = match text.contains("://") {
        true => Url::parse(text),
        false => Url::parse(&format!("https://{text}")),
    };
    let mut url = url.ok()?;
    let is_page = matches!(url.scheme(), "https" | "http");
    // What stands before the host never reaches a page.
    (is_page && url.set_username("").is_ok() && url.set_password(None).is_ok()).then_some(url)
}
