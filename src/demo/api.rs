//! `GET /demo`: the page of an invented shop. There only where the demo was made.

use poem::http::header;
use poem::{Endpoint, Request, Response, endpoint::make};
use url::Url;

use super::{key, page};
use crate::bars::PublishedBars;
use crate::http::Problem;

pub fn shop(published: PublishedBars, embed_url: &Url) -> impl Endpoint<Output = Response> + 'static {
    let embed_url = embed_url.clone();
    make(move |_: Request| {
        let (published, embed_url) = (published.clone(), embed_url.clone());
        async move {
            let made = published.find_published(&key()).await.map_err(Problem::from)?;
            if made.is_none() {
                return Err(Problem::not_found().into());
            }
            let page = page(&embed_url);
            Ok::<_, poem::Error>(
                Response::builder()
                    .content_type("text/html; charset=utf-8")
                    .header(header::CONTENT_SECURITY_POLICY, page.content_security_policy)
                    .header(header::CACHE_CONTROL, "no-cache")
                    .body(page.html),
            )
        }
    })
}
