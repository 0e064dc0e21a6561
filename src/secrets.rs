//! Randomness, handed in, and what is made of it: tokens that are shown once and stored as a hash.
//! Passwords are `accounts`' business.

use std::sync::{Arc, Mutex};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};

/// Where randomness comes from: the system, or a seed in a test.
#[derive(Clone)]
pub struct Random(Source);

#[derive(Clone)]
enum Source {
    System,
    Seeded(Arc<Mutex<(u64, u64)>>),
}

impl Random {
    pub fn system() -> Self {
        Self(Source::System)
    }

    /// Repeatable bytes for tests. Never for a running service.
    pub fn seeded(seed: u64) -> Self {
        Self(Source::Seeded(Arc::new(Mutex::new((seed, 0)))))
    }

    #[allow(
        clippy::disallowed_methods,
        reason = "the one place that asks the system for randomness"
    )]
    pub fn fill(&self, into: &mut [u8]) {
        match &self.0 {
            Source::System => getrandom::fill(into).expect("the system gives randomness"),
            Source::Seeded(state) => {
                let mut state = state.lock().expect("no holder of this lock panics");
                for chunk in into.chunks_mut(32) {
                    state.1 += 1;
                    let mut hash = Sha256::new();
                    hash.update(state.0.to_le_bytes());
                    hash.update(state.1.to_le_bytes());
                    chunk.copy_from_slice(&hash.finalize()[..chunk.len()]);
                }
            }
        }
    }

    pub fn bytes<const N: usize>(&self) -> [u8; N] {
        let mut bytes = [0; N];
        self.fill(&mut bytes);
        bytes
    }

    /// A number below `bound` (which is not 0), evenly enough for jitter and draws: the bias is below 2⁻³².
    pub fn below(&self, bound: u32) -> u32 {
        let wide = u64::from_le_bytes(self.bytes());
        u32::try_from(wide % u64::from(bound)).expect("the remainder is below a u32")
    }
}

pub fn sha256(bytes: &[u8]) -> [u8; 32] {
    Sha256::digest(bytes).into()
}

/// A secret of 256 bits, as `prefix` and 43 characters of base64url. Only its hash is ever stored.
#[derive(Clone, PartialEq, Eq)]
pub struct Token(String);

impl Token {
    pub fn new(prefix: &str, random: &Random) -> Self {
        Self(format!(
            "{prefix}{}",
            URL_SAFE_NO_PAD.encode(random.bytes::<32>())
        ))
    }

    /// The whole token: to be shown once, in an answer or a mail.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    pub fn sha256(&self) -> Vec<u8> {
        token_sha256(&self.0)
    }
}

/// What is stored and looked up for a token that somebody presents.
pub fn token_sha256(presented: &str) -> Vec<u8> {
    sha256(presented.as_bytes()).to_vec()
}

impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Token(…)")
    }
}

/// Compares without telling by its time where two secrets differ.
pub fn same_secret(a: &[u8], b: &[u8]) -> bool {
    a.len() == b.len() && a.iter().zip(b).fold(0u8, |acc, (x, y)| acc | (x ^ y)) == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seeded_randomness_repeats_and_moves_on() {
        let (a, b) = (Random::seeded(7), Random::seeded(7));
        assert_eq!(a.bytes::<40>(), b.bytes::<40>());
        assert_ne!(a.bytes::<16>(), a.bytes::<16>());
        assert_ne!(Random::system().bytes::<16>(), [0; 16]);
    }

    #[test]
    fn a_token_is_long_hidden_in_debug_and_found_by_its_hash() {
        let token = Token::new("cb_", &Random::seeded(1));
        assert_eq!(token.reveal().len(), 3 + 43);
        assert_eq!(format!("{token:?}"), "Token(…)");
        assert_eq!(token.sha256(), token_sha256(token.reveal()));
    }
}
