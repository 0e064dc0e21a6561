//! The variants of a bar, in all their languages: `[key, weight, goal, {language: texts}]`.

use std::collections::BTreeMap;

use serde::{Serialize, Serializer};
use serde_json::{Map, Value, json};

use crate::bars::configuration::{Configuration, FieldKind, Goal, GoalKind, Spoken, Variant};

#[derive(Clone, Debug, PartialEq)]
pub(super) struct VariantForm {
    key: String,
    weight: u16,
    pub(super) kind: GoalKind,
    goal: Value,
    texts: BTreeMap<String, Value>,
}

impl Serialize for VariantForm {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        (&self.key, self.weight, &self.goal, &self.texts).serialize(serializer)
    }
}

/// Those that visitors can meet.
pub(super) fn shown(configuration: &Configuration) -> Vec<VariantForm> {
    let can_be_met = configuration.variants.iter().filter(|variant| variant.weight > 0);
    can_be_met
        .map(|variant| VariantForm {
            key: variant.key.clone(),
            weight: variant.weight,
            kind: variant.goal.kind(),
            goal: goal(&variant.goal),
            texts: variant
                .texts
                .keys()
                .map(|tag| {
                    let spoken = configuration.spoken(variant, Some(tag));
                    (tag.clone(), texts(configuration, variant, &spoken))
                })
                .collect(),
        })
        .collect()
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
                let mut parts = vec![Value::from(u8::from(consent.required))];
                parts.extend(consent.policy_url.clone().map(Value::from));
                goal["c"] = parts.into();
            }
            goal
        }
    }
}

/// The texts of one language, all gaps filled. Labels and options stand in the order of the fields.
fn texts(configuration: &Configuration, variant: &Variant, spoken: &Spoken<'_>) -> Value {
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
    if configuration.tab.is_some() {
        set("t", spoken.tab().into());
    }
    if configuration.privacy.policy_link {
        set("g", spoken.service_policy().into());
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

// The script counts kinds of fields as they stand in the enum.
const _: () = assert!(FieldKind::Email as u8 == 0 && FieldKind::Hidden as u8 == 7);
