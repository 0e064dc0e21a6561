//! When a bar appears: its triggers, its targeting and its frequency.

use poem_openapi::{Enum, Object};
use serde::{Deserialize, Serialize};

use super::tagged::tagged;
use super::yes;

/// What makes the bar appear.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Object)]
#[serde(default, deny_unknown_fields)]
#[oai(deny_unknown_fields)]
pub struct Triggers {
    /// Does one of them suffice, or do all have to happen?
    #[oai(default)]
    pub mode: TriggerMode,
    /// The triggers, 1 to 7, each kind at most once (`click` may stand several times).
    #[oai(default = "at_once", validator(min_items = 1, max_items = 7))]
    pub on: Vec<Trigger>,
}

impl Default for Triggers {
    fn default() -> Self {
        Self {
            mode: TriggerMode::Any,
            on: at_once(),
        }
    }
}

fn at_once() -> Vec<Trigger> {
    vec![Trigger::Immediately(ImmediateTrigger {})]
}

/// Does one trigger suffice, or do all have to happen?
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, Enum)]
#[serde(rename_all = "snake_case")]
#[oai(rename_all = "snake_case")]
pub enum TriggerMode {
    #[default]
    Any,
    All,
}

/// Something that makes a bar appear.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Trigger {
    Immediately(ImmediateTrigger),
    Delay(DelayTrigger),
    Scroll(ScrollTrigger),
    ExitIntent(ExitIntentTrigger),
    Inactivity(InactivityTrigger),
    Click(ClickTrigger),
    Code(CodeTrigger),
}

tagged!(Trigger: "Something that makes a bar appear.",
    "immediately" = ImmediateTrigger,
    "delay" = DelayTrigger,
    "scroll" = ScrollTrigger,
    "exit_intent" = ExitIntentTrigger,
    "inactivity" = InactivityTrigger,
    "click" = ClickTrigger,
    "code" = CodeTrigger,
);

/// As soon as the page stands.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, Object)]
#[serde(deny_unknown_fields)]
#[oai(deny_unknown_fields)]
pub struct ImmediateTrigger {}

/// After a time on the page.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Object)]
#[serde(deny_unknown_fields)]
#[oai(deny_unknown_fields)]
pub struct DelayTrigger {
    /// Seconds, 1 to 3600.
    #[oai(validator(minimum(value = "1"), maximum(value = "3600")))]
    pub seconds: u16,
}

/// When the page has been scrolled far enough.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Object)]
#[serde(deny_unknown_fields)]
#[oai(deny_unknown_fields)]
pub struct ScrollTrigger {
    /// Percent of the page's height, 1 to 100.
    #[oai(validator(minimum(value = "1"), maximum(value = "100")))]
    pub percent: u8,
}

/// When the visitor is about to leave: the pointer leaves the window, or on phones a fast scroll up.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, Object)]
#[serde(deny_unknown_fields)]
#[oai(deny_unknown_fields)]
pub struct ExitIntentTrigger {}

/// When the visitor has done nothing for a while.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Object)]
#[serde(deny_unknown_fields)]
#[oai(deny_unknown_fields)]
pub struct InactivityTrigger {
    /// Seconds, 1 to 3600.
    #[oai(validator(minimum(value = "1"), maximum(value = "3600")))]
    pub seconds: u16,
}

/// When an element of the page is pressed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Object)]
#[serde(deny_unknown_fields)]
#[oai(deny_unknown_fields)]
pub struct ClickTrigger {
    /// The CSS selector of the element, 1 to 200 characters.
    #[oai(validator(min_length = 1, max_length = 200))]
    pub selector: String,
}

/// When the page's own script opens it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, Object)]
#[serde(deny_unknown_fields)]
#[oai(deny_unknown_fields)]
pub struct CodeTrigger {}

/// To whom, where and when the bar appears. What is absent or empty does not restrict.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Object)]
#[serde(default, deny_unknown_fields)]
#[oai(deny_unknown_fields, skip_serializing_if_is_none)]
pub struct Targeting {
    /// On which pages, at most 50 rules: one that includes matches (if there is any), none that excludes does.
    #[oai(default, validator(max_items = 50))]
    pub pages: Vec<PageRule>,
    /// After which referrers, at most 50 rules, read as those for pages.
    #[oai(default, validator(max_items = 50))]
    pub referrers: Vec<ReferrerRule>,
    /// With which campaign parameters in the page's address: at most 20, one suffices.
    #[oai(default, validator(max_items = 20))]
    pub utm: Vec<UtmRule>,
    /// On which devices. Empty: on all.
    #[oai(default, validator(max_items = 3))]
    pub devices: Vec<Device>,
    /// To new visitors, returning ones, or all.
    #[oai(default)]
    pub visitors: VisitorKind,
    /// To visitors of which languages (BCP 47 tags; `de` includes `de-AT`), at most 30. Empty: to all.
    #[oai(default, validator(max_items = 30))]
    pub languages: Vec<String>,
    /// When. Absent: always.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub schedule: Option<Schedule>,
    /// To how many of the visitors, in percent, 1 to 100.
    #[oai(default = "everyone", validator(minimum(value = "1"), maximum(value = "100")))]
    pub percentage: u8,
}

