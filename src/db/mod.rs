//! The two databases behind one story: connections, transactions, types, schema and migrations.
//! The only place that knows that there are two. It knows no feature.

mod backup;
mod connection;
mod migrations;
mod pool;
pub mod schema;
mod statement;
#[macro_use]
pub mod types;

use std::sync::Arc;
use std::time::Duration;

use diesel::result::{DatabaseErrorKind, Error as DieselError};

pub use backup::{BackupError, backup, restore};
pub use connection::{Conn, Connector, DatabaseUrl, MultiBackend, NotADatabaseUrl, Purpose};
pub use migrations::all as all_migrations;
use pool::Pool;
pub use statement::Statement;
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
    /// Whether statements stay prepared on their connection (PostgreSQL); a pooler may forbid that.
    pub keep_prepared: bool,
}

/// No question of ours takes so long: the database hangs.
pub const READ_WITHIN: Duration = Duration::from_secs(30);

/// The database. Cheap to clone.
#[derive(Clone)]
pub struct Db {
    readers: Pool,
    writers: Pool,
    options: Arc<Options>,
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
                Pool::new(&options, Purpose::Read, options.pool_size),
                Pool::new(&options, Purpose::Write, 1),
            ),
            DatabaseUrl::Postgres(_) => {
                let pool = Pool::new(&options, Purpose::Write, options.pool_size);
                (pool.clone(), pool)
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

    /// Reads. Each query sees what is committed at its own start. What takes longer than [`READ_WITHIN`] is not waited for.
    pub async fn read<T, E>(
        &self,
        work: impl FnOnce(&mut Conn) -> std::result::Result<T, E> + Send + 'static,
    ) -> std::result::Result<T, E>
    where
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        match tokio::time::timeout(READ_WITHIN, self.readers.run(work)).await {
            Ok(outcome) => outcome,
            Err(_) => Err(Error::Unavailable("a read takes too long".into()).into()),
        }
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
        self.writers.run(move |conn| conn.transact(work)).await
    }

    /// Writes, each statement a transaction of its own: on the disk when it is done.
    pub async fn write_each<T, E>(
        &self,
        work: impl FnOnce(&mut Conn) -> std::result::Result<T, E> + Send + 'static,
    ) -> std::result::Result<T, E>
    where
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        self.writers.run(work).await
    }

    /// Runs the migrations that are missing, once among any number of starters. Answers their names.
    pub async fn migrate(&self) -> Result<Vec<String>> {
        self.wait_for_it().await?;
        self.writers.run(migrations::run).await
    }

    /// Takes all migrations back, and with them all data: each has a way back, and a test walks it.
    pub async fn revert_all_migrations(&self) -> Result<()> {
        self.writers.run(migrations::revert_all).await
    }

    /// The migrations that have not run yet.
    pub async fn pending_migrations(&self) -> Result<Vec<String>> {
        self.writers.run(migrations::pending).await
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
        self.read(Conn::ping).await
    }

    /// The same, but one that can't be reached yet is waited for, as long as a request would wait for a connection.
    pub async fn wait_for_it(&self) -> Result<()> {
        let deadline = tokio::time::Instant::now() + self.options.acquire_timeout;
        loop {
            match self.ping().await {
                Err(error) if error.is_unavailable() && tokio::time::Instant::now() < deadline => {
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
                answer => return answer,
            }
        }
    }

    /// Whether the database can't be reached, and everybody is refused until it can.
    pub fn is_away(&self) -> bool {
        self.writers.is_away()
    }

    /// Connections in use and in all, for the metrics.
    pub fn pool_state(&self) -> (usize, usize) {
        self.readers.state()
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
            keep_prepared: true,
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
