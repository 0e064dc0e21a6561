//! Requests to addresses that members choose, without lending them our place in the network.
//!
//! The name is resolved here, every address that it resolves to is checked, and the connection goes to these and no
//! others. No redirect is followed unchecked, no proxy is asked, and neither time nor answer is without a limit.

mod page;
mod public;

use std::future::Future;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use url::{Host, Url};

pub use page::{Page, PageError};
pub use public::is_public;

/// From resolving the name to the last byte that is read.
const TIME_LIMIT: Duration = Duration::from_secs(15);
const CONNECT_LIMIT: Duration = Duration::from_secs(5);
/// So much of an answer is read and shown in the log.
const EXCERPT_BYTES: usize = 1024;
const MAX_URL_BYTES: usize = 2048;

type Lookup = dyn Fn(String, u16) -> Pin<Box<dyn Future<Output = std::io::Result<Vec<SocketAddr>>> + Send>>
    + Send
    + Sync;

/// Sends. Cheap to clone.
#[derive(Clone)]
pub struct Outgoing {
    allow_private: bool,
    tls: Arc<rustls::ClientConfig>,
    lookup: Arc<Lookup>,
}

/// An address that a member may have requests sent to: it only parses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target(Url);

impl Target {
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

/// Why an address is none to send to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadTarget {
    #[error("must be an https address")]
    Scheme,
    #[error("must be an http or https address")]
    PageScheme,
    #[error("must be an address of at most 2048 bytes, with a host")]
    NotAnAddress,
    #[error("must not hold a user name or a password")]
    Credentials,
    #[error("must not have a fragment")]
    Fragment,
    #[error("must use port 443, or one from 1024 on")]
    Port,
    #[error("must use port 80 or 443, or one from 1024 on")]
    PagePort,
    #[error("must not lead into a private network")]
    Private,
}

/// What came back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    pub status: u16,
    /// The beginning of the body, as text.
    pub excerpt: String,
}

/// Why nothing came back. The words are for the member, and say nothing of our network.
#[derive(Debug, thiserror::Error)]
pub enum SendError {
    #[error("the host's name can't be resolved")]
    Unresolved,
    #[error("the host leads into a private network")]
    Private,
    #[error("no answer within 15 seconds")]
    TooSlow,
    #[error("no connection")]
    NoConnection,
    #[error("the connection broke off")]
    Broken,
    #[error("the request can't be made")]
    Unmakeable,
}

/// The TLS set-up can't be made.
#[derive(Debug, thiserror::Error)]
pub enum NoTls {
    #[error("no trusted certificates: {0}")]
    Certificates(String),
    #[error(transparent)]
    Tls(#[from] rustls::Error),
}

impl Outgoing {
    /// `allow_private`: may requests go to private addresses and over plain http? For those who run us for themselves.
    pub fn new(allow_private: bool) -> Result<Self, NoTls> {
        Self::with_lookup(allow_private, |host, port| {
            Box::pin(async move { Ok(tokio::net::lookup_host((host, port)).await?.collect()) })
        })
    }

