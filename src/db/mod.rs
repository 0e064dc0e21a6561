//! The two databases behind one story: connections, transactions, types, schema and migrations.
//! The only place that knows that there are two. It knows no feature.

mod backup;
mod connection;
mod migrations;
mod prepared;
pub mod schema;
#[macro_use]
pub mod types;

use std::sync::Arc;
use std::time::Duration;

use diesel::r2d2::Pool;
use diesel::result::{DatabaseErrorKind, Error as DieselError};
use tokio::sync::Semaphore;

pub use backup::{BackupError, backup, restore};
pub use connection::{Conn, Connector, DatabaseUrl, MultiBackend, NotADatabaseUrl, Purpose};
pub use migrations::all as all_migrations;
pub use prepared::Prepared;
pub use types::Json;

pub type Result<T> = std::result::Result<T, Error>;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("query: {0}")]
    Query(#[from] DieselError),
    /// No connection could be had in time.
    #[error("no connection: {0}")]
    Unavailable(String),
    #[error("migration: {0}")]
    Migration(String),
}

impl Error {
    /// True when a row with the same unique key stands already.
    pub fn is_unique_violation(&self) -> bool {
        matches!(
            self,
            Error::Query(DieselError::DatabaseError(DatabaseErrorKind::UniqueViolation, _))
        )
    }

    pub fn is_foreign_key_violation(&self) -> bool {
        matches!(
            self,
            Error::Query(DieselError::DatabaseError(
                DatabaseErrorKind::ForeignKeyViolation,
                _
            ))
        )
    }

    /// True when the database itself is in trouble (gone, full, locked): a 503 that may pass, not a 500.
    pub fn is_unavailable(&self) -> bool {
        match self {
            Error::Unavailable(_) => true,
            Error::Query(DieselError::BrokenTransactionManager) => true,
            Error::Query(DieselError::DatabaseError(kind, info)) => {
                matches!(
                    kind,
                    DatabaseErrorKind::UnableToSendCommand | DatabaseErrorKind::ClosedConnection
                ) || [
                    "disk I/O error",
                    "is full",
                    "is locked",
                    "No space left",
                    "terminating connection",
                    "unable to open database",
                    "could not extend file",
                    "server closed the connection",
                    "connection to server",
                    "the database system is",
                ]
                .iter()
                .any(|sign| info.message().contains(sign))
            }
            _ => false,
        }
    }
}

#[derive(Debug, Clone)]
pub struct Options {
    pub url: DatabaseUrl,
    /// Connections for reading (SQLite), or for everything (PostgreSQL).
    pub pool_size: u32,
    /// How long a request waits for a connection before it is told that the service is busy.
    pub acquire_timeout: Duration,
}

/// The database. Cheap to clone.
#[derive(Clone)]
pub struct Db {
    readers: Lane,
    writers: Lane,
    options: Arc<Options>,
}

/// A pool with as many places as connections: who waits, waits without holding a thread.
#[derive(Clone)]
struct Lane {
    pool: Pool<Connector>,
    places: Arc<Semaphore>,
}

impl Lane {
    fn new(options: &Options, purpose: Purpose, size: u32) -> Self {
        let pool = Pool::builder()
            .max_size(size)
            .min_idle(Some(0))
            .connection_timeout(options.acquire_timeout)
            .test_on_check_out(matches!(options.url, DatabaseUrl::Postgres(_)))
            .error_handler(Box::new(diesel::r2d2::LoggingErrorHandler))
            .build_unchecked(Connector {
                url: options.url.clone(),
                purpose,
            });
        Self {
            pool,
            places: Arc::new(Semaphore::new(size as usize)),
        }
    }

    async fn run<T, E>(
        &self,
        timeout: Duration,
        work: impl FnOnce(&mut Conn) -> std::result::Result<T, E> + Send + 'static,
    ) -> std::result::Result<T, E>
    where
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        let place = tokio::time::timeout(timeout, self.places.clone().acquire_owned())
            .await
            .map_err(|_| Error::Unavailable("all connections are busy".into()))?
            .map_err(|_| Error::Unavailable("the pool is closed".into()))?;
        let pool = self.pool.clone();
        let span = tracing::Span::current();
        let joined = tokio::task::spawn_blocking(move || {
            let _place = place;
            let _entered = span.entered();
            let mut conn = pool
                .get()
                .map_err(|error| Error::Unavailable(error.to_string()))?;
            work(&mut conn)
        })
        .await;
        match joined {
            Ok(result) => result,
            Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
            Err(_) => Err(Error::Unavailable("the service is stopping".into()).into()),
        }
    }
}

impl Db {
    /// Opens the pools; connections are made when first needed, so that a database that is away for a moment
    /// does not stop the start.
    pub fn open(options: Options) -> std::io::Result<Self> {
        if let DatabaseUrl::Sqlite(path) = &options.url
            && let Some(folder) = path.parent()
            && !folder.as_os_str().is_empty()
        {
            std::fs::create_dir_all(folder)?;
        }
        let (readers, writers) = match &options.url {
            DatabaseUrl::Sqlite(_) => (
                Lane::new(&options, Purpose::Read, options.pool_size),
                Lane::new(&options, Purpose::Write, 1),
            ),
            DatabaseUrl::Postgres(_) => {
                let lane = Lane::new(&options, Purpose::Write, options.pool_size);
                (lane.clone(), lane)
            }
        };
        Ok(Self {
            readers,
            writers,
            options: Arc::new(options),
        })
    }

    pub fn url(&self) -> &DatabaseUrl {
        &self.options.url
    }

