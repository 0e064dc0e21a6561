//! What makes a configuration valid. Every finding names its field by the path that leads to it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Display;

use super::colour::is_colour;
use super::language::{best, is_language};
use super::runtime::begins_with_scheme;
use super::selector::is_selector;
use super::variant::{Consent, ContactGoal, Field, FieldKind, Goal, Texts, Variant};
use super::{
    AfterClose, Colours, Configuration, FieldError, Frequency, Hours, Layout, Match, Schedule, ShowRule,
    Targeting, Theme, Trigger, Triggers,
};

/// More findings than this help nobody.
const MOST_ERRORS: usize = 100;
const MOST_BYTES: usize = 64 * 1024;
const URL_LENGTH: usize = 2048;
/// More `*` in a rule could keep a visitor's browser busy.
const MOST_RUNS: usize = 5;
const WEB: [&str; 2] = ["https", "http"];
const LINKS: [&str; 4] = ["https", "http", "mailto", "tel"];

/// Collects what is wrong, at the path that is being looked at.
struct Check {
    path: String,
    errors: Vec<FieldError>,
}

impl Check {
    fn fail(&mut self, message: impl Into<String>) {
        if self.errors.len() < MOST_ERRORS {
            self.errors.push(FieldError {
                field: self.path.clone(),
                message: message.into(),
            });
        }
    }

    fn within(&mut self, segment: &str, look: impl FnOnce(&mut Self)) {
        let length = self.path.len();
        self.path.push_str(segment);
        look(self);
        self.path.truncate(length);
    }

    fn field(&mut self, name: impl Display, look: impl FnOnce(&mut Self)) {
        let dot = if self.path.is_empty() { "" } else { "." };
        self.within(&format!("{dot}{name}"), look);
    }

    fn each<T>(&mut self, name: &str, items: &[T], most: usize, mut look: impl FnMut(&mut Self, &T)) {
        self.field(name, |check| {
            if items.len() > most {
                check.fail(format!("at most {most} are allowed"));
            }
            for (index, item) in items.iter().take(most).enumerate() {
                check.within(&format!("[{index}]"), |check| look(check, item));
            }
        });
    }

    fn text(&mut self, name: &str, text: &str, most: usize) {
        self.field(name, |check| check.plain(text, most));
    }

    fn optional_text(&mut self, name: &str, text: Option<&str>, most: usize) {
        if let Some(text) = text {
            self.text(name, text, most);
        }
    }

    fn plain(&mut self, text: &str, most: usize) {
        if let Err(refused) = crate::text::line(text, most) {
            self.fail(refused.to_string());
        } else if text.contains('\t') {
            self.fail("must not contain control characters");
        }
    }

    fn selector(&mut self, text: &str) {
        self.field("selector", |check| {
            let before = check.errors.len();
            check.plain(text, 200);
            if check.errors.len() == before && !is_selector(text) {
                check.fail("must be a CSS selector such as `#offer` or `main .price`");
            }
        });
    }

    /// The value of a rule about addresses; without a scheme it may begin with one of these.
    fn rule(&mut self, compare: Match, value: &str, beginnings: &[char], needed: &str) {
        self.field("value", |check| {
            check.plain(value, 500);
            let says_the_beginning = matches!(compare, Match::Exact | Match::Starts | Match::Glob);
            let is_open = compare == Match::Glob && value.starts_with(['*', '?']);
            if says_the_beginning
                && !is_open
                && !value.is_empty()
                && !value.starts_with(beginnings)
                && !begins_with_scheme(compare, value)
            {
                check.fail(needed);
            }
            if value.contains('#') {
                check.fail("must not contain `#`: what stands behind it is not looked at");
            }
            if compare == Match::Glob && value.matches('*').count() > MOST_RUNS {
                check.fail(format!("at most {MOST_RUNS} `*` are allowed"));
            }
        });
    }

    fn number(&mut self, name: &str, number: u32, least: u32, most: u32) {
        if !(least..=most).contains(&number) {
            self.field(name, |check| check.fail(format!("must be {least} to {most}")));
        }
    }

