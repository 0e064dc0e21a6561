//! The accept loop: TCP connections in, requests to an endpoint, and an orderly end.
//!
//! Ours rather than poem's, because poem sets none of hyper's timers: a client that sends its header drop by drop would
//! hold its connection for ever. Here every wait has an end: for the first byte, for a whole header, between requests,
//! for a reader that does not read. Bodies have theirs in [`super::limits`].

use std::{
    future::Future,
    io,
    net::SocketAddr,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use futures_util::task::AtomicWaker;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::{conn::auto::Builder, graceful::GracefulShutdown},
};
use poem::{
    Addr, Endpoint, IntoResponse, Request,
    http::uri::Scheme,
    web::{LocalAddr, RemoteAddr},
};
use prometheus_client::metrics::gauge::Gauge;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpListener,
    sync::Semaphore,
    time::{Instant, Sleep, sleep_until},
};
use tokio_util::sync::CancellationToken;

/// How long a connection may keep us waiting, and how many there may be.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    /// From a request's first byte to the end of its header; also for the first byte of a connection.
    pub header: Duration,
    /// Between one request and the next.
    pub idle: Duration,
    /// For a client to take what is written to it.
    pub write: Duration,
    /// For open requests to end once the server is told to stop.
    pub drain: Duration,
    pub max_connections: usize,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            header: Duration::from_secs(10),
            idle: Duration::from_secs(75),
            write: Duration::from_secs(30),
            drain: Duration::from_secs(30),
            max_connections: 10_000,
        }
    }
}

/// Serves an endpoint on a listener until `stop` is cancelled, then lets open requests end.
pub async fn serve<E>(
    listener: TcpListener,
    endpoint: Arc<E>,
    patience: Patience,
    connections: Gauge,
    stop: CancellationToken,
) where
    E: Endpoint + 'static,
{
    let places = Arc::new(Semaphore::new(patience.max_connections));
    let local = listener.local_addr().ok();
    let graceful = GracefulShutdown::new();
    loop {
        // Without a place left, newcomers wait in the system's queue rather than in our memory.
        let accepted = async {
            let place = places
                .clone()
                .acquire_owned()
                .await
                .expect("the semaphore is never closed");
            (listener.accept().await, place)
        };
        let (accepted, place) = tokio::select! {
            () = stop.cancelled() => break,
            accepted = accepted => accepted,
        };
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                // Out of file descriptors, or a client gone before we looked: neither is cured by spinning.
                tracing::warn!(error = %error, "accept failed");
                tokio::time::sleep(Duration::from_millis(50)).await;
                continue;
            }
        };
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(error = %error, "no TCP_NODELAY");
        }
        let watcher = graceful.watcher();
        let endpoint = endpoint.clone();
        let connections = connections.clone();
        tokio::spawn(async move {
            let _place = place;
            connections.inc();
            serve_connection(stream, peer, local, endpoint, patience, |connection| {
                watcher.watch(connection)
            })
            .await;
            connections.dec();
        });
    }
    drop(listener);
    let open = graceful.count();
    if tokio::time::timeout(patience.drain, graceful.shutdown())
        .await
        .is_err()
    {
        tracing::warn!(
            http.connections = open,
            "some requests did not end in time and were cut off"
        );
    }
}

/// Serves one connection to its end. Generic over the stream, so that a test can hand in a pipe.
pub async fn serve_connection<S, E, W, F>(
    stream: S,
    peer: SocketAddr,
    local: Option<SocketAddr>,
    endpoint: Arc<E>,
    patience: Patience,
    watch: W,
) where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    E: Endpoint + 'static,
    W: FnOnce(
        hyper_util::server::conn::auto::Connection<'static, TokioIo<Timed<S>>, Answering<E>, TokioExecutor>,
    ) -> F,
    F: Future<Output = Result<(), Box<dyn std::error::Error + Send + Sync>>>,
{
    let requests = Arc::new(Requests::default());
    let stream = TokioIo::new(Timed::new(stream, patience, requests.clone()));
    let service = Answering {
        endpoint,
        peer,
        local,
        requests,
    };
    let mut builder = Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(None)
        .max_buf_size(64 * 1024)
        .pipeline_flush(true);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(128)
        .max_header_list_size(32 * 1024);
    let connection = builder.serve_connection(stream, service).into_owned();
    if let Err(error) = watch(connection).await {
        tracing::debug!(error = %error, "connection ended early");
    }
}

/// hyper's service: hands requests to the endpoint and counts those that are open.
pub struct Answering<E> {
    endpoint: Arc<E>,
    peer: SocketAddr,
    local: Option<SocketAddr>,
    requests: Arc<Requests>,
}

