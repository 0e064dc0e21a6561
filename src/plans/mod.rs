//! Plans and their limits: values, and which plan a member is on. Knows nothing of Stripe or of money that was paid: `billing`
//! says who is on which plan, and whoever grants something asks here whether the plan has it.
//!
//! A limit stops what is new; it never takes away what a member has, and never breaks a bar that is live.

pub mod api;
mod store;

use std::str::FromStr;
use std::time::Duration;

use poem_openapi::{Enum, Object};
use serde::{Deserialize, Serialize};

use crate::clock::{DAY, Timestamp};
use crate::db::{self, Conn};
use crate::ids::MemberId;

pub use store::{Standing, put_plan, put_resting, retention_sql, standing};

/// What a member may do. In the order of what they have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, Enum)]
#[serde(rename_all = "snake_case")]
#[oai(rename_all = "snake_case")]
pub enum Plan {
    #[default]
    Free,
    Pro,
    Business,
    /// Everybody's where nothing is sold: everything, without limits.
    SelfHosted,
}

/// For how long one pays at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, Enum)]
#[serde(rename_all = "snake_case")]
#[oai(rename_all = "snake_case", rename = "BillingInterval")]
pub enum Interval {
    Monthly,
    Yearly,
}

/// A text that names no plan, or no interval.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("is not known")]
pub struct Unknown;

impl Plan {
    pub const ALL: [Self; 4] = [Self::Free, Self::Pro, Self::Business, Self::SelfHosted];
    /// Those that cost money.
    pub const SOLD: [Self; 2] = [Self::Pro, Self::Business];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Free => "free",
            Self::Pro => "pro",
            Self::Business => "business",
            Self::SelfHosted => "self_hosted",
        }
    }

    /// As people write it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Free => "Free",
            Self::Pro => "Pro",
            Self::Business => "Business",
            Self::SelfHosted => "Self-hosted",
        }
    }

    pub const fn limits(self) -> Limits {
        match self {
            Self::Free => Limits {
                views: Some(10_000),
                bars: Some(3),
                sites: Some(3),
                team: Some(2),
                retention_days: Some(30),
                branding_off: false,
                webhooks: false,
                export: false,
            },
            Self::Pro => Limits {
                views: Some(200_000),
                bars: Some(25),
                sites: Some(25),
                team: Some(10),
                retention_days: Some(180),
                branding_off: true,
                webhooks: true,
                export: true,
            },
            Self::Business => Limits {
                views: Some(2_000_000),
                bars: Some(500),
                sites: Some(500),
                team: Some(100),
                retention_days: Some(730),
                branding_off: true,
                webhooks: true,
                export: true,
            },
            Self::SelfHosted => Limits {
                views: None,
                bars: None,
                sites: None,
                team: None,
                retention_days: None,
                branding_off: true,
                webhooks: true,
                export: true,
            },
        }
    }

    /// What it costs, in cents of a euro before tax, where `contactbar billing sync` makes its price. What a member really
    /// pays is what Stripe says. `None`: it is not sold.
    pub const fn price_cents(self, interval: Interval) -> Option<i64> {
        match (self, interval) {
            (Self::Pro, Interval::Monthly) => Some(1_200),
            (Self::Pro, Interval::Yearly) => Some(12_000),
            (Self::Business, Interval::Monthly) => Some(4_900),
            (Self::Business, Interval::Yearly) => Some(49_000),
            (Self::Free | Self::SelfHosted, _) => None,
        }
    }

    /// The next one that is sold.
    pub fn next(self) -> Option<Self> {
        Self::SOLD.into_iter().find(|plan| *plan > self)
    }
}

impl Interval {
    pub const ALL: [Self; 2] = [Self::Monthly, Self::Yearly];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Monthly => "monthly",
            Self::Yearly => "yearly",
        }
    }
}

impl FromStr for Plan {
    type Err = Unknown;
    fn from_str(text: &str) -> Result<Self, Unknown> {
        Self::ALL
            .into_iter()
            .find(|plan| plan.as_str() == text)
            .ok_or(Unknown)
    }
}

impl FromStr for Interval {
    type Err = Unknown;
    fn from_str(text: &str) -> Result<Self, Unknown> {
        Self::ALL
            .into_iter()
            .find(|interval| interval.as_str() == text)
            .ok_or(Unknown)
    }
}

/// How much of what a plan has. Absent: without limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Object)]
#[oai(rename = "PlanLimits", skip_serializing_if_is_none)]
pub struct Limits {
    /// Views that are counted in a month.
    pub views: Option<i64>,
    pub bars: Option<i64>,
    /// Different hosts that the member allows its bars to be shown on.
    pub sites: Option<i64>,
    /// People in the team, open invitations included.
    pub team: Option<i64>,
    /// For how many days single events are kept at most. Sums are kept for ever.
    pub retention_days: Option<u32>,
    /// Bars without our name.
    pub branding_off: bool,
    pub webhooks: bool,
    /// Contacts and statistics as CSV. (Who ends the account may always take everything along.)
    pub export: bool,
}

/// What a plan may lack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// So many bars in all.
    Bars(i64),
    Sites(i64),
    Team(i64),
    Webhooks,
    Export,
}

impl Wanted {
    fn is_in(self, limits: &Limits) -> bool {
        let within = |limit: Option<i64>, count: i64| limit.is_none_or(|limit| count <= limit);
        match self {
            Self::Bars(count) => within(limits.bars, count),
            Self::Sites(count) => within(limits.sites, count),
            Self::Team(count) => within(limits.team, count),
            Self::Webhooks => limits.webhooks,
            Self::Export => limits.export,
        }
    }