    fn url(&mut self, name: &str, text: &str, schemes: &[&str]) {
        self.field(name, |check| {
            if text.chars().count() > URL_LENGTH {
                return check.fail(format!("must have at most {URL_LENGTH} characters"));
            }
            if text.chars().any(|c| c.is_control() || c.is_whitespace()) {
                return check.fail("must not contain spaces or control characters");
            }
            let names = || {
                let names: Vec<_> = schemes.iter().map(|name| format!("`{name}:`")).collect();
                names.join(", ")
            };
            match url::Url::parse(text) {
                Err(_) => check.fail(format!("must be an absolute address with one of {}", names())),
                Ok(url) if !schemes.contains(&url.scheme()) => {
                    check.fail(format!("must begin with one of {}", names()));
                }
                Ok(url) if WEB.contains(&url.scheme()) && url.host_str().is_none() => {
                    check.fail("must name a host");
                }
                Ok(url) if !WEB.contains(&url.scheme()) && url.path().is_empty() => {
                    check.fail("must name whom to reach");
                }
                Ok(url) if !url.username().is_empty() || url.password().is_some() => {
                    check.fail("must not contain a user name or password");
                }
                Ok(_) => {}
            }
        });
    }

    fn language(&mut self, tag: &str) {
        if !is_language(tag) {
            self.fail("must be a language tag such as `de` or `pt-BR`");
        }
    }

    /// Each of these once.
    fn distinct<T: PartialEq>(&mut self, name: &str, items: &[T], what: &str) {
        for (index, item) in items.iter().enumerate() {
            if items[..index].contains(item) {
                self.field(format!("{name}[{index}]"), |check| {
                    check.fail(format!("this {what} is there twice"));
                });
            }
        }
    }
}

/// Everything that is wrong with a configuration.
pub(super) fn configuration(configuration: &Configuration) -> Vec<FieldError> {
    let mut check = Check {
        path: String::new(),
        errors: Vec::new(),
    };
    let Configuration {
        layout,
        tab,
        default_language,
        variants,
        theme: looks,
        triggers: when,
        targeting: whom,
        frequency: often,
        privacy: _,
    } = configuration;
    if let Layout::Inline(inline) = layout {
        check.field("layout", |check| check.selector(&inline.selector));
    }
    check.field("default_language", |check| check.language(default_language));
    check.field("variants", |check| {
        if variants.is_empty() {
            check.fail("at least one variant is needed");
        } else if variants.iter().all(|variant| variant.weight == 0) {
            check.fail("at least one variant must have a weight above 0");
        }
    });
    let keys: Vec<_> = variants.iter().map(|variant| variant.key.as_str()).collect();
    for (index, key) in keys.iter().enumerate() {
        if keys[..index].contains(key) {
            check.field(format!("variants[{index}].key"), |check| {
                check.fail("this key is there twice");
            });
        }
    }
    check.each("variants", variants, 8, |check, one| {
        variant(check, one, default_language, tab.is_some());
    });
    check.field("theme", |check| theme(check, looks));
    check.field("triggers", |check| triggers(check, when));
    check.field("targeting", |check| targeting(check, whom));
    check.field("frequency", |check| frequency(check, often));
    let too_big = serde_json::to_vec(configuration).is_ok_and(|json| json.len() > MOST_BYTES);
    if too_big {
        check.fail("the configuration must have at most 64 KiB of JSON");
    }
    check.errors
}

