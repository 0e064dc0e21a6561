//! Would the bar show there, to that visitor? The question that `widget-js/src/target.ts` asks in the page, answered by the
//! same compiled rules. `widget-js/test/targeting.json` holds both to the same answers.

use jiff::{Zoned, tz::TimeZone};
use regex::bytes::{Regex, RegexBuilder};
use url::Url;

use super::targeting::{CAMPAIGN, LANGUAGE_RULE, PAGE_RULE, REFERRER_RULE, RuleForm, ScheduleForm, Target};
use crate::bars::configuration::{Device, Targeting, TargetingRule, VisitorKind};
use crate::clock::Timestamp;

/// All rules that fit into a configuration stay below it.
const REGEX_BYTES: usize = 256 << 20;

/// A visitor on a page, as their browser would tell of them.
#[derive(Clone, Debug)]
pub struct Visit {
    pub page: Url,
    /// Where they come from; `None` if their browser does not tell.
    pub referrer: Option<Url>,
    pub device: Device,
    /// The language that they like best: a BCP 47 tag.
    pub language: String,
    /// Were they here before?
    pub returns: bool,
    pub at: Timestamp,
}

/// What one of the bar's rules comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verdict {
    pub rule: TargetingRule,
    pub outcome: Outcome,
}

/// How a rule is met.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    Passes,
    /// Nothing that includes matches.
    Misses,
    /// Something that excludes matches.
    Excluded,
}

impl Verdict {
    pub fn passes(&self) -> bool {
        self.outcome == Outcome::Passes
    }
}

impl Targeting {
    /// What each rule comes to, in the order in which the script asks; the first that does not pass is its reason. Whether
    /// the visitor is among a share of them is chance: that passes. The targeting is valid
    /// ([`Configuration::validate`](crate::bars::configuration::Configuration::validate)).
    pub fn judge(&self, visit: &Visit) -> Result<Vec<Verdict>, regex::Error> {
        let target = Target::from(self);
        let texts = texts(visit);
        let mut verdicts = Vec::new();
        for RuleForm(name, text, include, exclude) in &target.rules {
            let text = texts[usize::from(*text)].as_bytes();
            let outcome = if !compile(include)?.is_match(text) {
                Outcome::Misses
            } else if !exclude.is_empty() && compile(exclude)?.is_match(text) {
                Outcome::Excluded
            } else {
                Outcome::Passes
            };
            let rule = match *name {
                PAGE_RULE => TargetingRule::Page,
                REFERRER_RULE => TargetingRule::Referrer,
                CAMPAIGN => TargetingRule::Campaign,
                LANGUAGE_RULE => TargetingRule::Language,
                other => unreachable!("the script is told of no rule {other}"),
            };
            verdicts.push(Verdict { rule, outcome });
        }
        let mut add = |asked: bool, rule: TargetingRule, passes: bool| {
            let outcome = if passes { Outcome::Passes } else { Outcome::Misses };
            verdicts.extend(asked.then_some(Verdict { rule, outcome }));
        };
        add(
            target.devices.is_some(),
            TargetingRule::Device,
            self.devices.contains(&visit.device),
        );
        add(
            target.visitors.is_some(),
            TargetingRule::Visitors,
            (self.visitors == VisitorKind::Returning) == visit.returns,
        );
        if let Some(schedule) = &target.schedule {
            add(true, TargetingRule::Schedule, is_time(schedule, visit.at));
        }
        add(target.percentage.is_some(), TargetingRule::Percentage, true);
        Ok(verdicts)
    }
}

/// What time it is in a time zone, as its own clocks show it.
pub fn local_time(time_zone: &str, at: Timestamp) -> Zoned {
    let zone = TimeZone::get(time_zone).unwrap_or(TimeZone::UTC);
    at.jiff().to_zoned(zone)
}

/// As the script numbers them: the page, the referrer, the page's query, the language. Browsers tell all of them in ASCII.
fn texts(visit: &Visit) -> [String; 4] {
    let without_fragment = |url: &Url| {
        let mut url = url.clone();
        url.set_fragment(None);
        url.to_string()
    };
    let query = visit.page.query().filter(|query| !query.is_empty());
    [
        without_fragment(&visit.page),
        visit.referrer.as_ref().map(without_fragment).unwrap_or_default(),
        query.map(|query| format!("?{query}")).unwrap_or_default(),
        visit.language.to_ascii_lowercase(),
    ]
}

/// JavaScript without flags knows no letters beyond a unit of the text, nor do we: the texts are ASCII.
fn compile(source: &str) -> Result<Regex, regex::Error> {
    RegexBuilder::new(source)
        .unicode(false)
        .size_limit(REGEX_BYTES)
        .build()
}

