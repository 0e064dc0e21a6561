//! Who is calling: the peer's address, or what a trusted proxy says it is.
//!
//! `X-Forwarded-For`, or `Forwarded` (RFC 7239) where the proxies write that, is believed only as far as the chain of trusted
//! proxies reaches: read from the right, the first address that is no trusted proxy is the client. What stands left of it is
//! hearsay. Never both: most proxies write one and hand the other through as the client has sent it.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use ipnet::IpNet;
use poem::{Addr, FromRequest, Request, RequestBody, http::HeaderMap};

/// The client's address; an extractor. Never logged, never stored with events.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ClientAddr(pub IpAddr);

impl ClientAddr {
    /// What limits count by: an IPv6 client owns a whole /64.
    pub fn network(self) -> IpAddr {
        match self.0 {
            IpAddr::V4(_) => self.0,
            IpAddr::V6(v6) => IpAddr::V6((u128::from(v6) & !u128::from(u64::MAX)).into()),
        }
    }
}

impl<'a> FromRequest<'a> for ClientAddr {
    async fn from_request(request: &'a Request, _: &mut RequestBody) -> poem::Result<Self> {
        Ok(*request
            .data::<Self>()
            .expect("the guards give every request its client's address"))
    }
}

/// The proxies whose word is taken, and where they write it.
#[derive(Debug, Clone, Default)]
pub struct TrustedProxies {
    pub networks: Vec<IpNet>,
    pub header: ProxyHeader,
}

/// The header in which proxies name their client.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ProxyHeader {
    #[default]
    XForwardedFor,
    /// RFC 7239
    Forwarded,
}

impl TrustedProxies {
    fn contains(&self, address: IpAddr) -> bool {
        self.networks.iter().any(|net| net.contains(&address))
    }

    /// The client of a request.
    pub fn client_of(&self, request: &Request) -> ClientAddr {
        let peer = match &request.remote_addr().0 {
            Addr::SocketAddr(address) => plain(address.ip()),
            // In-process calls of tests have no peer.
            _ => IpAddr::V4(Ipv4Addr::LOCALHOST),
        };
        ClientAddr(self.resolve(peer, request.headers()))
    }

    fn resolve(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        if !self.contains(peer) {
            return peer;
        }
        let mut client = peer;
        for hop in hops(headers, self.header).iter().rev() {
            // An unreadable hop ends what can be believed.
            let Some(address) = hop else { break };
            client = *address;
            if !self.contains(client) {
                break;
            }
        }
        client
    }
}

/// The chain as the proxies wrote it.
fn hops(headers: &HeaderMap, header: ProxyHeader) -> Vec<Option<IpAddr>> {
    let listed = |name: &str| {
        let values = headers
            .get_all(name)
            .iter()
            .map(|value| value.to_str().unwrap_or_default());
        values
            .flat_map(|value| value.split(','))
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    if header == ProxyHeader::XForwardedFor {
        return listed("x-forwarded-for").iter().map(|hop| address(hop)).collect();
    }
    let named_for = |element: &str| {
        let pair = element.split(';').find_map(|pair| {
            let (name, value) = pair.split_once('=')?;
            name.trim()
                .eq_ignore_ascii_case("for")
                .then(|| value.trim().trim_matches('"').to_owned())
        });
        pair.and_then(|value| address(&value))
    };
    listed("forwarded")
        .iter()
        .map(|element| named_for(element))
        .collect()
}

/// `192.0.2.1`, `192.0.2.1:80`, `2001:db8::1`, `[2001:db8::1]`, `[2001:db8::1]:80`.
fn address(text: &str) -> Option<IpAddr> {
    let text = text.trim();
    let bare = text
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'))
        .unwrap_or(text);
    let parsed = bare
        .parse::<IpAddr>()
        .or_else(|_| text.parse::<SocketAddr>().map(|address| address.ip()));
    parsed.ok().map(plain)
}

/// An IPv4 client on an IPv6 socket is an IPv4 client.
fn plain(address: IpAddr) -> IpAddr {
    address.to_canonical()
}

#[cfg(test)]
mod tests {
    use poem::http::HeaderValue;

    use super::*;

    fn resolve(peer: &str, headers: &[(&'static str, &str)]) -> String {
        resolve_by(ProxyHeader::XForwardedFor, peer, headers)
    }

    fn resolve_by(header: ProxyHeader, peer: &str, headers: &[(&'static str, &str)]) -> String {
        let trusted = TrustedProxies {
            networks: vec!["10.0.0.0/8".parse().unwrap(), "::1/128".parse().unwrap()],
            header,
        };
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(*name, HeaderValue::from_str(value).unwrap());
        }
        trusted.resolve(peer.parse().unwrap(), &map).to_string()
    }

    #[test]
    fn a_stranger_is_not_believed() {
        assert_eq!(
            resolve("203.0.113.9", &[("x-forwarded-for", "1.2.3.4")]),
            "203.0.113.9"
        );
        assert_eq!(
            resolve_by(
                ProxyHeader::Forwarded,
                "203.0.113.9",
                &[("forwarded", "for=1.2.3.4")]
            ),
            "203.0.113.9"
        );
    }

    #[test]
    fn what_a_client_sends_in_the_header_that_the_proxy_does_not_write_is_nothing() {
        let both = [("forwarded", "for=6.6.6.6"), ("x-forwarded-for", "203.0.113.9")];
        assert_eq!(resolve("10.0.0.1", &both), "203.0.113.9");
        assert_eq!(resolve("10.0.0.1", &both[..1]), "10.0.0.1");
        let both = [("forwarded", "for=203.0.113.9"), ("x-forwarded-for", "6.6.6.6")];
        assert_eq!(
            resolve_by(ProxyHeader::Forwarded, "10.0.0.1", &both),
            "203.0.113.9"
        );
    }

    #[test]
    fn the_rightmost_hop_that_is_no_proxy_is_the_client() {
        assert_eq!(
            resolve(
                "10.0.0.1",
                &[("x-forwarded-for", "6.6.6.6, 203.0.113.9, 10.0.0.2")]
            ),
            "203.0.113.9"
        );
        assert_eq!(
            resolve(
                "10.0.0.1",
                &[("x-forwarded-for", "6.6.6.6"), ("x-forwarded-for", "203.0.113.9")]
            ),
            "203.0.113.9"
        );
        assert_eq!(
            resolve_by(
                ProxyHeader::Forwarded,
                "::1",
                &[("forwarded", "for=6.6.6.6, for=\"[2001:db8::1]:443\";proto=https")]
            ),
            "2001:db8::1"
        );
    }

    #[test]
    fn an_unreadable_hop_ends_the_chain() {
        assert_eq!(
            resolve("10.0.0.1", &[("x-forwarded-for", "6.6.6.6, unknown, 10.0.0.2")]),
            "10.0.0.2"
        );
        assert_eq!(
            resolve_by(
                ProxyHeader::Forwarded,
                "10.0.0.1",
                &[("forwarded", "for=_hidden")]
            ),
            "10.0.0.1"
        );
    }

    #[test]
    fn limits_count_an_ipv6_network_as_one() {
        let a = ClientAddr("2001:db8:1:2:3::4".parse().unwrap());
        assert_eq!(a.network().to_string(), "2001:db8:1:2::");
    }
}