fn variant(check: &mut Check, variant: &Variant, default_language: &str, has_tab: bool) {
    let Variant {
        key,
        weight,
        goal,
        texts: by_language,
    } = variant;
    let fits = (1..=16).contains(&key.len())
        && key
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'_');
    if !fits {
        check.field("key", |check| {
            check.fail("must be 1 to 16 of the characters a-z, 0-9, `-` and `_`");
        });
    }
    check.number("weight", u32::from(*weight), 0, 1000);
    check.field("goal", |check| match goal {
        Goal::Contact(form) => contact(check, form),
        Goal::Link(link) => check.url("url", &link.url, &LINKS),
        Goal::Notice(_) => {}
    });
    check.field("texts", |check| {
        if by_language.len() > 30 {
            check.fail("at most 30 languages are allowed");
        }
        let mut seen = BTreeSet::new();
        for (tag, words) in by_language.iter().take(30) {
            if !is_language(tag) {
                check.fail("every key must be a language tag such as `de` or `pt-BR`");
                continue;
            }
            check.field(tag, |check| {
                if !seen.insert(tag.to_ascii_lowercase()) {
                    check.fail("this language is there twice");
                }
                texts(check, words, goal);
            });
        }
        match by_language.get(default_language) {
            Some(words) => check.field(default_language, |check| {
                needed_texts(check, words, goal, has_tab);
            }),
            None if best(by_language.keys().map(String::as_str), default_language)
                .is_some_and(|tag| tag.eq_ignore_ascii_case(default_language)) =>
            {
                check.fail("the default language must be written as in `default_language`");
            }
            None => check.fail("the default language must be among the texts"),
        }
    });
}

fn contact(check: &mut Check, form: &ContactGoal) {
    let ContactGoal { fields, consent } = form;
    if fields.iter().all(|field| field.kind == FieldKind::Hidden) {
        check.field("fields", |check| {
            check.fail("at least one field that is not hidden is needed");
        });
    }
    for (index, one) in fields.iter().enumerate() {
        let before = &fields[..index];
        let once = matches!(
            one.kind,
            FieldKind::Email | FieldKind::Name | FieldKind::Phone | FieldKind::Message
        );
        if before.iter().any(|other| other.name == one.name) {
            check.field(format!("fields[{index}].name"), |check| {
                check.fail("this name is there twice");
            });
        }
        if once && before.iter().any(|other| other.kind == one.kind) {
            check.field(format!("fields[{index}].kind"), |check| {
                check.fail("this kind may be there only once");
            });
        }
    }
    check.each("fields", fields, 12, field);
    if let Some(Consent {
        required: _,
        policy_url: Some(url),
    }) = consent
    {
        check.field("consent", |check| check.url("policy_url", url, &WEB));
    }
}

fn field(check: &mut Check, field: &Field) {
    let Field {
        name,
        kind,
        required,
        options,
        value,
    } = field;
    let fits = (1..=32).contains(&name.len())
        && name.starts_with(|c: char| c.is_ascii_lowercase())
        && name
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
    check.field("name", |check| {
        if !fits {
            check.fail("must be 1 to 32 of the characters a-z, 0-9 and `_`, and begin with a letter");
        } else if name == "consent" {
            check.fail("is taken by the consent");
        }
    });
    match (kind, options.is_empty()) {
        (FieldKind::Select, true) => check.field("options", |check| {
            check.fail("a `select` field needs options");
        }),
        (FieldKind::Select, false) => {
            check.each("options", options, 30, |check, option| check.plain(option, 80));
            check.distinct("options", options, "option");
        }
        (_, false) => check.field("options", |check| {
            check.fail("only `select` fields have options");
        }),
        (_, true) => {}
    }
    match (kind, value) {
        (FieldKind::Hidden, Some(value)) => check.text("value", value, 200),
        (FieldKind::Hidden, None) => check.field("value", |check| {
            check.fail("a `hidden` field needs a value");
        }),
        (_, Some(_)) => check.field("value", |check| {
            check.fail("only `hidden` fields have a value");
        }),
        (_, None) => {}
    }
    if *kind == FieldKind::Hidden && *required {
        check.field("required", |check| {
            check.fail("a `hidden` field can't be required");
        });
    }
}

/// Lengths and references of what is there.
fn texts(check: &mut Check, texts: &Texts, goal: &Goal) {
    let Texts {
        message,
        button,
        success,
        error,
        labels,
        options,
        consent,
        policy,
        tab,
        close,
    } = texts;
    check.text("message", message, 300);
    for (name, text, most) in [
        ("button", button, 40),
        ("success", success, 300),
        ("error", error, 200),
        ("consent", consent, 600),
        ("policy", policy, 60),
        ("tab", tab, 40),
        ("close", close, 40),
    ] {
        check.optional_text(name, text.as_deref(), most);
    }
    let fields = match goal {
        Goal::Contact(form) => form.fields.as_slice(),
        Goal::Link(_) | Goal::Notice(_) => &[],
    };
    let visible = |name: &str| {
        fields
            .iter()
            .find(|field| field.name == name && field.kind != FieldKind::Hidden)
    };
    check.field("labels", |check| {
        named(check, labels, |check, name, label| match visible(name) {
            Some(_) => check.plain(label, 80),
            None => check.fail("the form has no such visible field"),
        });
    });
    check.field("options", |check| {
        named(check, options, |check, name, texts| match visible(name) {
            Some(field) if field.kind == FieldKind::Select => option_texts(check, field, texts),
            _ => check.fail("the form has no such `select` field"),
        });
    });
}

