//! How many requests a caller may make: a limit is a name, an amount and a window, counted per key (an address, an
//! account, a bar) by the generic cell rate algorithm on the injected clock.
//!
//! Counted per process: with several processes behind a balancer each counts what it sees. Answers carry the `RateLimit`
//! and `RateLimit-Policy` fields of draft-ietf-httpapi-ratelimit-headers.

use std::{hash::Hash, num::NonZeroU32, sync::Arc, time::Duration};

use governor::{
    Quota, RateLimiter,
    clock::{Clock as GovernorClock, Reference},
    middleware::{NoOpMiddleware, StateInformationMiddleware},
    nanos::Nanos,
    state::keyed::DashMapStateStore,
};
use poem::http::{HeaderMap, HeaderName, HeaderValue};

use super::problem::Problem;
use crate::clock::Clock;

pub const RATELIMIT: HeaderName = HeaderName::from_static("ratelimit");
pub const RATELIMIT_POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");

/// So much, in so long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Policy {
    /// Stands in the answer's fields; plain ASCII.
    pub name: &'static str,
    pub amount: NonZeroU32,
    pub window: Duration,
}

impl Policy {
    pub const fn per_minute(name: &'static str, amount: u32) -> Self {
        Self {
            name,
            amount: at_least_one(amount),
            window: Duration::from_secs(60),
        }
    }

    pub const fn per_hour(name: &'static str, amount: u32) -> Self {
        Self {
            name,
            amount: at_least_one(amount),
            window: Duration::from_secs(3600),
        }
    }
}

const fn at_least_one(amount: u32) -> NonZeroU32 {
    match NonZeroU32::new(amount) {
        Some(amount) => amount,
        None => NonZeroU32::MIN,
    }
}

type Store<K> = RateLimiter<K, DashMapStateStore<K>, ByOurClock, StateInformationMiddleware>;

/// One limit; cheap to clone.
#[derive(Clone)]
pub struct RateLimit<K: Hash + Eq + Clone> {
    policy: Policy,
    clock: Clock,
    limiter: Arc<Store<K>>,
}

/// What is left after a request that was let through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Allowance {
    policy: Policy,
    remaining: u32,
}

/// A request too many.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("more than {} in {} s", policy.amount, policy.window.as_secs())]
pub struct TooMany {
    policy: Policy,
    pub retry_after_secs: u64,
}

impl<K: Hash + Eq + Clone> RateLimit<K> {
    pub fn new(policy: Policy, clock: Clock) -> Self {
        let replenish = policy.window / policy.amount.get();
        let quota = Quota::with_period(replenish)
            .expect("a window is longer than nothing")
            .allow_burst(policy.amount);
        let store = DashMapStateStore::default();
        let limiter: Store<K> =
            RateLimiter::<_, _, _, NoOpMiddleware<Micros>>::new(quota, store, ByOurClock(clock.clone()))
                .with_middleware();
        Self {
            policy,
            clock,
            limiter: Arc::new(limiter),
        }
    }

    /// Counts one request of `key`.
    pub fn check(&self, key: &K) -> Result<Allowance, TooMany> {
        match self.limiter.check_key(key) {
            Ok(state) => Ok(Allowance {
                policy: self.policy,
                remaining: state.remaining_burst_capacity(),
            }),
            Err(not_until) => {
                let wait = not_until.wait_time_from(ByOurClock(self.clock.clone()).now());
                Err(TooMany {
                    policy: self.policy,
                    retry_after_secs: wait.as_millis().div_ceil(1000).max(1) as u64,
                })
            }
        }
    }

    /// Forgets the keys that are back at their full amount. Called now and then by app.rs.
    pub fn forget_idle(&self) {
        self.limiter.retain_recent();
        self.limiter.shrink_to_fit();
    }

    /// How many keys are remembered.
    pub fn len(&self) -> usize {
        self.limiter.len()
    }

    pub fn is_empty(&self) -> bool {
        self.limiter.is_empty()
    }
}

impl Allowance {
    /// Says in the answer what is left.
    pub fn describe(&self, headers: &mut HeaderMap) {
        let used = self.policy.amount.get() - self.remaining.min(self.policy.amount.get());
        let until_full = (self.policy.window * used / self.policy.amount.get())
            .as_millis()
            .div_ceil(1000);
        if headers.contains_key(RATELIMIT) {
            return; // a stricter limit has spoken
        }
        headers.insert(RATELIMIT_POLICY, self.policy.field());
        headers.insert(
            RATELIMIT,
            value(format!(
                "\"{}\";r={};t={}",
                self.policy.name, self.remaining, until_full
            )),
        );
    }
}

impl Policy {
    fn field(&self) -> HeaderValue {
        value(format!(
            "\"{}\";q={};w={}",
            self.name,
            self.amount,
            self.window.as_secs()
        ))
    }
}

fn value(text: String) -> HeaderValue {
    HeaderValue::try_from(text).expect("names of limits are ASCII")
}

impl From<TooMany> for Problem {
    fn from(too_many: TooMany) -> Self {
        let TooMany {
            policy,
            retry_after_secs,
        } = too_many;
        Problem::too_many_requests(retry_after_secs)
            .detail(format!(
                "At most {} in {} seconds.",
                policy.amount,
                policy.window.as_secs()
            ))
            .header(RATELIMIT_POLICY, policy.field())
            .header(
                RATELIMIT,
                value(format!("\"{}\";r=0;t={}", policy.name, retry_after_secs)),
            )
    }
}

impl From<TooMany> for poem::Error {
    fn from(too_many: TooMany) -> Self {
        Problem::from(too_many).into()
    }
}

/// governor's view of our clock: a time of day that is set back must not lock everybody out.
#[derive(Clone)]
struct ByOurClock(Clock);

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Micros(u64);

impl GovernorClock for ByOurClock {
    type Instant = Micros;

    fn now(&self) -> Micros {
        Micros(u64::try_from(self.0.uptime().as_micros()).unwrap_or(u64::MAX))
    }
}

impl std::ops::Add<Nanos> for Micros {
    type Output = Self;

    fn add(self, nanos: Nanos) -> Self {
        Self(self.0 + nanos.as_u64() / 1000)
    }
}

impl Reference for Micros {
    fn duration_since(&self, earlier: Self) -> Nanos {
        Nanos::from(self.0.saturating_sub(earlier.0).saturating_mul(1000))
    }

    fn saturating_sub(&self, duration: Nanos) -> Self {
        Self(self.0.saturating_sub(duration.as_u64() / 1000))
    }
}
