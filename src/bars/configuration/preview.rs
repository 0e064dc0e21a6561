//! A configuration as its author wants to look at it: there at once, for whoever looks, in one variant and one language.

use super::language::best;
use super::{
    AfterClose, AfterCloseKeep, Configuration, Embedding, Field, FieldError, FieldKind, Frequency, Goal,
    InlineLayout, Layout, Privacy, Runtime, ShowEveryPage, ShowRule, Tab, Targeting, Triggers, Variant,
};

/// Where an inline bar stands in a page for previews: in the element that says so, else in the body.
const INLINE: &str = ":is([data-contactbar-inline],body:not(:has([data-contactbar-inline])))";

/// A configuration to look at.
#[derive(Clone, Debug)]
pub struct Preview {
    configuration: Configuration,
    /// As the texts write it.
    language: String,
}

/// Why there is nothing to look at.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoPreview {
    #[error("the configuration has no such variant")]
    UnknownVariant,
    #[error("the configuration can't be shown")]
    Unfit(Vec<FieldError>),
}

impl Configuration {
    /// The variant of that key (else the first) in that language (else the default one). What a draft merely lacks is
    /// no obstacle, nor what a preview does not ask for: triggers, targeting, frequency, other variants, other languages.
    pub fn preview(&self, variant: Option<&str>, language: Option<&str>) -> Result<Preview, NoPreview> {
        let index = match variant {
            Some(key) => self.variants.iter().position(|variant| variant.key == key),
            None => Some(0),
        };
        let index = index.ok_or(NoPreview::UnknownVariant)?;
        let Some(chosen) = self.variants.get(index) else {
            return Err(NoPreview::Unfit(self.validate().err().unwrap_or_default()));
        };
        let tags = || chosen.texts.keys().map(String::as_str);
        let default = best(tags(), &self.default_language).or_else(|| tags().next());
        let default = default.unwrap_or_default().to_owned();
        let language = language
            .and_then(|wanted| best(tags(), wanted))
            .unwrap_or(&default)
            .to_owned();
        let mut shown = Variant {
            weight: 100,
            ..chosen.clone()
        };
        shown.texts.retain(|tag, _| *tag == language || *tag == default);
        let configuration = Configuration {
            layout: match &self.layout {
                Layout::Inline(_) => Layout::Inline(InlineLayout {
                    selector: INLINE.to_owned(),
                }),
                other => other.clone(),
            },
            tab: self.tab.as_ref().map(|tab| Tab {
                starts_collapsed: false,
                ..tab.clone()
            }),
            default_language: default,
            variants: vec![shown],
            theme: self.theme.clone(),
            triggers: Triggers::default(),
            targeting: Targeting::default(),
            frequency: Frequency {
                show: ShowRule::EveryPage(ShowEveryPage {}),
                after_close: AfterClose::Keep(AfterCloseKeep {}),
                stop_after_convert: false,
                gap_seconds: 0,
            },
            privacy: Privacy {
                store_before_action: false,
                ..self.privacy.clone()
            },
        };
        match with_stand_ins(configuration.clone()).validate() {
            Ok(()) => Ok(Preview {
                configuration,
                language,
            }),
            Err(errors) => Err(NoPreview::Unfit(at_their_place(errors, index))),
        }
    }
}

impl Preview {
    /// What the script needs to show it.
    pub fn runtime(&self, place: &Embedding<'_>) -> Runtime {
        let mut runtime = self.configuration.runtime(place);
        runtime.speak_only(&self.language);
        runtime
    }
}

/// The same with something in place of all that it merely lacks, and without words for fields that are gone.
fn with_stand_ins(mut configuration: Configuration) -> Configuration {
    let word = || Some("…".to_owned());
    if let Layout::Inline(inline) = &mut configuration.layout {
        inline.selector = "main".to_owned();
    }
    for variant in &mut configuration.variants {
        let mut seen = Vec::new();
        match &mut variant.goal {
            Goal::Notice(_) => {}
            Goal::Link(link) if link.url.is_empty() => link.url = "https://example.com/".to_owned(),
            Goal::Link(_) => {}
            Goal::Contact(form) => {
                form.fields.iter_mut().for_each(complete);
                let visible = form.fields.iter().filter(|field| field.kind != FieldKind::Hidden);
                seen.extend(visible.map(|field| (field.name.clone(), field.kind)));
                if seen.is_empty() {
                    form.fields.push(Field::email());
                }
                if let Some(consent) = &mut form.consent {
                    consent.policy_url = consent.policy_url.take().filter(|url| !url.is_empty());
                }
            }
        }
        for texts in variant.texts.values_mut() {
            texts
                .labels
                .retain(|name, _| seen.iter().any(|(known, _)| known == name));
            let select = |name: &str| {
                seen.iter()
                    .any(|(known, kind)| known == name && *kind == FieldKind::Select)
            };
            texts.options.retain(|name, _| select(name));
        }
        if let Some(texts) = variant.texts.get_mut(&configuration.default_language) {
            for text in [&mut texts.button, &mut texts.consent, &mut texts.tab] {
                *text = text.take().or_else(word);
            }
            for (name, _) in seen {
                texts.labels.entry(name).or_insert_with(|| "…".to_owned());
            }
        }
    }
    configuration
}

fn complete(field: &mut Field) {
    let word = || Some("…".to_owned());
    match field.kind {
        FieldKind::Select if field.options.is_empty() => field.options.extend(word()),
        FieldKind::Hidden => field.value = field.value.take().or_else(word),
        _ => {}
    }
}

