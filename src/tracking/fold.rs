//! From the journal to what is kept: events, roll-ups, sites and daily visitors, in one transaction with the journal's own
//! rows, so that each arrival is folded once or waits.
//!
//! Many commits are folded at a time: what a hundred of them add to the same hour of the same page is one row's update.
//! Reading statistics folds first, so that they know all that was acknowledged before.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::FutureExt;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::cardinality::{Cardinality, MAX_SITES};
use super::store::{self, DayVisitor, journal as table};
use super::{Drop, DropReason, Event, EventKind, journal, rollup};
use crate::db::{self, Conn, DatabaseUrl, Db};
use crate::ids::{BarId, MemberId};

/// Is told of what was counted, or not: for the service's own metrics.
pub type Tell = Arc<dyn Fn(Told) + Send + Sync>;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Told {
    Stored(EventKind),
    Dropped(DropReason),
}

/// So many events are folded in one transaction. Larger ones touch each sum less often; on SQLite the next commit of
/// arrivals waits for them, some 5 ms for a hundred events.
const fn events_at_once(url: &DatabaseUrl, backlog: usize) -> i64 {
    match url {
        DatabaseUrl::Postgres(_) => 2048,
        DatabaseUrl::Sqlite(_) if backlog > MANY_WAIT => 2048,
        DatabaseUrl::Sqlite(_) => 96,
    }
}
/// Past so many that wait, catching up comes before being quick.
const MANY_WAIT: usize = 8_000;
/// How long arrivals gather before they are folded, and how often somebody looks for what a dead process left.
const GATHER: Duration = Duration::from_millis(250);
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// Folds the journal. Cheap to clone.
#[derive(Clone)]
pub struct Folder {
    db: Db,
    cardinality: Arc<Cardinality>,
    tell: Tell,
    backlog: Arc<Backlog>,
}

/// How many arrivals this process wrote to the journal, and how many of them have been folded, about: other processes fold
/// some of them too, and are found out when the journal is empty.
#[derive(Default)]
pub struct Backlog {
    arrivals: AtomicUsize,
    folded: AtomicUsize,
    grown: Notify,
}

impl Backlog {
    /// Past it nothing more is taken in, until folding has caught up.
    const MOST: usize = 1_000_000;

    pub fn grow(&self, arrivals: usize) {
        self.arrivals.fetch_add(arrivals, Ordering::Relaxed);
        self.grown.notify_one();
    }

    /// This process has folded so many, be they its own or another's.
    fn shrink(&self, arrivals: usize) {
        let folded = self.folded.load(Ordering::Relaxed) + arrivals;
        let folded = folded.min(self.grown_so_far());
        self.folded.fetch_max(folded, Ordering::Relaxed);
    }

    fn grown_so_far(&self) -> usize {
        self.arrivals.load(Ordering::Relaxed)
    }

    /// All that had grown by then has been folded, whoever did it.
    fn folded_by_anybody(&self, grown_so_far: usize) {
        self.folded.fetch_max(grown_so_far, Ordering::Relaxed);
    }

    pub fn is_full(&self) -> bool {
        self.known() >= Self::MOST
    }

    pub fn known(&self) -> usize {
        let folded = self.folded.load(Ordering::Relaxed);
        self.grown_so_far().saturating_sub(folded)
    }
}

/// What a transaction did.
struct Folded {
    entries: usize,
    arrivals: usize,
    stored: Vec<EventKind>,
}

