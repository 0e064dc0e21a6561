//! Time, handed in. Owns `Timestamp` and `Clock`; nothing else in the crate reads the system's time (`clippy.toml`).

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use serde::{Deserialize, Serialize, de};

/// An instant in UTC, in whole microseconds since 1970. RFC 3339 in text and JSON.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Timestamp(i64);

pub const HOUR: Duration = Duration::from_secs(3600);
/// 24 hours: days of promises are counted so, whatever a time zone does.
pub const DAY: Duration = Duration::from_secs(24 * 3600);
pub const MINUTE: Duration = Duration::from_secs(60);

impl Timestamp {
    pub const fn from_micros(micros: i64) -> Self {
        Self(micros)
    }

    pub const fn from_secs(secs: i64) -> Self {
        Self(secs * 1_000_000)
    }

    pub const fn micros(self) -> i64 {
        self.0
    }

    pub const fn secs(self) -> i64 {
        self.0.div_euclid(1_000_000)
    }

    pub const fn millis(self) -> i64 {
        self.0.div_euclid(1000)
    }

    /// Whole hours since 1970, the key of hourly counts.
    pub fn hour(self) -> i32 {
        i32::try_from(self.secs().div_euclid(3600)).expect("hours of any sane year fit 32 bits")
    }

    /// Whole days since 1970 in UTC.
    pub fn day(self) -> i32 {
        self.hour().div_euclid(24)
    }

    /// The time that has passed since `earlier`; zero if that lies ahead.
    pub fn since(self, earlier: Timestamp) -> Duration {
        Duration::from_micros(u64::try_from(self.0 - earlier.0).unwrap_or(0))
    }

    pub fn jiff(self) -> jiff::Timestamp {
        jiff::Timestamp::from_microsecond(self.0).expect("stored instants lie within jiff's range")
    }
}

impl From<jiff::Timestamp> for Timestamp {
    fn from(value: jiff::Timestamp) -> Self {
        Self(value.as_microsecond())
    }
}

impl std::ops::Add<Duration> for Timestamp {
    type Output = Timestamp;
    fn add(self, by: Duration) -> Timestamp {
        Timestamp(self.0.saturating_add(micros(by)))
    }
}

impl std::ops::Sub<Duration> for Timestamp {
    type Output = Timestamp;
    fn sub(self, by: Duration) -> Timestamp {
        Timestamp(self.0.saturating_sub(micros(by)))
    }
}

fn micros(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.jiff())
    }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[derive(Debug, thiserror::Error)]
#[error("is not a time as RFC 3339 writes it, such as 2026-11-22T10:30:00Z")]
pub struct NotATime;

impl FromStr for Timestamp {
    type Err = NotATime;
    fn from_str(text: &str) -> Result<Self, NotATime> {
        let parsed: jiff::Timestamp = text.parse().map_err(|_| NotATime)?;
        Ok(parsed.into())
    }
}

impl Serialize for Timestamp {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<str>::deserialize(deserializer)?;
        text.parse().map_err(de::Error::custom)
    }
}

/// Where the time comes from: the system, or a test that moves it by hand.
#[derive(Clone)]
pub struct Clock(Source);

#[derive(Clone)]
enum Source {
    /// Since when.
    System(std::time::Instant),
    Frozen(Arc<Frozen>),
}

struct Frozen {
    now: AtomicI64,
    uptime: AtomicI64,
}

impl Clock {
    #[allow(
        clippy::disallowed_methods,
        reason = "the one place that reads the system's time"
    )]
    pub fn system() -> Self {
        Self(Source::System(std::time::Instant::now()))
    }

    pub fn frozen(at: Timestamp) -> Self {
        Self(Source::Frozen(Arc::new(Frozen {
            now: AtomicI64::new(at.0),
            uptime: AtomicI64::new(0),
        })))
    }

    #[allow(
        clippy::disallowed_methods,
        reason = "the one place that reads the system's time"
    )]
    pub fn now(&self) -> Timestamp {
        match &self.0 {
            Source::System(_) => jiff::Timestamp::now().into(),
            Source::Frozen(at) => Timestamp(at.now.load(Ordering::SeqCst)),
        }
    }

    /// How long this clock has run: it moves on whatever is done to the time of day. What lasts for a while within the
    /// process (a cache, a rate limit) is measured by it; what others read is a [`Timestamp`].
    pub fn uptime(&self) -> Duration {
        match &self.0 {
            Source::System(start) => start.elapsed(),
            Source::Frozen(at) => {
                Duration::from_micros(u64::try_from(at.uptime.load(Ordering::SeqCst)).unwrap_or(0))
            }
        }
    }

    /// Moves a frozen clock on. The system's clock moves by itself and is left alone.
    pub fn advance(&self, by: Duration) {
        if let Source::Frozen(at) = &self.0 {
            at.now.fetch_add(micros(by), Ordering::SeqCst);
            at.uptime.fetch_add(micros(by), Ordering::SeqCst);
        }
    }

    /// Sets a frozen clock's time of day, as an operator or a time server may, forwards or backwards; no time passes.
    pub fn set(&self, at: Timestamp) {
        if let Source::Frozen(frozen) = &self.0 {
            frozen.now.store(at.0, Ordering::SeqCst);
        }
    }
}

/// Measures how long something took, for logs and metrics only: never for a decision.
pub struct Stopwatch(std::time::Instant);

impl Stopwatch {
    #[allow(
        clippy::disallowed_methods,
        reason = "durations for logs and metrics decide nothing"
    )]
    pub fn start() -> Self {
        Self(std::time::Instant::now())
    }

    pub fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timestamp_reads_back_what_it_writes() {
        let t: Timestamp = "2026-11-22T10:30:00.000001Z".parse().unwrap();
        assert_eq!(t.to_string(), "2026-11-22T10:30:00.000001Z");
        assert_eq!(
            serde_json::from_str::<Timestamp>(&serde_json::to_string(&t).unwrap()).unwrap(),
            t
        );
    }

    #[test]
    fn hours_and_days_before_1970_round_down() {
        assert_eq!(Timestamp::from_micros(-1).hour(), -1);
        assert_eq!(Timestamp::from_micros(-1).day(), -1);
        assert_eq!(Timestamp::from_secs(86_400).day(), 1);
    }

    #[test]
    fn a_time_of_day_that_is_set_leaves_what_lasts_alone() {
        let clock = Clock::frozen(Timestamp::from_secs(1_000_000));
        clock.advance(MINUTE);
        clock.set(Timestamp::from_secs(5));
        assert_eq!((clock.now(), clock.uptime()), (Timestamp::from_secs(5), MINUTE));
    }

    #[test]
    fn a_frozen_clock_moves_only_by_hand() {
        let clock = Clock::frozen(Timestamp::from_secs(5));
        assert_eq!(clock.now(), Timestamp::from_secs(5));
        clock.advance(DAY);
        assert_eq!(clock.now().since(Timestamp::from_secs(5)), DAY);
    }
}
