//! The dashboard, as `make dashboard` built it before this binary was: its pages, and the files that they load.
//!
//! Owns which paths are its pages, and how they are kept and guarded by browsers. It must not know what the pages do: one
//! page answers every path that no other route takes, and its script looks at the address.

use std::{borrow::Cow, collections::HashMap, sync::Arc};

use bytes::Bytes;
use poem::{
    Endpoint, Request, Response, Route,
    endpoint::make_sync,
    http::{HeaderValue, StatusCode, header},
};
use rust_embed::RustEmbed;

use super::{
    compress::Encoding,
    html::{Page, Shape},
    methods::Methods,
    precompressed::Form,
    problem::Problem,
};
use crate::secrets::sha256;

#[derive(RustEmbed)]
#[folder = "dashboard/dist"]
#[allow_missing = true]
struct Dist;

/// The page that answers for all pages, and the one in which the editor shows a bar.
const INDEX: &str = "index.html";
const PREVIEW: &str = "preview.html";

/// What has its content in its name never changes.
const FOR_EVER: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");
/// What has not is asked for each time, and mostly answered with a 304.
const ASKED_FOR: HeaderValue = HeaderValue::from_static("no-cache");

/// The preview runs a script that a member's words are in, as a stranger: sandboxed, it has an origin of nobody's, so that
/// it can read neither our cookies nor our API; and it may ask nobody for anything, so that nothing is counted.
const PREVIEW_POLICY: &str = "default-src 'none'; script-src 'self' blob:; style-src 'self'; img-src data: blob:; \
                              connect-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'self'; \
                              sandbox allow-scripts allow-forms";

/// The first names of paths that are others' business: a mistaken address there is not found, rather than a page.
const TAKEN: [&str; 13] = [
    "api", "assets", "b", "c", "demo", "docs", "e", "healthz", "m", "mail", "optout", "policies", "readyz",
];

/// The built dashboard. Cheap to clone.
#[derive(Clone)]
pub struct Dashboard {
    /// By their paths; `None`: the server was built without it.
    files: Option<Arc<HashMap<String, File>>>,
}

/// A file in every form in which it was built.
struct File {
    content_type: &'static str,
    plain: Stored,
    gzip: Option<Stored>,
    brotli: Option<Stored>,
}

struct Stored {
    bytes: Bytes,
    etag: String,
    encoding: Option<&'static str>,
}

impl Dashboard {
    /// `dashboard/dist`, as it was when this binary was built.
    pub fn embedded() -> Self {
        let dashboard = Self::of(Dist::iter().filter_map(|path| {
            let bytes = match Dist::get(&path)?.data {
                Cow::Borrowed(bytes) => Bytes::from_static(bytes),
                Cow::Owned(bytes) => bytes.into(),
            };
            Some((path.into_owned(), bytes))
        }));
        if dashboard.files.is_none() {
            tracing::warn!("built without the dashboard: run `make dashboard`, then build again");
        }
        dashboard
    }

    /// These files. `NAME.br` and `NAME.gz` are `NAME`, compressed.
    pub fn of(files: impl IntoIterator<Item = (String, Bytes)>) -> Self {
        let (packed, plain): (HashMap<_, _>, HashMap<_, _>) = files
            .into_iter()
            .partition(|(path, _)| path.ends_with(".br") || path.ends_with(".gz"));
        let file = |(path, bytes): (String, Bytes)| {
            let form = |ending: &str, encoding| {
                packed
                    .get(&format!("{path}{ending}"))
                    .map(|bytes| Stored::new(bytes.clone(), Some(encoding)))
            };
            let file = File {
                content_type: content_type(&path),
                gzip: form(".gz", "gzip"),
                brotli: form(".br", "br"),
                plain: Stored::new(bytes, None),
            };
            (path, file)
        };
        let files: HashMap<_, _> = plain.into_iter().map(file).collect();
        Self {
            files: files.contains_key(INDEX).then(|| Arc::new(files)),
        }
    }

