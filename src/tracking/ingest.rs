//! Commit, then acknowledge: a bounded queue, one writer, one row of the journal for all that has gathered.
//!
//! The batch is what came while the last commit ran: no timer under load, no delay when idle. Whoever waits is told
//! only what is on the disk. Nothing here looks at what an event says; folding it is [`super::fold`]'s.

use std::collections::HashMap;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::FutureExt;
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::fold::Backlog;
use super::{Drop, Event, journal, store};
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
    /// If it was under way it may yet be kept: sent again, it counts once.
    #[error("the database does not answer")]
    Slow,
    #[error(transparent)]
    NotKept(#[from] NotKept),
}

/// The way in. Cheap to clone.
#[derive(Clone)]
pub struct Queue {
    db: Db,
    sender: mpsc::Sender<(Arrival, Waiter)>,
    shares: Arc<Shares>,
    backlog: Arc<Backlog>,
    commit: Arc<Commit>,
}

/// A commit that takes longer than this turns newcomers away: the disk or the database hangs, and a crowd would not help.
const STALLED: Duration = Duration::from_secs(3);
/// Who waits for longer than this is told to come back.
const PATIENCE: Duration = Duration::from_secs(10);

/// Since when the writer waits for its commit, if it does.
#[derive(Default)]
struct Commit(Mutex<Option<Instant>>);

impl Commit {
    fn set(&self, began: Option<Instant>) {
        *self.0.lock().expect("no holder of this lock panics") = began;
    }

    fn is_stalled(&self) -> bool {
        let began = *self.0.lock().expect("no holder of this lock panics");
        began.is_some_and(|began| began.elapsed() > STALLED)
    }
}

/// How many requests of each bar and member wait: one bar may hold half of the places, one member three quarters, so that
/// a storm leaves room for its neighbours.
struct Shares {
    held: Mutex<HashMap<Holder, usize>>,
    of_bar: usize,
    of_member: usize,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Holder {
    Bar(BarId),
    Member(MemberId),
}

impl Shares {
    fn take(self: &Arc<Self>, bar: BarId, member: MemberId) -> Option<Place> {
        let wanted = [
            (Holder::Bar(bar), self.of_bar),
            (Holder::Member(member), self.of_member),
        ];
        let mut held = self.held.lock().expect("no holder of this lock panics");
        if wanted
            .iter()
            .any(|(holder, most)| held.get(holder).is_some_and(|count| count >= most))
        {
            return None;
        }
        for (holder, _) in wanted {
            *held.entry(holder).or_default() += 1;
        }
        Some(Place {
            shares: self.clone(),
            holders: wanted.map(|(holder, _)| holder),
        })
    }
}

/// A place in the queue; given back when it is dropped.
struct Place {
    shares: Arc<Shares>,
    holders: [Holder; 2],
}

impl std::ops::Drop for Place {
    fn drop(&mut self) {
        let mut held = self.shares.held.lock().expect("no holder of this lock panics");
        for holder in self.holders {
            if let Some(count) = held.get_mut(&holder) {
                *count -= 1;
                if *count == 0 {
                    held.remove(&holder);
                }
            }
        }
    }
}

impl Queue {
    /// Waits until everything is committed.
    pub async fn keep(&self, events: Vec<Event>, drops: Vec<Drop>) -> Result<(), QueueError> {
        if self.backlog.is_full() {
            return Err(QueueError::Full);
        }
        if self.commit.is_stalled() || self.db.is_away() {
            return Err(QueueError::Slow);
        }
        let whose = events
            .first()
            .map(|event| (event.bar, event.member))
            .or(drops.first().map(|drop| (drop.bar, drop.member)));
        let place = match whose {
            Some((bar, member)) => Some(self.shares.take(bar, member).ok_or(QueueError::Full)?),
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
        match tokio::time::timeout(PATIENCE, kept).await {
            Ok(Ok(outcome)) => Ok(outcome?),
            Ok(Err(_)) => Err(QueueError::NotKept(NotKept)),
            Err(_) => Err(QueueError::Slow),
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

/// The one writer of a process. `app.rs` runs it; it ends when it is told to and the queue is empty.
pub struct Writer {
    db: Db,
    backlog: Arc<Backlog>,
    receiver: mpsc::Receiver<(Arrival, Waiter)>,
    commit: Arc<Commit>,
}

/// So many requests are committed at once. At 32 events each that is still a short transaction.
const MAX_BATCH: usize = 1024;

/// The queue and its writer. So many requests may wait.
pub fn channel(db: Db, backlog: Arc<Backlog>, places: usize) -> (Queue, Writer) {
    let (sender, receiver) = mpsc::channel(places);
    let shares = Arc::new(Shares {
        held: Mutex::default(),
        of_bar: places.div_ceil(2),
        of_member: (places * 3).div_ceil(4),
    });
    let commit = Arc::new(Commit::default());
    let queue = Queue {
        db: db.clone(),
        sender,
        shares,
        backlog: backlog.clone(),
        commit: commit.clone(),
    };
    let writer = Writer {
        db,
        backlog,
        receiver,
        commit,
    };
    (queue, writer)
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
        let outcome = self.commit(&batch).await;
        if let Err(error) = &outcome {
            tracing::warn!(%error, ingest.requests = batch.len(), "events could not be kept");
        }
        let outcome = outcome.map_err(|_| NotKept);
        for (_, waiter) in batch {
            // A client that has hung up needs no answer.
            waiter.send(outcome).unwrap_or_default();
        }
    }

    async fn commit(&self, batch: &[(Arrival, Waiter)]) -> db::Result<()> {
        let events: Vec<&Event> = batch.iter().flat_map(|(arrival, _)| &arrival.events).collect();
        let drops = batch
            .iter()
            .flat_map(|(arrival, _)| arrival.drops.iter().copied());
        let drops: Vec<Drop> = drops.collect();
        let arrivals = events.len() + drops.len();
        let entry = journal::encode(&events, &drops);
        let write = self.db.write(move |tx| append(tx, arrivals, &entry));
        self.commit.set(Some(Instant::now()));
        // A panic's hook has logged it. The writer must live on.
        let written: db::Result<()> = AssertUnwindSafe(write)
            .catch_unwind()
            .await
            .unwrap_or_else(|_| Err(db::Error::Unavailable("the writer panicked".into())));
        self.commit.set(None);
        written?;
        self.backlog.grow(arrivals);
        Ok(())
    }
}

/// Puts arrivals into the journal, in the caller's transaction.
pub fn append(tx: &mut Conn, arrivals: usize, entry: &[u8]) -> db::Result<()> {
    let arrivals = i32::try_from(arrivals).unwrap_or(i32::MAX);
    store::journal::append(tx, journal::FORMAT, arrivals, entry)
}
