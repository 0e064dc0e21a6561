//! Bars to choose from when one begins.

use poem_openapi::param::{Header, Query};
use poem_openapi::types::Example;
use poem_openapi::{Object, OpenApi};

use super::Tag;
use crate::accounts::Operation;
use crate::accounts::api::Caller;
use crate::bars::configuration::{Configuration, Template, templates};
use crate::http::{Json, Problem};
use crate::mail::Language;

pub struct TemplatesApi;

/// Bars to begin with.
#[derive(Debug, Object)]
#[oai(example)]
pub struct BarTemplateList {
    pub items: Vec<BarTemplate>,
}

/// A bar to begin with.
#[derive(Debug, Object)]
pub struct BarTemplate {
    /// Its name for programs: it stays the same.
    pub key: String,
    /// Its name for people.
    pub name: String,
    /// What it is good for, in a sentence.
    pub description: String,
    /// A configuration that can be published as it is: the `draft` of a new bar.
    pub configuration: Configuration,
}

impl From<Template> for BarTemplate {
    fn from(template: Template) -> Self {
        Self {
            key: template.key.to_owned(),
            name: template.name.to_owned(),
            description: template.description.to_owned(),
            configuration: template.configuration,
        }
    }
}

impl Example for BarTemplateList {
    fn example() -> Self {
        let first = templates("en").into_iter().take(1);
        Self {
            items: first.map(BarTemplate::from).collect(),
        }
    }
}

#[OpenApi]
impl TemplatesApi {
    /// List templates of bars
    ///
    /// Complete configurations for common purposes, each in English and German and fit to be published: one of every
    /// layout and for every goal. Make a bar of one with `POST /bars` and its configuration as `draft`.
    #[oai(
        path = "/bar-templates",
        method = "get",
        operation_id = "list_bar_templates",
        tag = "Tag::Bars"
    )]
    async fn list(
        &self,
        caller: Caller,
        /// The language of names and descriptions, and the bars' default language. Without it, `Accept-Language` decides.
        language: Query<Option<Language>>,
        /// The languages that the reader knows: the first of ours among them, else English.
        #[oai(name = "Accept-Language")]
        accept_language: Header<Option<String>>,
    ) -> Result<Json<BarTemplateList>, Problem> {
        caller.may(Operation::ListBarTemplates)?;
        let language = language
            .0
            .unwrap_or_else(|| Language::preferred(accept_language.0.as_deref()));
        let items = templates(language.as_str());
        Ok(Json(BarTemplateList {
            items: items.into_iter().map(BarTemplate::from).collect(),
        }))
    }
}
