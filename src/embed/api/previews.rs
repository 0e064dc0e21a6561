//! The script of a configuration that nobody has published: for its author's eyes.

use poem_openapi::types::Example;
use poem_openapi::{Object, OpenApi, Tags};

use crate::accounts::Operation;
use crate::accounts::api::Caller;
use crate::bars::configuration::{Configuration, GoalKind};
use crate::embed::Scripts;
use crate::http::{Json, Problem};

pub struct PreviewsApi {
    pub scripts: Scripts,
}

#[derive(Tags)]
enum Tag {
    Bars,
}

/// A configuration to look at.
#[derive(Debug, Object)]
#[oai(example)]
pub struct PreviewBar {
    /// May be unfinished: what it merely lacks is left out.
    pub configuration: Configuration,
    /// The key of the variant to look at; the first if you don't say.
    #[oai(validator(max_length = 16))]
    pub variant: Option<String>,
    /// The language to read it in, a BCP 47 tag, if its texts have that; its default language if you don't say.
    #[oai(validator(max_length = 35))]
    pub language: Option<String>,
}

impl Example for PreviewBar {
    fn example() -> Self {
        Self {
            configuration: Configuration::starter(GoalKind::Link, "en"),
            variant: Some("a".to_owned()),
            language: Some("de".to_owned()),
        }
    }
}

/// A bar to look at.
#[derive(Debug, Object)]
#[oai(example)]
pub struct BarPreview {
    /// The script, to be run in a page of yours.
    pub script: String,
}

impl Example for BarPreview {
    fn example() -> Self {
        Self {
            script: "(()=>{…})();".to_owned(),
        }
    }
}

#[OpenApi]
impl PreviewsApi {
    /// Preview a configuration
    ///
    /// The script of this configuration as an author wants to look at it: shown at once on every page, to everybody, in
    /// one variant and one language. An inline bar stands in the element with the attribute `data-contactbar-inline`,
    /// else in the body; a bar with a tab begins open.
    ///
    /// The bar's key is `preview`, which no bar has, and it reports to `https://preview.invalid`, a name that never leads
    /// anywhere: nothing can be counted, nor a contact be kept. Nothing is stored here either. A configuration that can't be
    /// shown is refused with each field; what a draft merely lacks is no obstacle.
    #[oai(
        path = "/previews",
        method = "post",
        operation_id = "read_preview",
        tag = "Tag::Bars"
    )]
    async fn read(&self, caller: Caller, body: Json<PreviewBar>) -> Result<Json<BarPreview>, Problem> {
        let access = caller.may(Operation::ReadPreview)?;
        let PreviewBar {
            configuration,
            variant,
            language,
        } = body.0;
        let (variant, language) = (variant.as_deref(), language.as_deref());
        let script = self
            .scripts
            .preview(access.member, &configuration, variant, language)
            .await?;
        Ok(Json(BarPreview { script }))
    }
}
