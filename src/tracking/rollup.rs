//! From events to sums: what a batch adds to the roll-ups. Pure.

use std::collections::{BTreeMap, HashMap};
use std::ops::AddAssign;

use super::{Country, Dimension, Drop, DropReason, Event, EventKind, OTHER};
use crate::clock::Timestamp;
use crate::ids::{BarId, MemberId};

/// What happened, counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// How often the bar was shown.
    pub views: i64,
    /// Visitors, each once a day (UTC), under what their first event of that day says.
    pub visitors: i64,
    /// Presses of the main button or link.
    pub clicks: i64,
    /// How often the bar was closed.
    pub closes: i64,
    /// Forms sent.
    pub submissions: i64,
}

impl AddAssign for Counts {
    fn add_assign(&mut self, more: Self) {
        self.views += more.views;
        self.visitors += more.visitors;
        self.clicks += more.clicks;
        self.closes += more.closes;
        self.submissions += more.submissions;
    }
}

impl Counts {
    fn of(kind: EventKind, first_of_day: bool) -> Self {
        let mut counts = Self {
            visitors: i64::from(first_of_day),
            ..Self::default()
        };
        match kind {
            EventKind::View => counts.views = 1,
            EventKind::Click => counts.clicks = 1,
            EventKind::Close => counts.closes = 1,
            EventKind::Submit => counts.submissions = 1,
        }
        counts
    }
}

/// A row of a roll-up: `bucket` is an hour or a day. In the order of the key, so that all writers take locks alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key<'a> {
    pub member: MemberId,
    pub bar: BarId,
    pub dimension: Dimension,
    pub bucket: i32,
    pub value: &'a str,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seen {
    pub first_at: Timestamp,
    pub last_at: Timestamp,
    pub counts: Counts,
}

/// What a batch adds, in the order in which it is to be written.
#[derive(Debug, Default)]
pub struct Sums<'a> {
    pub hourly: BTreeMap<Key<'a>, Counts>,
    pub daily: BTreeMap<Key<'a>, Counts>,
    pub sites: BTreeMap<(MemberId, BarId, &'a str), Seen>,
    pub drops: BTreeMap<(MemberId, BarId, i32, DropReason), i64>,
}

/// Adds up. `admit` says whether a value of an open dimension may stand by itself on that day, or is one too many;
/// `admit_site` whether a host may among the sites, which are of all days.
pub fn sum<'a>(
    events: impl Iterator<Item = (&'a Event, bool)>,
    drops: &[Drop],
    mut admit: impl FnMut(BarId, Dimension, i32, &str) -> bool,
    mut admit_site: impl FnMut(BarId, &str) -> bool,
) -> Sums<'a> {
    let mut raw: HashMap<Key<'a>, Counts> = HashMap::new();
    let mut hosts: HashMap<(MemberId, BarId, &'a str), Seen> = HashMap::new();
    for (event, first_of_day) in events {
        let counts = Counts::of(event.kind, first_of_day);
        let hour = event.received_at.hour();
        for (dimension, value) in values(event) {
            *raw.entry(Key {
                member: event.member,
                bar: event.bar,
                dimension,
                bucket: hour,
                value,
            })
            .or_default() += counts;
        }
        let at = event.received_at;
        let seen = hosts
            .entry((event.member, event.bar, event.page.host()))
            .or_insert(Seen {
                first_at: at,
                last_at: at,
                counts: Counts::default(),
            });
        seen.first_at = seen.first_at.min(at);
        seen.last_at = seen.last_at.max(at);
        seen.counts += counts;
    }
    let mut sums = Sums::default();
    for (mut key, counts) in raw {
        let day = key.bucket.div_euclid(24);
        if key.dimension.is_open() && !admit(key.bar, key.dimension, day, key.value) {
            key.value = OTHER;
        }
        *sums.hourly.entry(key).or_default() += counts;
        key.bucket = day;
        *sums.daily.entry(key).or_default() += counts;
    }
    for ((member, bar, host), seen) in hosts {
        let host = if admit_site(bar, host) { host } else { OTHER };
        sums.sites
            .entry((member, bar, host))
            .and_modify(|known| {
                known.first_at = known.first_at.min(seen.first_at);
                known.last_at = known.last_at.max(seen.last_at);
                known.counts += seen.counts;
            })
            .or_insert(seen);
    }
    for drop in drops {
        *sums
            .drops
            .entry((drop.member, drop.bar, drop.hour, drop.reason))
            .or_default() += 1;
    }
    sums
}

