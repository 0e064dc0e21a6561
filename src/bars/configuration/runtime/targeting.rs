//! To whom, where and when the bar appears, as the script asks it of a page and a visitor.

use serde::Serialize;

use super::patterns::{self, Rule};
use crate::bars::configuration::{Device, Schedule, Targeting, UtmParameter, VisitorKind, Weekday};

const EVERYBODY: u8 = 100;

/// What restricts the bar; what does not is absent.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub(super) struct Target {
    #[serde(rename = "r", skip_serializing_if = "Vec::is_empty")]
    pub(super) rules: Vec<RuleForm>,
    /// A media query.
    #[serde(rename = "d", skip_serializing_if = "Option::is_none")]
    pub(super) devices: Option<String>,
    #[serde(rename = "v", skip_serializing_if = "Option::is_none")]
    pub(super) visitors: Option<u8>,
    #[serde(rename = "s", skip_serializing_if = "Option::is_none")]
    pub(super) schedule: Option<ScheduleForm>,
    #[serde(rename = "n", skip_serializing_if = "Option::is_none")]
    pub(super) percentage: Option<u8>,
}

/// What it is about, for who looks for the reason; of which text; the regular expressions that the text must match (an
/// empty one always does), and that it must not (empty: none).
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct RuleForm(
    pub(super) &'static str,
    pub(super) u8,
    pub(super) String,
    pub(super) String,
);

/// What rules are about, as the script says it.
pub(super) const PAGE_RULE: &str = "page";
pub(super) const REFERRER_RULE: &str = "referrer";
pub(super) const CAMPAIGN: &str = "campaign";
pub(super) const LANGUAGE_RULE: &str = "language";

/// The texts as the script numbers them.
const PAGE: u8 = 0;
const REFERRER: u8 = 1;
const QUERY: u8 = 2;
const LANGUAGE: u8 = 3;

/// Time zone, first day, last day, days of the week, hours from and until; empty: no limit.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct ScheduleForm(
    pub(super) String,
    pub(super) String,
    pub(super) String,
    pub(super) String,
    pub(super) String,
    pub(super) String,
);

impl Target {
    pub(super) fn is_everybody(&self) -> bool {
        *self == Self::default()
    }

    pub(super) fn has_schedule(&self) -> bool {
        self.schedule.is_some()
    }
}

impl From<&Targeting> for Target {
    fn from(targeting: &Targeting) -> Self {
        let Targeting {
            pages,
            referrers,
            utm,
            devices,
            visitors,
            languages,
            schedule,
            percentage,
        } = targeting;
        let pages = both_ways(pages.iter().map(|rule| {
            let source = Rule::of_page(rule.compare, &rule.value).source();
            (source, rule.exclude)
        }));
        let referrers = both_ways(referrers.iter().map(|rule| {
            let source = Rule::of_address(rule.compare, &rule.value).source();
            (source, rule.exclude)
        }));
        let campaigns = both_ways(utm.iter().map(|rule| {
            let parameter = match rule.parameter {
                UtmParameter::Source => "source",
                UtmParameter::Medium => "medium",
                UtmParameter::Campaign => "campaign",
                UtmParameter::Term => "term",
                UtmParameter::Content => "content",
            };
            (
                patterns::parameter(&format!("utm_{parameter}"), &rule.value),
                false,
            )
        }));
        // A tag has letters, digits and `-` only: nothing to escape.
        let tags = languages.join("|").to_ascii_lowercase();
        let languages = (!languages.is_empty()).then(|| (format!("^(?:{tags})(?:-|$)"), String::new()));
        let rules = [
            (PAGE_RULE, PAGE, pages),
            (REFERRER_RULE, REFERRER, referrers),
            (CAMPAIGN, QUERY, campaigns),
            (LANGUAGE_RULE, LANGUAGE, languages),
        ];
        Self {
            rules: rules
                .into_iter()
                .filter_map(|(why, text, rule)| {
                    rule.map(|(include, exclude)| RuleForm(why, text, include, exclude))
                })
                .collect(),
            devices: media(devices),
            visitors: match visitors {
                VisitorKind::All => None,
                VisitorKind::New => Some(1),
                VisitorKind::Returning => Some(2),
            },
            schedule: schedule.as_ref().and_then(schedule_form),
            percentage: (*percentage < EVERYBODY).then_some(*percentage),
        }
    }
}

/// All that include and all that exclude, each joined to one; `None` without any rule.
fn both_ways(rules: impl Iterator<Item = (String, bool)>) -> Option<(String, String)> {
    let (exclude, include): (Vec<_>, Vec<_>) = rules.partition(|(_, excludes)| *excludes);
    let joined = |rules: &[(String, bool)]| {
        let sources: Vec<_> = rules.iter().map(|(source, _)| source.as_str()).collect();
        patterns::any_of(&sources)
    };
    (!include.is_empty() || !exclude.is_empty()).then(|| (joined(&include), joined(&exclude)))
}

/// What is held with a finger is a phone, if it is small, or a tablet. Every device is no restriction.
fn media(devices: &[Device]) -> Option<String> {
    const ALL: usize = 3;
    let query = |device: &Device| match device {
        Device::Desktop => "not all and (pointer:coarse)",
        Device::Phone => {
            "(pointer:coarse) and (max-device-width:599px),(pointer:coarse) and (max-device-height:599px)"
        }
        Device::Tablet => "(pointer:coarse) and (min-device-width:600px) and (min-device-height:600px)",
    };
    let queries: Vec<_> = devices.iter().map(query).collect();
    (!queries.is_empty() && queries.len() < ALL).then(|| queries.join(","))
}

/// `None` if it restricts nothing.
fn schedule_form(schedule: &Schedule) -> Option<ScheduleForm> {
    const WEEK: usize = 7;
    let Schedule {
        time_zone,
        from,
        until,
        weekdays,
        hours,
    } = schedule;
    let days = match weekdays.len() {
        WEEK => String::new(),
        _ => weekdays.iter().copied().map(digit).collect(),
    };
    let (start, end) = match hours {
        Some(hours) if (hours.from.as_str(), hours.until.as_str()) != ("00:00", "24:00") => {
            (hours.from.clone(), hours.until.clone())
        }
        _ => (String::new(), String::new()),
    };
    let restricts = from.is_some() || until.is_some() || !days.is_empty() || !start.is_empty();
    restricts.then(|| {
        let day = |day: &Option<String>| day.clone().unwrap_or_default();
        ScheduleForm(time_zone.clone(), day(from), day(until), days, start, end)
    })
}

/// As JavaScript counts days: from Sunday.
fn digit(day: Weekday) -> char {
    match day {
        Weekday::Sun => '0',
        Weekday::Mon => '1',
        Weekday::Tue => '2',
        Weekday::Wed => '3',
        Weekday::Thu => '4',
        Weekday::Fri => '5',
        Weekday::Sat => '6',
    }
}
