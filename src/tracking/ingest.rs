//! Commit, then acknowledge: a bounded queue, one writer, one transaction for all that has gathered.
//!
//! The batch is what came while the last commit ran: no timer under load, no delay when idle. Whoever waits is told
//! only what is on the disk. Nothing here looks at what an event says.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex};

use futures_util::FutureExt;
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use super::cardinality::Cardinality;
use super::store::DayVisitor;
use super::{Drop, DropReason, Event, EventKind, rollup, store};
use crate::db::{self, Conn, Db};
use crate::ids::{BarId, MemberId};

/// What came with one request.
struct Arrival {
    events: Vec<Event>,
    drops: Vec<Drop>,
    _place: Option<Place>,
}

/// Who waits for it.
type Waiter = oneshot::Sender<Result<(), NotKept>>;

/// It could not be kept; nothing of it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the database did not take it")]
pub struct NotKept;

/// Why an arrival was turned away at the door, or not kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum QueueError {
    #[error("the queue is full")]
    Full,
    #[error("the service is stopping")]
    Stopping,
    #[error(transparent)]
    NotKept(#[from] NotKept),
}

/// The way in. Cheap to clone.
#[derive(Clone)]
pub struct Queue {
    sender: mpsc::Sender<(Arrival, Waiter)>,
    shares: Arc<Shares>,
}

/// How many requests of each bar wait: one bar may hold half of the places, so that its storm leaves room for its
/// neighbours.
struct Shares {
    held: Mutex<HashMap<BarId, usize>>,
    most: usize,
}

impl Shares {
    fn take(self: &Arc<Self>, bar: BarId) -> Option<Place> {
        let mut held = self.held.lock().expect("no holder of this lock panics");
        let count = held.entry(bar).or_default();
        if *count >= self.most {
            return None;
        }
        *count += 1;
        Some(Place {
            shares: self.clone(),
            bar,
        })
    }
}

/// A bar's place in the queue; given back when it is dropped.
struct Place {
    shares: Arc<Shares>,
    bar: BarId,
}

impl std::ops::Drop for Place {
    fn drop(&mut self) {
        let mut held = self.shares.held.lock().expect("no holder of this lock panics");
        if let Some(count) = held.get_mut(&self.bar) {
            *count -= 1;
            if *count == 0 {
                held.remove(&self.bar);
            }
        }
    }
}

impl Queue {
    /// Waits until everything is committed.
    pub async fn keep(&self, events: Vec<Event>, drops: Vec<Drop>) -> Result<(), QueueError> {
        let bar = events
            .first()
            .map(|event| event.bar)
            .or(drops.first().map(|drop| drop.bar));
        let place = match bar {
            Some(bar) => Some(self.shares.take(bar).ok_or(QueueError::Full)?),
            None => None,
        };
        let (done, kept) = oneshot::channel();
        let arrival = Arrival {
            events,
            drops,
            _place: place,
        };
        self.sender
            .try_send((arrival, done))
            .map_err(|refused| match refused {
                mpsc::error::TrySendError::Full(_) => QueueError::Full,
                mpsc::error::TrySendError::Closed(_) => QueueError::Stopping,
            })?;
        match kept.await {
            Ok(outcome) => Ok(outcome?),
            Err(_) => Err(QueueError::NotKept(NotKept)),
        }
    }

    /// The writer lives and takes what comes.
    pub fn is_open(&self) -> bool {
        !self.sender.is_closed()
    }

    /// How many requests wait, and how many may.
    pub fn depth(&self) -> (usize, usize) {
        let all = self.sender.max_capacity();
        (all - self.sender.capacity(), all)
    }
}

/// Records events and their sums inside a transaction. Cheap to clone.
#[derive(Clone, Default)]
pub struct Recorder {
    cardinality: Arc<Cardinality>,
}

