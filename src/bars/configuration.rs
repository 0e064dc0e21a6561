//! The configuration of a bar: everything that a member can design, as values.
//!
//! Owns the shape (one for JSON, the database and the OpenAPI document), its defaults, what makes it valid,
//! and the compact form that the script receives. It must not know of databases, requests or clocks.

mod builtin;
mod check;
mod colour;
mod language;
mod layout;
mod look;
mod preview;
mod runtime;
mod selector;
mod showing;
mod spoken;
mod starter;
mod tagged;
mod telling;
mod templates;
mod variant;

#[cfg(test)]
mod tests;

use poem_openapi::Object;
use poem_openapi::types::{ParseError, ParseResult};
use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use colour::contrast;
pub use layout::{
    BarLayout, Colours, Corner, Edge, Font, InlineLayout, Layout, ModalLayout, Size, SlideInLayout, Tab,
    TabEdge, Theme,
};
pub use look::{LayoutKind, Look};
pub use preview::{NoPreview, Preview};
pub use runtime::{
    Embedding, NotAPart, Outcome, PLACEHOLDER, Part, Runtime, Verdict, Visit, local_time, splice,
};
pub use showing::{
    AfterClose, AfterCloseDays, AfterCloseKeep, AfterCloseSession, ClickTrigger, CodeTrigger, DelayTrigger,
    Device, ExitIntentTrigger, Frequency, Hours, ImmediateTrigger, InactivityTrigger, Match, PageRule,
    ReferrerRule, Schedule, ScrollTrigger, ShowEveryDays, ShowEveryPage, ShowOnceASession, ShowRule,
    Targeting, TargetingRule, Trigger, TriggerMode, Triggers, UtmParameter, UtmRule, VisitorKind, Weekday,
};
pub use spoken::Spoken;
pub use templates::{Template, templates};
pub use variant::{
    Consent, ContactGoal, Field, FieldKind, Goal, GoalKind, LinkGoal, NoticeGoal, Texts, Variant,
};

/// Everything that a member can design about a bar. Only `variants` has to be given.
///
/// Unknown fields are refused. All texts are plain text without control characters; lengths are counted in
/// Unicode scalar values. The whole may be 64 KiB of JSON.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Object)]
#[serde(deny_unknown_fields)]
#[oai(deny_unknown_fields, skip_serializing_if_is_none)]
pub struct Configuration {
    /// Where the bar stands.
    #[serde(default)]
    #[oai(default)]
    pub layout: Layout,
    /// The collapsed form of the bar: a tab at an edge. Absent: the bar has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tab: Option<Tab>,
    /// The language shown when none of the visitor's is available: a BCP 47 tag. Every variant has texts in it.
    #[serde(default = "english")]
    #[oai(default = "english", validator(max_length = 35))]
    pub default_language: String,
    /// The contents that share the bar's traffic, 1 to 8.
    #[oai(validator(min_items = 1, max_items = 8))]
    pub variants: Vec<Variant>,
    /// How the bar looks.
    #[serde(default)]
    #[oai(default)]
    pub theme: Theme,
    /// What makes the bar appear.
    #[serde(default)]
    #[oai(default)]
    pub triggers: Triggers,
    /// To whom, where and when the bar appears.
    #[serde(default)]
    #[oai(default)]
    pub targeting: Targeting,
    /// How often the bar appears.
    #[serde(default)]
    #[oai(default)]
    pub frequency: Frequency,
    /// What the visitor's privacy signals mean to the bar.
    #[serde(default)]
    #[oai(default)]
    pub privacy: Privacy,
}

/// What the visitor's privacy signals mean to the bar.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Object)]
#[serde(default, deny_unknown_fields)]
#[oai(deny_unknown_fields)]
pub struct Privacy {
    /// Global Privacy Control counts as opted out: no beacon leaves the browser.
    #[oai(default = "yes")]
    pub respect_gpc: bool,
    /// Do Not Track counts as opted out: no beacon leaves the browser.
    #[oai(default = "yes")]
    pub respect_dnt: bool,
    /// May the script store anything in the browser before the visitor acts? Needed to count sessions and
    /// to recognise returning visitors.
    #[oai(default)]
    pub store_before_action: bool,
    /// Show a link to the service's privacy policy in the bar.
    #[oai(default)]
    pub policy_link: bool,
}

impl Default for Privacy {
    fn default() -> Self {
        Self {
            respect_gpc: true,
            respect_dnt: true,
            store_before_action: false,
            policy_link: false,
        }
    }
}

/// What is wrong with one field of a configuration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FieldError {
    /// The path of the field, as in `variants[0].goal.url`; empty for the whole.
    pub field: String,
    /// What is wrong, for the member.
    pub message: String,
}

impl Configuration {
    /// Reads a configuration from JSON. The error names the place at which reading stopped; whether the
    /// values make sense is for [`Configuration::validate`] to say.
    pub fn from_json(value: &Value) -> Result<Self, FieldError> {
        serde_path_to_error::deserialize(value).map_err(|error| {
            let path = error.path().to_string();
            FieldError {
                field: if path == "." { String::new() } else { path },
                message: error.into_inner().to_string(),
            }
        })
    }

    /// The variant of that key.
    pub fn find_variant(&self, key: &str) -> Option<&Variant> {
        self.variants.iter().find(|variant| variant.key == key)
    }

    /// Every text of a variant as a visitor who wants `language` reads it: the best of the languages at
    /// hand, gaps filled from the default language and then from the product's own words.
    pub fn spoken<'a>(&'a self, variant: &'a Variant, language: Option<&str>) -> Spoken<'a> {
        Spoken::new(variant, language, &self.default_language)
    }

    /// Is everything in it sensible? Says all that is not, in the order of the fields.
    pub fn validate(&self) -> Result<(), Vec<FieldError>> {
        let errors = check::configuration(self);
        if errors.is_empty() { Ok(()) } else { Err(errors) }
    }
}

/// Reads a configuration for poem, with the path in the message: for `#[oai(deserialize_with)]`.
pub fn parse_from_json(value: Option<Value>) -> ParseResult<Configuration> {
    let value = value.ok_or_else(ParseError::expected_input)?;
    Configuration::from_json(&value)
        .map_err(|error| ParseError::custom(format!("{}: {}", error.field, error.message)))
}

fn english() -> String {
    "en".to_owned()
}

fn yes() -> bool {
    true
}