/// The values of an event. A campaign that there is not has no row.
fn values(event: &Event) -> impl Iterator<Item = (Dimension, &str)> {
    let utm = &event.page.utm;
    [
        (Dimension::Total, Some("")),
        (Dimension::Variant, Some(event.variant.as_str())),
        (Dimension::Page, Some(event.page.page())),
        (Dimension::Site, Some(event.page.host())),
        (Dimension::Referrer, Some(event.referrer_host.as_str())),
        (Dimension::Browser, Some(&*event.agent.browser)),
        (Dimension::System, Some(&*event.agent.system)),
        (Dimension::Device, Some(event.agent.device.as_str())),
        (Dimension::Language, Some(event.language.as_str())),
        (Dimension::Country, event.country.as_ref().map(Country::as_str)),
        (Dimension::UtmSource, utm.source.as_deref()),
        (Dimension::UtmMedium, utm.medium.as_deref()),
        (Dimension::UtmCampaign, utm.campaign.as_deref()),
    ]
    .into_iter()
    .filter_map(|(dimension, value)| Some((dimension, value?)))
}

#[cfg(test)]
pub(super) mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::clock::{Clock, HOUR};
    use crate::ids::{EventId, VisitorId};
    use crate::secrets::Random;
    use crate::tracking::{Agent, Device};

    pub fn event(
        bar: BarId,
        member: MemberId,
        kind: EventKind,
        page: &str,
        clock: &Clock,
        random: &Random,
    ) -> Event {
        Event {
            member,
            bar,
            id: EventId::new(clock, random),
            kind,
            received_at: clock.now(),
            visitor: VisitorId::new(clock, random),
            variant: "a".into(),
            page: page.parse().unwrap(),
            referrer_host: String::new(),
            agent: Arc::new(Agent {
                browser: "Firefox".into(),
                version: "130".into(),
                system: "Linux".into(),
                device: Device::Desktop,
                bot: false,
            }),
            language: "en".into(),
            country: None,
            shown_ms: None,
        }
    }

    #[test]
    fn values_that_are_one_too_many_share_one_row_and_nothing_is_lost() {
        let (clock, random) = (
            Clock::frozen(Timestamp::from_secs(1_800_000_000)),
            Random::seeded(1),
        );
        let (bar, member) = (BarId::new(&clock, &random), MemberId::new(&clock, &random));
        let mut events = Vec::new();
        for n in 0..10 {
            let page = format!("https://example.com/{n}?utm_source=s{n}");
            events.push(event(bar, member, EventKind::View, &page, &clock, &random));
            clock.advance(HOUR);
        }
        let admit = |_, dimension, _, value: &str| dimension != Dimension::Page || value == "example.com/3";
        let sums = sum(events.iter().map(|e| (e, true)), &[], admit, |_, _| true);
        let views = |dimension, value: &str| -> i64 {
            let rows = sums
                .hourly
                .iter()
                .filter(|(key, _)| key.dimension == dimension && key.value == value);
            rows.map(|(_, counts)| counts.views).sum()
        };
        assert_eq!(views(Dimension::Total, ""), 10);
        assert_eq!(views(Dimension::Page, "example.com/3"), 1);
        assert_eq!(views(Dimension::Page, OTHER), 9);
        assert_eq!(views(Dimension::UtmSource, "s7"), 1);
        let daily: i64 = sums
            .daily
            .iter()
            .filter(|(key, _)| key.dimension == Dimension::Browser)
            .map(|(_, c)| c.views)
            .sum();
        assert_eq!(daily, 10);
        let seen = sums.sites[&(member, bar, "example.com")];
        assert_eq!(
            (seen.counts.views, seen.first_at, seen.last_at),
            (10, events[0].received_at, events[9].received_at)
        );
    }
}
