//! Reading a page at an address that somebody chose: like any visitor, and no further than the guard lets.

use std::io::Read;
use std::time::Duration;

use reqwest::header::{self, HeaderMap};
use url::Url;

use super::{BadTarget, Outgoing, SendError, Target, port_of, read, why};

/// From resolving the first name to the last byte that is read, redirects included.
const TIME_LIMIT: Duration = Duration::from_secs(10);
const MOST_REDIRECTS: usize = 3;
/// So much of a page is read, packed and unpacked.
const PAGE_BYTES: usize = 2 << 20;
/// Says who asks, in the form that keeps sites from taking us for something broken.
const USER_AGENT: &str = concat!(
    "Mozilla/5.0 (compatible; Contactbar/",
    env!("CARGO_PKG_VERSION"),
    "; install check)"
);

/// A page as it came.
#[derive(Clone, Debug)]
pub struct Page {
    /// Where it was in the end.
    pub url: Url,
    pub status: u16,
    pub headers: HeaderMap,
    /// The body, unpacked.
    pub body: Vec<u8>,
    /// Was there more than we read?
    pub truncated: bool,
}

/// Why there is no page.
#[derive(Debug, thiserror::Error)]
pub enum PageError {
    #[error(transparent)]
    Send(#[from] SendError),
    #[error("more than {MOST_REDIRECTS} redirects")]
    TooManyRedirects,
    #[error("redirects to an address that {0}")]
    Redirect(BadTarget),
    #[error("the page is packed in a way that was not asked for")]
    Packed,
}

impl Outgoing {
    /// Reads the address of a page: plain http is allowed, and a fragment is nobody's business.
    pub fn parse_page(&self, text: &str) -> Result<Target, BadTarget> {
        let mut url = read(text)?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(BadTarget::PageScheme);
        }
        if !self.allow_private && !port_of(&url).is_some_and(|port| port == 80 || port == 443 || port >= 1024)
        {
            return Err(BadTarget::PagePort);
        }
        url.set_fragment(None);
        self.checked(url)
    }

    /// Gets a page. Redirects are followed, each address checked as the first was.
    pub async fn get_page(&self, target: &Target) -> Result<Page, PageError> {
        tokio::time::timeout(TIME_LIMIT, self.get_page_unhurried(target))
            .await
            .unwrap_or(Err(PageError::Send(SendError::TooSlow)))
    }

    async fn get_page_unhurried(&self, target: &Target) -> Result<Page, PageError> {
        let mut target = target.clone();
        for _ in 0..=MOST_REDIRECTS {
            let addresses = self.addresses(&target).await?;
            let response = self
                .client(addresses, TIME_LIMIT)?
                .get(target.0.clone())
                .header(header::USER_AGENT, USER_AGENT)
                .header(header::ACCEPT, "text/html,application/xhtml+xml;q=0.9,*/*;q=0.5")
                .header(header::ACCEPT_ENCODING, "gzip")
                .send()
                .await
                .map_err(why)?;
            match redirect_of(&response) {
                None => return whole(target.0, response).await,
                Some(location) => {
                    let next = target.0.join(&location);
                    let next = next.map_err(|_| PageError::Redirect(BadTarget::NotAnAddress))?;
                    target = self.parse_page(next.as_str()).map_err(PageError::Redirect)?;
                }
            }
        }
        Err(PageError::TooManyRedirects)
    }
}

fn redirect_of(response: &reqwest::Response) -> Option<String> {
    if !matches!(response.status().as_u16(), 301 | 302 | 303 | 307 | 308) {
        return None;
    }
    let location = response.headers().get(header::LOCATION)?;
    Some(String::from_utf8_lossy(location.as_bytes()).into_owned())
}