fn option_texts(check: &mut Check, field: &Field, texts: &BTreeMap<String, String>) {
    for (value, text) in texts {
        if !field.options.contains(value) {
            check.fail("there is a text for a value that is not among the field's options");
            return;
        }
        check.within(&format!("[{value:?}]"), |check| check.plain(text, 80));
    }
}

/// Looks at entries by field name; a key that can't be one is not repeated in a path.
fn named<T>(check: &mut Check, entries: &BTreeMap<String, T>, mut look: impl FnMut(&mut Check, &str, &T)) {
    for (name, entry) in entries {
        let plain = name.len() <= 32
            && name
                .bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
        if plain {
            check.field(name, |check| look(check, name, entry));
        } else {
            check.fail("every key must be the name of a field");
        }
    }
}

/// What the default language must say.
fn needed_texts(check: &mut Check, texts: &Texts, goal: &Goal, has_tab: bool) {
    let mut need = |name: &str, there: bool, why: &str| {
        if !there {
            check.field(name, |check| check.fail(why));
        }
    };
    need(
        "tab",
        !has_tab || texts.tab.is_some(),
        "is needed, for there is a tab",
    );
    match goal {
        Goal::Notice(_) => {}
        Goal::Link(_) => need("button", texts.button.is_some(), "is needed for a link"),
        Goal::Contact(form) => {
            need("button", texts.button.is_some(), "is needed for a form");
            need(
                "consent",
                form.consent.is_none() || texts.consent.is_some(),
                "is needed, for consent is asked",
            );
            for field in &form.fields {
                let own = matches!(
                    field.kind,
                    FieldKind::Text | FieldKind::Select | FieldKind::Checkbox
                );
                if own {
                    need(
                        &format!("labels.{}", field.name),
                        texts.labels.contains_key(&field.name),
                        "is needed for a field of this kind",
                    );
                }
            }
        }
    }
}

fn theme(check: &mut Check, theme: &Theme) {
    check.field("colours", |check| colours(check, &theme.colours));
    if let Some(dark) = &theme.dark {
        check.field("dark", |check| colours(check, dark));
    }
    check.number("radius_px", u32::from(theme.radius_px), 0, 32);
}

fn colours(check: &mut Check, colours: &Colours) {
    let Colours {
        background,
        text,
        button,
        button_text,
    } = colours;
    for (name, colour) in [
        ("background", background),
        ("text", text),
        ("button", button),
        ("button_text", button_text),
    ] {
        if !is_colour(colour) {
            check.field(name, |check| check.fail("must be a colour as `#1d4ed8`"));
        }
    }
}

fn triggers(check: &mut Check, triggers: &Triggers) {
    if triggers.on.is_empty() {
        check.field("on", |check| check.fail("at least one trigger is needed"));
    }
    for (index, trigger) in triggers.on.iter().enumerate() {
        let kind = std::mem::discriminant(trigger);
        let twice = triggers.on[..index].iter().any(|other| match trigger {
            Trigger::Click(_) => other == trigger,
            _ => std::mem::discriminant(other) == kind,
        });
        if twice {
            check.field(format!("on[{index}]"), |check| {
                check.fail("this trigger is there twice");
            });
        }
    }
    check.each("on", &triggers.on, 7, |check, trigger| match trigger {
        Trigger::Immediately(_) | Trigger::ExitIntent(_) | Trigger::Code(_) => {}
        Trigger::Delay(delay) => check.number("seconds", u32::from(delay.seconds), 1, 3600),
        Trigger::Inactivity(idle) => check.number("seconds", u32::from(idle.seconds), 1, 3600),
        Trigger::Scroll(scroll) => check.number("percent", u32::from(scroll.percent), 1, 100),
        Trigger::Click(click) => check.selector(&click.selector),
    });
}

