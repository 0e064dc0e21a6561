//! What the server answers with nothing behind it: the measure that `make bench` holds the product against.
//!
//!     bare_server PORT [FILE]
//!
//! `POST /e` is an empty 204, `GET /b/….js` the bytes of FILE (or a 304 to whoever names them), on the product's own accept
//! loop and poem, without guards, routing by host, database or any other thought.

use std::sync::Arc;

use bytes::Bytes;
use contactbar::http::server::{Patience, serve};
use poem::http::{StatusCode, header};
use poem::{Request, Response, Route, endpoint::make_sync};
use tokio_util::sync::CancellationToken;

const ETAG: &str = "\"bare\"";

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let port: u16 = arguments.next().unwrap_or_default().parse()?;
    let script = match arguments.next() {
        Some(file) => Bytes::from(std::fs::read(file)?),
        None => Bytes::new(),
    };
    let routes = Route::new()
        .at(
            "/e",
            make_sync(|_| Response::builder().status(StatusCode::NO_CONTENT).finish()),
        )
        .at("/b/:name", make_sync(move |request| answer(&request, &script)));
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", port)).await?;
    let stop = CancellationToken::new();
    serve(
        listener,
        Arc::new(routes),
        Patience::default(),
        Default::default(),
        stop,
    )
    .await;
    Ok(())
}

fn answer(request: &Request, script: &Bytes) -> Response {
    let response = Response::builder().header(header::ETAG, ETAG);
    if request.headers().contains_key(header::IF_NONE_MATCH) {
        return response.status(StatusCode::NOT_MODIFIED).finish();
    }
    response
        .content_type("text/javascript; charset=utf-8")
        .header(header::CONTENT_ENCODING, "br")
        .body(script.clone())
}