/// The only variant that is looked at stands elsewhere in the whole.
fn at_their_place(mut errors: Vec<FieldError>, index: usize) -> Vec<FieldError> {
    for error in &mut errors {
        if let Some(rest) = error.field.strip_prefix("variants[0]") {
            error.field = format!("variants[{index}]{rest}");
        }
    }
    errors
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::ids::MemberId;

    fn read(document: &Value) -> Configuration {
        Configuration::from_json(document).unwrap()
    }

    fn runtime(document: &Value, variant: Option<&str>, language: Option<&str>) -> Value {
        let preview = read(document).preview(variant, language).unwrap();
        let runtime = preview.runtime(&Embedding {
            key: "preview",
            member: MemberId::from_uuid(uuid::Uuid::nil()),
            base_url: None,
            policy_url: "",
            brand_url: None,
        });
        serde_json::to_value(runtime).unwrap()
    }

    fn faults(document: &Value) -> Vec<String> {
        match read(document).preview(None, None) {
            Err(NoPreview::Unfit(errors)) => errors.into_iter().map(|error| error.field).collect(),
            other => panic!("{other:?}"),
        }
    }

    /// Two variants, the first in three languages.
    fn whole() -> Value {
        let link = json!({ "kind": "link", "url": "https://shop.example/" });
        json!({
            "layout": { "kind": "inline", "selector": "#offer" },
            "tab": { "starts_collapsed": true },
            "default_language": "de",
            "variants": [
                { "key": "a", "weight": 0, "goal": link, "texts": {
                    "de": { "message": "Hallo", "button": "Los", "tab": "Neu" },
                    "pt-BR": { "message": "Olá" },
                    "fr": { "message": "Salut", "button": "Allez" },
                } },
                { "key": "b", "goal": { "kind": "notice" }, "texts": { "de": { "message": "Moin", "tab": "Neu" } } },
            ],
            "triggers": { "on": [{ "kind": "delay", "seconds": 30 }] },
            "targeting": { "devices": ["phone"], "percentage": 1 },
            "frequency": { "show": { "kind": "every_days", "days": 30 }, "gap_seconds": 60 },
            "privacy": { "store_before_action": true },
        })
    }

    #[test]
    fn it_is_there_at_once_and_for_whoever_looks() {
        let shown = runtime(&whole(), None, None);
        assert_eq!(
            (&shown["w"], shown.get("t"), &shown["f"]),
            (&json!([[0]]), None, &json!({}))
        );
        assert_eq!(
            (&shown["d"], shown.get("s"), &shown["i"]),
            (&json!([8, 0]), None, &json!(INLINE))
        );
        let variants = shown["v"].as_array().unwrap();
        assert_eq!(
            (variants.len(), &variants[0][0], &variants[0][1]),
            (1, &json!("a"), &json!(100))
        );
        assert_eq!(runtime(&whole(), Some("b"), None)["v"][0][0], "b");
        assert_eq!(
            read(&whole()).preview(Some("c"), None).unwrap_err(),
            NoPreview::UnknownVariant
        );
    }

    #[test]
    fn it_speaks_one_language_with_its_gaps_filled() {
        for (wanted, spoken) in [
            (None, "de"),
            (Some("en"), "de"),
            (Some("fr-CA"), "fr"),
            (Some("pt"), "pt-br"),
        ] {
            let shown = runtime(&whole(), None, wanted);
            assert_eq!(shown["l"], spoken, "{wanted:?}");
            let shows = shown["v"][0][2].as_object().unwrap();
            assert_eq!(shows.keys().collect::<Vec<_>>(), [spoken]);
        }
        let portuguese = runtime(&whole(), None, Some("pt"))["v"][0][2].to_string();
        assert!(
            portuguese.contains("Olá") && portuguese.contains("Los"),
            "{portuguese}"
        );
    }

    #[test]
    fn what_a_draft_merely_lacks_is_no_obstacle() {
        let form = json!({ "kind": "contact", "consent": { "policy_url": "" }, "fields": [
            { "name": "topic", "kind": "select" }, { "name": "note", "kind": "text" }, { "name": "from", "kind": "hidden" },
        ] });
        for (place, value) in [
            ("/variants/0/goal/url", json!("")),
            ("/variants/0/goal", form),
            ("/variants/0/goal", json!({ "kind": "contact", "fields": [] })),
            ("/variants/0/texts/de", json!({ "message": "Hallo" })),
            ("/default_language", json!("en")),
            ("/layout/selector", json!("")),
            // What is not looked at.
            ("/triggers/on", json!([])),
            (
                "/targeting",
                json!({ "pages": [{ "match": "exact", "value": "x" }] }),
            ),
            ("/variants/1/goal", json!({ "kind": "link", "url": "x" })),
            ("/variants/0/texts/fr/message", json!("")),
        ] {
            let mut document = whole();
            *document.pointer_mut(place).unwrap_or_else(|| panic!("{place}")) = value;
            let publishable = read(&document).validate().is_ok();
            assert!(
                !publishable && read(&document).preview(None, None).is_ok(),
                "{place}"
            );
            runtime(&document, None, None);
        }
    }

    #[test]
    fn what_is_wrong_is_named_as_when_publishing() {
        let mut document = whole();
        document["variants"][0]["goal"]["url"] = json!("javascript:alert(1)");
        document["theme"] = json!({ "colours": { "text": "red;}" } });
        assert_eq!(faults(&document), ["variants[0].goal.url", "theme.colours.text"]);
        document["variants"][1]["texts"]["de"]["message"] = json!("a\u{7}b");
        let Err(NoPreview::Unfit(errors)) = read(&document).preview(Some("b"), None) else {
            panic!("it has faults")
        };
        assert_eq!(errors[0].field, "variants[1].texts.de.message");
        assert_eq!(faults(&json!({ "variants": [] })), ["variants"]);
    }
}