impl Default for Targeting {
    fn default() -> Self {
        Self {
            pages: Vec::new(),
            referrers: Vec::new(),
            utm: Vec::new(),
            devices: Vec::new(),
            visitors: VisitorKind::All,
            languages: Vec::new(),
            schedule: None,
            percentage: everyone(),
        }
    }
}

fn everyone() -> u8 {
    100
}

/// How a rule's value is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, Enum)]
#[serde(rename_all = "snake_case")]
#[oai(rename_all = "snake_case")]
pub enum Match {
    Exact,
    Contains,
    Starts,
    Ends,
    /// `*` stands for any run of characters (at most 5 times), `?` for one.
    Glob,
}

/// A rule about the page: its path with the query, or, where the value begins with a scheme, its whole address. Case
/// matters in paths. What stands behind a `#` is not looked at.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Object)]
#[serde(deny_unknown_fields)]
#[oai(deny_unknown_fields)]
pub struct PageRule {
    /// How the value is compared.
    #[serde(rename = "match")]
    #[oai(rename = "match")]
    pub compare: Match,
    /// The value, 1 to 500 characters. Letters outside ASCII match whether or not the page's address has them encoded.
    #[oai(validator(min_length = 1, max_length = 500))]
    pub value: String,
    /// Where it matches, the bar does not appear.
    #[serde(default)]
    #[oai(default)]
    pub exclude: bool,
}

/// A rule about the whole address that the visitor came from, as far as their browser tells it: often the origin only,
/// as in `https://search.example/`. It is empty for who typed the page's address.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Object)]
#[serde(deny_unknown_fields)]
#[oai(deny_unknown_fields)]
pub struct ReferrerRule {
    /// How the value is compared.
    #[serde(rename = "match")]
    #[oai(rename = "match")]
    pub compare: Match,
    /// The value, 1 to 500 characters. Letters outside ASCII match whether or not the page's address has them encoded.
    #[oai(validator(min_length = 1, max_length = 500))]
    pub value: String,
    /// Where it matches, the bar does not appear.
    #[serde(default)]
    #[oai(default)]
    pub exclude: bool,
}

/// A rule about a campaign parameter.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Object)]
#[serde(deny_unknown_fields)]
#[oai(deny_unknown_fields)]
pub struct UtmRule {
    /// Which `utm_…` parameter.
    pub parameter: UtmParameter,
    /// Its exact value, 1 to 200 characters.
    #[oai(validator(min_length = 1, max_length = 200))]
    pub value: String,
}

/// A campaign parameter of the page's address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, Enum)]
#[serde(rename_all = "snake_case")]
#[oai(rename_all = "snake_case")]
pub enum UtmParameter {
    Source,
    Medium,
    Campaign,
    Term,
    Content,
}

/// What the visitor holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, Enum)]
#[serde(rename_all = "snake_case")]
#[oai(rename_all = "snake_case")]
pub enum Device {
    Desktop,
    Phone,
    Tablet,
}

/// Visitors by whether they have been here before.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, Enum)]
#[serde(rename_all = "snake_case")]
#[oai(rename_all = "snake_case")]
pub enum VisitorKind {
    #[default]
    All,
    New,
    Returning,
}

/// What a rule of the targeting is about; the script's debug reasons have the same names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[oai(rename_all = "snake_case")]
pub enum TargetingRule {
    /// `pages`
    Page,
    /// `referrers`
    Referrer,
    /// `utm`
    Campaign,
    /// `languages`
    Language,
    /// `devices`
    Device,
    /// `visitors`
    Visitors,
    /// `schedule`
    Schedule,
    /// `percentage`
    Percentage,
}

impl TargetingRule {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Page => "page",
            Self::Referrer => "referrer",
            Self::Campaign => "campaign",
            Self::Language => "language",
            Self::Device => "device",
            Self::Visitors => "visitors",
            Self::Schedule => "schedule",
            Self::Percentage => "percentage",
        }
    }
}

