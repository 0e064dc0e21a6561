//! The server against clients that dawdle, and its orderly end. Time is tokio's, paused: ten seconds take none.

use std::{sync::Arc, time::Duration};

use contactbar::http::server::{Patience, serve, serve_connection};
use poem::{Endpoint, Response, Route, endpoint::make_sync, handler};
use prometheus_client::metrics::gauge::Gauge;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex},
    net::{TcpListener, TcpStream},
    sync::Notify,
    time::Instant,
};
use tokio_util::sync::CancellationToken;

use crate::guards::{guarded, rules};

/// A connection to a server with the guards.
fn connect() -> DuplexStream {
    connect_to(guarded(rules()), 64 * 1024)
}

fn connect_to(endpoint: impl Endpoint + 'static, buffer_bytes: usize) -> DuplexStream {
    let (client, server) = duplex(buffer_bytes);
    let peer = "203.0.113.9:1".parse().unwrap();
    tokio::spawn(async move {
        serve_connection(
            server,
            peer,
            None,
            Arc::new(endpoint),
            Patience::default(),
            |connection| connection,
        )
        .await;
    });
    client
}

/// Reads to the end of the connection; answers what came and after how many seconds it ended.
async fn read_to_end(client: &mut DuplexStream) -> (String, u64) {
    let began = Instant::now();
    let mut text = Vec::new();
    client.read_to_end(&mut text).await.unwrap();
    (String::from_utf8(text).unwrap(), began.elapsed().as_secs())
}

#[tokio::test(start_paused = true)]
async fn who_says_nothing_is_hung_up_on() {
    let (answer, secs) = read_to_end(&mut connect()).await;
    assert_eq!((answer.as_str(), secs), ("", 10));
}

#[tokio::test(start_paused = true)]
async fn a_header_must_be_whole_after_ten_seconds() {
    let mut client = connect();
    let began = Instant::now();
    let drops = async {
        // A byte every three seconds would keep a mere idle timer happy for ever.
        for byte in b"GET /address HTTP/1.1\r\nhost: x\r\n".chunks(1) {
            if client.write_all(byte).await.is_err() {
                break;
            }
            tokio::time::advance(Duration::from_secs(3)).await;
            tokio::task::yield_now().await;
        }
    };
    drops.await;
    let (answer, _) = read_to_end(&mut client).await;
    let secs = began.elapsed().as_secs();
    assert!(
        answer.is_empty() && (10..=15).contains(&secs),
        "{secs} s: {answer}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_body_must_be_whole_after_ten_seconds() {
    let mut client = connect();
    client
        .write_all(b"POST /e HTTP/1.1\r\nhost: x\r\ncontent-length: 10\r\n\r\nabc")
        .await
        .unwrap();
    let (answer, secs) = read_to_end(&mut client).await;
    assert!(
        answer.starts_with("HTTP/1.1 408 ") && answer.contains("application/problem+json"),
        "{answer}"
    );
    assert_eq!(secs, 10);
}

#[tokio::test(start_paused = true)]
async fn a_chunked_body_over_its_cap_is_cut_off() {
    let mut client = connect();
    client
        .write_all(b"POST /e HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n")
        .await
        .unwrap();
    for _ in 0..17 {
        let chunk = format!("400\r\n{}\r\n", "x".repeat(1024));
        client.write_all(chunk.as_bytes()).await.unwrap();
    }
    let (answer, secs) = read_to_end(&mut client).await;
    assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
    assert_eq!(secs, 0);
}

#[tokio::test(start_paused = true)]
async fn an_idle_connection_is_kept_a_while_and_then_closed() {
    let mut client = connect();
    client
        .write_all(b"GET /address HTTP/1.1\r\nhost: x\r\n\r\n")
        .await
        .unwrap();
    let (answer, secs) = read_to_end(&mut client).await;
    assert!(
        answer.starts_with("HTTP/1.1 200 ") && answer.ends_with("203.0.113.9"),
        "{answer}"
    );
    assert_eq!(secs, 75);
}

#[tokio::test(start_paused = true)]
async fn a_handler_may_take_longer_than_a_client() {
    #[handler]
    async fn slow() -> &'static str {
        tokio::time::sleep(Duration::from_secs(300)).await;
        "at last"
    }
    let mut client = connect_to(Route::new().at("/", slow), 1024);
    client
        .write_all(b"GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
        .await
        .unwrap();
    let (answer, secs) = read_to_end(&mut client).await;
    assert!(answer.ends_with("at last"), "{answer}");
    assert_eq!(secs, 300);
}

#[tokio::test(start_paused = true)]
async fn who_does_not_read_is_hung_up_on() {
    let big = make_sync(|_| Response::builder().body("x".repeat(1_000_000)));
    let mut client = connect_to(big, 1024);
    client
        .write_all(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")
        .await
        .unwrap();
    tokio::time::sleep(Duration::from_secs(31)).await;
    let (answer, _) = read_to_end(&mut client).await;
    assert!(answer.len() < 1_000_000);
}

/// Opens when told.
struct Gate {
    entered: Notify,
    open: Notify,
}

async fn gated_server(
    drain: Duration,
) -> (
    std::net::SocketAddr,
    Arc<Gate>,
    CancellationToken,
    tokio::task::JoinHandle<()>,
) {
    let gate = Arc::new(Gate {
        entered: Notify::new(),
        open: Notify::new(),
    });
    let inside = gate.clone();
    let endpoint = poem::endpoint::make(move |_| {
        let gate = inside.clone();
        async move {
            gate.entered.notify_one();
            gate.open.notified().await;
            "served"
        }
    });
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let stop = CancellationToken::new();
    let patience = Patience {
        drain,
        ..Patience::default()
    };
    let serving = tokio::spawn(serve(
        listener,
        Arc::new(endpoint),
        patience,
        Gauge::default(),
        stop.clone(),
    ));
    (address, gate, stop, serving)
}

#[tokio::test]
async fn told_to_stop_it_ends_what_it_has_begun_and_takes_no_more() {
    let (address, gate, stop, serving) = gated_server(Duration::from_secs(30)).await;
    let mut open = TcpStream::connect(address).await.unwrap();
    open.write_all(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")
        .await
        .unwrap();
    gate.entered.notified().await;

    stop.cancel();
    while TcpStream::connect(address).await.is_ok() {
        tokio::task::yield_now().await;
    }
    assert!(!serving.is_finished());
    gate.open.notify_one();

    let mut answer = String::new();
    open.read_to_string(&mut answer).await.unwrap();
    assert!(answer.ends_with("served"), "{answer}");
    serving.await.unwrap();
}

#[tokio::test]
async fn what_does_not_end_in_time_is_cut_off() {
    let (address, gate, stop, serving) = gated_server(Duration::ZERO).await;
    let mut open = TcpStream::connect(address).await.unwrap();
    open.write_all(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")
        .await
        .unwrap();
    gate.entered.notified().await;
    stop.cancel();
    serving.await.unwrap();
}
