//! Decisions about log-ins: how long a session lasts, how many tries there are, what a device is called. Pure.

use std::time::Duration;

use crate::clock::{DAY, HOUR, MINUTE, Timestamp};

/// A session that nobody uses ends after this long.
pub const SESSION_IDLE: Duration = Duration::from_secs(7 * 24 * 3600);
/// A session ends after this long, however much it is used.
pub const SESSION_ABSOLUTE: Duration = Duration::from_secs(30 * 24 * 3600);
/// How exactly it is known when a session or token was last used: a read does not cost a write each time.
pub const SEEN_EVERY: Duration = Duration::from_secs(5 * 60);
/// How long a log-in record is kept (promise 12).
pub const LOGIN_RECORD: Duration = Duration::from_secs(90 * 24 * 3600);
pub const VERIFY_LINK: Duration = Duration::from_secs(48 * 3600);
pub const RESET_LINK: Duration = Duration::from_secs(30 * 60);
pub const CHANGE_LINK: Duration = Duration::from_secs(24 * 3600);
/// A registration whose address nobody verified is forgotten after this long.
pub const UNVERIFIED: Duration = Duration::from_secs(7 * 24 * 3600);
/// When a lead is reminded, counted from when it left its address; and never again after the last (promise 17).
pub const NUDGES_AFTER: [Duration; 2] = [DAY, Duration::from_secs(7 * 24 * 3600)];
/// How long the address of a lead is kept that never registers: 30 days after the last reminder.
pub const LEAD_KEPT: Duration = Duration::from_secs(37 * 24 * 3600);
pub const RECOVERY_CODES: usize = 10;

/// Until when a session lasts, used now.
pub fn session_expiry(created_at: Timestamp, seen_at: Timestamp) -> Timestamp {
    (seen_at + SESSION_IDLE).min(created_at + SESSION_ABSOLUTE)
}

/// How many tries there are, and how the wait grows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Throttle {
    /// So many within `window` cost no wait.
    pub free: i32,
    pub window: Duration,
    /// The wait after the first that is not free; it doubles with each further one.
    pub first_wait: Duration,
    pub longest_wait: Duration,
}

/// Wrong passwords and codes for one account, from wherever.
pub const ACCOUNT: Throttle = Throttle {
    free: 5,
    window: HOUR,
    first_wait: Duration::from_secs(30),
    longest_wait: Duration::from_secs(15 * 60),
};
/// Wrong passwords and codes from one network, for whichever account.
pub const NETWORK: Throttle = Throttle {
    free: 30,
    window: HOUR,
    first_wait: MINUTE,
    longest_wait: Duration::from_secs(15 * 60),
};
/// Mails that somebody without a log-in can make us send to one address.
pub const MAILS: Throttle = Throttle {
    free: 5,
    window: HOUR,
    first_wait: HOUR,
    longest_wait: DAY,
};
/// The same, from one network.
pub const MAILS_OF_NETWORK: Throttle = Throttle {
    free: 30,
    window: HOUR,
    first_wait: MINUTE,
    longest_wait: HOUR,
};

/// What has been counted for a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tally {
    pub failures: i32,
    pub first_failure_at: Timestamp,
    pub blocked_until: Option<Timestamp>,
}

/// Counts a try before it is made, so that many at once don't slip through together. `Err`: not now, try again in so
/// long; such a try counts for nothing.
pub fn count_try(before: Option<Tally>, throttle: Throttle, now: Timestamp) -> Result<Tally, Duration> {
    // What lies further ahead than any wait was noted by a clock that has been put right since.
    let blocked = before
        .and_then(|tally| tally.blocked_until)
        .filter(|until| *until > now && until.since(now) <= throttle.longest_wait);
    if let Some(until) = blocked {
        return Err(until.since(now));
    }
    let fresh = Tally {
        failures: 0,
        first_failure_at: now,
        blocked_until: None,
    };
    let tally = before
        .filter(|tally| now < tally.first_failure_at + throttle.window)
        .filter(|tally| tally.first_failure_at < now + throttle.window)
        .unwrap_or(fresh);
    let failures = tally.failures.saturating_add(1);
    let over = u32::try_from(failures - throttle.free).unwrap_or(0);
    let blocked_until = (over > 0 || failures == throttle.free).then(|| {
        let wait = throttle.first_wait.saturating_mul(1 << over.min(16));
        now + wait.min(throttle.longest_wait)
    });
    Ok(Tally {
        failures,
        first_failure_at: tally.first_failure_at,
        blocked_until,
    })
}

