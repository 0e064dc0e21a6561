//! The compact form of a published configuration that the script receives (`widget-js/src/runtime.ts` reads
//! it), and how it gets into the script.
//!
//! Names are single letters, and what is absent means 0, false, none or empty: every visitor loads it.

mod parts;
mod patterns;
mod targeting;
mod theme;
mod tree;
mod variants;
mod verdict;

use serde::{Serialize, Serializer};

use super::{
    AfterClose, BarLayout, Configuration, Corner, Edge, Layout, ShowRule, TabEdge, Trigger, TriggerMode,
};
use crate::ids::MemberId;
use crate::secrets::sha256;

pub use parts::{NotAPart, Part};
pub(super) use patterns::begins_with_scheme;
use targeting::Target;
use variants::VariantForm;
pub use verdict::{Outcome, Verdict, Visit, local_time};

/// The literal in the built script, quotes included, for which [`splice`] puts the configuration.
pub const PLACEHOLDER: &str = "\"__CONTACTBAR__\"";

/// The script with its configuration, ready to be served. The JSON is made safe for scripts and for HTML
/// around them. `None` if the script has not exactly one placeholder.
pub fn splice(script: &str, runtime: &impl Serialize) -> Option<String> {
    let (before, after) = script.split_once(PLACEHOLDER)?;
    if after.contains(PLACEHOLDER) {
        return None;
    }
    let json = serde_json::to_string(runtime)
        .expect("it is plain data")
        .replace('<', "\\u003c")
        .replace('\u{2028}', "\\u2028")
        .replace('\u{2029}', "\\u2029");
    Some([before, &json, after].concat())
}

/// What the script must know besides the configuration.
#[derive(Clone, Copy, Debug)]
pub struct Embedding<'a> {
    /// The bar's key.
    pub key: &'a str,
    pub member: MemberId,
    /// The address of the embed host, without a slash at its end. Absent: the script takes it from its own.
    pub base_url: Option<&'a str>,
    /// Where the service's privacy policy stands, for bars that link to it.
    pub policy_url: &'a str,
    /// Where the service stands, for bars of members whose plan has our name on them.
    pub brand_url: Option<&'a str>,
}

/// What the script needs to show one bar, and nothing else. Serialises to what is spliced into the script.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Runtime {
    #[serde(rename = "k")]
    key: String,
    #[serde(rename = "h", skip_serializing_if = "Option::is_none")]
    base_url: Option<String>,
    /// Names the member among others, for the gap between their bars.
    #[serde(rename = "m")]
    member: String,
    /// The lane in which it stands, as `widget-js/src/stack.ts` counts them.
    #[serde(rename = "y")]
    lane: u8,
    #[serde(rename = "u", skip_serializing_if = "Flag::is_off")]
    pushes_page: Flag,
    #[serde(rename = "i", skip_serializing_if = "Option::is_none")]
    selector: Option<String>,
    /// From where it moves in, as a CSS length.
    #[serde(rename = "z")]
    comes_from: &'static str,
    /// Its lane; 1: the bar begins as the tab.
    #[serde(rename = "d", skip_serializing_if = "Option::is_none")]
    tab: Option<(u8, Flag)>,
    #[serde(rename = "c")]
    css: String,
    #[serde(rename = "l")]
    default_language: String,
    #[serde(rename = "v")]
    variants: Vec<VariantForm>,
    #[serde(rename = "w")]
    triggers: Vec<TriggerForm>,
    #[serde(rename = "a", skip_serializing_if = "Flag::is_off")]
    all_triggers: Flag,
    /// To be opened from code is one of all that have to happen.
    #[serde(rename = "j", skip_serializing_if = "Flag::is_off")]
    needs_code: Flag,
    #[serde(rename = "t", skip_serializing_if = "Target::is_everybody")]
    target: Target,
    /// Always there, if only empty.
    #[serde(rename = "f")]
    frequency: FrequencyForm,
    #[serde(rename = "g", skip_serializing_if = "Flag::is_off")]
    respects_gpc: Flag,
    #[serde(rename = "q", skip_serializing_if = "Flag::is_off")]
    respects_dnt: Flag,
    #[serde(rename = "s", skip_serializing_if = "Flag::is_off")]
    stores_before_action: Flag,
    #[serde(skip)]
    layout: Kind,
}

/// Written as 1, or not at all; in arrays as 1 or 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Flag(bool);

impl Flag {
    fn is_off(&self) -> bool {
        !self.0
    }
}

impl Serialize for Flag {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u8(u8::from(self.0))
    }
}

/// The layouts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Bar,
    SlideIn,
    Modal,
    Inline,
}

/// A trigger: `[kind, argument]`.
#[derive(Clone, Debug, PartialEq)]
enum TriggerForm {
    Delay(u16),
    Scroll(u8),
    ExitIntent,
    Inactivity(u16),
    Click(String),
    Code,
}

impl Serialize for TriggerForm {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Delay(0) => [0].serialize(serializer),
            Self::Delay(seconds) => (0, seconds).serialize(serializer),
            Self::Scroll(percent) => (1, percent).serialize(serializer),
            Self::ExitIntent => [2].serialize(serializer),
            Self::Inactivity(seconds) => (3, seconds).serialize(serializer),
            Self::Click(selector) => (4, selector).serialize(serializer),
            Self::Code => [5].serialize(serializer),
        }
    }
}