/// It still stands in the journal.
#[derive(Debug, thiserror::Error)]
pub enum NotFolded {
    #[error(transparent)]
    Db(#[from] db::Error),
    #[error(transparent)]
    Unreadable(#[from] journal::Unreadable),
    #[error("folding panicked")]
    Panicked,
}

impl NotFolded {
    /// The database is in trouble, and not what is to be folded.
    fn may_pass(&self) -> bool {
        matches!(self, Self::Db(error) if error.is_unavailable())
    }
}

impl Folder {
    pub fn new(db: Db, tell: Tell, backlog: Arc<Backlog>) -> Self {
        Self {
            db,
            cardinality: Arc::default(),
            tell,
            backlog,
        }
    }

    /// About how many arrivals of this process wait in the journal.
    pub fn backlog(&self) -> usize {
        self.backlog.known()
    }

    /// So many arrivals stand in the journal, or will when the caller's word is good.
    pub fn expect(&self, arrivals: usize) {
        self.backlog.grow(arrivals);
    }

    /// Folds whatever comes until `stop`: at first what was left behind, at last what came before.
    pub async fn run(&self, stop: CancellationToken) {
        // A new version may know how.
        if let Err(error) = self.db.write(table::bring_back).await {
            tracing::warn!(%error, "what was set aside is not tried again");
        }
        loop {
            // All that was acknowledged before the end stands in the journal by then: one more look finds it.
            let is_last = stop.is_cancelled();
            if let Err(error) = self.catch_up(false).await {
                tracing::warn!(%error, "arrivals wait in the journal");
            }
            if let Err(error) = self.db.checkpoint().await {
                tracing::warn!(%error, "the database's log stays as it is");
            }
            let gather = async {
                let grown = self.backlog.grown.notified();
                if tokio::time::timeout(LOOK_EVERY, grown).await.is_ok() {
                    tokio::time::sleep(GATHER).await;
                }
            };
            if is_last {
                return;
            }
            tokio::select! {
                () = stop.cancelled() => {}
                () = gather => {}
            }
        }
    }

    /// Folds all there is, and not what comes meanwhile: that has its time to gather. With `wait`, also what others are
    /// folding: waits until they have.
    pub async fn catch_up(&self, wait: bool) -> Result<(), NotFolded> {
        let before = self.backlog.grown_so_far();
        let Some(last) = self.db.read(table::find_last).await? else {
            self.backlog.folded_by_anybody(before);
            return Ok(());
        };
        loop {
            let at_once = events_at_once(self.db.url(), self.backlog());
            let list = move |conn: &mut Conn| table::list_oldest(conn, journal::FORMAT, last, at_once);
            let ids = self.db.read(list).await?;
            if ids.is_empty() {
                self.backlog.folded_by_anybody(before);
                return Ok(());
            }
            let folded = match self.fold(ids.clone(), wait).await {
                Err(error) if !error.may_pass() && ids.len() > 1 => {
                    tracing::warn!(%error, "arrivals are folded one entry at a time");
                    self.fold_one_by_one(ids, wait).await?
                }
                outcome => outcome?,
            };
            if folded == 0 && !wait {
                return Ok(());
            }
        }
    }

    /// An entry that can't be folded while its neighbours can is to blame itself: it is parted, or set aside. When none
    /// can, it is the database that is in trouble, and all of them stay.
    async fn fold_one_by_one(&self, ids: Vec<i64>, wait: bool) -> Result<usize, NotFolded> {
        let (mut folded, mut failed, mut last) = (0, Vec::new(), None);
        for id in ids {
            match self.fold(vec![id], wait).await {
                Ok(entries) => folded += entries,
                Err(error) if error.may_pass() => return Err(error),
                Err(error) => {
                    tracing::error!(%error, ingest.entry = id, "an entry of the journal can't be folded");
                    failed.push(id);
                    last = Some(error);
                }
            }
        }
        if folded == 0
            && let Some(error) = last
        {
            return Err(error);
        }
        for id in failed {
            self.db.write(move |tx| part_or_set_aside(tx, id)).await?;
        }
        Ok(folded)
    }

    /// Folds these entries in one transaction; answers how many were still there.
    async fn fold(&self, ids: Vec<i64>, wait: bool) -> Result<usize, NotFolded> {
        let this = self.clone();
        let write = self.db.write(move |tx| this.take_and_record(tx, &ids, wait));
        // A panic's hook has logged it. Whoever folds must live on.
        let folded: Folded = AssertUnwindSafe(write)
            .catch_unwind()
            .await
            .map_err(|_| NotFolded::Panicked)??;
        self.backlog.shrink(folded.arrivals);
        for kind in folded.stored {
            (self.tell)(Told::Stored(kind));
        }
        Ok(folded.entries)
    }

    fn take_and_record(&self, tx: &mut Conn, ids: &[i64], wait: bool) -> Result<Folded, NotFolded> {
        let entries = table::take(tx, ids, wait)?;
        let (mut events, mut drops) = (Vec::new(), Vec::new());
        for entry in &entries {
            let (more, dropped) = journal::decode(&entry.arrivals)?;
            events.extend(more);
            drops.extend(dropped);
        }
        let arrivals = events.len() + drops.len();
        keep_those_of_existing_bars(tx, &mut events, &mut drops)?;
        let stored = self.record(tx, &events.iter().collect::<Vec<_>>(), &drops)?;
        table::delete(tx, &entries.iter().map(|entry| entry.id).collect::<Vec<_>>())?;
        Ok(Folded {
            entries: entries.len(),
            arrivals,
            stored,
        })
    }

    /// Records what is new among `events`, and `drops`. Answers of what kinds the new events were.
    fn record(&self, tx: &mut Conn, events: &[&Event], drops: &[Drop]) -> db::Result<Vec<EventKind>> {
        let counted = insert(tx, events)?;
        let new: Vec<&Event> = counted.iter().map(|(event, _)| *event).collect();
        self.cardinality.make_room();
        for (member, bar, day) in days_of(&new) {
            if self.cardinality.is_new(bar, day) {
                let values = store::list_values(tx, member, bar, day)?;
                self.cardinality.learn(bar, day, &values);
            }
            if self.cardinality.sites_are_new(bar) {
                let hosts = store::list_hosts(tx, member, bar, MAX_SITES.into())?;
                self.cardinality.learn_sites(bar, &hosts);
            }
        }
        let sums = rollup::sum(
            counted.into_iter(),
            drops,
            |bar, dimension, day, value| self.cardinality.admit(bar, dimension, day, value),
            |bar, host| self.cardinality.admit_site(bar, host),
        );
        store::add(tx, &sums)?;
        Ok(new.iter().map(|event| event.kind).collect())
    }
}

/// Inserts what was not there. Answers it in the order in which it came, each with whether it is its visitor's first
/// event of the day.
///
/// The visitors come first, so that an event is written once and with all that is known of it.
fn insert<'a>(tx: &mut Conn, events: &[&'a Event]) -> db::Result<Vec<(&'a Event, bool)>> {
    if events.is_empty() {
        return Ok(Vec::new());
    }
    let mut seen = HashSet::with_capacity(events.len());
    let events: Vec<&Event> = events
        .iter()
        .copied()
        .filter(|event| seen.insert((event.bar, event.id)))
        .collect();
    let mut firsts = insert_visitors(tx, &events)?;
    let mut sorted: Vec<usize> = (0..events.len()).collect();
    sorted.sort_unstable_by_key(|place| (events[*place].member, events[*place].bar, events[*place].id));
    let rows: Vec<(&Event, bool)> = sorted
        .iter()
        .map(|place| (events[*place], firsts[*place]))
        .collect();
    let mut is_new = vec![false; events.len()];
    for (place, new) in sorted.iter().zip(store::insert_events(tx, &rows)?) {
        is_new[*place] = new;
    }
    for place in 0..events.len() {
        if firsts[place] && !is_new[place] {
            firsts[place] = false;
            pass_on(tx, &events, &is_new, place, &mut firsts)?;
        }
    }
    let new = (0..events.len())
        .filter(|place| is_new[*place])
        .map(|place| (events[place], firsts[place]));
    Ok(new.collect())
}

