//! `GET /b/{key}.js`, a bar as it is now, and `GET /b/{key}/{hash}.js`, a script as it was once.

use poem::http::HeaderValue;
use poem::{Endpoint, Request, Response, endpoint::make};

use crate::bars::{BarKey, LegacyId, PublishedBars};
use crate::embed::{Answer, Form, Pinned, Script, ScriptHash, Scripts};
use crate::http::compress::Encoding;
use crate::http::{Problem, precompressed};

/// A minute in browsers; a day beyond that while a new one is fetched, a week while we can't be reached.
const CACHED_BAR: HeaderValue =
    HeaderValue::from_static("max-age=60, stale-while-revalidate=86400, stale-if-error=604800");
const CACHED_FOR_EVER: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");
const CACHED_A_MINUTE: HeaderValue = HeaderValue::from_static("max-age=60");
const NOT_CACHED: HeaderValue = HeaderValue::from_static("no-store");

/// `/b/{key}.js`. The route's parameter is `key`, the ending included. Old snippets know their bar by its legacy id.
pub fn script(scripts: Scripts, published: PublishedBars) -> impl Endpoint<Output = Response> + 'static {
    make(move |request: Request| {
        let (scripts, published) = (scripts.clone(), published.clone());
        async move {
            let key = without_ending(&request, "key")?;
            let key = match key.parse::<BarKey>() {
                Ok(key) => Some(key),
                Err(_) => find_legacy(&published, key).await.map_err(Problem::from)?,
            };
            // What is nobody's gets the page the script that does nothing.
            let answer = scripts.find(key).await.map_err(Problem::from)?;
            Ok::<_, poem::Error>(match answer {
                Answer::Script(script) => write(&request, &script, CACHED_BAR),
                Answer::Unbuilt(script) => write(&request, &script, NOT_CACHED),
            })
        }
    })
}

async fn find_legacy(published: &PublishedBars, id: &str) -> Result<Option<BarKey>, crate::db::Error> {
    match id.parse::<LegacyId>() {
        Ok(id) => published.find_key(&id).await,
        Err(_) => Ok(None),
    }
}

/// `/b/{key}/{hash}.js`. The route's parameters are `key` and `file`, the ending included.
pub fn pinned(scripts: Scripts) -> impl Endpoint<Output = Response> + 'static {
    make(move |request: Request| {
        let scripts = scripts.clone();
        async move {
            let key = request.raw_path_param("key").unwrap_or_default();
            let hash = without_ending(&request, "file")?;
            let answer = scripts
                .find_pinned(key.parse::<BarKey>().ok(), hash.parse::<ScriptHash>().ok())
                .await
                .map_err(Problem::from)?;
            match answer {
                Pinned::Script(script) => Ok(write(&request, &script, CACHED_FOR_EVER)),
                Pinned::Nothing(script) => Ok(write(&request, &script, CACHED_A_MINUTE)),
                Pinned::Unknown => {
                    let problem = Problem::not_found().detail("The bar has no script of this hash.");
                    Err(poem::Error::from(problem))
                }
            }
        }
    })
}

fn without_ending<'a>(request: &'a Request, parameter: &str) -> Result<&'a str, Problem> {
    let file = request.raw_path_param(parameter).unwrap_or_default();
    file.strip_suffix(".js").ok_or_else(Problem::not_found)
}

fn write(request: &Request, script: &Script, cache_control: HeaderValue) -> Response {
    let Form {
        bytes,
        etag,
        encoding,
    } = chosen(request, script);
    let form = precompressed::Form {
        bytes,
        etag,
        encoding: *encoding,
    };
    form.answer(request, "text/javascript; charset=utf-8", cache_control)
}

fn chosen<'a>(request: &Request, script: &'a Script) -> &'a Form {
    match Encoding::accepted(request.headers()) {
        Some(Encoding::Brotli) => script.brotli(),
        Some(Encoding::Gzip) => script.gzip(),
        None => script.plain(),
    }
}
