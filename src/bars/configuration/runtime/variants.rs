//! The variants of a bar, in all their languages: `[key, weight, {language: [bar, tab] | other language}]`.

use std::collections::BTreeMap;

use serde::{Serialize, Serializer};

use super::Embedding;
use super::tree::{self, Node};
use crate::bars::configuration::{Configuration, GoalKind, Variant};

#[derive(Clone, Debug, PartialEq)]
pub(super) struct VariantForm {
    key: String,
    weight: u16,
    pub(super) kind: GoalKind,
    shows: BTreeMap<String, Shows>,
}

impl Serialize for VariantForm {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        (&self.key, self.weight, &self.shows).serialize(serializer)
    }
}

/// What is shown in a language.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
enum Shows {
    /// The bar, and its tab if it has one.
    Nodes(Vec<Node>),
    /// The same as in a language that is closest: `pt` where only `pt-br` is there.
    As(String),
}

impl VariantForm {
    pub(super) fn speak_only(&mut self, tag: &str) {
        self.shows.retain(|known, _| known == tag);
    }
}

/// Those that visitors can meet.
pub(super) fn shown(configuration: &Configuration, place: &Embedding<'_>) -> Vec<VariantForm> {
    let can_be_met = configuration.variants.iter().filter(|variant| variant.weight > 0);
    can_be_met
        .map(|variant| VariantForm {
            key: variant.key.clone(),
            weight: variant.weight,
            kind: variant.goal.kind(),
            shows: shows(configuration, variant, place),
        })
        .collect()
}

fn shows(configuration: &Configuration, variant: &Variant, place: &Embedding<'_>) -> BTreeMap<String, Shows> {
    let mut shows = BTreeMap::new();
    for tag in variant.texts.keys() {
        let spoken = configuration.spoken(variant, Some(tag));
        let mut nodes = vec![tree::bar(configuration, variant, &spoken, place)];
        nodes.extend(configuration.tab.as_ref().map(|tab| tree::tab(tab, &spoken)));
        shows.insert(tag.to_ascii_lowercase(), Shows::Nodes(nodes));
    }
    for tag in variant.texts.keys() {
        let tag = tag.to_ascii_lowercase();
        let tongue = tag.split('-').next().unwrap_or_default().to_owned();
        shows.entry(tongue).or_insert(Shows::As(tag));
    }
    shows
}