    /// Adds the pages and their files: every path that no other route takes.
    pub fn routes(&self, route: Route) -> Route {
        let (assets, preview, pages) = (self.clone(), self.clone(), self.clone());
        let assets = make_sync(move |request| assets.asset(&request));
        let preview = make_sync(move |request| preview.preview(&request));
        let pages = make_sync(move |request| pages.page(&request));
        route
            .at("/assets/*path", Methods::new().get(assets))
            .at("/preview", Methods::new().get(preview))
            .at("/*path", Pages(Methods::new().get(pages)))
    }

    fn find(&self, path: &str) -> Option<&File> {
        self.files.as_ref()?.get(path)
    }

    fn asset(&self, request: &Request) -> Result<Response, Problem> {
        let path = request.uri().path().trim_start_matches('/');
        let file = self.find(path).ok_or_else(Problem::not_found)?;
        Ok(file.answer(request, FOR_EVER))
    }

    fn preview(&self, request: &Request) -> Result<Response, Problem> {
        if self.files.is_none() {
            return Ok(unbuilt());
        }
        let file = self.find(PREVIEW).ok_or_else(Problem::not_found)?;
        let mut response = file.answer(request, ASKED_FOR);
        let headers = response.headers_mut();
        headers.insert(
            header::CONTENT_SECURITY_POLICY,
            HeaderValue::from_static(PREVIEW_POLICY),
        );
        headers.insert(header::X_FRAME_OPTIONS, HeaderValue::from_static("SAMEORIGIN"));
        Ok(response)
    }

    /// One of the few files beside the pages, such as the icon; or the page.
    fn page(&self, request: &Request) -> Result<Response, Problem> {
        let path = request.uri().path();
        if names_a_file(path) {
            let file = self.find(path.trim_start_matches('/'));
            // A page has no other address than its own.
            let file = file.filter(|_| !path.ends_with(".html"));
            return Ok(file.ok_or_else(Problem::not_found)?.answer(request, ASKED_FOR));
        }
        Ok(match self.find(INDEX) {
            Some(index) => index.answer(request, ASKED_FOR),
            None => unbuilt(),
        })
    }
}

impl File {
    fn answer(&self, request: &Request, cache_control: HeaderValue) -> Response {
        let packed = match Encoding::accepted(request.headers()) {
            Some(Encoding::Brotli) => self.brotli.as_ref(),
            Some(Encoding::Gzip) => self.gzip.as_ref(),
            None => None,
        };
        let stored = packed.unwrap_or(&self.plain);
        let form = Form {
            bytes: &stored.bytes,
            etag: &stored.etag,
            encoding: stored.encoding,
        };
        form.answer(request, self.content_type, cache_control)
    }
}

impl Stored {
    fn new(bytes: Bytes, encoding: Option<&'static str>) -> Self {
        let digits: String = sha256(&bytes)[..12]
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        Self {
            etag: format!("\"{digits}-{}\"", encoding.unwrap_or("id")),
            bytes,
            encoding,
        }
    }
}

/// The pages' methods, where there can be a page.
struct Pages(Methods);

impl Endpoint for Pages {
    type Output = Response;

    async fn call(&self, request: Request) -> poem::Result<Response> {
        let first = request.uri().path().split('/').nth(1).unwrap_or_default();
        if TAKEN.contains(&first) {
            return Err(Problem::not_found().into());
        }
        self.0.call(request).await
    }
}

/// Ids and names in the dashboard's addresses have no dot.
fn names_a_file(path: &str) -> bool {
    path.rsplit('/').next().is_some_and(|last| last.contains('.'))
}

fn content_type(path: &str) -> &'static str {
    match path.rsplit('.').next().unwrap_or_default() {
        "html" => "text/html; charset=utf-8",
        "js" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "ico" => "image/x-icon",
        "woff2" => "font/woff2",
        "json" => "application/json",
        "webmanifest" => "application/manifest+json",
        "txt" => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}

/// The API works without it; who follows a link of ours is told why there is no page.
fn unbuilt() -> Response {
    Page {
        status: StatusCode::SERVICE_UNAVAILABLE,
        language: "en",
        title: "No dashboard",
        body: "<h1>This server was built without its dashboard</h1>\
               <p>Whoever runs it: <code>make dashboard</code>, then build it again.</p>\
               <p class=\"quiet\">Bars, beacons and the <a href=\"/docs\">API</a> work all the same.</p>"
            .to_owned(),
        shape: Shape::Card,
    }
    .respond()
}
