//! The one connection type that stands for either database, and how its connections are made.

use std::path::PathBuf;
use std::str::FromStr;

use diesel::connection::{AnsiTransactionManager, CacheSize, SimpleConnection, TransactionManager};
use diesel::prelude::*;

/// A connection to whichever database the service runs on.
#[derive(diesel::MultiConnection)]
pub enum Conn {
    Sqlite(diesel::SqliteConnection),
    Postgres(diesel::PgConnection),
}

/// Runs one statement, written once, on the connection's own database: for what diesel offers only there
/// (`on_conflict`, `returning`). `both!(conn, |c| insert_into(…).on_conflict_do_nothing().execute(c))`
#[macro_export]
macro_rules! both {
    ($conn:expr, |$c:ident| $body:expr) => {
        match $conn {
            $crate::db::Conn::Sqlite($c) => $body,
            $crate::db::Conn::Postgres($c) => $body,
        }
    };
}

/// Where the data lives: `sqlite:PATH` or `postgres://…`.
#[derive(Clone, PartialEq, Eq)]
pub enum DatabaseUrl {
    Sqlite(PathBuf),
    Postgres(String),
}

#[derive(Debug, thiserror::Error)]
#[error("must be `sqlite:PATH` or `postgres://USER@HOST/DATABASE`")]
pub struct NotADatabaseUrl;

impl FromStr for DatabaseUrl {
    type Err = NotADatabaseUrl;
    fn from_str(text: &str) -> Result<Self, NotADatabaseUrl> {
        if let Some(path) = text.strip_prefix("sqlite:") {
            let path = path.strip_prefix("//").unwrap_or(path);
            return if path.is_empty() {
                Err(NotADatabaseUrl)
            } else {
                Ok(Self::Sqlite(path.into()))
            };
        }
        if text.starts_with("postgres://") || text.starts_with("postgresql://") {
            return Ok(Self::Postgres(text.to_owned()));
        }
        Err(NotADatabaseUrl)
    }
}

impl std::fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Sqlite(path) => write!(f, "sqlite:{}", path.display()),
            Self::Postgres(_) => f.write_str("postgres://(redacted)"),
        }
    }
}

/// What a connection is for. SQLite has one writer and refuses to write through the others.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    Read,
    Write,
}

/// Makes connections for the pool.
pub struct Connector {
    pub url: DatabaseUrl,
    pub purpose: Purpose,
    /// Whether statements stay prepared on their connection (PostgreSQL).
    pub keep_prepared: bool,
}

/// What a connection to PostgreSQL does when nobody answers any more, unless its URL says otherwise: it is given up after
/// seconds, not after the minutes that the system would wait. A server that is only busy still answers the system's probes.
const PATIENCE: [(&str, &str); 5] = [
    ("connect_timeout", "3"),
    ("tcp_user_timeout", "5000"),
    ("keepalives_idle", "5"),
    ("keepalives_interval", "2"),
    ("keepalives_count", "3"),
];

impl Connector {
    /// Whether connections can end by themselves: they lead over a network.
    pub fn can_break(&self) -> bool {
        matches!(self.url, DatabaseUrl::Postgres(_))
    }

    pub fn open(&self) -> Result<Conn, ConnectionError> {
        match &self.url {
            DatabaseUrl::Sqlite(path) => {
                let mut conn = SqliteConnection::establish(&path.to_string_lossy())?;
                // FULL: a commit is on the disk before it is acknowledged, also through a power cut. Checkpoints are made by
                // `Db::checkpoint`, and by a commit only when nobody did for 32 MB.
                conn.batch_execute(
                    "PRAGMA busy_timeout = 10000; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; \
                     PRAGMA foreign_keys = ON; PRAGMA temp_store = MEMORY; PRAGMA cache_size = -16000; \
                     PRAGMA journal_size_limit = 67108864; PRAGMA wal_autocheckpoint = 8000;",
                )
                .map_err(ConnectionError::CouldntSetupConfiguration)?;
                // Visitors are put in where chance wants them: the writer remembers more pages.
                conn.batch_execute(match self.purpose {
                    Purpose::Read => "PRAGMA query_only = ON;",
                    Purpose::Write => "PRAGMA cache_size = -48000;",
                })
                .map_err(ConnectionError::CouldntSetupConfiguration)?;
                Ok(Conn::Sqlite(conn))
            }
            DatabaseUrl::Postgres(url) => {
                let mut conn = PgConnection::establish(&with_patience(url))?;
                if !self.keep_prepared {
                    conn.set_prepared_statement_cache_size(CacheSize::Disabled);
                }
                conn.batch_execute("SET TIME ZONE 'UTC'; SET client_min_messages = warning;")
                    .map_err(ConnectionError::CouldntSetupConfiguration)?;
                Ok(Conn::Postgres(conn))
            }
        }
    }
}

/// The URL with our patience, where it has none of its own.
fn with_patience(url: &str) -> String {
    let (mut whole, query) = (url.to_owned(), url.split_once('?').map_or("", |(_, query)| query));
    let has = |name: &str| query.split('&').any(|pair| pair.split('=').next() == Some(name));
    for (name, value) in PATIENCE.into_iter().filter(|(name, _)| !has(name)) {
        whole.push(if whole.contains('?') { '&' } else { '?' });
        whole.push_str(&format!("{name}={value}"));
    }
    whole
}

impl Conn {
    /// Answers if the database does.
    pub(super) fn ping(&mut self) -> super::Result<()> {
        Ok(self.batch_execute("SELECT 1")?)
    }

    /// A transaction could not be ended: what the connection is in, nobody knows.
    pub(super) fn is_broken(&mut self) -> bool {
        both!(self, |c| {
            AnsiTransactionManager::is_broken_transaction_manager(c)
        })
    }

    /// Runs `work` as one transaction. SQLite takes its write lock at the start, so that nothing fails half-way
    /// for want of it.
    pub(super) fn transact<T, E: From<super::Error>>(
        &mut self,
        work: impl FnOnce(&mut Conn) -> Result<T, E>,
    ) -> Result<T, E> {
        match self {
            Conn::Sqlite(c) => AnsiTransactionManager::begin_transaction_sql(c, "BEGIN IMMEDIATE"),
            Conn::Postgres(c) => AnsiTransactionManager::begin_transaction(c),
        }
        .map_err(super::Error::from)?;
        match work(self) {
            Ok(value) => {
                both!(self, |c| AnsiTransactionManager::commit_transaction(c)).map_err(super::Error::from)?;
                Ok(value)
            }
            Err(error) => {
                // A rollback that fails leaves a broken connection, which the pool throws away.
                if let Err(failed) = both!(self, |c| AnsiTransactionManager::rollback_transaction(c)) {
                    tracing::warn!(error = %failed, "rollback failed; the connection is dropped");
                }
                Err(error)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::with_patience;

    #[test]
    fn a_url_says_how_patient_it_is_or_is_given_our_patience() {
        assert_eq!(
            with_patience("postgres://a@b/c"),
            "postgres://a@b/c?connect_timeout=3&tcp_user_timeout=5000&keepalives_idle=5&keepalives_interval=2\
             &keepalives_count=3"
        );
        assert!(
            with_patience("postgres://a@b,d/c?target_session_attrs=read-write&connect_timeout=9")
                .starts_with(
                    "postgres://a@b,d/c?target_session_attrs=read-write&connect_timeout=9&tcp_user_timeout="
                )
        );
    }
}
