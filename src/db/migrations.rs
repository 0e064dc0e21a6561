//! The embedded migrations: the same names in both trees, run once among many starters.

use diesel::Connection;
use diesel::connection::SimpleConnection;
use diesel::migration::{Migration, MigrationSource};
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};

use super::{Conn, Error, Result};

const SQLITE: EmbeddedMigrations = embed_migrations!("migrations/sqlite");
const POSTGRES: EmbeddedMigrations = embed_migrations!("migrations/postgres");

/// The advisory lock that starters of all processes queue at. The number is ours by agreement with ourselves.
const LOCK: i64 = 0x0043_6f6e_7461_6374;

pub fn run(conn: &mut Conn) -> Result<Vec<String>> {
    match conn {
        Conn::Sqlite(c) => {
            c.immediate_transaction(|c| c.run_pending_migrations(SQLITE).map(names).map_err(failed))
        }
        Conn::Postgres(c) => {
            let mut ran = Vec::new();
            // One at a time, each in a transaction of its own that also holds the lock: a lock of the session would be lost,
            // or stay for ever, behind a pooler that hands connections from transaction to transaction.
            while let Some(name) = c.transaction(run_next)? {
                ran.push(name);
            }
            Ok(ran)
        }
    }
}

/// Runs the first migration that is missing; `None` if none is.
fn run_next(c: &mut diesel::PgConnection) -> Result<Option<String>> {
    c.batch_execute(&format!("SELECT pg_advisory_xact_lock({LOCK})"))?;
    if !c.has_pending_migration(POSTGRES).map_err(failed)? {
        return Ok(None);
    }
    let ran = c.run_next_migration(POSTGRES).map_err(failed)?;
    Ok(Some(ran.to_string()))
}

/// Takes all migrations back, newest first: for the test that each knows its way back.
pub fn revert_all(conn: &mut Conn) -> Result<()> {
    match conn {
        Conn::Sqlite(c) => c.revert_all_migrations(SQLITE).map(drop),
        Conn::Postgres(c) => c.revert_all_migrations(POSTGRES).map(drop),
    }
    .map_err(failed)
}

pub fn pending(conn: &mut Conn) -> Result<Vec<String>> {
    match conn {
        Conn::Sqlite(c) => c
            .pending_migrations(SQLITE)
            .map(|all| all.iter().map(|m| m.name().to_string()).collect()),
        Conn::Postgres(c) => c
            .pending_migrations(POSTGRES)
            .map(|all| all.iter().map(|m| m.name().to_string()).collect()),
    }
    .map_err(failed)
}

fn names(versions: Vec<diesel::migration::MigrationVersion<'_>>) -> Vec<String> {
    versions.iter().map(ToString::to_string).collect()
}

fn failed(error: Box<dyn std::error::Error + Send + Sync>) -> Error {
    Error::Migration(error.to_string())
}

/// The names in each tree, to hold one against the other.
pub fn all() -> Result<(Vec<String>, Vec<String>)> {
    fn list<DB: diesel::backend::Backend>(source: &EmbeddedMigrations) -> Result<Vec<String>> {
        let all: Vec<Box<dyn Migration<DB>>> = source.migrations().map_err(failed)?;
        Ok(all.iter().map(|m| m.name().to_string()).collect())
    }
    Ok((
        list::<diesel::sqlite::Sqlite>(&SQLITE)?,
        list::<diesel::pg::Pg>(&POSTGRES)?,
    ))
}
