//! The bar's script as visitors get it: assembled of the built script's parts and a published configuration,
//! compressed once and kept for ever under its hash; and the visitor's own choice (promise 44).
//!
//! Must never set a cookie, fail a page for want of a bar, or send anything but what is published.

pub mod api;
mod assembly;
mod assets;
mod jobs;
pub mod optout;
mod script;
mod service;
mod store;

use std::fmt;
use std::str::FromStr;

use crate::secrets::sha256;

pub use assembly::Built;
pub use assets::built_script;
pub use jobs::{PrepareScript, prepare};
pub use script::{Form, Script};
pub use service::{Answer, Error, Pin, Pinned, Scripts};

/// The name of a script for ever: its SHA-256 in hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct ScriptHash([u8; Self::LENGTH]);

/// Not the hash of a script.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("is not 64 digits of 0-9 and a-f")]
pub struct NotAHash;

impl ScriptHash {
    pub const LENGTH: usize = 64;

    pub fn of(script: &str) -> Self {
        let digits: String = sha256(script.as_bytes())
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        digits.parse().expect("32 bytes are 64 digits")
    }

    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).expect("only digits were let in")
    }
}

impl FromStr for ScriptHash {
    type Err = NotAHash;
    fn from_str(text: &str) -> Result<Self, NotAHash> {
        let digits: [u8; Self::LENGTH] = text.as_bytes().try_into().map_err(|_| NotAHash)?;
        let fits = digits
            .iter()
            .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        fits.then_some(Self(digits)).ok_or(NotAHash)
    }
}

impl fmt::Display for ScriptHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for ScriptHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_is_sixty_four_digits() {
        let hash = ScriptHash::of("abc");
        assert!(hash.as_str().starts_with("ba7816bf8f01cfea414140de5dae2223"));
        assert_eq!(hash.as_str().parse(), Ok(hash));
        for text in [
            "",
            "ba78",
            &hash.as_str().to_uppercase(),
            &hash.as_str().replace('b', "g"),
        ] {
            assert_eq!(text.parse::<ScriptHash>(), Err(NotAHash), "{text}");
        }
    }
}
