//! Commit, then acknowledge: a bounded queue, one writer, one row of the journal for all that has gathered.
//!
//! The batch is what came while the last commit ran: no timer under load, no delay when idle. Whoever waits is told
//! only what is on the disk. Nothing here looks at what an event says; folding it is [`super::fold`]'s.

use std::collections::HashMap;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex};

use futures_util::FutureExt;
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use super::fold::Backlog;
use super::{Drop, Event, journal, store};
use crate::db::{self, Conn, Db};
use crate::ids::BarId;

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
    backlog: Arc<Backlog>,
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
        if self.backlog.is_full() {
            return Err(QueueError::Full);
        }
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

/// The one writer of a process. `app.rs` runs it; it ends when it is told to and the queue is empty.
pub struct Writer {
    db: Db,
    backlog: Arc<Backlog>,
    receiver: mpsc::Receiver<(Arrival, Waiter)>,
}

/// So many requests are committed at once. At 32 events each that is still a short transaction.
const MAX_BATCH: usize = 1024;

/// The queue and its writer. So many requests may wait.
pub fn channel(db: Db, backlog: Arc<Backlog>, places: usize) -> (Queue, Writer) {
    let (sender, receiver) = mpsc::channel(places);
    let shares = Arc::new(Shares {
        held: Mutex::default(),
        most: places.div_ceil(2),
    });
    let queue = Queue {
        sender,
        shares,
        backlog: backlog.clone(),
    };
    let writer = Writer {
        db,
        backlog,
        receiver,
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
        // A panic's hook has logged it. The writer must live on.
        let written: db::Result<()> = AssertUnwindSafe(write)
            .catch_unwind()
            .await
            .unwrap_or_else(|_| Err(db::Error::Unavailable("the writer panicked".into())));
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
