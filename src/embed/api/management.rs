//! What the management API tells of a bar's script: where it is, and how a page pins it.

use poem_openapi::param::Path;
use poem_openapi::types::Example;
use poem_openapi::{Object, OpenApi, Tags};

use crate::accounts::Operation;
use crate::accounts::api::Caller;
use crate::bars;
use crate::bars::api::{NEVER_PUBLISHED, faults_under};
use crate::bars::configuration::NoPreview;
use crate::embed::{Error, Pin, Scripts};
use crate::http::{Json, Problem};
use crate::ids::BarId;

pub struct ScriptsApi {
    pub scripts: Scripts,
}

#[derive(Tags)]
enum Tag {
    Bars,
}

/// The script of a published bar.
#[derive(Debug, Object)]
#[oai(example)]
pub struct BarScript {
    /// Where it always is as it is published.
    pub url: String,
    /// The version that is published now, for ever.
    pub pinned: PinnedScript,
}

/// A script that never changes.
#[derive(Debug, Object)]
pub struct PinnedScript {
    /// Where it is.
    pub url: String,
    /// The version of the bar that it shows.
    pub version: i32,
    /// Its SHA-256, in hexadecimal digits.
    pub hash: String,
    /// For the `integrity` of a page's `<script>`, which then needs `crossorigin` too: browsers run these bytes or none.
    pub integrity: String,
    /// The line of HTML to paste into a page.
    pub snippet: String,
    /// What a visitor loads.
    pub sizes: ScriptSizes,
}

/// The size of a script in the encodings in which it is sent.
#[derive(Debug, Object)]
pub struct ScriptSizes {
    pub plain_bytes: u32,
    pub gzip_bytes: u32,
    pub brotli_bytes: u32,
}

impl Example for BarScript {
    fn example() -> Self {
        let hash = "5f0c2ab98d0e6a51cc4af0d25f0c2ab98d0e6a51cc4af0d25f0c2ab98d0e6a51";
        let url = format!("https://embed.example/b/7m2k9x4qtz/{hash}.js");
        let integrity = "sha384-oqVuAfXRKap7fdgcCY5uykM6+R9GqQ8K/uxy9rx7HNQlGYl1kPzQho1wx4JwY8wC";
        Self {
            url: "https://embed.example/b/7m2k9x4qtz.js".to_owned(),
            pinned: PinnedScript {
                snippet: snippet(&url, integrity),
                url,
                version: 3,
                hash: hash.to_owned(),
                integrity: integrity.to_owned(),
                sizes: ScriptSizes {
                    plain_bytes: 15_210,
                    gzip_bytes: 6320,
                    brotli_bytes: 5610,
                },
            },
        }
    }
}

impl From<Pin> for BarScript {
    fn from(pin: Pin) -> Self {
        let script = &pin.script;
        let integrity = script.integrity();
        let size = |bytes: &[u8]| u32::try_from(bytes.len()).unwrap_or(u32::MAX);
        Self {
            url: pin.url,
            pinned: PinnedScript {
                snippet: snippet(&pin.pinned_url, &integrity),
                url: pin.pinned_url,
                version: pin.version,
                hash: script.hash().to_string(),
                integrity,
                sizes: ScriptSizes {
                    plain_bytes: size(&script.plain().bytes),
                    gzip_bytes: size(&script.gzip().bytes),
                    brotli_bytes: size(&script.brotli().bytes),
                },
            },
        }
    }
}

fn snippet(url: &str, integrity: &str) -> String {
    format!("<script async src=\"{url}\" integrity=\"{integrity}\" crossorigin=\"anonymous\"></script>")
}

#[OpenApi]
impl ScriptsApi {
    /// Read where a bar's script is
    ///
    /// And how a page pins the version that is published now: at an address whose bytes never change, with their
    /// `integrity`. Such a page does not see later versions before its snippet is changed; it is served as long as the
    /// bar lives. A bar that was never published has no script: 404.
    #[oai(
        path = "/bars/:bar_id/script",
        method = "get",
        operation_id = "read_bar_script",
        tag = "Tag::Bars"
    )]
    async fn read(
        &self,
        caller: Caller,
        /// The bar.
        bar_id: Path<BarId>,
    ) -> Result<Json<BarScript>, Problem> {
        let access = caller.may(Operation::ReadBarScript)?;
        let pin = self.scripts.pin(access.member, bar_id.0).await?;
        Ok(Json(pin.ok_or_else(Problem::not_found)?.into()))
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        match error {
            Error::Unbuilt => Problem::unavailable(error).detail(
                "This server was built without the bar's script: run `make widget`, then build it again.",
            ),
            Error::Preview(NoPreview::UnknownVariant) => {
                Problem::field("variant", "the configuration has no such variant")
            }
            Error::Preview(NoPreview::Unfit(faults)) => {
                Problem::unprocessable(faults_under("configuration", faults))
                    .detail("The configuration can't be shown; the fields say why.")
            }
            // What is asked for is not there, rather than in the wrong state.
            Error::Bars(bars::Error::NeverPublished) => Problem::not_found()
                .detail("Nothing of this bar was published yet: there is no script.")
                .kind(NEVER_PUBLISHED),
            Error::Bars(error) => error.into(),
            Error::Db(error) => error.into(),
        }
    }
}
