//! Passwords: which are good enough, and their hashing, few at a time. Must never keep or show one.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use argon2::password_hash::phc::PasswordHash;
use argon2::{Algorithm, Argon2, Params, PasswordHasher, PasswordVerifier, Version};
use tokio::sync::Semaphore;

use super::Error;
use crate::mail::EmailAddress;
use crate::secrets::Random;

/// Sorted, in lower case; lines that begin with `#` are no passwords.
const COMMON: &str = include_str!("common_passwords.txt");

/// A password that somebody chooses: long enough, and not one of those that everybody tries.
#[derive(Clone, PartialEq, Eq)]
pub struct NewPassword(String);

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WeakPassword {
    #[error("is shorter than {} characters", NewPassword::MIN_CHARS)]
    TooShort,
    #[error("is longer than {} characters", NewPassword::MAX_CHARS)]
    TooLong,
    #[error("must not contain NUL")]
    Nul,
    #[error("is among the passwords that are tried first; choose another")]
    Common,
    #[error("repeats itself; choose another")]
    Repetitive,
    #[error("is your address; choose another")]
    Address,
}

impl NewPassword {
    pub const MIN_CHARS: usize = 10;
    pub const MAX_CHARS: usize = 128;

    /// `email`: whose password it will be, if that is known.
    pub fn parse(text: String, email: Option<&EmailAddress>) -> Result<Self, WeakPassword> {
        let chars = text.chars().count();
        if chars < Self::MIN_CHARS {
            return Err(WeakPassword::TooShort);
        }
        if chars > Self::MAX_CHARS {
            return Err(WeakPassword::TooLong);
        }
        if text.contains('\0') {
            return Err(WeakPassword::Nul);
        }
        let folded = text.to_lowercase();
        if is_common(&folded) {
            return Err(WeakPassword::Common);
        }
        if repeats_itself(&folded) {
            return Err(WeakPassword::Repetitive);
        }
        if email.is_some_and(|email| email.folded() == folded) {
            return Err(WeakPassword::Address);
        }
        Ok(Self(text))
    }
}

impl std::fmt::Debug for NewPassword {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("NewPassword(…)")
    }
}

fn is_common(folded: &str) -> bool {
    COMMON.lines().any(|line| line == folded)
}

/// One to four characters over and over: `aaaaaaaaaa`, `abcabcabcabc`.
fn repeats_itself(text: &str) -> bool {
    let chars: Vec<char> = text.chars().collect();
    (1..=4).any(|period| chars.iter().zip(chars.iter().skip(period)).all(|(a, b)| a == b))
}

const ARGON2_M_KIB: u32 = 19_456;
const ARGON2_T: u32 = 2;
const ARGON2_P: u32 = 1;

/// What the password of an account that does not exist is held against: it costs what a real one costs, and fits none.
const DUMMY: &str =
    "$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/// Whether a password was the right one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    Wrong,
    Right,
    /// Right, but hashed with older parameters: hash it again.
    RightButOld,
}

/// Hashes passwords, so many at a time, so that a flood of log-ins never starves the rest of the service. Cheap to clone.
#[derive(Clone)]
pub struct Passwords {
    random: Random,
    at_work: Arc<Semaphore>,
    /// At work or waiting.
    admitted: Arc<Semaphore>,
    hashed: Arc<AtomicU64>,
}

impl Passwords {
    /// `at_a_time` are hashed (each takes 19 MiB and a core), `waiting` more may wait, and who comes then is told to come back.
    pub fn new(random: Random, at_a_time: usize, waiting: usize) -> Self {
        Self {
            random,
            at_work: Arc::new(Semaphore::new(at_a_time)),
            admitted: Arc::new(Semaphore::new(at_a_time + waiting)),
            hashed: Arc::default(),
        }
    }

    /// How many hashes have been computed: the cost of an answer, for metrics and for tests.
    pub fn hashed(&self) -> u64 {
        self.hashed.load(Ordering::Relaxed)
    }

    pub async fn hash(&self, password: NewPassword) -> Result<String, Error> {
        self.hash_again(password.0).await
    }

    /// Hashes a password that was chosen, and judged, before.
    pub(super) async fn hash_again(&self, password: String) -> Result<String, Error> {
        let salt = self.random.bytes::<16>();
        self.work(move || {
            let hash: PasswordHash = argon2()
                .hash_password_with_salt(password.as_bytes(), &salt)
                .expect("parameters, salt and length are within argon2's bounds");
            hash.to_string()
        })
        .await
    }

    /// Whether `presented` is the password behind `stored`. Without a stored one it isn't, for the same price.
    pub async fn verify(&self, presented: String, stored: Option<String>) -> Result<Verdict, Error> {
        self.work(move || {
            let known = stored.is_some();
            let stored = stored.as_deref().unwrap_or(DUMMY);
            let hash = PasswordHash::new(stored).expect("stored hashes are ours");
            match argon2().verify_password(presented.as_bytes(), &hash) {
                Ok(()) if known && is_current(&hash) => Verdict::Right,
                Ok(()) if known => Verdict::RightButOld,
                _ => Verdict::Wrong,
            }
        })
        .await
    }

