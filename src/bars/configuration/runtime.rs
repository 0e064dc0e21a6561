//! The compact form of a published configuration that the script receives (`widget-js/src/runtime.ts` reads
//! it), and how it gets into the script.
//!
//! Names are single letters, and what is absent means 0, false, none or empty: every visitor loads it.

mod parts;
mod patterns;
mod targeting;
mod theme;
mod variants;

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
    #[serde(rename = "y", skip_serializing_if = "Kind::is_bar")]
    layout: Kind,
    #[serde(rename = "b", skip_serializing_if = "Flag::is_off")]
    at_bottom: Flag,
    #[serde(rename = "e", skip_serializing_if = "Flag::is_off")]
    at_left: Flag,
    #[serde(rename = "o", skip_serializing_if = "Flag::is_off")]
    over_page: Flag,
    #[serde(rename = "n", skip_serializing_if = "Flag::is_off")]
    scrolls_away: Flag,
    #[serde(rename = "i", skip_serializing_if = "Option::is_none")]
    selector: Option<String>,
    /// Its edge; 1: the bar begins as the tab.
    #[serde(rename = "d", skip_serializing_if = "Option::is_none")]
    tab: Option<(u8, Flag)>,
    #[serde(rename = "c")]
    css: String,
    #[serde(rename = "l")]
    default_language: String,
    #[serde(rename = "v")]
    variants: Vec<VariantForm>,
    #[serde(rename = "x", skip_serializing_if = "Flag::is_off")]
    closable: Flag,
    #[serde(rename = "w")]
    triggers: Vec<TriggerForm>,
    #[serde(rename = "a", skip_serializing_if = "Flag::is_off")]
    all_triggers: Flag,
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
    #[serde(rename = "p", skip_serializing_if = "Option::is_none")]
    policy_url: Option<String>,
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

/// The layouts as the script numbers them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Bar,
    SlideIn,
    Modal,
    Inline,
}

impl Kind {
    fn is_bar(&self) -> bool {
        *self == Self::Bar
    }
}

impl Serialize for Kind {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u8(*self as u8)
    }
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

fn is_zero(number: &i32) -> bool {
    *number == 0
}

impl Configuration {
    /// What the script needs to show this bar there. Ask [`Configuration::validate`] first.
    pub fn runtime(&self, place: &Embedding<'_>) -> Runtime {
        let privacy = &self.privacy;
        let mut runtime = Runtime {
            key: place.key.to_owned(),
            base_url: place.base_url.map(str::to_owned),
            member: tag_of(place.member),
            layout: Kind::Bar,
            at_bottom: Flag(false),
            at_left: Flag(false),
            over_page: Flag(false),
            scrolls_away: Flag(false),
            selector: None,
            tab: self.tab.as_ref().map(|tab| {
                let edge = match tab.edge {
                    TabEdge::Left => 0,
                    TabEdge::Right => 1,
                    TabEdge::Bottom => 2,
                };
                (edge, Flag(tab.starts_collapsed))
            }),
            css: theme::css(&self.theme),
            default_language: self.default_language.clone(),
            variants: variants::shown(self),
            closable: Flag(self.theme.closable),
            triggers: self.triggers.on.iter().map(TriggerForm::from).collect(),
            all_triggers: Flag(self.triggers.mode == TriggerMode::All),
            target: Target::from(&self.targeting),
            frequency: self.frequency_form(),
            respects_gpc: Flag(privacy.respect_gpc),
            respects_dnt: Flag(privacy.respect_dnt),
            stores_before_action: Flag(privacy.store_before_action),
            policy_url: privacy.policy_link.then(|| place.policy_url.to_owned()),
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
    fn stand(&mut self, layout: &Layout) {
        match layout {
            Layout::Bar(BarLayout {
                position,
                push,
                sticky,
            }) => {
                self.at_bottom = Flag(*position == Edge::Bottom);
                self.over_page = Flag(!push);
                self.scrolls_away = Flag(!sticky);
            }
            Layout::SlideIn(slide) => {
                self.layout = Kind::SlideIn;
                self.at_bottom = Flag(matches!(slide.corner, Corner::BottomLeft | Corner::BottomRight));
                self.at_left = Flag(matches!(slide.corner, Corner::BottomLeft | Corner::TopLeft));
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
