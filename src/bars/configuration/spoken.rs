//! The texts of a variant as one visitor reads them.

use super::builtin::Builtin;
use super::language;
use super::variant::{Field, Texts, Variant};

/// The texts of a variant in one language, gaps filled from the default language and then from the
/// product's own words.
#[derive(Clone, Copy)]
pub struct Spoken<'a> {
    language: &'a str,
    texts: &'a Texts,
    default: &'a Texts,
    builtin: &'static Builtin,
}

impl<'a> Spoken<'a> {
    pub(super) fn new(variant: &'a Variant, wanted: Option<&str>, default_language: &str) -> Self {
        static SILENCE: Texts = Texts {
            message: String::new(),
            button: None,
            success: None,
            error: None,
            labels: std::collections::BTreeMap::new(),
            options: std::collections::BTreeMap::new(),
            consent: None,
            policy: None,
            tab: None,
            close: None,
        };
        let at_hand = || variant.texts.keys().map(String::as_str);
        let default = language::best(at_hand(), default_language);
        let spoken = wanted
            .and_then(|wanted| language::best(at_hand(), wanted))
            .or(default)
            .unwrap_or_default();
        let texts = |tag: &str| variant.texts.get(tag).unwrap_or(&SILENCE);
        Self {
            language: spoken,
            texts: texts(spoken),
            default: texts(default.unwrap_or_default()),
            builtin: Builtin::speaking(spoken),
        }
    }

    /// The language that was chosen, as the configuration writes it.
    pub fn language(&self) -> &'a str {
        self.language
    }

    /// Is it written from right to left?
    pub fn is_right_to_left(&self) -> bool {
        language::is_right_to_left(self.language)
    }

    pub fn message(&self) -> &'a str {
        &self.texts.message
    }

    pub fn button(&self) -> Option<&'a str> {
        self.given(|texts| texts.button.as_deref())
    }

    pub fn consent(&self) -> Option<&'a str> {
        self.given(|texts| texts.consent.as_deref())
    }

    pub fn success(&self) -> &'a str {
        self.given(|texts| texts.success.as_deref())
            .unwrap_or(self.builtin.success)
    }

    pub fn error(&self) -> &'a str {
        self.given(|texts| texts.error.as_deref())
            .unwrap_or(self.builtin.error)
    }

    pub fn policy(&self) -> &'a str {
        self.given(|texts| texts.policy.as_deref())
            .unwrap_or(self.builtin.policy)
    }

    /// On the collapsed tab.
    pub fn tab(&self) -> Option<&'a str> {
        self.given(|texts| texts.tab.as_deref())
    }

    /// What the link to the service's own privacy policy is called: always in the product's words.
    pub fn service_policy(&self) -> &'static str {
        self.builtin.service_policy
    }

    pub fn close(&self) -> &'a str {
        // The product's word in the visitor's language is better than the member's in another.
        self.texts.close.as_deref().unwrap_or(self.builtin.close)
    }

    /// What a field is called; its name where nobody gave it a label.
    pub fn label(&self, field: &'a Field) -> &'a str {
        self.texts
            .labels
            .get(&field.name)
            .map(String::as_str)
            .or_else(|| self.builtin.label(field.kind))
            .or_else(|| self.default.labels.get(&field.name).map(String::as_str))
            .unwrap_or(&field.name)
    }

    /// What is read for a value of a `select` field; the value itself where nobody gave it a text.
    pub fn option(&self, field: &'a Field, value: &'a str) -> &'a str {
        self.given(|texts| texts.options.get(&field.name)?.get(value).map(String::as_str))
            .unwrap_or(value)
    }

    fn given(&self, text: impl Fn(&'a Texts) -> Option<&'a str>) -> Option<&'a str> {
        text(self.texts).or_else(|| text(self.default))
    }
}
