//! The compact form of a published configuration that the script receives (`widget-js/src/runtime.ts` reads
//! it), and how it gets into the script.

use serde_json::{Map, Value, json};

use super::{
    AfterClose, BarLayout, Colours, Configuration, Edge, FieldKind, Font, Goal, Layout, Size, Spoken,
    Trigger, TriggerMode, Triggers, Variant,
};

/// The literal in the built script, quotes included, for which [`splice`] puts the configuration.
pub const PLACEHOLDER: &str = "\"__CONTACTBAR__\"";

/// The script with its configuration, ready to be served. The JSON is made safe for scripts and for HTML
/// around them. `None` if the script has not exactly one placeholder.
pub fn splice(script: &str, runtime: &Value) -> Option<String> {
    let (before, after) = script.split_once(PLACEHOLDER)?;
    if after.contains(PLACEHOLDER) {
        return None;
    }
    let json = runtime
        .to_string()
        .replace('<', "\\u003c")
        .replace('\u{2028}', "\\u2028")
        .replace('\u{2029}', "\\u2029");
    Some([before, &json, after].concat())
}

impl Configuration {
    /// What the script needs to show the bar of that key, and nothing else. `base_url` is the address of
    /// the embed host without a slash at its end; where it is absent the script takes it from its own
    /// address. Ask [`Configuration::validate`] and [`Configuration::unsupported`] first.
    pub fn runtime(&self, key: &str, base_url: Option<&str>) -> Value {
        let mut runtime = Map::new();
        let mut set = |name: &str, value: Value| {
            // Absent means 0, false or none to the script.
            if !matches!(&value, Value::Null | Value::Bool(false)) && value != json!(0) {
                runtime.insert(name.to_owned(), value);
            }
        };
        set("k", key.into());
        set("h", base_url.into());
        if let Layout::Bar(BarLayout {
            position,
            push,
            sticky,
        }) = self.layout
        {
            set("b", (position == Edge::Bottom).into());
            set("o", (!push).into());
            set("n", (!sticky).into());
        }
        if let Some(variant) = self.variants.first() {
            set("v", variant.key.as_str().into());
            set("g", goal(&variant.goal));
            set("l", self.default_language.as_str().into());
            let texts: Map<_, _> = variant
                .texts
                .keys()
                .map(|tag| {
                    let spoken = self.spoken(variant, Some(tag));
                    (tag.clone(), texts(variant, &spoken))
                })
                .collect();
            set("t", texts.into());
        }
        let theme = &self.theme;
        set("c", colours(&theme.colours));
        set("d", theme.dark.as_ref().map(colours).into());
        set("f", (theme.font as u8).into());
        set(
            "z",
            match theme.size {
                Size::Small => 14.into(),
                Size::Medium => 16.into(),
                Size::Large => 18.into(),
            },
        );
        set("r", theme.radius_px.into());
        set("x", theme.closable.into());
        set("w", wait(&self.triggers).into());
        set(
            "a",
            match &self.frequency.after_close {
                AfterClose::Keep(_) => 0.into(),
                AfterClose::Session(_) => (-1).into(),
                AfterClose::Days(away) => away.days.into(),
            },
        );
        set("s", self.frequency.stop_after_convert.into());
        set("p", self.privacy.respect_gpc.into());
        set("q", self.privacy.respect_dnt.into());
        runtime.into()
    }
}

/// `{u: address, n: in a new tab}`, `{f: [[name, kind, required, options or value]], c: consent}` or `{}`.
fn goal(goal: &Goal) -> Value {
    match goal {
        Goal::Notice(_) => json!({}),
        Goal::Link(link) if link.new_tab => json!({ "u": link.url, "n": 1 }),
        Goal::Link(link) => json!({ "u": link.url }),
        Goal::Contact(form) => {
            let fields: Vec<Value> = form
                .fields
                .iter()
                .map(|field| {
                    let mut parts = vec![
                        Value::from(field.name.as_str()),
                        (field.kind as u8).into(),
                        u8::from(field.required).into(),
                    ];
                    match field.kind {
                        FieldKind::Select => parts.push(field.options.clone().into()),
                        FieldKind::Hidden => parts.push(field.value.clone().into()),
                        _ => {}
                    }
                    parts.into()
                })
                .collect();
            let mut goal = json!({ "f": fields });
            if let Some(consent) = &form.consent {
                goal["c"] = json!([u8::from(consent.required), consent.policy_url]);
            }
            goal
        }
    }
}

/// The texts of one language, all gaps filled. Labels and options stand in the order of the fields.
fn texts(variant: &Variant, spoken: &Spoken<'_>) -> Value {
    let mut texts = Map::new();
    let mut set = |name: &str, value: Value| {
        if !value.is_null() {
            texts.insert(name.to_owned(), value);
        }
    };
    set("m", spoken.message().into());
    set("x", spoken.close().into());
    if spoken.is_right_to_left() {
        set("r", 1.into());
    }
    match &variant.goal {
        Goal::Notice(_) => {}
        Goal::Link(_) => set("b", spoken.button().into()),
        Goal::Contact(form) => {
            set("b", spoken.button().into());
            set("s", spoken.success().into());
            set("e", spoken.error().into());
            let labels: Vec<_> = form
                .fields
                .iter()
                .map(|field| match field.kind {
                    FieldKind::Hidden => "",
                    _ => spoken.label(field),
                })
                .collect();
            set("l", labels.into());
            let options: Map<_, _> = form
                .fields
                .iter()
                .enumerate()
                .filter(|(_, field)| field.kind == FieldKind::Select)
                .map(|(index, field)| {
                    let texts: Vec<_> = field
                        .options
                        .iter()
                        .map(|value| spoken.option(field, value))
                        .collect();
                    (index.to_string(), texts.into())
                })
                .collect();
            if !options.is_empty() {
                set("o", options.into());
            }
            if let Some(consent) = &form.consent {
                set("c", spoken.consent().into());
                if consent.policy_url.is_some() {
                    set("p", spoken.policy().into());
                }
            }
        }
    }
    texts.into()
}

fn colours(colours: &Colours) -> Value {
    json!([
        colours.background,
        colours.text,
        colours.button,
        colours.button_text
    ])
}

/// Seconds until the bar shows itself; -1: only when it is opened from code.
fn wait(triggers: &Triggers) -> i32 {
    let seconds = triggers.on.iter().filter_map(|trigger| match trigger {
        Trigger::Immediately(_) => Some(0),
        Trigger::Delay(delay) => Some(i32::from(delay.seconds)),
        _ => None,
    });
    let wait = match triggers.mode {
        TriggerMode::Any => seconds.min(),
        TriggerMode::All => seconds.max(),
    };
    wait.unwrap_or(-1)
}

// The script counts fonts and kinds of fields as they stand in the enums.
const _: () = assert!(Font::System as u8 == 0 && Font::Mono as u8 == 3);
const _: () = assert!(FieldKind::Email as u8 == 0 && FieldKind::Hidden as u8 == 7);