fn targeting(check: &mut Check, targeting: &Targeting) {
    let Targeting {
        pages,
        referrers,
        utm,
        devices,
        visitors: _,
        languages,
        schedule: when,
        percentage,
    } = targeting;
    check.each("pages", pages, 50, |check, rule| {
        let needed = "must begin with `/`, or with a scheme such as `https://`";
        check.rule(rule.compare, &rule.value, &['/'], needed);
    });
    check.each("referrers", referrers, 50, |check, rule| {
        let needed = "must begin with a scheme such as `https://`";
        check.rule(rule.compare, &rule.value, &[], needed);
    });
    check.each("utm", utm, 20, |check, rule| {
        check.text("value", &rule.value, 200)
    });
    check.distinct("devices", devices, "device");
    check.each("languages", languages, 30, |check, tag| check.language(tag));
    let lower: Vec<_> = languages.iter().map(|tag| tag.to_ascii_lowercase()).collect();
    check.distinct("languages", &lower, "language");
    if let Some(when) = when {
        check.field("schedule", |check| schedule(check, when));
    }
    check.number("percentage", u32::from(*percentage), 1, 100);
}

fn schedule(check: &mut Check, schedule: &Schedule) {
    let Schedule {
        time_zone,
        from,
        until,
        weekdays,
        hours: of_day,
    } = schedule;
    let known = time_zone.len() <= 64 && jiff::tz::TimeZone::get(time_zone).is_ok();
    if !known {
        check.field("time_zone", |check| {
            check.fail("must be the IANA name of a time zone such as `Europe/Berlin`");
        });
    }
    let mut day = |name: &str, text: Option<&str>| {
        let text = text?;
        let day = date(text);
        if day.is_none() {
            check.field(name, |check| check.fail("must be a day as `2026-12-24`"));
        }
        day
    };
    let (first, last) = (day("from", from.as_deref()), day("until", until.as_deref()));
    if let (Some(first), Some(last)) = (first, last)
        && last < first
    {
        check.field("until", |check| check.fail("must not be before `from`"));
    }
    check.distinct("weekdays", weekdays, "day");
    if let Some(of_day) = of_day {
        check.field("hours", |check| hours(check, of_day));
    }
}

fn hours(check: &mut Check, hours: &Hours) {
    if !is_minute(&hours.from) {
        check.field("from", |check| check.fail("must be a time as `09:00`"));
    }
    if !is_minute(&hours.until) && hours.until != "24:00" {
        check.field("until", |check| check.fail("must be a time as `17:00`"));
    } else if hours.from == hours.until {
        check.field("until", |check| check.fail("must not be the same as `from`"));
    }
}

fn date(text: &str) -> Option<jiff::civil::Date> {
    let bytes = text.as_bytes();
    let shaped = bytes.len() == 10
        && bytes.iter().enumerate().all(|(index, byte)| match index {
            4 | 7 => *byte == b'-',
            _ => byte.is_ascii_digit(),
        });
    shaped.then(|| text.parse().ok()).flatten()
}

fn is_minute(text: &str) -> bool {
    let [h1, h2, b':', m1, m2] = text.as_bytes() else {
        return false;
    };
    let digits = [h1, h2, m1, m2].iter().all(|byte| byte.is_ascii_digit());
    digits && text[..2] < *"24" && text[3..] < *"60"
}

fn frequency(check: &mut Check, frequency: &Frequency) {
    let Frequency {
        show,
        after_close,
        stop_after_convert: _,
        gap_seconds,
    } = frequency;
    if let ShowRule::EveryDays(every) = show {
        check.field("show", |check| {
            check.number("days", u32::from(every.days), 1, 365)
        });
    }
    if let AfterClose::Days(away) = after_close {
        check.field("after_close", |check| {
            check.number("days", u32::from(away.days), 1, 365);
        });
    }
    check.number("gap_seconds", *gap_seconds, 0, 86_400);
}
