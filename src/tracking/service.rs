//! What happens with a beacon, a form post, a question for numbers: whole.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;
use std::sync::{Arc, Mutex};

use jiff::tz::TimeZone;
use tokio_util::sync::CancellationToken;

use super::agents::Agents;
use super::countries::Countries;
use super::fold::{Backlog, Folder, NotFolded, Tell, Told};
use super::ingest::{self, Queue, QueueError, Writer};
use super::networks::Networks;
use super::own::OwnBrowsers;
use super::rules::{self, Facts};
use super::statistics::{
    self, AllBars, Breakdown, DroppedByReason, OfBar, RankBy, Ranking, Series, Site, SitePage, Totals,
    Variants,
};
use super::visitors::Salts;
use super::{
    Agent, Beacon, Counts, Dimension, Drop, DropReason, Event, EventKind, Filters, Interval, OTHER, PageUrl,
    Period, SubmitEvent, Visit, journal, primary_language, store,
};
use crate::accounts;
use crate::bars::configuration::GoalKind;
use crate::bars::{PublishedBar, PublishedBars};
use crate::clock::{Clock, Timestamp};
use crate::db::{self, Conn, Db};
use crate::ids::{BarId, EventId, MemberId};
use crate::plans::{Plans, Refused};
use crate::secrets::Random;

/// Counting. Cheap to clone.
#[derive(Clone)]
pub struct Tracking {
    pub(super) db: Db,
    pub(super) clock: Clock,
    pub(super) random: Random,
    bars: PublishedBars,
    agents: Arc<Agents>,
    salts: Salts,
    folder: Folder,
    surroundings: Surroundings,
    tell: Tell,
    plans: Plans,
    queue: Queue,
    writer: Arc<Mutex<Option<Writer>>>,
}

/// What is known of addresses and browsers, beyond what they say themselves. Cheap to clone.
#[derive(Clone)]
pub struct Surroundings {
    pub own: OwnBrowsers,
    pub countries: Countries,
    pub data_centers: Arc<Networks>,
}

/// Why nothing of a request was counted: it may come again.
#[derive(Debug, thiserror::Error)]
pub enum CountError {
    #[error(transparent)]
    Queue(#[from] QueueError),
    #[error(transparent)]
    Db(#[from] db::Error),
}

/// What of a request was not counted, and why.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Dropped(BTreeMap<DropReason, u32>);

impl Dropped {
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// `bot=2, paused=1`
impl fmt::Display for Dropped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, (reason, count)) in self.0.iter().enumerate() {
            let comma = if place == 0 { "" } else { ", " };
            write!(f, "{comma}{}={count}", reason.as_str())?;
        }
        Ok(())
    }
}

/// What a form post says, as far as counting goes. `id` is made by the browser: a post sent twice counts once.
#[derive(Clone, Debug)]
pub struct Post {
    pub id: EventId,
    pub variant: String,
    pub page: PageUrl,
    pub referrer_host: String,
    /// As [`primary_language`] reads it; empty if unknown.
    pub language: String,
    pub shown_ms: Option<i32>,
    /// The visitor opted out: the form works, and is not counted.
    pub opted_out: bool,
}

impl Tracking {
    /// `tell` hears of everything once it is committed.
    pub fn new(
        db: Db,
        clock: Clock,
        random: Random,
        bars: PublishedBars,
        surroundings: Surroundings,
        queue_size: usize,
        tell: Tell,
    ) -> Self {
        let backlog = Arc::<Backlog>::default();
        let (queue, writer) = ingest::channel(db.clone(), backlog.clone(), queue_size);
        Self {
            salts: surroundings.own.salts().clone(),
            surroundings,
            agents: Arc::default(),
            writer: Arc::new(Mutex::new(Some(writer))),
            folder: Folder::new(db.clone(), tell.clone(), backlog),
            db,
            clock,
            random,
            bars,
            tell,
            plans: Plans { sold: false },
            queue,
        }
    }

    /// The same where plans are sold: not each has export.
    pub fn with_plans(self, plans: Plans) -> Self {
        Self { plans, ..self }
    }

    /// Whether the member may take its counts along as CSV.
    pub async fn may_export(&self, member: MemberId) -> db::Result<Result<(), Refused>> {
        let plans = self.plans;
        self.db
            .read(move |conn| accounts::may_export(conn, plans, member))
            .await
    }

