//! A circuit that fails fast: after some failures in a row nobody asks for a while, then one tries.

use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

use crate::clock::Clock;

/// So many failures in a row open it.
const FAILURES: u32 = 5;
/// For so long.
const OPEN: Duration = Duration::from_secs(30);

/// Whether it is worth asking.
pub struct Breaker {
    clock: Clock,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    failures: u32,
    open_until: Option<Duration>,
    /// Since when somebody tries whether it is back.
    probing_since: Option<Duration>,
}

/// The right to ask; says how it went.
pub struct Pass<'a>(&'a Breaker);

impl Breaker {
    pub fn new(clock: Clock) -> Self {
        Self {
            clock,
            state: Mutex::default(),
        }
    }

    /// `None`: not now.
    pub fn enter(&self) -> Option<Pass<'_>> {
        let now = self.clock.uptime();
        let mut state = self.state();
        match state.open_until {
            None => Some(Pass(self)),
            Some(until) if now < until => None,
            // One that never said how it went is not waited for longer than the circuit would be open.
            Some(_) if state.probing_since.is_some_and(|since| now < since + OPEN) => None,
            Some(_) => {
                state.probing_since = Some(now);
                Some(Pass(self))
            }
        }
    }

    pub fn is_open(&self) -> bool {
        let now = self.clock.uptime();
        self.state().open_until.is_some_and(|until| now < until)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no holder of this lock panics")
    }
}

impl Pass<'_> {
    pub fn answered(self) {
        *self.0.state() = State::default();
    }

    pub fn failed(self) {
        let now = self.0.clock.uptime();
        let mut state = self.0.state();
        state.failures += 1;
        state.probing_since = None;
        if state.failures >= FAILURES {
            state.open_until = Some(now + OPEN);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Timestamp;

    #[test]
    fn five_failures_open_it_and_one_probe_closes_it() {
        let clock = Clock::frozen(Timestamp::from_secs(1_800_000_000));
        let breaker = Breaker::new(clock.clone());
        for _ in 0..FAILURES {
            breaker.enter().unwrap().failed();
        }
        assert!(breaker.is_open() && breaker.enter().is_none());
        clock.advance(OPEN);
        let probe = breaker.enter().unwrap();
        assert!(breaker.enter().is_none(), "one tries, the others wait");
        probe.failed();
        assert!(breaker.enter().is_none(), "open again");
        clock.advance(OPEN);
        breaker.enter().unwrap().answered();
        assert!(breaker.enter().is_some() && !breaker.is_open());
    }

    #[test]
    fn failures_that_are_not_in_a_row_do_not_open_it() {
        let breaker = Breaker::new(Clock::frozen(Timestamp::from_secs(1_800_000_000)));
        for _ in 0..3 * FAILURES {
            breaker.enter().unwrap().failed();
            breaker.enter().unwrap().answered();
        }
        assert!(!breaker.is_open());
    }
}