impl From<&Trigger> for TriggerForm {
    fn from(trigger: &Trigger) -> Self {
        match trigger {
            Trigger::Immediately(_) => Self::Delay(0),
            Trigger::Delay(delay) => Self::Delay(delay.seconds),
            Trigger::Scroll(scroll) => Self::Scroll(scroll.percent),
            Trigger::ExitIntent(_) => Self::ExitIntent,
            Trigger::Inactivity(idle) => Self::Inactivity(idle.seconds),
            Trigger::Click(click) => Self::Click(click.selector.clone()),
            Trigger::Code(_) => Self::Code,
        }
    }
}

/// Days, or -1 for the session; 0 (absent) for no limit.
#[derive(Clone, Debug, PartialEq, Serialize)]
struct FrequencyForm {
    #[serde(rename = "s", skip_serializing_if = "is_zero")]
    once_in: i32,
    #[serde(rename = "c", skip_serializing_if = "is_zero")]
    away_after_close: i32,
    #[serde(rename = "o", skip_serializing_if = "Flag::is_off")]
    stops_after_convert: Flag,
    #[serde(rename = "g", skip_serializing_if = "is_zero")]
    gap_seconds: i32,
}

const SESSION: i32 = -1;

/// The lane of what moves nothing aside.
const NOBODYS_WAY: u8 = 9;

fn is_zero(number: &i32) -> bool {
    *number == 0
}

impl Configuration {
    /// What the script needs to show this bar there. Ask [`Configuration::validate`] first.
    pub fn runtime(&self, place: &Embedding<'_>) -> Runtime {
        let privacy = &self.privacy;
        let all = self.triggers.mode == TriggerMode::All && self.triggers.on.len() > 1;
        let code = self.triggers.on.iter().any(|on| matches!(on, Trigger::Code(_)));
        let mut runtime = Runtime {
            key: place.key.to_owned(),
            base_url: place.base_url.map(str::to_owned),
            member: tag_of(place.member),
            lane: NOBODYS_WAY,
            pushes_page: Flag(false),
            selector: None,
            comes_from: "1em",
            tab: self.tab.as_ref().map(|tab| {
                let lane = match tab.edge {
                    TabEdge::Left => 6,
                    TabEdge::Bottom => 7,
                    TabEdge::Right => 8,
                };
                (lane, Flag(tab.starts_collapsed))
            }),
            css: theme::css(&self.theme),
            default_language: self.default_language.to_ascii_lowercase(),
            variants: variants::shown(self, place),
            triggers: self.triggers.on.iter().map(TriggerForm::from).collect(),
            all_triggers: Flag(all),
            needs_code: Flag(all && code),
            target: Target::from(&self.targeting),
            frequency: self.frequency_form(),
            respects_gpc: Flag(privacy.respect_gpc),
            respects_dnt: Flag(privacy.respect_dnt),
            stores_before_action: Flag(privacy.store_before_action),
            layout: Kind::Bar,
        };
        runtime.stand(&self.layout);
        runtime
    }

    fn frequency_form(&self) -> FrequencyForm {
        let frequency = &self.frequency;
        FrequencyForm {
            once_in: match &frequency.show {
                ShowRule::EveryPage(_) => 0,
                ShowRule::OnceASession(_) => SESSION,
                ShowRule::EveryDays(every) => i32::from(every.days),
            },
            away_after_close: match &frequency.after_close {
                AfterClose::Keep(_) => 0,
                AfterClose::Session(_) => SESSION,
                AfterClose::Days(away) => i32::from(away.days),
            },
            stops_after_convert: Flag(frequency.stop_after_convert),
            gap_seconds: i32::try_from(frequency.gap_seconds).unwrap_or(i32::MAX),
        }
    }
}

impl Runtime {
    /// Leaves out all languages but this one, which then is everybody's.
    pub(super) fn speak_only(&mut self, tag: &str) {
        self.default_language = tag.to_ascii_lowercase();
        for variant in &mut self.variants {
            variant.speak_only(&self.default_language);
        }
    }

    fn stand(&mut self, layout: &Layout) {
        match layout {
            Layout::Bar(BarLayout {
                position,
                push,
                sticky,
            }) => {
                let bottom = *position == Edge::Bottom;
                // At the end of the page it stands in the page's own flow.
                let in_flow = bottom && !sticky;
                self.lane = if in_flow { NOBODYS_WAY } else { u8::from(bottom) };
                self.pushes_page = Flag(*push && !in_flow);
                self.comes_from = if bottom { "100%" } else { "-100%" };
            }
            Layout::SlideIn(slide) => {
                self.layout = Kind::SlideIn;
                self.lane = match slide.corner {
                    Corner::TopRight => 2,
                    Corner::BottomRight => 3,
                    Corner::TopLeft => 4,
                    Corner::BottomLeft => 5,
                };
            }
            Layout::Modal(_) => self.layout = Kind::Modal,
            Layout::Inline(inline) => {
                self.layout = Kind::Inline;
                self.selector = Some(inline.selector.clone());
            }
        }
    }
}

/// Tells members apart in a visitor's browser without naming them.
fn tag_of(member: MemberId) -> String {
    sha256(member.to_string().as_bytes())[..4]
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}