    async fn work<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, Error> {
        let admitted = self
            .admitted
            .clone()
            .try_acquire_owned()
            .map_err(|_| Error::Busy)?;
        let place = self
            .at_work
            .clone()
            .acquire_owned()
            .await
            .map_err(|_| Error::Busy)?;
        self.hashed.fetch_add(1, Ordering::Relaxed);
        let done = tokio::task::spawn_blocking(move || {
            // Held to the end even if the client goes away: the work goes on, and counts.
            let _held = (admitted, place);
            work()
        });
        done.await.map_err(|_| Error::Busy)
    }
}

fn argon2() -> Argon2<'static> {
    let params =
        Params::new(ARGON2_M_KIB, ARGON2_T, ARGON2_P, None).expect("the parameters are within bounds");
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
}

fn is_current(hash: &PasswordHash) -> bool {
    hash.algorithm == Algorithm::Argon2id.ident()
        && hash.params.get_decimal("m") == Some(ARGON2_M_KIB)
        && hash.params.get_decimal("t") == Some(ARGON2_T)
        && hash.params.get_decimal("p") == Some(ARGON2_P)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<NewPassword, WeakPassword> {
        NewPassword::parse(text.to_owned(), Some(&"anna.smith@example.com".parse().unwrap()))
    }

    #[test]
    fn weak_passwords_are_refused_and_say_why() {
        for (text, why) in [
            ("short", WeakPassword::TooShort),
            ("äöüäöüäöü", WeakPassword::TooShort),
            (&"x1".repeat(65), WeakPassword::TooLong),
            ("1Q2W3E4R5T6Y", WeakPassword::Common),
            ("aaaaaaaaaaaa", WeakPassword::Repetitive),
            ("abc4abc4abc4", WeakPassword::Repetitive),
            ("Anna.Smith@Example.com", WeakPassword::Address),
            ("nul\0in between", WeakPassword::Nul),
        ] {
            assert_eq!(parse(text), Err(why), "{text:?}");
        }
        for text in ["correct horse battery", "ünïcödé wörds", "yz19yz19-yz18"] {
            assert!(parse(text).is_ok(), "{text:?}");
        }
    }

    #[test]
    fn the_shipped_list_holds_only_what_length_does_not_refuse() {
        let words: Vec<&str> = COMMON.lines().filter(|line| !line.starts_with('#')).collect();
        assert!(words.len() > 1000);
        assert!(
            words
                .iter()
                .all(|word| word.chars().count() >= NewPassword::MIN_CHARS && word.to_lowercase() == *word)
        );
    }

    #[tokio::test]
    async fn a_hash_fits_its_password_only() {
        let passwords = Passwords::new(Random::seeded(1), 1, 4);
        let hash = passwords
            .hash(parse("correct horse battery").unwrap())
            .await
            .unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
        let verify = |text: &str, hash: Option<String>| passwords.verify(text.to_owned(), hash);
        assert_eq!(
            verify("correct horse battery", Some(hash.clone())).await.unwrap(),
            Verdict::Right
        );
        assert_eq!(
            verify("correct horse batterie", Some(hash)).await.unwrap(),
            Verdict::Wrong
        );
        assert_eq!(
            verify("correct horse battery", None).await.unwrap(),
            Verdict::Wrong
        );
        assert_eq!(passwords.hashed(), 4, "an unknown account costs the same");
    }

    #[tokio::test]
    async fn a_hash_of_older_parameters_is_still_right_and_seen_as_old() {
        let passwords = Passwords::new(Random::seeded(1), 1, 4);
        let params = Params::new(8, 1, 1, None).unwrap();
        let old = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        let hash: PasswordHash = old
            .hash_password_with_salt(b"correct horse battery", &[7; 16])
            .unwrap();
        let verdict = passwords
            .verify("correct horse battery".to_owned(), Some(hash.to_string()))
            .await;
        assert_eq!(verdict.unwrap(), Verdict::RightButOld);
    }

    #[tokio::test]
    async fn who_comes_when_the_queue_is_full_is_told_to_come_back() {
        let passwords = Passwords::new(Random::seeded(1), 1, 1);
        let held = passwords.at_work.clone().acquire_owned().await.unwrap();
        let (other, word) = (passwords.clone(), "correct horse battery".to_owned());
        let waiting = tokio::spawn(async move { other.verify(word, None).await });
        while passwords.admitted.available_permits() > 1 {
            tokio::task::yield_now().await;
        }
        let second = passwords.admitted.clone().try_acquire_owned().unwrap();
        assert!(matches!(
            passwords.verify("x".to_owned(), None).await,
            Err(Error::Busy)
        ));
        drop((held, second));
        assert_eq!(waiting.await.unwrap().unwrap(), Verdict::Wrong);
    }
}