async fn whole(url: Url, mut response: reqwest::Response) -> Result<Page, PageError> {
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    let mut body = Vec::new();
    let mut truncated = false;
    while let Some(chunk) = response.chunk().await.map_err(why)? {
        let room = PAGE_BYTES - body.len();
        if chunk.len() > room {
            body.extend_from_slice(&chunk[..room]);
            truncated = true;
            break;
        }
        body.extend_from_slice(&chunk);
    }
    let encoding = headers.get(header::CONTENT_ENCODING);
    let encoding = encoding.map_or("", |value| value.to_str().unwrap_or("unknown").trim());
    match encoding.to_ascii_lowercase().as_str() {
        "" | "identity" => {}
        "gzip" | "x-gzip" => {
            let (unpacked, more) = unpacked(&body)?;
            body = unpacked;
            truncated |= more;
        }
        _ => return Err(PageError::Packed),
    }
    Ok(Page {
        url,
        status,
        headers,
        body,
        truncated,
    })
}

/// As much as may be read; a stream that breaks off is what came before.
fn unpacked(packed: &[u8]) -> Result<(Vec<u8>, bool), PageError> {
    let mut reader = flate2::read::MultiGzDecoder::new(packed).take(PAGE_BYTES as u64 + 1);
    let mut body = Vec::new();
    if reader.read_to_end(&mut body).is_err() && body.is_empty() {
        return Err(PageError::Packed);
    }
    let more = body.len() > PAGE_BYTES;
    body.truncate(PAGE_BYTES);
    Ok((body, more))
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::net::SocketAddr;
    use std::sync::{Arc, Mutex};

    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    /// Answers one request after another; `{me}` in an answer is its own address. Tells what was asked for.
    async fn site(answers: Vec<Vec<u8>>) -> (SocketAddr, Arc<Mutex<Vec<String>>>) {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let seen = asked.clone();
        tokio::spawn(async move {
            for answer in answers {
                let (mut stream, _) = listener.accept().await.unwrap();
                let mut request = Vec::new();
                while !request.ends_with(b"\r\n\r\n") {
                    let mut part = [0; 1024];
                    match stream.read(&mut part).await.unwrap() {
                        0 => break,
                        read => request.extend_from_slice(&part[..read]),
                    }
                }
                seen.lock().unwrap().push(String::from_utf8(request).unwrap());
                let _ = stream.write_all(&answer).await;
            }
        });
        (address, asked)
    }

    /// A guard for which every name leads to `address`.
    fn leading_to(address: SocketAddr) -> Outgoing {
        Outgoing::with_lookup(true, move |_, _| Box::pin(async move { Ok(vec![address]) })).unwrap()
    }

    fn ok(head: &str, body: &[u8]) -> Vec<u8> {
        let mut answer = format!(
            "HTTP/1.1 200 OK\r\nconnection: close\r\n{head}content-length: {}\r\n\r\n",
            body.len()
        )
        .into_bytes();
        answer.extend_from_slice(body);
        answer
    }

    fn moved(to: &str) -> Vec<u8> {
        format!("HTTP/1.1 301 Moved\r\nconnection: close\r\nlocation: {to}\r\ncontent-length: 0\r\n\r\n")
            .into_bytes()
    }

    async fn get(outgoing: &Outgoing, url: &str) -> Result<Page, PageError> {
        outgoing.get_page(&outgoing.parse_page(url).unwrap()).await
    }

    #[test]
    fn pages_are_on_http_and_https_and_never_in_our_network() {
        let outgoing = Outgoing::new(false).unwrap();
        for (text, error) in [
            ("ftp://shop.example/", BadTarget::PageScheme),
            ("file:///etc/passwd", BadTarget::PageScheme),
            ("http://shop.example:22/", BadTarget::PagePort),
            ("http://a:b@shop.example/", BadTarget::Credentials),
            ("http://127.0.0.1/", BadTarget::Private),
            ("http://[::ffff:10.0.0.1]/", BadTarget::Private),
            ("http://169.254.169.254/latest/meta-data/", BadTarget::Private),
            ("shop.example", BadTarget::NotAnAddress),
        ] {
            assert_eq!(outgoing.parse_page(text), Err(error), "{text}");
        }
        for text in ["http://shop.example/a#top", "https://shop.example:8443/?q=1"] {
            assert!(
                !outgoing.parse_page(text).unwrap().as_str().contains('#'),
                "{text}"
            );
        }
    }

    #[tokio::test]
    async fn a_page_is_read_behind_its_redirects() {
        let (address, asked) = site(vec![
            moved("/shop#top"),
            moved("http://www.shop.example/"),
            ok("content-type: text/html\r\n", b"<p>Hello"),
        ])
        .await;
        let page = get(&leading_to(address), "http://shop.example/").await.unwrap();
        assert_eq!((page.status, page.body.as_slice()), (200, b"<p>Hello".as_slice()));
        assert_eq!(page.url.as_str(), "http://www.shop.example/");
        assert_eq!(page.headers["content-type"], "text/html");
        let asked = asked.lock().unwrap();
        assert!(asked[1].starts_with("GET /shop HTTP/1.1\r\n") && asked[2].contains("www.shop.example"));
    }

    #[tokio::test]
    async fn redirects_have_an_end_and_lead_nowhere_forbidden() {
        let (address, _) = site((0..4).map(|_| moved("/again")).collect()).await;
        let endless = get(&leading_to(address), "http://shop.example/").await;
        assert!(matches!(endless, Err(PageError::TooManyRedirects)), "{endless:?}");
        let (address, _) = site(vec![moved("gopher://shop.example/")]).await;
        let strange = get(&leading_to(address), "http://shop.example/").await;
        assert!(
            matches!(strange, Err(PageError::Redirect(BadTarget::PageScheme))),
            "{strange:?}"
        );
    }

    #[tokio::test]
    async fn every_hop_is_resolved_and_checked_anew() {
        let (address, _) = site(vec![moved("http://inside.example/")]).await;
        let outgoing = Outgoing::with_lookup(true, move |host, _| {
            let found = if host == "shop.example" {
                vec![address]
            } else {
                vec![]
            };
            Box::pin(async move { Ok(found) })
        })
        .unwrap();
        let second = get(&outgoing, "http://shop.example/").await;
        assert!(
            matches!(second, Err(PageError::Send(SendError::Unresolved))),
            "{second:?}"
        );
        let private: SocketAddr = "10.0.0.1:80".parse().unwrap();
        let outgoing =
            Outgoing::with_lookup(false, move |_, _| Box::pin(async move { Ok(vec![private]) })).unwrap();
        let inside = get(&outgoing, "http://inside.example/").await;
        assert!(
            matches!(inside, Err(PageError::Send(SendError::Private))),
            "{inside:?}"
        );
    }

    #[tokio::test]
    async fn a_packed_page_is_unpacked_and_a_bomb_is_cut_off() {
        let pack = |body: &[u8]| {
            let mut writer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
            writer.write_all(body).unwrap();
            writer.finish().unwrap()
        };
        let bomb = pack(&vec![b' '; 8 << 20]);
        let (address, _) = site(vec![
            ok("content-encoding: gzip\r\n", &pack(b"<p>Hello")),
            ok("content-encoding: gzip\r\n", &bomb),
            ok("content-encoding: br\r\n", b"?"),
        ])
        .await;
        let outgoing = leading_to(address);
        let page = get(&outgoing, "http://shop.example/").await.unwrap();
        assert_eq!(
            (page.body.as_slice(), page.truncated),
            (b"<p>Hello".as_slice(), false)
        );
        let page = get(&outgoing, "http://shop.example/").await.unwrap();
        assert_eq!((page.body.len(), page.truncated), (PAGE_BYTES, true));
        let page = get(&outgoing, "http://shop.example/").await;
        assert!(matches!(page, Err(PageError::Packed)));
    }

    #[tokio::test]
    async fn an_endless_page_is_read_no_further_than_its_cap() {
        let (address, _) = site(vec![ok("", &vec![b'x'; PAGE_BYTES + 4096])]).await;
        let page = get(&leading_to(address), "http://shop.example/").await.unwrap();
        assert_eq!((page.body.len(), page.truncated), (PAGE_BYTES, true));
    }
}
