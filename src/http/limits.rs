//! Bodies: read whole before the handler runs, up to a cap and by a deadline, chunked or not.
//!
//! A client that promises too much is refused before a byte is read; one that sends too much, as soon as it has; one
//! that dawdles, when its time is up.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures_util::StreamExt;
use poem::{
    Body, Request,
    http::{StatusCode, header},
};

use super::problem::Problem;

/// A body must have arrived whole after so long.
pub const BODY_DEADLINE: Duration = Duration::from_secs(10);

/// Reads the body into memory and puts it back, or says 413, 408 or 400.
pub async fn read_body(request: &mut Request, cap_bytes: usize) -> Result<(), Problem> {
    if declared_length(request).is_some_and(|length| length > cap_bytes as u64) {
        return Err(too_large(cap_bytes));
    }
    let body = request.take_body();
    if body.is_empty() {
        return Ok(());
    }
    let bytes = match tokio::time::timeout(BODY_DEADLINE, collect(body, cap_bytes)).await {
        Ok(read) => read?,
        Err(_) => return Err(too_slow()),
    };
    request.set_body(Body::from_bytes(bytes));
    Ok(())
}

fn declared_length(request: &Request) -> Option<u64> {
    request
        .headers()
        .get(header::CONTENT_LENGTH)?
        .to_str()
        .ok()?
        .parse()
        .ok()
}

async fn collect(body: Body, cap_bytes: usize) -> Result<Bytes, Problem> {
    let mut stream = std::pin::pin!(body.into_bytes_stream());
    let Some(first) = stream.next().await else {
        return Ok(Bytes::new());
    };
    let first = first.map_err(broken)?;
    if first.len() > cap_bytes {
        return Err(too_large(cap_bytes));
    }
    // Most bodies are one frame: no copy then.
    let Some(second) = stream.next().await else {
        return Ok(first);
    };
    let mut whole = BytesMut::from(first);
    let mut next = Some(second);
    while let Some(chunk) = next {
        let chunk = chunk.map_err(broken)?;
        if whole.len() + chunk.len() > cap_bytes {
            return Err(too_large(cap_bytes));
        }
        whole.extend_from_slice(&chunk);
        next = stream.next().await;
    }
    Ok(whole.freeze())
}

fn broken(_: std::io::Error) -> Problem {
    Problem::bad_request("The body broke off.")
}

fn too_large(cap_bytes: usize) -> Problem {
    close(
        Problem::new(StatusCode::PAYLOAD_TOO_LARGE)
            .detail(format!("At most {cap_bytes} bytes are taken here.")),
    )
}

fn too_slow() -> Problem {
    let secs = BODY_DEADLINE.as_secs();
    close(
        Problem::new(StatusCode::REQUEST_TIMEOUT)
            .detail(format!("The body did not arrive within {secs} seconds.")),
    )
}

/// What is left of the body is not worth reading: the connection ends here.
fn close(problem: Problem) -> Problem {
    problem.header(header::CONNECTION, header::HeaderValue::from_static("close"))
}
