//! Networks by the thousand, such as those of data centres: read from the operator's file once, found by bisection.

use std::io;
use std::net::IpAddr;
use std::path::Path;

use ipnet::IpNet;

/// A set of addresses. Ranges are sorted, and none touches the next.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Networks {
    v4: Vec<(u32, u32)>,
    v6: Vec<(u128, u128)>,
}

/// Why a file of networks can't be used.
#[derive(Debug, thiserror::Error)]
pub enum NotNetworks {
    #[error("can't be read: {0}")]
    Unreadable(#[from] io::Error),
    #[error("line {line}: {text:?} is no network such as 192.0.2.0/24 or 2001:db8::/32")]
    Malformed { line: usize, text: String },
    #[error("names no network")]
    Empty,
}

impl Networks {
    /// A network (CIDR) or an address a line; what follows `#` is a comment.
    pub fn read(path: &Path) -> Result<Self, NotNetworks> {
        Self::parse(&std::fs::read_to_string(path)?)
    }

    pub fn parse(text: &str) -> Result<Self, NotNetworks> {
        let (mut v4, mut v6) = (Vec::new(), Vec::new());
        for (place, line) in text.lines().enumerate() {
            let entry = line.split('#').next().unwrap_or_default().trim();
            if entry.is_empty() {
                continue;
            }
            let single = || entry.parse::<IpAddr>().map(IpNet::from);
            match entry.parse().or_else(|_| single()) {
                Ok(IpNet::V4(net)) => v4.push((net.network().to_bits(), net.broadcast().to_bits())),
                Ok(IpNet::V6(net)) => v6.push((net.network().to_bits(), net.broadcast().to_bits())),
                Err(_) => {
                    return Err(NotNetworks::Malformed {
                        line: place + 1,
                        text: entry.chars().take(60).collect(),
                    });
                }
            }
        }
        if v4.is_empty() && v6.is_empty() {
            return Err(NotNetworks::Empty);
        }
        Ok(Self {
            v4: merged(v4),
            v6: merged(v6),
        })
    }

    pub fn contains(&self, address: IpAddr) -> bool {
        match address {
            IpAddr::V4(v4) => is_in(&self.v4, v4.to_bits()),
            IpAddr::V6(v6) => is_in(&self.v6, v6.to_bits()),
        }
    }

    /// How many ranges there are, those that touch taken as one.
    pub fn len(&self) -> usize {
        self.v4.len() + self.v6.len()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// Sorted, overlaps made one.
fn merged<T: Copy + Ord>(mut ranges: Vec<(T, T)>) -> Vec<(T, T)> {
    ranges.sort_unstable();
    let mut merged: Vec<(T, T)> = Vec::with_capacity(ranges.len());
    for (first, last) in ranges {
        match merged.last_mut() {
            Some(before) if first <= before.1 => before.1 = before.1.max(last),
            _ => merged.push((first, last)),
        }
    }
    merged
}

fn is_in<T: Copy + Ord>(ranges: &[(T, T)], address: T) -> bool {
    let after = ranges.partition_point(|(first, _)| *first <= address);
    after
        .checked_sub(1)
        .is_some_and(|place| address <= ranges[place].1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secrets::Random;

    fn contains(networks: &Networks, address: &str) -> bool {
        networks.contains(address.parse().unwrap())
    }

    #[test]
    fn addresses_at_the_edges_of_a_network_are_in_it() {
        let text = "# a cloud\n192.0.2.0/24\n 198.51.100.7 # one machine\n\n2001:db8::/32\n192.0.2.128/25\n";
        let networks = Networks::parse(text).unwrap();
        assert_eq!(networks.len(), 3);
        for inside in [
            "192.0.2.0",
            "192.0.2.255",
            "198.51.100.7",
            "2001:db8::",
            "2001:db8:ffff::1",
        ] {
            assert!(contains(&networks, inside), "{inside}");
        }
        for outside in [
            "192.0.1.255",
            "192.0.3.0",
            "198.51.100.8",
            "2001:db9::",
            "::",
            "255.255.255.255",
        ] {
            assert!(!contains(&networks, outside), "{outside}");
        }
        assert!(!contains(&Networks::default(), "192.0.2.1"));
        assert!(contains(
            &Networks::parse("0.0.0.0/0").unwrap(),
            "255.255.255.255"
        ));
    }

    /// Bisection answers what looking at each network does.
    #[test]
    fn any_networks_answer_as_if_each_was_looked_at() {
        let random = Random::seeded(5);
        for _ in 0..200 {
            let nets: Vec<IpNet> = (0..1 + random.below(20))
                .map(|_| {
                    let address = std::net::Ipv4Addr::from_bits(random.below(4096));
                    let net = ipnet::Ipv4Net::new(address, 20 + u8::try_from(random.below(13)).unwrap());
                    IpNet::V4(net.unwrap())
                })
                .collect();
            let text: Vec<String> = nets.iter().map(ToString::to_string).collect();
            let networks = Networks::parse(&text.join("\n")).unwrap();
            for _ in 0..100 {
                let address: IpAddr = std::net::Ipv4Addr::from_bits(random.below(5000)).into();
                assert_eq!(
                    networks.contains(address),
                    nets.iter().any(|net| net.contains(&address)),
                    "{address} {text:?}"
                );
            }
        }
    }

    #[test]
    fn what_is_no_network_is_named_with_its_line() {
        let message = |text: &str| Networks::parse(text).unwrap_err().to_string();
        assert_eq!(
            message("192.0.2.0/24\nthe cloud"),
            "line 2: \"the cloud\" is no network such as 192.0.2.0/24 or 2001:db8::/32"
        );
        assert!(message("192.0.2.0/33").starts_with("line 1:"));
        assert_eq!(message("# nothing\n"), "names no network");
        assert!(
            Networks::read(Path::new("/nowhere/at/all"))
                .unwrap_err()
                .to_string()
                .starts_with("can't be read: ")
        );
    }
}