/// `isTime` of the script, word by word.
fn is_time(schedule: &ScheduleForm, at: Timestamp) -> bool {
    let ScheduleForm(zone, from, until, weekdays, start, end) = schedule;
    let local = local_time(zone, at);
    let time = local.strftime("%H:%M:%S").to_string();
    // What lasts past midnight belongs to the day on which it began.
    let over = start >= end;
    let late = !start.is_empty() && over && time < *end;
    let day = if late {
        local.date().yesterday().unwrap_or(local.date())
    } else {
        local.date()
    };
    let iso = day.strftime("%Y-%m-%d").to_string();
    let weekday = day.weekday().to_sunday_zero_offset().to_string();
    iso >= *from
        && (until.is_empty() || iso <= *until)
        && (weekdays.is_empty() || weekdays.contains(&weekday))
        && (start.is_empty() || late || (time >= *start && (over || time < *end)))
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;
    use serde_json::Value;

    use super::*;

    /// `widget-js/test/targeting.json`
    #[derive(Deserialize)]
    struct Scene {
        visit: Told,
        cases: Vec<Case>,
    }

    #[derive(Deserialize)]
    struct Told {
        page: String,
        referrer: Option<String>,
        device: Device,
        language: String,
        returns: bool,
        at: String,
    }

    #[derive(Deserialize)]
    struct Case {
        targeting: Targeting,
        /// What the script receives of it.
        t: Value,
        /// The reason why the bar does not show; `null`: it does.
        misses: Option<String>,
    }

    const CASES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/widget-js/test/targeting.json");

    fn visit(told: &Told) -> Visit {
        Visit {
            page: told.page.parse().unwrap(),
            referrer: told.referrer.as_ref().map(|url| url.parse().unwrap()),
            device: told.device,
            language: told.language.clone(),
            returns: told.returns,
            at: told.at.parse().unwrap(),
        }
    }

    fn scenes() -> (Value, Vec<Scene>) {
        let text = std::fs::read_to_string(CASES).unwrap();
        (
            serde_json::from_str(&text).unwrap(),
            serde_json::from_str(&text).unwrap(),
        )
    }

    #[test]
    fn it_decides_as_the_script_does() {
        for Scene { visit: told, cases } in scenes().1 {
            for Case {
                targeting, misses, ..
            } in cases
            {
                let verdicts = targeting.judge(&visit(&told)).unwrap();
                let reason = verdicts.iter().find(|verdict| !verdict.passes());
                let reason = reason.map(|verdict| verdict.rule.as_str());
                assert_eq!(reason, misses.as_deref(), "{targeting:?} on {}", told.page);
            }
        }
    }

    #[test]
    fn the_script_is_tested_with_what_it_gets() {
        let (mut written, scenes) = scenes();
        for (scene, Scene { cases, .. }) in scenes.iter().enumerate() {
            for (case, Case { targeting, .. }) in cases.iter().enumerate() {
                let target = serde_json::to_value(Target::from(targeting)).unwrap();
                written[scene]["cases"][case]["t"] = target;
            }
        }
        let same = { scenes.iter().enumerate() }.all(|(scene, Scene { cases, .. })| {
            { cases.iter().enumerate() }.all(|(case, known)| written[scene]["cases"][case]["t"] == known.t)
        });
        assert!(same, "put this into targeting.json:\n{written:#}");
    }

    #[test]
    fn a_share_of_the_visitors_is_told_and_passes() {
        let told = &scenes().1[0].visit;
        let targeting = Targeting {
            percentage: 30,
            ..Targeting::default()
        };
        let verdicts = targeting.judge(&visit(told)).unwrap();
        assert_eq!(
            (verdicts.len(), verdicts[0].rule, verdicts[0].passes()),
            (1, TargetingRule::Percentage, true)
        );
        assert_eq!(Targeting::default().judge(&visit(told)).unwrap(), []);
    }

    #[test]
    fn as_many_rules_as_fit_are_tried() {
        let rule = |letter: &str| serde_json::json!({ "match": "glob", "value": format!("/*{}", letter.repeat(490)), "exclude": true });
        let told = &scenes().1[0].visit;
        for letter in ["ü", "?", "`"] {
            let pages: Vec<_> = (0..50).map(|_| rule(letter)).collect();
            let targeting: Targeting = serde_json::from_value(serde_json::json!({ "pages": pages })).unwrap();
            assert!(targeting.judge(&visit(told)).unwrap()[0].passes());
        }
    }
}
