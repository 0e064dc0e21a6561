//! What arrived, as the journal keeps it: MessagePack, a row an array, so that a later version may add fields behind the
//! last. Pure.

use std::borrow::Cow;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{Agent, Country, Drop, DropReason, Event, EventKind, PageUrl, Utm};
use crate::clock::Timestamp;
use crate::ids::{BarId, EventId, MemberId, VisitorId};

/// The encoding that is written. Whoever can't read a later one leaves it to those who can.
pub const FORMAT: i16 = 1;

/// It is none of ours, or damaged.
#[derive(Debug, thiserror::Error)]
#[error("an entry of the journal can't be read: {0}")]
pub struct Unreadable(String);

#[derive(Serialize, Deserialize)]
struct Arrivals<'a> {
    #[serde(borrow)]
    events: Vec<Row<'a>>,
    #[serde(borrow)]
    drops: Vec<Dropped<'a>>,
}

#[derive(Serialize, Deserialize)]
struct Row<'a> {
    member: Uuid,
    bar: Uuid,
    id: Uuid,
    kind: i16,
    received_at: i64,
    visitor: Uuid,
    #[serde(borrow)]
    variant: Cow<'a, str>,
    host_bytes: usize,
    #[serde(borrow)]
    page: Cow<'a, str>,
    /// Source, medium, campaign, term, content.
    #[serde(borrow)]
    utm: Option<[Option<Cow<'a, str>>; 5]>,
    #[serde(borrow)]
    referrer_host: Cow<'a, str>,
    #[serde(borrow)]
    browser: Cow<'a, str>,
    #[serde(borrow)]
    version: Cow<'a, str>,
    #[serde(borrow)]
    system: Cow<'a, str>,
    #[serde(borrow)]
    device: Cow<'a, str>,
    #[serde(borrow)]
    language: Cow<'a, str>,
    shown_ms: Option<i32>,
    #[serde(borrow, default)]
    country: Option<Cow<'a, str>>,
}

#[derive(Serialize, Deserialize)]
struct Dropped<'a> {
    member: Uuid,
    bar: Uuid,
    hour: i32,
    #[serde(borrow)]
    reason: Cow<'a, str>,
}

pub fn encode(events: &[&Event], drops: &[Drop]) -> Vec<u8> {
    let arrivals = Arrivals {
        events: events.iter().map(|event| row_of(event)).collect(),
        drops: drops.iter().map(dropped_of).collect(),
    };
    rmp_serde::to_vec(&arrivals).expect("plain values in memory can be written")
}

pub fn decode(bytes: &[u8]) -> Result<(Vec<Event>, Vec<Drop>), Unreadable> {
    let arrivals: Arrivals<'_> =
        rmp_serde::from_slice(bytes).map_err(|error| Unreadable(error.to_string()))?;
    let events = arrivals
        .events
        .into_iter()
        .map(event_of)
        .collect::<Result<_, _>>()?;
    let drops = arrivals
        .drops
        .into_iter()
        .map(drop_of)
        .collect::<Result<_, _>>()?;
    Ok((events, drops))
}

fn row_of(event: &Event) -> Row<'_> {
    Row {
        member: *event.member.uuid(),
        bar: *event.bar.uuid(),
        id: *event.id.uuid(),
        kind: event.kind.code(),
        received_at: event.received_at.micros(),
        visitor: *event.visitor.uuid(),
        variant: Cow::Borrowed(&event.variant),
        host_bytes: event.page.host_bytes,
        page: Cow::Borrowed(&event.page.text),
        utm: (!event.page.utm.is_empty()).then(|| {
            let Utm {
                source,
                medium,
                campaign,
                term,
                content,
            } = &event.page.utm;
            [source, medium, campaign, term, content].map(|part| part.as_deref().map(Cow::Borrowed))
        }),
        referrer_host: Cow::Borrowed(&event.referrer_host),
        browser: Cow::Borrowed(&event.agent.browser),
        version: Cow::Borrowed(&event.agent.version),
        system: Cow::Borrowed(&event.agent.system),
        device: Cow::Borrowed(event.agent.device.as_str()),
        language: Cow::Borrowed(&event.language),
        shown_ms: event.shown_ms,
        country: event
            .country
            .as_ref()
            .map(|country| Cow::Borrowed(country.as_str())),
    }
}