    /// `3 bars`, as a sentence names what a plan has of it.
    fn words(self, limits: &Limits) -> String {
        let many = |limit: Option<i64>, of: &str| match limit {
            Some(limit) => format!("{limit} {of}"),
            None => format!("any number of {of}"),
        };
        match self {
            Self::Bars(_) => many(limits.bars, "bars"),
            Self::Sites(_) => many(limits.sites, "sites"),
            Self::Team(_) => many(limits.team, "people in the team"),
            Self::Webhooks => (if limits.webhooks {
                "webhooks"
            } else {
                "no webhooks"
            })
            .to_owned(),
            Self::Export => (if limits.export { "export" } else { "no export" }).to_owned(),
        }
    }
}

/// The plan does not have it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the plan {} does not have it", plan.as_str())]
pub struct Refused {
    pub wanted: Wanted,
    pub plan: Plan,
}

impl Refused {
    /// The smallest plan that is sold and has it.
    pub fn needed(&self) -> Option<Plan> {
        Plan::SOLD
            .into_iter()
            .find(|plan| *plan > self.plan && self.wanted.is_in(&plan.limits()))
    }

    /// What the plan has, and which one has more.
    pub fn words(&self) -> String {
        let has = |plan: Plan| format!("{} has {}", plan.name(), self.wanted.words(&plan.limits()));
        match self.needed() {
            Some(needed) => format!("Your plan {}; {}.", has(self.plan), has(needed)),
            None => format!("Your plan {}, and no other has more.", has(self.plan)),
        }
    }
}

/// Does this plan have what is wanted?
pub fn admit(plan: Plan, wanted: Wanted) -> Result<(), Refused> {
    if wanted.is_in(&plan.limits()) {
        Ok(())
    } else {
        Err(Refused { wanted, plan })
    }
}

/// For so long after a fall to a smaller plan the retention of the one before holds: nothing is deleted before the member
/// could have come back.
pub const RETENTION_GRACE: Duration = Duration::from_secs(30 * DAY.as_secs());

/// Whether plans are sold here. Without Stripe they are not, and everybody has everything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Plans {
    pub sold: bool,
}

impl Plans {
    /// The member's plan. Within a transaction that grants something, others who want something of the same member wait.
    pub fn of(self, conn: &mut Conn, member: MemberId) -> db::Result<Plan> {
        if !self.sold {
            return Ok(Plan::SelfHosted);
        }
        Ok(standing(conn, member)?.plan)
    }

    /// The same, while everybody else who wants something of the member waits for the end of the transaction.
    pub fn of_locked(self, tx: &mut Conn, member: MemberId) -> db::Result<Plan> {
        if self.sold {
            store::lock(tx, member)?;
        }
        self.of(tx, member)
    }

    /// Does a bar of a member with this plan say whose it is?
    pub fn is_branded(self, plan: Plan) -> bool {
        self.sold && !plan.limits().branding_off
    }

    /// Until when the member's bars rest, because the views of the period are used up and it chose that.
    pub fn is_resting(self, resting_until: Option<Timestamp>, now: Timestamp) -> bool {
        self.sold && resting_until.is_some_and(|until| now < until)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bigger_plan_never_has_less() {
        let all = |plan: Plan| {
            let limits = plan.limits();
            let most = |limit: Option<i64>| limit.unwrap_or(i64::MAX);
            [
                most(limits.views),
                most(limits.bars),
                most(limits.sites),
                most(limits.team),
                limits.retention_days.map_or(i64::MAX, i64::from),
                i64::from(limits.branding_off),
                i64::from(limits.webhooks),
                i64::from(limits.export),
            ]
        };
        for pair in Plan::ALL.windows(2) {
            let smaller = all(pair[0]);
            assert!(
                smaller.iter().zip(all(pair[1])).all(|(small, big)| *small <= big),
                "{pair:?}"
            );
        }
    }

    #[test]
    fn what_is_sold_has_both_prices_and_a_year_is_cheaper() {
        for plan in Plan::ALL {
            let price = |interval| plan.price_cents(interval);
            assert_eq!(price(Interval::Monthly).is_some(), Plan::SOLD.contains(&plan));
            if let (Some(month), Some(year)) = (price(Interval::Monthly), price(Interval::Yearly)) {
                assert!(year < 12 * month && year > 6 * month);
            }
        }
    }

    #[test]
    fn a_refusal_names_the_plan_that_has_it() {
        let refused = admit(Plan::Free, Wanted::Bars(4)).unwrap_err();
        assert_eq!(refused.words(), "Your plan Free has 3 bars; Pro has 25 bars.");
        let refused = admit(Plan::Free, Wanted::Team(50)).unwrap_err();
        assert_eq!(refused.needed(), Some(Plan::Business));
        let refused = admit(Plan::Business, Wanted::Bars(501)).unwrap_err();
        assert_eq!(
            refused.words(),
            "Your plan Business has 500 bars, and no other has more."
        );
        assert!(admit(Plan::Free, Wanted::Bars(3)).is_ok());
        assert!(admit(Plan::SelfHosted, Wanted::Export).is_ok());
    }

    #[test]
    fn the_next_plan_is_one_that_is_sold() {
        assert_eq!(Plan::Free.next(), Some(Plan::Pro));
        assert_eq!(Plan::Pro.next(), Some(Plan::Business));
        assert_eq!((Plan::Business.next(), Plan::SelfHosted.next()), (None, None));
    }
}