    /// The views of all bars of a member in these hours, the deleted ones included. To be asked after
    /// [`Self::catch_up`].
    pub fn views(conn: &mut Conn, member: MemberId, hours: Range<i32>) -> db::Result<i64> {
        store::views_of_member(conn, member, hours)
    }

    /// The one writer of this process. Ends when it is told to and the queue is empty; a second call ends at once.
    pub async fn run_writer(&self, stop: CancellationToken) {
        let writer = self.writer.lock().expect("no holder of this lock panics").take();
        if let Some(writer) = writer {
            writer.run(stop).await;
        }
    }

    /// Folds what has been written, until it is told to stop; what is left then, the next start folds, or another process.
    pub async fn run_folder(&self, stop: CancellationToken) {
        self.folder.run(stop).await;
    }

    /// Folds all that was acknowledged before.
    pub async fn catch_up(&self) -> Result<(), NotFolded> {
        self.folder.catch_up(true).await
    }

    /// Before reading. Without it the answer is that of a moment ago: better than none.
    pub(super) async fn catch_up_if_possible(&self) {
        if let Err(error) = self.catch_up().await {
            tracing::warn!(%error, "statistics are read without what is in the journal");
        }
    }

    /// About how many arrivals of this process are acknowledged and not folded yet.
    pub fn backlog(&self) -> usize {
        self.folder.backlog()
    }

    /// How many requests wait for the writer, and how many may.
    pub fn queue_depth(&self) -> (usize, usize) {
        self.queue.depth()
    }

    /// The writer lives and takes what comes.
    pub fn is_writing(&self) -> bool {
        self.queue.is_open()
    }

    /// A fresh id, for an event whose maker can't make one.
    pub fn event_id(&self) -> EventId {
        EventId::new(&self.clock, &self.random)
    }

    /// Counts beacons. Answers when all of it is committed, with what was not counted.
    pub async fn count(&self, beacons: Vec<Beacon>, visit: &Visit<'_>) -> Result<Dropped, CountError> {
        let now = self.clock.now();
        let agent = self.agents.find(visit);
        let mut dropped = Dropped::default();
        let mut events = Vec::with_capacity(beacons.len());
        let mut drops = Vec::new();
        for beacon in beacons {
            let bar = self.bars.find_published(&beacon.key).await?;
            let seen = Seen {
                page: &beacon.page,
                variant: &beacon.variant,
                webdriver: beacon.webdriver,
                opted_out: false,
            };
            let from = self.origin(bar.as_deref(), visit).await?;
            let reason = classify(bar.as_deref(), &seen, visit, &agent, from);
            match (reason, bar) {
                (None, Some(bar)) => {
                    events.push(self.event(&bar, beacon, visit, &agent, now).await?);
                }
                (reason, bar) => {
                    let reason = reason.unwrap_or(DropReason::UnknownBar);
                    *dropped.0.entry(reason).or_default() += 1;
                    drops.extend(bar.map(|bar| drop_of(&bar, reason, now)));
                }
            }
        }
        if !events.is_empty() || !drops.is_empty() {
            self.queue.keep(events, drops).await?;
        }
        for (reason, count) in &dropped.0 {
            (0..*count).for_each(|_| (self.tell)(Told::Dropped(*reason)));
        }
        Ok(dropped)
    }

    /// Where a visit comes from, as far as it decides whether it counts.
    async fn origin(&self, bar: Option<&PublishedBar>, visit: &Visit<'_>) -> db::Result<Origin> {
        let own = bar.map(|bar| &bar.own_visits);
        let own_user = match bar {
            Some(bar) if bar.own_visits.users => self.surroundings.own.is_own(bar.member, visit).await?,
            _ => false,
        };
        Ok(Origin {
            own_address: own.is_some_and(|own| own.contains(visit.address)),
            own_user,
            data_center: self.surroundings.data_centers.contains(visit.address),
        })
    }

    async fn event(
        &self,
        bar: &PublishedBar,
        beacon: Beacon,
        visit: &Visit<'_>,
        agent: &Arc<Agent>,
        now: Timestamp,
    ) -> db::Result<Event> {
        let language = match beacon.language {
            unknown if unknown.is_empty() => primary_language(visit.accept_language),
            known => known,
        };
        Ok(Event {
            member: bar.member,
            bar: bar.bar,
            id: beacon.id,
            kind: beacon.kind,
            received_at: now,
            visitor: self
                .salts
                .of(now)
                .await?
                .visitor(visit, bar.bar, beacon.page.host()),
            variant: beacon.variant,
            page: beacon.page,
            referrer_host: beacon.referrer_host,
            agent: agent.clone(),
            language,
            country: self.surroundings.countries.find(visit.address),
            shown_ms: beacon.shown_ms,
        })
    }