    pub(crate) fn with_lookup(
        allow_private: bool,
        lookup: impl Fn(String, u16) -> Pin<Box<dyn Future<Output = std::io::Result<Vec<SocketAddr>>> + Send>>
        + Send
        + Sync
        + 'static,
    ) -> Result<Self, NoTls> {
        let mut roots = rustls::RootCertStore::empty();
        let found = rustls_native_certs::load_native_certs();
        let (added, _) = roots.add_parsable_certificates(found.certs);
        if added == 0 && !allow_private {
            let reasons: Vec<_> = found.errors.iter().map(ToString::to_string).collect();
            return Err(NoTls::Certificates(reasons.join("; ")));
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let tls = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(Self {
            allow_private,
            tls: Arc::new(tls),
            lookup: Arc::new(lookup),
        })
    }

    /// Reads an address that requests are to be sent to.
    pub fn parse(&self, text: &str) -> Result<Target, BadTarget> {
        let url = read(text)?;
        match url.scheme() {
            "https" => {}
            "http" if self.allow_private => {}
            _ => return Err(BadTarget::Scheme),
        }
        if url.fragment().is_some() {
            return Err(BadTarget::Fragment);
        }
        if !self.allow_private && !port_of(&url).is_some_and(|port| port == 443 || port >= 1024) {
            return Err(BadTarget::Port);
        }
        self.checked(url)
    }

    /// What holds for every address: nobody's password, and not our own network.
    fn checked(&self, url: Url) -> Result<Target, BadTarget> {
        if !url.username().is_empty() || url.password().is_some() {
            return Err(BadTarget::Credentials);
        }
        match url.host() {
            None => Err(BadTarget::NotAnAddress),
            Some(Host::Ipv4(address)) if !self.may_reach(address.into()) => Err(BadTarget::Private),
            Some(Host::Ipv6(address)) if !self.may_reach(address.into()) => Err(BadTarget::Private),
            Some(_) => Ok(Target(url)),
        }
    }

    /// Posts JSON, with these headers.
    pub async fn post(
        &self,
        target: &Target,
        headers: &[(&'static str, String)],
        body: String,
    ) -> Result<Answer, SendError> {
        tokio::time::timeout(TIME_LIMIT, self.post_unhurried(target, headers, body))
            .await
            .unwrap_or(Err(SendError::TooSlow))
    }

    async fn post_unhurried(
        &self,
        target: &Target,
        headers: &[(&'static str, String)],
        body: String,
    ) -> Result<Answer, SendError> {
        let addresses = self.addresses(target).await?;
        let client = self.client(addresses, TIME_LIMIT)?;
        let mut request = client
            .post(target.0.clone())
            .header("content-type", "application/json")
            .header("user-agent", concat!("Contactbar/", env!("CARGO_PKG_VERSION")));
        for (name, value) in headers {
            request = request.header(*name, value);
        }
        let mut response = request.body(body).send().await.map_err(why)?;
        let mut excerpt = Vec::new();
        // What the rest of the answer says is nobody's loss, nor that it broke off.
        while excerpt.len() < EXCERPT_BYTES {
            match response.chunk().await {
                Ok(Some(chunk)) => excerpt.extend_from_slice(&chunk),
                Ok(None) | Err(_) => break,
            }
        }
        excerpt.truncate(EXCERPT_BYTES);
        Ok(Answer {
            status: response.status().as_u16(),
            excerpt: plain(&excerpt),
        })
    }

    /// A client for one request: a pooled connection would outlive the check of its address.
    fn client(&self, addresses: Vec<SocketAddr>, time_limit: Duration) -> Result<reqwest::Client, SendError> {
        let mut tls = (*self.tls).clone();
        tls.alpn_protocols = vec![b"http/1.1".to_vec()];
        reqwest::Client::builder()
            .tls_backend_preconfigured(tls)
            .dns_resolver(Arc::new(Pinned(addresses)))
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .connect_timeout(CONNECT_LIMIT)
            .timeout(time_limit)
            .pool_max_idle_per_host(0)
            .build()
            .map_err(|_| SendError::Unmakeable)
    }

    /// What the target's host resolves to, if all of it may be reached.
    async fn addresses(&self, target: &Target) -> Result<Vec<SocketAddr>, SendError> {
        let port = target.0.port_or_known_default().ok_or(SendError::Unmakeable)?;
        let addresses = match target.0.host().ok_or(SendError::Unmakeable)? {
            Host::Ipv4(address) => vec![SocketAddr::new(address.into(), port)],
            Host::Ipv6(address) => vec![SocketAddr::new(address.into(), port)],
            Host::Domain(name) => (self.lookup)(name.to_owned(), port)
                .await
                .map_err(|_| SendError::Unresolved)?,
        };
        if addresses.is_empty() {
            return Err(SendError::Unresolved);
        }
        if addresses.iter().all(|address| self.may_reach(address.ip())) {
            Ok(addresses)
        } else {
            Err(SendError::Private)
        }
    }

    fn may_reach(&self, address: IpAddr) -> bool {
        self.allow_private || is_public(address)
    }
}

fn read(text: &str) -> Result<Url, BadTarget> {
    if text.len() > MAX_URL_BYTES || text.chars().any(|c| c.is_control() || c.is_whitespace()) {
        return Err(BadTarget::NotAnAddress);
    }
    Url::parse(text).map_err(|_| BadTarget::NotAnAddress)
}

fn port_of(url: &Url) -> Option<u16> {
    url.port_or_known_default()
}

/// Whatever is asked for, these and no others.
struct Pinned(Vec<SocketAddr>);

impl Resolve for Pinned {
    fn resolve(&self, _: Name) -> Resolving {
        let addresses: Addrs = Box::new(self.0.clone().into_iter());
        Box::pin(std::future::ready(Ok(addresses)))
    }
}

fn why(error: reqwest::Error) -> SendError {
    if error.is_timeout() {
        SendError::TooSlow
    } else if error.is_connect() {
        SendError::NoConnection
    } else if error.is_builder() {
        SendError::Unmakeable
    } else {
        SendError::Broken
    }
}

/// Text that both databases take: no NUL, no other control character.
fn plain(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    text.chars()
        .map(|c| if c.is_control() && c != '\n' { ' ' } else { c })
        .collect::<String>()
        .trim()
        .to_owned()
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    #[test]
    fn an_address_only_parses_if_it_may_be_sent_to() {
        let outgoing = Outgoing::new(false).unwrap();
        for (text, error) in [
            ("http://hooks.example/", BadTarget::Scheme),
            ("ftp://hooks.example/", BadTarget::Scheme),
            ("file:///etc/passwd", BadTarget::Scheme),
            ("hooks.example", BadTarget::NotAnAddress),
            ("https://", BadTarget::NotAnAddress),
            ("https://hooks.example/\r\nx: y", BadTarget::NotAnAddress),
            ("https://user:secret@hooks.example/", BadTarget::Credentials),
            ("https://hooks.example/#x", BadTarget::Fragment),
            ("https://hooks.example:25/", BadTarget::Port),
            ("https://127.0.0.1/", BadTarget::Private),
            ("https://2130706433/", BadTarget::Private),
            ("https://0x7f.1/", BadTarget::Private),
            ("https://0177.0.0.1/", BadTarget::Private),
            ("https://[::1]/", BadTarget::Private),
            ("https://[::ffff:169.254.169.254]/", BadTarget::Private),
        ] {
            assert_eq!(outgoing.parse(text), Err(error), "{text}");
        }
        for text in [
            "https://hooks.example/a?b=c",
            "https://hooks.example:8443/",
            "https://1.1.1.1/",
        ] {
            assert!(outgoing.parse(text).is_ok(), "{text}");
        }
        assert!(
            Outgoing::new(true)
                .unwrap()
                .parse("http://localhost:8080/hook")
                .is_ok()
        );
    }

    fn resolving_to(allow_private: bool, addresses: &[&str]) -> Outgoing {
        let addresses: Vec<SocketAddr> = addresses.iter().map(|address| address.parse().unwrap()).collect();
        Outgoing::with_lookup(allow_private, move |_, _| {
            let addresses = addresses.clone();
            Box::pin(async move { Ok(addresses) })
        })
        .unwrap()
    }

    #[tokio::test]
    async fn one_private_address_among_many_is_enough_to_refuse() {
        let outgoing = resolving_to(false, &["1.1.1.1:443", "10.0.0.1:443"]);
        let target = outgoing.parse("https://hooks.example/").unwrap();
        assert!(matches!(
            outgoing.post(&target, &[], String::new()).await,
            Err(SendError::Private)
        ));
        let outgoing = resolving_to(false, &[]);
        assert!(matches!(
            outgoing.post(&target, &[], String::new()).await,
            Err(SendError::Unresolved)
        ));
    }

    /// Answers one request on a port of its own, and tells what was asked.
    async fn answer_once(answer: Vec<u8>) -> (SocketAddr, tokio::task::JoinHandle<String>) {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let asked = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut request = Vec::new();
            while !request.ends_with(b"{}") {
                let mut part = [0; 1024];
                let read = stream.read(&mut part).await.unwrap();
                request.extend_from_slice(&part[..read]);
            }
            let _ = stream.write_all(&answer).await;
            String::from_utf8(request).unwrap()
        });
        (address, asked)
    }

    #[tokio::test]
    async fn the_connection_goes_to_the_checked_address_and_follows_no_redirect() {
        let (address, asked) = answer_once(
            b"HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 4\r\n\r\na\0b\n"
                .to_vec(),
        )
        .await;
        let outgoing = resolving_to(true, &[&address.to_string()]);
        let target = outgoing
            .parse(&format!("http://hooks.example:{}/in", address.port()))
            .unwrap();
        let answer = outgoing
            .post(&target, &[("webhook-id", "m1".into())], "{}".into())
            .await
            .unwrap();
        assert_eq!(
            answer,
            Answer {
                status: 302,
                excerpt: "a b".into()
            }
        );
        let asked = asked.await.unwrap().to_lowercase();
        assert!(
            asked.starts_with("post /in http/1.1\r\n") && asked.contains("webhook-id: m1"),
            "{asked}"
        );
        assert!(
            asked.contains(&format!("host: hooks.example:{}", address.port())),
            "{asked}"
        );
    }

    #[tokio::test]
    async fn an_endless_answer_is_read_no_further_than_its_excerpt() {
        let mut endless = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n".to_vec();
        for _ in 0..4096 {
            endless.extend_from_slice(b"400\r\n");
            endless.extend_from_slice(&[b'x'; 0x400]);
            endless.extend_from_slice(b"\r\n");
        }
        let (address, _) = answer_once(endless).await;
        let outgoing = resolving_to(true, &[&address.to_string()]);
        let target = outgoing
            .parse(&format!("http://hooks.example:{}/", address.port()))
            .unwrap();
        let answer = outgoing.post(&target, &[], "{}".into()).await.unwrap();
        assert_eq!((answer.status, answer.excerpt.len()), (200, EXCERPT_BYTES));
    }
}