impl Recorder {
    /// Records what is new among `events`, and `drops`. Answers of what kinds the new events were.
    pub fn record(&self, tx: &mut Conn, events: &[&Event], drops: &[Drop]) -> db::Result<Vec<EventKind>> {
        let counted = insert(tx, events)?;
        let new: Vec<&Event> = counted.iter().map(|(event, _)| *event).collect();
        for (member, bar, day) in days_of(&new) {
            if self.cardinality.is_new(bar, day) {
                let values = store::list_values(tx, member, bar, day)?;
                self.cardinality.learn(bar, day, &values);
            }
        }
        let sums = rollup::sum(counted.into_iter(), drops, |bar, dimension, day, value| {
            self.cardinality.admit(bar, dimension, day, value)
        });
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

/// Is told of what was committed, or not counted: for the service's own metrics.
pub type Tell = Arc<dyn Fn(Told) + Send + Sync>;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Told {
    Stored(EventKind),
    Dropped(DropReason),
}

/// The one writer of a process. `app.rs` runs it; it ends when it is told to and the queue is empty.
pub struct Writer {
    db: Db,
    recorder: Recorder,
    tell: Tell,
    receiver: mpsc::Receiver<(Arrival, Waiter)>,
}

/// So many requests are committed at once. At 32 events each that is still a short transaction.
const MAX_BATCH: usize = 1024;

/// The queue and its writer. So many requests may wait.
pub fn channel(db: Db, recorder: Recorder, tell: Tell, places: usize) -> (Queue, Writer) {
    let (sender, receiver) = mpsc::channel(places);
    let shares = Arc::new(Shares {
        held: Mutex::default(),
        most: places.div_ceil(2),
    });
    (
        Queue { sender, shares },
        Writer {
            db,
            recorder,
            tell,
            receiver,
        },
    )
}

impl Writer {
    /// Writes until `stop`, then what still waits; what comes after that is turned away.
    pub async fn run(mut self, stop: CancellationToken) {
        let mut batch = Vec::with_capacity(MAX_BATCH);
        loop {
            let taken = tokio::select! {
                biased;
                () = stop.cancelled(), if !self.receiver.is_closed() => {
                    self.receiver.close();
                    continue;
                }
                taken = self.receiver.recv_many(&mut batch, MAX_BATCH) => taken,
            };
            if taken == 0 {
                break;
            }
            self.write(std::mem::take(&mut batch)).await;
        }
    }

    async fn write(&self, batch: Vec<(Arrival, Waiter)>) {
        let (batch, waiters): (Vec<Arrival>, Vec<Waiter>) = batch.into_iter().unzip();
        let batch = Arc::new(batch);
        match self.commit(&batch, 0..batch.len()).await {
            Ok(()) => acknowledge(waiters, |_| Ok(())),
            Err(error) if batch.len() == 1 || error.is_unavailable() => {
                tracing::warn!(%error, ingest.requests = batch.len(), "events could not be kept");
                acknowledge(waiters, |_| Err(NotKept));
            }
            // One that can't be kept (its bar has just gone, say) must not take its neighbours along.
            Err(error) => {
                tracing::warn!(%error, ingest.requests = batch.len(), "events are written one request at a time");
                let mut outcomes = Vec::with_capacity(batch.len());
                for place in 0..batch.len() {
                    let outcome = self.commit(&batch, place..place + 1).await;
                    if let Err(error) = &outcome {
                        tracing::warn!(%error, "events could not be kept");
                    }
                    outcomes.push(outcome.map_err(|_| NotKept));
                }
                acknowledge(waiters, |place| outcomes[place]);
            }
        }
    }

    async fn commit(&self, batch: &Arc<Vec<Arrival>>, places: std::ops::Range<usize>) -> db::Result<()> {
        let (batch, recorder) = (batch.clone(), self.recorder.clone());
        let write = self.db.write(move |tx| {
            let arrivals = &batch[places];
            let events: Vec<&Event> = arrivals.iter().flat_map(|arrival| &arrival.events).collect();
            let drops: Vec<Drop> = arrivals
                .iter()
                .flat_map(|arrival| arrival.drops.iter().copied())
                .collect();
            recorder.record(tx, &events, &drops)
        });
        match AssertUnwindSafe(write).catch_unwind().await {
            Ok(outcome) => {
                for kind in outcome? {
                    (self.tell)(Told::Stored(kind));
                }
                Ok(())
            }
            // The panic's hook has logged it. The writer must live on.
            Err(_) => Err(db::Error::Unavailable("the writer panicked".into())),
        }
    }
}

fn acknowledge(waiters: Vec<Waiter>, outcome: impl Fn(usize) -> Result<(), NotKept>) {
    for (place, waiter) in waiters.into_iter().enumerate() {
        // A client that has hung up needs no answer.
        waiter.send(outcome(place)).unwrap_or_default();
    }
}
