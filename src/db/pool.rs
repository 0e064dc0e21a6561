//! Connections, lent one at a time, and what becomes of requests while the database is away.
//!
//! There are as many places as connections: who waits for one, waits without holding a thread. While PostgreSQL can't be
//! reached the pool is *away*: everybody is refused at once, and one probe at a time finds out when it is back. So an outage
//! costs each request a moment instead of a time-out, and the database, when it comes back, meets no crowd at its door.

use std::sync::{Arc, Mutex, MutexGuard, Weak};
use std::time::Duration;

use tokio::sync::{Semaphore, oneshot, watch};
use tokio::time::Instant;

use super::connection::{Conn, Connector};
use super::{Error, Options, Purpose, Result};

/// A connection that has lain idle for so long is asked whether it lives before it is lent again.
const TRUSTED: Duration = Duration::from_secs(1);
/// Connections are closed when they have lain idle for so long, and replaced when they have lived for so long: a database
/// that fails over, or a pooler, gets rid of them in time.
const IDLE: Duration = Duration::from_secs(600);
const LIFE: Duration = Duration::from_secs(1800);
/// A connection that can't be had, or does not say whether it lives, after so long is none: the database hangs.
const LENT_WITHIN: Duration = Duration::from_secs(3);
/// Between one probe and the next.
const PROBE: Duration = Duration::from_millis(250);

/// Cheap to clone.
#[derive(Clone)]
pub struct Pool {
    shared: Arc<Shared>,
    /// How long a request waits for a place.
    patience: Duration,
}

struct Shared {
    connector: Connector,
    size: usize,
    places: Arc<Semaphore>,
    connections: Mutex<Connections>,
    away: watch::Sender<bool>,
}

#[derive(Default)]
struct Connections {
    /// Who came back last is lent first.
    idle: Vec<Idle>,
    open: usize,
    /// What came back before this is asked whether it lives: a neighbour of its has died.
    doubted: Option<Instant>,
}

struct Idle {
    conn: Conn,
    born: Instant,
    back: Instant,
}

impl Pool {
    pub fn new(options: &Options, purpose: Purpose, size: u32) -> Self {
        let size = size as usize;
        Self {
            shared: Arc::new(Shared {
                connector: Connector {
                    url: options.url.clone(),
                    purpose,
                    keep_prepared: options.keep_prepared,
                },
                size,
                places: Arc::new(Semaphore::new(size)),
                connections: Mutex::default(),
                away: watch::Sender::new(false),
            }),
            patience: options.acquire_timeout,
        }
    }

    /// Runs `work` with a connection, on a thread that may wait.
    pub async fn run<T, E>(
        &self,
        work: impl FnOnce(&mut Conn) -> std::result::Result<T, E> + Send + 'static,
    ) -> std::result::Result<T, E>
    where
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        let mut away = self.shared.away.subscribe();
        let place = tokio::select! {
            biased;
            _ = away.wait_for(|away| *away) => return Err(is_away().into()),
            place = tokio::time::timeout(self.patience, self.shared.places.clone().acquire_owned()) => place,
        };
        let place = place
            .map_err(|_| Error::Unavailable("all connections are busy".into()))?
            .map_err(|_| Error::Unavailable("the pool is closed".into()))?;
        let shared = self.shared.clone();
        let span = tracing::Span::current();
        let runtime = tokio::runtime::Handle::current();
        let (begins, begun) = oneshot::channel();
        let working = tokio::task::spawn_blocking(move || {
            let _place = place;
            let _entered = span.entered();
            let mut lent = match shared.lend() {
                Ok(lent) => lent,
                Err(error) => {
                    shared.doubt(&error, &runtime);
                    return Err(error.into());
                }
            };
            if begins.send(()).is_err() {
                lent.give_back(); // nobody waits for it any more
                return Err(is_away().into());
            }
            let outcome = work(lent.conn());
            if outcome.is_ok() {
                lent.give_back();
            } else if let Err(error) = lent.give_back_if_it_lives() {
                shared.doubt(&error, &runtime);
            }
            outcome
        });
        if self.shared.connector.can_break() {
            self.wait_until_lent(begun).await?;
        }
        match working.await {
            Ok(result) => result,
            Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
            Err(_) => Err(Error::Unavailable("the service is stopping".into()).into()),
        }
    }

    /// What is not begun in time is not begun at all.
    async fn wait_until_lent(&self, mut begun: oneshot::Receiver<()>) -> Result<()> {
        // An `Err` inside is a thread that has failed, and says why itself.
        if tokio::time::timeout(LENT_WITHIN, &mut begun).await.is_ok() {
            return Ok(());
        }
        begun.close();
        if begun.try_recv().is_ok() {
            return Ok(()); // begun at the last moment
        }
        let error = Error::Unavailable("the database does not answer".into());
        self.shared.doubt(&error, &tokio::runtime::Handle::current());
        Err(error)
    }

    /// Whether everybody is refused until the database answers again.
    pub fn is_away(&self) -> bool {
        *self.shared.away.borrow()
    }

    /// Connections in use and in all.
    pub fn state(&self) -> (usize, usize) {
        let connections = self.shared.connections();
        (connections.open - connections.idle.len(), connections.open)
    }
}