impl<E: Endpoint + 'static> hyper::service::Service<hyper::Request<Incoming>> for Answering<E> {
    type Response = hyper::Response<Held>;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, io::Error>> + Send>>;

    fn call(&self, request: hyper::Request<Incoming>) -> Self::Future {
        let endpoint = self.endpoint.clone();
        let local = self.local.map_or_else(Addr::default, Addr::from);
        let request: Request = (
            request,
            LocalAddr(local),
            RemoteAddr(self.peer.into()),
            Scheme::HTTP,
        )
            .into();
        let open = Open::new(self.requests.clone());
        Box::pin(async move {
            let response = match endpoint.call(request).await {
                Ok(output) => output.into_response(),
                Err(error) => error.into_response(),
            };
            let response: hyper::Response<AnyBody> = response.into();
            Ok(response.map(|body| Held { body, _open: open }))
        })
    }
}

type AnyBody = http_body_util::combinators::BoxBody<bytes::Bytes, io::Error>;

/// An answer's body: as long as it lasts, its request is open.
pub struct Held {
    body: AnyBody,
    _open: Open,
}

impl Body for Held {
    type Data = bytes::Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<bytes::Bytes>>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// The requests of one connection.
#[derive(Default)]
struct Requests {
    open: AtomicUsize,
    /// Whoever reads from the connection: when the last request ends, the idle limit begins to run.
    reader: AtomicWaker,
}

struct Open(Arc<Requests>);

impl Open {
    fn new(requests: Arc<Requests>) -> Self {
        requests.open.fetch_add(1, Ordering::SeqCst);
        Self(requests)
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Ordering::SeqCst);
        self.0.reader.wake();
    }
}

/// A stream that gives up on a client that keeps it waiting.
pub struct Timed<S> {
    stream: S,
    patience: Patience,
    requests: Arc<Requests>,
    reading: Reading,
    read_deadline: Pin<Box<Sleep>>,
    write_deadline: Option<Pin<Box<Sleep>>>,
}

/// What is being waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reading {
    /// Bytes of a header; the deadline runs.
    Header,
    /// Nothing has come since the last request; the idle limit runs.
    Idle,
    /// A request is open; bodies have deadlines of their own.
    Request,
}

impl<S> Timed<S> {
    fn new(stream: S, patience: Patience, requests: Arc<Requests>) -> Self {
        let read_deadline = Box::pin(sleep_until(Instant::now() + patience.header));
        Self {
            stream,
            patience,
            requests,
            reading: Reading::Header,
            read_deadline,
            write_deadline: None,
        }
    }

    fn set_reading(&mut self, reading: Reading) {
        if self.reading == reading {
            return;
        }
        self.reading = reading;
        match reading {
            Reading::Header => self
                .read_deadline
                .as_mut()
                .reset(Instant::now() + self.patience.header),
            Reading::Idle => self
                .read_deadline
                .as_mut()
                .reset(Instant::now() + self.patience.idle),
            Reading::Request => {}
        }
    }

    fn poll_write_deadline(&mut self, cx: &mut Context<'_>) -> io::Result<()> {
        let until = Instant::now() + self.patience.write;
        let deadline = self
            .write_deadline
            .get_or_insert_with(|| Box::pin(sleep_until(until)));
        if deadline.as_mut().poll(cx).is_ready() {
            Err(io::ErrorKind::TimedOut.into())
        } else {
            Ok(())
        }
    }

    /// What a write or flush came to, with the deadline set or lifted.
    fn timed_write<T>(&mut self, cx: &mut Context<'_>, written: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if written.is_ready() {
            self.write_deadline = None;
            return written;
        }
        match self.poll_write_deadline(cx) {
            Ok(()) => Poll::Pending,
            Err(error) => Poll::Ready(Err(error)),
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Timed<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        // Before the look, so that a request that ends right after it is not missed.
        self.requests.reader.register(cx.waker());
        let open = self.requests.open.load(Ordering::SeqCst) > 0;
        if open {
            self.set_reading(Reading::Request);
        } else if self.reading == Reading::Request {
            self.set_reading(Reading::Idle);
        }
        let before = buf.filled().len();
        match Pin::new(&mut self.stream).poll_read(cx, buf) {
            Poll::Ready(result) => {
                if buf.filled().len() > before && !open {
                    self.set_reading(Reading::Header);
                }
                Poll::Ready(result)
            }
            Poll::Pending if open => Poll::Pending,
            Poll::Pending => match self.read_deadline.as_mut().poll(cx) {
                Poll::Ready(()) => Poll::Ready(Err(io::ErrorKind::TimedOut.into())),
                Poll::Pending => Poll::Pending,
            },
        }
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Timed<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, buf);
        self.timed_write(cx, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, bufs);
        self.timed_write(cx, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.stream).poll_flush(cx);
        self.timed_write(cx, flushed)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