    /// Makes the `submit` event of a form post ready: to be called before the transaction that keeps the contact.
    pub async fn prepare_submit(
        &self,
        bar: &PublishedBar,
        post: Post,
        visit: &Visit<'_>,
    ) -> db::Result<SubmitEvent> {
        let now = self.clock.now();
        let agent = self.agents.find(visit);
        let seen = Seen {
            page: &post.page,
            variant: &post.variant,
            webdriver: false,
            opted_out: post.opted_out,
        };
        let from = self.origin(Some(bar), visit).await?;
        if let Some(reason) = classify(Some(bar), &seen, visit, &agent, from) {
            return Ok(SubmitEvent::Dropped(drop_of(bar, reason, now)));
        }
        let beacon = Beacon {
            key: bar.key,
            id: post.id,
            kind: EventKind::Submit,
            variant: post.variant,
            page: post.page,
            referrer_host: post.referrer_host,
            language: post.language,
            shown_ms: post.shown_ms,
            webdriver: false,
        };
        Ok(SubmitEvent::Counted(Box::new(
            self.event(bar, beacon, visit, &agent, now).await?,
        )))
    }

    /// Puts a form post's event into the journal, in the caller's transaction: it counts if that is committed.
    pub fn submit(&self, tx: &mut Conn, event: &SubmitEvent) -> db::Result<()> {
        let entry = match event {
            SubmitEvent::Counted(event) => journal::encode(&[event], &[]),
            SubmitEvent::Dropped(drop) => journal::encode(&[], &[*drop]),
        };
        ingest::append(tx, 1, &entry)
    }

    /// The transaction of [`Self::submit`] has been committed.
    pub fn submitted(&self, event: &SubmitEvent) {
        self.folder.expect(1);
        if let SubmitEvent::Dropped(drop) = event {
            (self.tell)(Told::Dropped(drop.reason));
        }
    }

    /// Totals of a period, and of the one before it.
    pub async fn totals(
        &self,
        member: MemberId,
        bar: BarId,
        period: Period,
        filters: Filters,
    ) -> db::Result<Totals> {
        self.catch_up_if_possible().await;
        let knows_countries = self.surroundings.countries.is_known();
        self.db
            .read(move |conn| {
                let before = period.before();
                let both = before.hours().start..period.hours().end;
                let source = source(conn, member, bar, &filters, None, &both)?;
                let countries = knows_countries || store::has_countries(conn, member, bar, both.clone())?;
                let mut total = |hours| match &source {
                    Source::RollUps((dimension, value)) => {
                        store::total_of_value(conn, member, bar, (*dimension, value), hours)
                    }
                    Source::Events { from_hour } => {
                        let hours = since(hours, *from_hour);
                        store::total_of_events(conn, member, bar, &filters, hours)
                    }
                };
                Ok(Totals {
                    dimensions: dimensions(countries),
                    counts: total(period.hours())?,
                    before: total(before.hours())?,
                    complete_from: source.complete_from(&both),
                    period_before: before,
                    period,
                })
            })
            .await
    }

    /// A bar's counts hour by hour or day by day, without gaps.
    pub async fn series(
        &self,
        member: MemberId,
        bar: BarId,
        period: Period,
        interval: Interval,
        filters: Filters,
    ) -> db::Result<Series> {
        self.catch_up_if_possible().await;
        self.db
            .read(move |conn| {
                let hours = period.hours();
                let source = source(conn, member, bar, &filters, None, &hours)?;
                let rows = match &source {
                    Source::RollUps((dimension, value)) => {
                        store::list_hours(conn, member, bar, *dimension, value, hours.clone())?
                    }
                    Source::Events { from_hour } => {
                        let hours = since(hours.clone(), *from_hour);
                        store::list_hours_of_events(conn, member, bar, &filters, hours)?
                    }
                };
                Ok(Series {
                    points: statistics::fill(&period, interval, &rows),
                    complete_from: source.complete_from(&hours),
                    period,
                    interval,
                })
            })
            .await
    }

