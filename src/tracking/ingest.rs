//! Commit, then acknowledge: a bounded queue, one writer, one row of the journal for all that has gathered.
//!
//! The batch is what came while the last commit ran: no timer under load, no delay when idle. Whoever waits is told
//! only what is on the disk. Nothing here looks at what an event says; folding it is [`super::fold`]'s.

use std::collections::HashMap;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use futures_util::FutureExt;
use tokio::sync::{Notify, oneshot};
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

/// Who waits for it to be kept; dropped, it was not.
type Waiter = oneshot::Sender<()>;

type Batch = Vec<(Arrival, Waiter)>;

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
    inbox: Arc<Inbox>,
    shares: Arc<Shares>,
    backlog: Arc<Backlog>,
    commit: Arc<Commit>,
}

/// Where arrivals gather.
struct Inbox {
    waiting: Mutex<Waiting>,
    places: usize,
    came: Notify,
}

#[derive(Default)]
struct Waiting {
    arrivals: Batch,
    closed: bool,
}

impl Inbox {
    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().expect("no holder of this lock panics")
    }

    fn put(&self, arrival: Arrival, waiter: Waiter) -> Result<(), QueueError> {
        let mut waiting = self.waiting();
        if waiting.closed {
            return Err(QueueError::Stopping);
        }
        if waiting.arrivals.len() >= self.places {
            return Err(QueueError::Full);
        }
        waiting.arrivals.push((arrival, waiter));
        drop(waiting);
        self.came.notify_one();
        Ok(())
    }

    /// Fills `batch` with what waits, up to [`MAX_BATCH`].
    fn fill(&self, batch: &mut Batch) {
        let mut waiting = self.waiting();
        let more = waiting.arrivals.len().min(MAX_BATCH.saturating_sub(batch.len()));
        batch.extend(waiting.arrivals.drain(..more));
    }

    /// Takes nothing in any more.
    fn close(&self) {
        self.waiting().closed = true;
    }

    fn is_closed(&self) -> bool {
        self.waiting().closed
    }
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
        self.inbox.put(arrival, done)?;
        match tokio::time::timeout(PATIENCE, kept).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => Err(QueueError::NotKept(NotKept)),
            Err(_) => Err(QueueError::Slow),
        }
    }

    /// The writer lives and takes what comes.
    pub fn is_open(&self) -> bool {
        !self.inbox.is_closed()
    }

    /// How many requests wait, and how many may.
    pub fn depth(&self) -> (usize, usize) {
        (self.inbox.waiting().arrivals.len(), self.inbox.places)
    }
}

/// The one writer of a process. `app.rs` runs it; it ends when it is told to and the queue is empty.
pub struct Writer {
    db: Db,
    backlog: Arc<Backlog>,
    inbox: Arc<Inbox>,
    commit: Arc<Commit>,
}

/// So many requests are committed at once. At 32 events each that is still a short transaction.
const MAX_BATCH: usize = 1024;
/// So many commits follow each other on one loan of a connection: on SQLite whoever else wants to write waits for them.
const COMMITS_A_LOAN: usize = 16;

/// The queue and its writer. So many requests may wait.
pub fn channel(db: Db, backlog: Arc<Backlog>, places: usize) -> (Queue, Writer) {
    let inbox = Arc::new(Inbox {
        waiting: Mutex::default(),
        places,
        came: Notify::new(),
    });
    let shares = Arc::new(Shares {
        held: Mutex::default(),
        of_bar: places.div_ceil(2),
        of_member: (places * 3).div_ceil(4),
    });
    let commit = Arc::new(Commit::default());
    let queue = Queue {
        db: db.clone(),
        inbox: inbox.clone(),
        shares,
        backlog: backlog.clone(),
        commit: commit.clone(),
    };
    let writer = Writer {
        db,
        backlog,
        inbox,
        commit,
    };
    (queue, writer)
}

impl Writer {
    /// Writes until `stop`, then what still waits; what comes after that is turned away.
    pub async fn run(self, stop: CancellationToken) {
        loop {
            if stop.is_cancelled() {
                self.inbox.close();
            }
            let closed = self.inbox.is_closed();
            let mut batch = Batch::new();
            self.inbox.fill(&mut batch);
            if !batch.is_empty() {
                self.write(batch).await;
            } else if closed {
                break;
            } else {
                tokio::select! {
                    () = stop.cancelled() => {}
                    () = self.inbox.came.notified() => {}
                }
            }
        }
    }

    /// Commits `batch` with what came meanwhile, and what comes while it is committed: on one loan of a connection, for
    /// the way to it and back takes longer than a commit. What could not be kept is dropped, and its waiters know.
    async fn write(&self, mut batch: Batch) {
        let (inbox, commit, backlog) = (self.inbox.clone(), self.commit.clone(), self.backlog.clone());
        commit.set(Some(Instant::now()));
        let write = self.db.write_each(move |conn| {
            for _ in 0..COMMITS_A_LOAN {
                inbox.fill(&mut batch);
                if batch.is_empty() {
                    break;
                }
                commit.set(Some(Instant::now()));
                keep(conn, &mut batch, &backlog)?;
            }
            Ok::<_, db::Error>(())
        });
        // A panic's hook has logged it. The writer must live on.
        let written = AssertUnwindSafe(write).catch_unwind().await;
        self.commit.set(None);
        if let Ok(Err(error)) = written {
            tracing::warn!(%error, "events could not be kept");
        }
    }
}

impl std::ops::Drop for Writer {
    /// However it ends, nobody waits for it.
    fn drop(&mut self) {
        let mut waiting = self.inbox.waiting();
        waiting.closed = true;
        waiting.arrivals.clear();
    }
}

/// Commits a batch, and says so to those who wait.
fn keep(conn: &mut Conn, batch: &mut Batch, backlog: &Backlog) -> db::Result<()> {
    let batch = std::mem::take(batch);
    let events: Vec<&Event> = batch.iter().flat_map(|(arrival, _)| &arrival.events).collect();
    let drops = batch.iter().flat_map(|(arrival, _)| &arrival.drops);
    let drops: Vec<Drop> = drops.copied().collect();
    let arrivals = events.len() + drops.len();
    append(conn, arrivals, &journal::encode(&events, &drops))?;
    backlog.grow(arrivals);
    for (_, waiter) in batch {
        // A client that has hung up needs no answer.
        waiter.send(()).unwrap_or_default();
    }
    Ok(())
}

/// Puts arrivals into the journal, in the caller's transaction or as one of its own.
pub fn append(tx: &mut Conn, arrivals: usize, entry: &[u8]) -> db::Result<()> {
    let arrivals = i32::try_from(arrivals).unwrap_or(i32::MAX);
    store::journal::append(tx, journal::FORMAT, arrivals, entry)
}