fn is_away() -> Error {
    Error::Unavailable("the database is away".into())
}

impl Shared {
    fn connections(&self) -> MutexGuard<'_, Connections> {
        self.connections.lock().expect("no holder of this lock panics")
    }

    /// A connection that lives, as far as can be known; for the holder of a place.
    fn lend(self: &Arc<Self>) -> Result<Lent> {
        loop {
            let idle = {
                let mut connections = self.connections();
                let Some(idle) = connections.idle.pop() else { break };
                let doubted = connections.doubted.is_some_and(|doubted| idle.back <= doubted);
                (idle, doubted)
            };
            let (Idle { conn, born, back }, doubted) = idle;
            let mut lent = self.lent(conn, born);
            if !self.connector.can_break() || !(doubted || back.elapsed() > TRUSTED) {
                return Ok(lent);
            }
            match lent.conn().ping() {
                Ok(()) => return Ok(lent),
                // Its end shows at all that lie beside it; the next look at a closed one costs nothing.
                Err(_) => self.connections().doubted = Some(Instant::now()),
            }
        }
        // Counted before it is made, so that there are never more than places.
        self.connections().open += 1;
        match self.connector.open() {
            Ok(conn) => Ok(self.lent(conn, Instant::now())),
            Err(error) => {
                self.connections().open -= 1;
                Err(Error::Unavailable(error.to_string()))
            }
        }
    }

    fn lent(self: &Arc<Self>, conn: Conn, born: Instant) -> Lent {
        Lent {
            shared: self.clone(),
            conn: Some(conn),
            born,
        }
    }

    fn take_back(&self, conn: Conn, born: Instant) {
        let now = Instant::now();
        let mut closed = Vec::new();
        let mut connections = self.connections();
        while connections
            .idle
            .first()
            .is_some_and(|idle| now.duration_since(idle.back) > IDLE)
        {
            closed.push(connections.idle.remove(0).conn);
        }
        let idle = Idle {
            conn,
            born,
            back: now,
        };
        if self.connector.can_break() && now.duration_since(born) > LIFE {
            closed.push(idle.conn);
        } else {
            connections.idle.push(idle);
        }
        connections.open -= closed.len();
        drop(connections); // closing takes a moment
    }

    /// A connection was refused, or one has died.
    fn doubt(self: &Arc<Self>, error: &Error, runtime: &tokio::runtime::Handle) {
        if !self.connector.can_break() {
            return;
        }
        self.connections().doubted = Some(Instant::now());
        if matches!(error, Error::Unavailable(_)) && !self.away.send_replace(true) {
            tracing::warn!(%error, "the database is away: requests are refused until it answers");
            runtime.spawn(probe(Arc::downgrade(self)));
        }
    }

    /// Puts a connection beside the others, if there is room for it.
    fn add(&self, conn: Conn) {
        let now = Instant::now();
        let mut connections = self.connections();
        if connections.open < self.size {
            connections.open += 1;
            connections.idle.push(Idle {
                conn,
                born: now,
                back: now,
            });
        }
    }
}

/// Knocks until the database answers, then lets everybody in.
async fn probe(pool: Weak<Shared>) {
    let began = Instant::now();
    loop {
        tokio::time::sleep(PROBE).await;
        let Some(shared) = pool.upgrade() else { return };
        let opened = tokio::task::spawn_blocking(move || {
            let mut conn = shared.connector.open().map_err(|error| error.to_string())?;
            conn.ping().map_err(|error| error.to_string())?;
            shared.add(conn);
            shared.away.send_replace(false);
            Ok::<_, String>(())
        });
        match opened.await {
            Ok(Ok(())) => {
                let secs = began.elapsed().as_secs();
                tracing::info!(db.away_secs = secs, "the database is back");
                return;
            }
            Ok(Err(error)) => tracing::debug!(%error, "the database is still away"),
            Err(error) if error.is_panic() => tracing::error!("a probe panicked"),
            Err(_) => return, // the service is stopping
        }
    }
}

/// A connection that is lent; closed when it is dropped without having been given back.
struct Lent {
    shared: Arc<Shared>,
    conn: Option<Conn>,
    born: Instant,
}

impl Lent {
    fn conn(&mut self) -> &mut Conn {
        self.conn.as_mut().expect("it is there until it is given back")
    }

    fn give_back(mut self) {
        if let Some(mut conn) = self.conn.take() {
            if conn.is_broken() {
                self.conn = Some(conn);
            } else {
                self.shared.take_back(conn, self.born);
            }
        }
    }

    /// After an error, which may have been the connection's end.
    fn give_back_if_it_lives(mut self) -> Result<()> {
        if self.shared.connector.can_break() {
            self.conn().ping()?;
        }
        self.give_back();
        Ok(())
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        if self.conn.take().is_some() {
            self.shared.connections().open -= 1;
        }
    }
}