    /// A bar's counts by the values of a dimension.
    pub async fn breakdown(
        &self,
        member: MemberId,
        bar: BarId,
        period: Period,
        by: Dimension,
        ranking: Ranking,
        filters: Filters,
    ) -> db::Result<Breakdown> {
        self.catch_up_if_possible().await;
        self.db
            .read(move |conn| {
                let hours = period.hours();
                let source = source(conn, member, bar, &filters, Some(by), &hours)?;
                let (values, all) = match &source {
                    Source::RollUps((Dimension::Total, _)) => (
                        store::list_by_value(conn, member, bar, by, hours.clone(), ranking)?,
                        store::sum_of(conn, member, bar, by, hours.clone())?,
                    ),
                    Source::RollUps((dimension, value)) => {
                        let of = (*dimension, value.as_str());
                        let counts = store::total_of_value(conn, member, bar, of, hours.clone())?;
                        let values = (counts != Counts::default()).then(|| (value.clone(), counts));
                        (values.into_iter().collect(), counts)
                    }
                    Source::Events { from_hour } => {
                        let hours = since(hours.clone(), *from_hour);
                        store::list_events_by_value(conn, member, bar, &filters, by, hours, ranking)?
                    }
                };
                Ok(Breakdown {
                    complete_from: source.complete_from(&hours),
                    ..statistics::breakdown(period, by, values, all)
                })
            })
            .await
    }

    /// The totals of each of the member's bars, and of the period before.
    pub async fn all_bars(&self, member: MemberId, period: Period) -> db::Result<AllBars> {
        self.catch_up_if_possible().await;
        self.db
            .read(move |conn| {
                let period_before = period.before();
                let counts = store::list_by_bar(conn, member, period.hours())?;
                let mut before: BTreeMap<BarId, Counts> =
                    store::list_by_bar(conn, member, period_before.hours())?
                        .into_iter()
                        .collect();
                let bars = counts.into_iter().map(|(bar, counts)| OfBar {
                    bar,
                    counts,
                    before: before.remove(&bar).unwrap_or_default(),
                });
                Ok(AllBars {
                    bars: bars.collect(),
                    period,
                    period_before,
                })
            })
            .await
    }

    /// A bar's variants against each other.
    pub async fn variants(&self, member: MemberId, bar: BarId, period: Period) -> db::Result<Variants> {
        self.catch_up_if_possible().await;
        let now = self.clock.now();
        self.db
            .read(move |conn| {
                let published = PublishedBars::published_of(conn, member, bar)?;
                let goals: Vec<(String, GoalKind)> = published
                    .iter()
                    .flat_map(|bar| &bar.configuration.variants)
                    .map(|variant| (variant.key.clone(), variant.goal.kind()))
                    .collect();
                let ranking = Ranking {
                    by: RankBy::Views,
                    limit: 1000,
                };
                let hours = period.hours();
                let counted =
                    store::list_by_value(conn, member, bar, Dimension::Variant, hours.clone(), ranking)?;
                let first = store::first_hour(conn, member, bar, hours)?;
                let days = first.map_or(0.0, |first| {
                    let begun = Timestamp::from_secs(i64::from(first) * 3600);
                    now.min(period.to()).since(begun).as_secs_f64() / 86_400.0
                });
                Ok(statistics::compare(period, &goals, counted, days))
            })
            .await
    }

    /// What was not counted, by reason.
    pub async fn drops(
        &self,
        member: MemberId,
        bar: BarId,
        period: Period,
    ) -> db::Result<Vec<DroppedByReason>> {
        self.catch_up_if_possible().await;
        let hours = period.hours();
        self.db
            .read(move |conn| store::list_drops(conn, member, bar, hours))
            .await
    }

    /// Where and when a bar was seen (promise 14), by host.
    pub async fn sites(
        &self,
        member: MemberId,
        bar: BarId,
        after: Option<String>,
        limit: i64,
    ) -> db::Result<SitePage> {
        self.catch_up_if_possible().await;
        let mut sites: Vec<Site> = self
            .db
            .read(move |conn| store::list_sites(conn, member, bar, after.as_deref(), limit + 1))
            .await?;
        let more = i64::try_from(sites.len()).unwrap_or(i64::MAX) > limit;
        if more {
            sites.pop();
        }
        let next = sites.last().filter(|_| more).map(|site| site.host.clone());
        Ok(SitePage { sites, next })
    }