    /// Reads. Each query sees what is committed at its own start.
    pub async fn read<T, E>(
        &self,
        work: impl FnOnce(&mut Conn) -> std::result::Result<T, E> + Send + 'static,
    ) -> std::result::Result<T, E>
    where
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        self.readers.run(self.options.acquire_timeout, work).await
    }

    /// Writes: the closure is the transaction. `Err` rolls back; `Ok` has been committed to disk.
    pub async fn write<T, E>(
        &self,
        work: impl FnOnce(&mut Conn) -> std::result::Result<T, E> + Send + 'static,
    ) -> std::result::Result<T, E>
    where
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        self.writers
            .run(self.options.acquire_timeout, move |conn| conn.transact(work))
            .await
    }

    /// Runs the migrations that are missing, once among any number of starters. Answers their names.
    pub async fn migrate(&self) -> Result<Vec<String>> {
        self.writers
            .run(self.options.acquire_timeout, migrations::run)
            .await
    }

    /// Takes all migrations back, and with them all data: each has a way back, and a test walks it.
    pub async fn revert_all_migrations(&self) -> Result<()> {
        self.writers
            .run(self.options.acquire_timeout, migrations::revert_all)
            .await
    }

    /// The migrations that have not run yet.
    pub async fn pending_migrations(&self) -> Result<Vec<String>> {
        self.writers
            .run(self.options.acquire_timeout, migrations::pending)
            .await
    }

    /// Copies what SQLite's log holds into its file, beside whoever writes: so that a commit seldom has to. PostgreSQL does
    /// that by itself.
    pub async fn checkpoint(&self) -> Result<()> {
        if !matches!(self.options.url, DatabaseUrl::Sqlite(_)) {
            return Ok(());
        }
        self.read(|conn| {
            use diesel::connection::SimpleConnection;
            Ok(conn.batch_execute("PRAGMA wal_checkpoint(PASSIVE)")?)
        })
        .await
    }

    /// Answers if the database does.
    pub async fn ping(&self) -> Result<()> {
        self.read(|conn| {
            use diesel::connection::SimpleConnection;
            Ok(conn.batch_execute("SELECT 1")?)
        })
        .await
    }

    /// Connections in use and in all, for the metrics.
    pub fn pool_state(&self) -> (u32, u32) {
        let state = self.readers.pool.state();
        (state.connections - state.idle_connections, state.connections)
    }
}

#[cfg(test)]
mod tests {
    use diesel::prelude::*;

    use super::*;
    use crate::clock::{Clock, Timestamp};
    use crate::ids::JobId;
    use crate::jobs::{self, NewJob};
    use crate::secrets::Random;

    /// Values of every type of ours go in and come out unchanged; an error rolls all of it back.
    async fn story(url: DatabaseUrl) {
        let db = Db::open(Options {
            url,
            pool_size: 3,
            acquire_timeout: Duration::from_secs(5),
        })
        .unwrap();
        db.migrate().await.unwrap();
        assert_eq!(db.pending_migrations().await.unwrap(), Vec::<String>::new());
        let (clock, random) = (
            Clock::frozen(Timestamp::from_micros(1_800_000_000_000_001)),
            Random::seeded(1),
        );
        let (id, now) = (JobId::new(&clock, &random), clock.now());
        let payload = serde_json::json!({"deep": [1, "zwei", null]});
        let kept = payload.clone();
        db.write(move |tx| {
            for _ in 0..2 {
                let (payload, unique_key) = (payload.clone(), Some("once".to_owned()));
                jobs::enqueue(
                    tx,
                    &NewJob {
                        id,
                        kind: "k",
                        payload,
                        run_at: now,
                        unique_key,
                    },
                )?;
            }
            Ok::<_, Error>(())
        })
        .await
        .unwrap();
        let rows: Vec<(JobId, Json<serde_json::Value>, Timestamp, Option<Timestamp>)> = db
            .read(move |conn| {
                use schema::jobs::dsl;
                let rows = dsl::jobs
                    .filter(dsl::run_at.le(now))
                    .filter(dsl::id.eq_any([id]))
                    .select((dsl::id, dsl::payload, dsl::run_at, dsl::leased_until))
                    .load(conn)?;
                Ok::<_, Error>(rows)
            })
            .await
            .unwrap();
        assert_eq!(rows, [(id, Json(kept), now, None)]);
        let undone: Result<()> = db
            .write(|tx| {
                diesel::delete(schema::jobs::table).execute(tx)?;
                Err(Error::Unavailable("told to".into()))
            })
            .await;
        assert!(undone.unwrap_err().is_unavailable());
        assert_eq!(db.read(jobs::count).await.unwrap().pending, 1);
    }

    #[tokio::test]
    async fn sqlite_keeps_what_it_is_given() {
        let path = std::env::temp_dir().join(format!("contactbar-db-{}.db", std::process::id()));
        story(DatabaseUrl::Sqlite(path.clone())).await;
        std::fs::remove_file(path).unwrap();
    }

    #[tokio::test]
    #[allow(
        clippy::disallowed_methods,
        reason = "the cluster that `make test` starts is named in the environment"
    )]
    async fn postgres_keeps_what_it_is_given() {
        let server =
            std::env::var("CONTACTBAR_TEST_POSTGRES").expect("`make test` starts a PostgreSQL and names it");
        let (base, name) = (
            server.rsplit_once('/').unwrap().0.to_owned(),
            format!("db_story_{}", std::process::id()),
        );
        let mut admin = diesel::PgConnection::establish(&server).unwrap();
        diesel::sql_query(format!("CREATE DATABASE {name}"))
            .execute(&mut admin)
            .unwrap();
        story(DatabaseUrl::Postgres(format!("{base}/{name}"))).await;
        diesel::sql_query(format!("DROP DATABASE {name} WITH (FORCE)"))
            .execute(&mut admin)
            .unwrap();
    }
}