/// When a bar appears, in the time zone of the site.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Object)]
#[serde(deny_unknown_fields)]
#[oai(deny_unknown_fields, skip_serializing_if_is_none)]
pub struct Schedule {
    /// The IANA name of the time zone, as in `Europe/Berlin`.
    #[serde(default = "utc")]
    #[oai(default = "utc", validator(max_length = 64))]
    pub time_zone: String,
    /// The first day, as in `2026-12-01`. Absent: from publishing on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// The last day, included. Absent: without end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<String>,
    /// On which days of the week. Empty: on all.
    #[serde(default)]
    #[oai(default, validator(max_items = 7))]
    pub weekdays: Vec<Weekday>,
    /// In which hours of these days. Absent: all day.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hours: Option<Hours>,
}

fn utc() -> String {
    "UTC".to_owned()
}

/// Hours of a day. Where `until` is not after `from`, they last into the next day.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Object)]
#[serde(deny_unknown_fields)]
#[oai(deny_unknown_fields)]
pub struct Hours {
    /// The first minute, as in `09:00`.
    #[oai(validator(pattern = "^([01][0-9]|2[0-3]):[0-5][0-9]$"))]
    pub from: String,
    /// The minute at which they end, as in `17:00`; `24:00` is the end of the day.
    #[oai(validator(pattern = "^(([01][0-9]|2[0-3]):[0-5][0-9]|24:00)$"))]
    pub until: String,
}

/// A day of the week.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, Enum)]
#[serde(rename_all = "snake_case")]
#[oai(rename_all = "snake_case")]
pub enum Weekday {
    Mon,
    Tue,
    Wed,
    Thu,
    Fri,
    Sat,
    Sun,
}

/// How often the bar appears to one visitor.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Object)]
#[serde(default, deny_unknown_fields)]
#[oai(deny_unknown_fields)]
pub struct Frequency {
    /// How often, as long as it was not closed.
    #[oai(default)]
    pub show: ShowRule,
    /// What closing means for later pages.
    #[oai(default)]
    pub after_close: AfterClose,
    /// Not shown any more to who has followed the link or sent the form.
    #[oai(default = "yes")]
    pub stop_after_convert: bool,
    /// Seconds that must lie between this bar and another of the same member, 0 to 86400.
    #[oai(default, validator(maximum(value = "86400")))]
    pub gap_seconds: u32,
}

impl Default for Frequency {
    fn default() -> Self {
        Self {
            show: ShowRule::default(),
            after_close: AfterClose::default(),
            stop_after_convert: true,
            gap_seconds: 0,
        }
    }
}

/// How often a bar appears.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum ShowRule {
    EveryPage(ShowEveryPage),
    OnceASession(ShowOnceASession),
    EveryDays(ShowEveryDays),
}

tagged!(ShowRule: "How often a bar appears.",
    "every_page" = ShowEveryPage,
    "once_a_session" = ShowOnceASession,
    "every_days" = ShowEveryDays,
);

impl Default for ShowRule {
    fn default() -> Self {
        Self::EveryPage(ShowEveryPage {})
    }
}

/// On every page.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, Object)]
#[serde(deny_unknown_fields)]
#[oai(deny_unknown_fields)]
pub struct ShowEveryPage {}

/// On one page of each session.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, Object)]
#[serde(deny_unknown_fields)]
#[oai(deny_unknown_fields)]
pub struct ShowOnceASession {}

/// Once in so many days.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Object)]
#[serde(deny_unknown_fields)]
#[oai(deny_unknown_fields)]
pub struct ShowEveryDays {
    /// Days, 1 to 365.
    #[oai(validator(minimum(value = "1"), maximum(value = "365")))]
    pub days: u16,
}

/// What closing means for later pages.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum AfterClose {
    Keep(AfterCloseKeep),
    Session(AfterCloseSession),
    Days(AfterCloseDays),
}

tagged!(AfterClose: "What closing means for later pages.",
    "keep" = AfterCloseKeep,
    "session" = AfterCloseSession,
    "days" = AfterCloseDays,
);

impl Default for AfterClose {
    fn default() -> Self {
        Self::Days(AfterCloseDays { days: 7 })
    }
}

/// It appears again on the next page.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, Object)]
#[serde(deny_unknown_fields)]
#[oai(deny_unknown_fields)]
pub struct AfterCloseKeep {}

/// It stays away for the rest of the session.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, Object)]
#[serde(deny_unknown_fields)]
#[oai(deny_unknown_fields)]
pub struct AfterCloseSession {}

/// It stays away for so many days.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Object)]
#[serde(deny_unknown_fields)]
#[oai(deny_unknown_fields)]
pub struct AfterCloseDays {
    /// Days, 1 to 365.
    #[oai(validator(minimum(value = "1"), maximum(value = "365")))]
    pub days: u16,
}
