//! What billing decides: pure functions over values, without Stripe and without a clock.

pub mod delinquency;
mod fold;
mod period;
pub mod signature;

pub use fold::{Effect, Outcome, event_concerns_us, fold};
pub use period::{forecast, month_of, period_of};

use super::{Money, Status, Subscription};
use crate::clock::{DAY, Timestamp};
use crate::plans::{Interval, Plan};

/// What a state of a subscription gives the member. The table of the README.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Meaning {
    /// The free plan, and nothing comes of it any more.
    Over,
    /// The free plan; a payment or a card brings the plan back.
    Waiting,
    /// The plan, for a while, although a payment is missing.
    Borrowed,
    /// The plan.
    Granted,
}

/// One row for each state that Stripe knows.
pub const fn meaning(status: Status) -> Meaning {
    match status {
        Status::Incomplete => Meaning::Waiting,
        Status::IncompleteExpired => Meaning::Over,
        Status::Trialing => Meaning::Granted,
        Status::Active => Meaning::Granted,
        Status::PastDue => Meaning::Borrowed,
        Status::Unpaid => Meaning::Waiting,
        Status::Paused => Meaning::Waiting,
        Status::Canceled => Meaning::Over,
    }
}

/// The plan that subscriptions give.
pub fn granted<'a>(
    subscriptions: impl IntoIterator<Item = &'a Subscription>,
    delinquent_since: Option<Timestamp>,
    now: Timestamp,
) -> Plan {
    let grants = |subscription: &Subscription| match meaning(subscription.status) {
        Meaning::Granted => true,
        Meaning::Borrowed => !delinquency::is_over(delinquent_since, now),
        Meaning::Waiting | Meaning::Over => false,
    };
    subscriptions
        .into_iter()
        .filter(|subscription| grants(subscription))
        .map(|subscription| subscription.plan)
        .max()
        .unwrap_or_default()
}

/// The subscription that counts: what gives most, of equals the oldest. The others should not be there.
pub fn current<'a>(subscriptions: impl IntoIterator<Item = &'a Subscription>) -> Option<&'a Subscription> {
    let rank = |subscription: &&Subscription| {
        (
            meaning(subscription.status),
            std::cmp::Reverse((subscription.created_at, subscription.id.clone())),
        )
    };
    subscriptions
        .into_iter()
        .filter(|subscription| !subscription.status.is_over())
        .max_by_key(rank)
}

/// When a change of plan takes effect: up at once, for what is paid for begins now; down at the period's end, for what was paid
/// for lasts until then. Of the same plan, to a year is up and to a month is down.
pub fn takes_effect_at_once(from: (Plan, Interval), to: (Plan, Interval)) -> bool {
    to > from
}

/// `12.00 EUR`; currencies without cents have none.
pub fn money(money: &Money) -> String {
    const WITHOUT_CENTS: [&str; 15] = [
        "bif", "clp", "djf", "gnf", "jpy", "kmf", "krw", "mga", "pyg", "rwf", "vnd", "vuv", "xaf", "xof",
        "xpf",
    ];
    let (amount, currency) = (money.amount, money.currency.to_uppercase());
    if WITHOUT_CENTS.contains(&money.currency.as_str()) {
        return format!("{amount} {currency}");
    }
    let sign = if amount < 0 { "-" } else { "" };
    format!(
        "{sign}{}.{:02} {currency}",
        amount.abs() / 100,
        amount.abs() % 100
    )
}

/// Whether a card is no longer good 30 days from now: it is until the end of the month that it names.
pub fn card_expires_soon(month: u32, year: u32, now: Timestamp) -> bool {
    let soon = (now + DAY * 30).jiff().to_zoned(jiff::tz::TimeZone::UTC);
    let (at_year, at_month) = (
        u32::try_from(soon.year()).unwrap_or(0),
        u32::from(soon.month().unsigned_abs()),
    );
    (year, month) < (at_year, at_month)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Promise 22; the table of the README.
    #[test]
    fn each_state_has_its_meaning() {
        let table = include_str!("../../../README.md");
        for status in Status::ALL {
            let word = match meaning(status) {
                Meaning::Over => "over",
                Meaning::Waiting => "waiting",
                Meaning::Borrowed => "borrowed",
                Meaning::Granted => "granted",
            };
            let row = format!("| `{}` | {word} |", status.as_str());
            assert!(table.contains(&row), "the README lacks {row}");
        }
    }

    #[test]
    fn up_is_at_once_and_down_at_the_period_s_end() {
        use Interval::{Monthly, Yearly};
        use Plan::{Business, Pro};
        for (from, to, at_once) in [
            ((Pro, Monthly), (Business, Monthly), true),
            ((Pro, Monthly), (Pro, Yearly), true),
            ((Pro, Yearly), (Business, Monthly), true),
            ((Business, Monthly), (Pro, Monthly), false),
            ((Pro, Yearly), (Pro, Monthly), false),
            ((Business, Yearly), (Pro, Yearly), false),
        ] {
            assert_eq!(takes_effect_at_once(from, to), at_once, "{from:?} {to:?}");
        }
    }

    #[test]
    fn amounts_read_as_people_write_them() {
        let text = |amount, currency: &str| {
            money(&Money {
                amount,
                currency: currency.into(),
            })
        };
        assert_eq!(text(1200, "eur"), "12.00 EUR");
        assert_eq!(text(-5, "usd"), "-0.05 USD");
        assert_eq!(text(1200, "jpy"), "1200 JPY");
    }

    #[test]
    fn a_card_is_good_until_the_end_of_its_month() {
        let now = "2026-11-22T10:00:00Z".parse().unwrap();
        assert!(card_expires_soon(11, 2026, now));
        assert!(!card_expires_soon(12, 2026, now), "good for 39 days");
        assert!(!card_expires_soon(1, 2027, now));
        assert!(card_expires_soon(1, 2020, now));
    }
}