/// The code without what people add to read it out: spaces, dashes, capitals, and letters that look like digits.
pub fn normal_recovery_code(typed: &str) -> String {
    typed
        .chars()
        .filter(|c| !c.is_whitespace() && *c != '-')
        .map(|c| match c.to_ascii_lowercase() {
            'o' => '0',
            'i' | 'l' => '1',
            other => other,
        })
        .collect()
}

/// What a user agent says of itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Device {
    pub browser: Option<String>,
    pub browser_version: Option<String>,
    pub system: Option<String>,
}

impl Device {
    pub fn of(user_agent: Option<&str>) -> Self {
        let Some(found) = user_agent.and_then(|agent| woothee::parser::Parser::new().parse(agent)) else {
            return Self::default();
        };
        let known = |text: &str| (!text.is_empty() && text != "UNKNOWN").then(|| text.to_owned());
        Self {
            browser: known(found.name),
            browser_version: known(found.version),
            system: known(found.os),
        }
    }

    /// `Firefox, Linux`, for a mail.
    pub fn describe(&self) -> String {
        let parts: Vec<&str> = [&self.browser, &self.system]
            .into_iter()
            .flatten()
            .map(String::as_str)
            .collect();
        if parts.is_empty() {
            "—".to_owned()
        } else {
            parts.join(", ")
        }
    }
}

/// The first so many characters: headers that a client made up don't fill the database.
pub fn cut(text: &str, max_chars: usize) -> String {
    text.chars().filter(|c| *c != '\0').take(max_chars).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_secs(1_800_000_000);

    #[test]
    fn a_session_lasts_while_used_but_not_for_ever() {
        assert_eq!(session_expiry(NOW, NOW), NOW + SESSION_IDLE);
        assert_eq!(session_expiry(NOW, NOW + 29 * DAY), NOW + SESSION_ABSOLUTE);
    }

    #[test]
    fn the_free_tries_are_free_and_the_wait_doubles_up_to_its_bound() {
        let mut tally = None;
        let mut now = NOW;
        let mut waits = Vec::new();
        for _ in 0..12 {
            match count_try(
                tally,
                Throttle {
                    window: 10 * DAY,
                    ..ACCOUNT
                },
                now,
            ) {
                Ok(next) => tally = Some(next),
                Err(wait) => {
                    waits.push(wait.as_secs());
                    now = now + wait;
                    tally = Some(
                        count_try(
                            tally,
                            Throttle {
                                window: 10 * DAY,
                                ..ACCOUNT
                            },
                            now,
                        )
                        .unwrap(),
                    );
                }
            }
        }
        assert_eq!(waits, [30, 60, 120, 240, 480, 900, 900]);
    }

    #[test]
    fn after_the_window_all_is_forgotten() {
        let full = Tally {
            failures: 9,
            first_failure_at: NOW,
            blocked_until: Some(NOW + MINUTE),
        };
        assert_eq!(count_try(Some(full), ACCOUNT, NOW), Err(MINUTE));
        assert_eq!(count_try(Some(full), ACCOUNT, NOW + HOUR).unwrap().failures, 1);
    }

    #[test]
    fn a_recovery_code_is_read_as_people_type_it() {
        assert_eq!(normal_recovery_code(" AB1O-cdil 0000-zzzz"), "ab10cd110000zzzz");
    }

    #[test]
    fn a_device_is_named_as_far_as_it_is_known() {
        let firefox = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0";
        assert_eq!(Device::of(Some(firefox)).describe(), "Firefox, Linux");
        assert_eq!(Device::of(Some("nonsense")), Device::default());
        assert_eq!(Device::of(None).describe(), "—");
    }
}