    /// The time zone that a bar's member lives by; `None` if it is no bar of theirs.
    pub async fn zone_of_bar(&self, member: MemberId, bar: BarId) -> db::Result<Option<TimeZone>> {
        let name = self
            .db
            .read(move |conn| store::find_time_zone(conn, member, bar))
            .await?;
        Ok(name.map(|name| TimeZone::get(&name).unwrap_or(TimeZone::UTC)))
    }

    /// The time zone that a member lives by.
    pub async fn zone_of_member(&self, member: MemberId) -> db::Result<TimeZone> {
        let name = self
            .db
            .read(move |conn| store::find_zone_of_member(conn, member))
            .await?;
        let zone = name.and_then(|name| TimeZone::get(&name).ok());
        Ok(zone.unwrap_or(TimeZone::UTC))
    }

    /// The period of a question: what was asked, or the last 30 days.
    pub fn period(
        &self,
        from: Option<&str>,
        to: Option<&str>,
        zone: TimeZone,
    ) -> Result<Period, super::period::Unfit> {
        Period::read(from, to, zone, self.clock.now())
    }
}

/// What counts are told apart by.
fn dimensions(countries: bool) -> Vec<Dimension> {
    Dimension::ALL
        .into_iter()
        .filter(|dimension| match dimension {
            Dimension::Total => false,
            Dimension::Country => countries,
            _ => true,
        })
        .collect()
}

/// Where an answer comes from.
enum Source {
    /// The roll-ups of one value, which know it for ever.
    RollUps((Dimension, String)),
    /// The events, of which all are kept from this hour on.
    Events { from_hour: i32 },
}

impl Source {
    /// From when on what it says of these hours is whole, if it is not all of it.
    fn complete_from(&self, hours: &Range<i32>) -> Option<Timestamp> {
        match self {
            Self::Events { from_hour } if *from_hour > hours.start => {
                Some(Timestamp::from_secs(i64::from(*from_hour) * 3600))
            }
            _ => None,
        }
    }
}

/// The roll-ups where they know it; else the events, while those are kept.
fn source(
    conn: &mut Conn,
    member: MemberId,
    bar: BarId,
    filters: &Filters,
    by: Option<Dimension>,
    hours: &Range<i32>,
) -> db::Result<Source> {
    if let Some((dimension, value)) = filters.plain(by) {
        let lacks = dimension.is_open()
            && value != OTHER
            && store::has_others(conn, member, bar, dimension, hours.clone())?;
        if !lacks {
            return Ok(Source::RollUps((dimension, value.to_owned())));
        }
    }
    let from_hour = store::first_hour_kept(conn, member, bar, hours)?;
    Ok(Source::Events { from_hour })
}

fn since(hours: Range<i32>, first: i32) -> Range<i32> {
    hours.start.max(first).min(hours.end)..hours.end
}

/// What was seen, as far as it decides whether it counts.
struct Seen<'a> {
    page: &'a PageUrl,
    variant: &'a str,
    webdriver: bool,
    opted_out: bool,
}

/// Where a visit comes from.
#[derive(Clone, Copy, Debug)]
struct Origin {
    own_address: bool,
    own_user: bool,
    data_center: bool,
}

fn classify(
    bar: Option<&PublishedBar>,
    seen: &Seen<'_>,
    visit: &Visit<'_>,
    agent: &Agent,
    from: Origin,
) -> Option<DropReason> {
    let privacy = bar.map(|bar| &bar.configuration.privacy);
    let by_signal = privacy.is_some_and(|privacy| {
        rules::is_opted_out(visit.gpc, privacy.respect_gpc, visit.dnt, privacy.respect_dnt)
    });
    rules::classify(Facts {
        bar_known: bar.is_some(),
        bar_running: bar.is_some_and(PublishedBar::is_active),
        opted_out: seen.opted_out || by_signal,
        prefetch: visit.prefetch,
        webdriver: seen.webdriver,
        bot: agent.bot,
        own_address: from.own_address,
        own_user: from.own_user,
        data_center: from.data_center,
        host_allowed: bar.is_some_and(|bar| bar.may_show_on(seen.page.host())),
        variant_known: bar.is_some_and(|bar| bar.configuration.find_variant(seen.variant).is_some()),
    })
}

fn drop_of(bar: &PublishedBar, reason: DropReason, now: Timestamp) -> Drop {
    Drop {
        member: bar.member,
        bar: bar.bar,
        hour: now.hour(),
        reason,
    }
}
