//! What of its own visits a member does not want counted: from its addresses, and in browsers in which somebody of the
//! team was signed in. Here are the wishes; counting (`tracking`) carries them out.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

/// A member's wishes. By default everything counts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OwnVisits {
    /// None twice, at most [`OwnVisits::MAX_ADDRESSES`].
    pub addresses: Vec<Network>,
    /// Whether visits in the browsers of those who are signed in stay uncounted.
    pub users: bool,
}

impl OwnVisits {
    pub const MAX_ADDRESSES: usize = 100;

    pub fn contains(&self, address: IpAddr) -> bool {
        self.addresses.iter().any(|network| network.0.contains(&address))
    }
}

/// An address, or a network in CIDR form (RFC 4632), its host part cleared. Not wider than a provider hands out: of IPv4
/// at most a /8, of IPv6 a /16, so that a slip does not stop counting altogether.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Network(IpNet);

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotANetwork {
    #[error("is neither an address such as 192.0.2.7 nor a network such as 192.0.2.0/24 or 2001:db8::/48")]
    Unreadable,
    #[error("is too wide: at most a /8 of IPv4, or a /16 of IPv6")]
    TooWide,
}

impl FromStr for Network {
    type Err = NotANetwork;
    fn from_str(text: &str) -> Result<Self, NotANetwork> {
        let text = text.trim();
        // An IPv4 client on an IPv6 socket is an IPv4 client.
        let single = || {
            text.parse::<IpAddr>()
                .map(|address| address.to_canonical().into())
        };
        let network: IpNet = text
            .parse()
            .or_else(|_| single())
            .map_err(|_| NotANetwork::Unreadable)?;
        let widest = match network {
            IpNet::V4(_) => 8,
            IpNet::V6(_) => 16,
        };
        if network.prefix_len() < widest {
            return Err(NotANetwork::TooWide);
        }
        Ok(Self(network.trunc()))
    }
}

/// A single address without its length.
impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.prefix_len() == self.0.max_prefix_len() {
            write!(f, "{}", self.0.addr())
        } else {
            write!(f, "{}", self.0)
        }
    }
}

impl From<Network> for String {
    fn from(network: Network) -> Self {
        network.to_string()
    }
}

impl TryFrom<String> for Network {
    type Error = NotANetwork;
    fn try_from(text: String) -> Result<Self, NotANetwork> {
        text.parse()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_is_an_address_or_cidr_and_shown_as_short_as_it_can_be() {
        for (text, shown) in [
            (" 192.0.2.7 ", "192.0.2.7"),
            ("192.0.2.7/32", "192.0.2.7"),
            ("192.0.2.7/24", "192.0.2.0/24"),
            ("2001:DB8::1", "2001:db8::1"),
            ("2001:db8:0:1::9/48", "2001:db8::/48"),
            ("::ffff:192.0.2.7", "192.0.2.7"),
        ] {
            assert_eq!(text.parse::<Network>().unwrap().to_string(), shown, "{text}");
        }
        for text in ["", "shop.example", "192.0.2.256", "192.0.2.0/33", "10.0.0.0/8/8"] {
            assert_eq!(text.parse::<Network>(), Err(NotANetwork::Unreadable), "{text}");
        }
        for text in ["0.0.0.0/0", "10.0.0.0/7", "::/0", "2000::/3"] {
            assert_eq!(text.parse::<Network>(), Err(NotANetwork::TooWide), "{text}");
        }
    }

    #[test]
    fn an_address_is_looked_for_in_all_networks() {
        let own = OwnVisits {
            addresses: ["192.0.2.0/24", "2001:db8::/48"]
                .map(|text| text.parse().unwrap())
                .into(),
            users: false,
        };
        assert!(own.contains("192.0.2.200".parse().unwrap()));
        assert!(own.contains("2001:db8::7".parse().unwrap()));
        assert!(!own.contains("192.0.3.1".parse().unwrap()));
        assert!(!OwnVisits::default().contains("192.0.2.1".parse().unwrap()));
    }
}