fn event_of(row: Row<'_>) -> Result<Event, Unreadable> {
    let unknown = |what: &str| Unreadable(format!("no such {what}"));
    if !row.page.is_char_boundary(row.host_bytes) {
        return Err(unknown("host"));
    }
    let [source, medium, campaign, term, content] =
        row.utm.unwrap_or_default().map(|part| part.map(Cow::into_owned));
    Ok(Event {
        member: MemberId::from_uuid(row.member),
        bar: BarId::from_uuid(row.bar),
        id: EventId::from_uuid(row.id),
        kind: EventKind::from_code(row.kind).ok_or_else(|| unknown("kind"))?,
        received_at: Timestamp::from_micros(row.received_at),
        visitor: VisitorId::from_uuid(row.visitor),
        variant: row.variant.into_owned(),
        page: PageUrl {
            text: row.page.into_owned(),
            host_bytes: row.host_bytes,
            utm: Utm {
                source,
                medium,
                campaign,
                term,
                content,
            },
        },
        referrer_host: row.referrer_host.into_owned(),
        agent: Arc::new(Agent {
            browser: row.browser.into(),
            version: row.version.into(),
            system: row.system.into(),
            device: row.device.parse().map_err(|()| unknown("device"))?,
            bot: false,
        }),
        language: row.language.into_owned(),
        shown_ms: row.shown_ms,
        country: row.country.as_deref().map(country_of),
    })
}

/// What is no country any more is an unknown one.
fn country_of(text: &str) -> Country {
    text.parse().unwrap_or(Country::Unknown)
}

fn dropped_of(drop: &Drop) -> Dropped<'_> {
    Dropped {
        member: *drop.member.uuid(),
        bar: *drop.bar.uuid(),
        hour: drop.hour,
        reason: Cow::Borrowed(drop.reason.as_str()),
    }
}

fn drop_of(dropped: Dropped<'_>) -> Result<Drop, Unreadable> {
    let reason: DropReason = dropped
        .reason
        .parse()
        .map_err(|()| Unreadable("no such reason".into()))?;
    Ok(Drop {
        member: MemberId::from_uuid(dropped.member),
        bar: BarId::from_uuid(dropped.bar),
        hour: dropped.hour,
        reason,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Clock;
    use crate::secrets::Random;
    use crate::tracking::rollup::tests::event;

    #[test]
    fn what_is_written_is_read_back() {
        let (clock, random) = (
            Clock::frozen(Timestamp::from_secs(1_800_000_000)),
            Random::seeded(1),
        );
        let (bar, member) = (BarId::new(&clock, &random), MemberId::new(&clock, &random));
        let page = "https://shop.example/tea?utm_source=news&utm_term=%F0%9F%8D%B5";
        let events: Vec<Event> = [
            EventKind::View,
            EventKind::Click,
            EventKind::Close,
            EventKind::Submit,
        ]
        .into_iter()
        .map(|kind| Event {
            shown_ms: Some(1200),
            referrer_host: "search.example".into(),
            country: (kind != EventKind::Close).then(|| "DE".parse().unwrap_or(Country::Unknown)),
            ..event(bar, member, kind, page, &clock, &random)
        })
        .collect();
        let drops = [Drop {
            member,
            bar,
            hour: 500_000,
            reason: DropReason::HostNotAllowed,
        }];
        let bytes = encode(&events.iter().collect::<Vec<_>>(), &drops);
        let (read, read_drops) = decode(&bytes).unwrap();
        assert_eq!(format!("{read:?}"), format!("{events:?}"));
        assert_eq!(read_drops, drops);
    }

    #[test]
    fn what_is_damaged_is_no_panic() {
        let (clock, random) = (
            Clock::frozen(Timestamp::from_secs(1_800_000_000)),
            Random::seeded(1),
        );
        let (bar, member) = (BarId::new(&clock, &random), MemberId::new(&clock, &random));
        let event = event(
            bar,
            member,
            EventKind::View,
            "https://a.example/",
            &clock,
            &random,
        );
        let good = encode(&[&event], &[]);
        for place in 0..good.len() {
            let mut bad = good.clone();
            bad[place] ^= 0xff;
            decode(&bad).map(drop).unwrap_or_default();
            assert!(decode(&good[..place]).is_err());
        }
    }
}