/// An event that was there already opens no day: its visitor's next new one does, or none.
fn pass_on(
    tx: &mut Conn,
    events: &[&Event],
    is_new: &[bool],
    place: usize,
    firsts: &mut [bool],
) -> db::Result<()> {
    let visitor = visitor_of(events[place]);
    let next = (place + 1..events.len()).find(|next| is_new[*next] && visitor_of(events[*next]) == visitor);
    match next {
        Some(next) => {
            firsts[next] = true;
            store::mark_first(tx, events[next])
        }
        None => store::delete_visitor(tx, &visitor),
    }
}

fn visitor_of(event: &Event) -> DayVisitor {
    DayVisitor {
        member: event.member,
        bar: event.bar,
        day: event.received_at.day(),
        visitor: event.visitor,
    }
}

/// For each event whether it is its visitor's first of the day.
fn insert_visitors(tx: &mut Conn, events: &[&Event]) -> db::Result<Vec<bool>> {
    let mut first_places = BTreeMap::new();
    for (place, event) in events.iter().enumerate() {
        first_places.entry(visitor_of(event)).or_insert(place);
    }
    let rows: Vec<DayVisitor> = first_places.keys().copied().collect();
    let is_new = store::insert_visitors(tx, &rows)?;
    let mut firsts = vec![false; events.len()];
    for (place, is_new) in first_places.into_values().zip(is_new) {
        firsts[place] = is_new;
    }
    Ok(firsts)
}

fn days_of(events: &[&Event]) -> HashSet<(MemberId, BarId, i32)> {
    events
        .iter()
        .map(|event| (event.member, event.bar, event.received_at.day()))
        .collect()
}

/// What has arrived for a bar that has gone meanwhile, goes with it.
fn keep_those_of_existing_bars(
    tx: &mut Conn,
    events: &mut Vec<Event>,
    drops: &mut Vec<Drop>,
) -> db::Result<()> {
    let named = events.iter().map(|event| event.bar);
    let named: BTreeSet<BarId> = named.chain(drops.iter().map(|drop| drop.bar)).collect();
    let there = table::list_existing_bars(tx, &named.iter().copied().collect::<Vec<_>>())?;
    if there.len() < named.len() {
        let there: HashSet<BarId> = there.into_iter().collect();
        events.retain(|event| there.contains(&event.bar));
        drops.retain(|drop| there.contains(&drop.bar));
    }
    Ok(())
}

/// An entry becomes one for each of its arrivals or, if it is a single one already, is set aside.
fn part_or_set_aside(tx: &mut Conn, id: i64) -> db::Result<()> {
    let Some(entry) = table::take(tx, &[id], true)?.into_iter().next() else {
        return Ok(());
    };
    match journal::decode(&entry.arrivals) {
        Ok((events, drops)) if events.len() + drops.len() > 1 => {
            for event in &events {
                table::append(tx, journal::FORMAT, 1, &journal::encode(&[event], &[]))?;
            }
            for drop in drops {
                table::append(tx, journal::FORMAT, 1, &journal::encode(&[], &[drop]))?;
            }
            table::delete(tx, &[entry.id])
        }
        _ => table::set_aside(tx, entry.id),
    }
}
