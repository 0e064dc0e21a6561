//! Copies of the whole database, taken while the service runs, and put back while it does not.
//!
//! SQLite: `VACUUM INTO`, a consistent copy that is a database itself. PostgreSQL: `pg_dump` and `pg_restore`, which must
//! be installed (they come with PostgreSQL's client).

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use diesel::RunQueryDsl;
use diesel::connection::SimpleConnection;

use super::{Conn, Connector, DatabaseUrl, Purpose};

#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    #[error("{0} exists already; a backup overwrites nothing")]
    Exists(PathBuf),
    #[error("{0} holds data; with --force it is replaced")]
    WouldOverwrite(String),
    #[error("{0} is no backup that can be read")]
    NotABackup(PathBuf),
    #[error("the database: {0}")]
    Connection(#[from] diesel::ConnectionError),
    #[error("the database: {0}")]
    Query(#[from] diesel::result::Error),
    #[error("{0}")]
    Io(#[from] std::io::Error),
    #[error("{program} failed: {stderr}")]
    Program { program: &'static str, stderr: String },
    #[error("{0} is not installed; it comes with PostgreSQL's client")]
    NotInstalled(&'static str),
    #[error("the work was broken off")]
    BrokenOff,
}

/// Writes a copy of the database into a new file.
pub async fn backup(database: &DatabaseUrl, file: &Path) -> Result<(), BackupError> {
    if file.exists() {
        return Err(BackupError::Exists(file.to_owned()));
    }
    match database {
        DatabaseUrl::Sqlite(path) => {
            if !path.exists() {
                return Err(BackupError::NotABackup(path.clone()));
            }
            let (database, file) = (database.clone(), file.to_owned());
            blocking(move || {
                let mut conn = Connector {
                    url: database,
                    purpose: Purpose::Write,
                    keep_prepared: true,
                }
                .open()?;
                if let Conn::Sqlite(conn) = &mut conn {
                    diesel::sql_query("VACUUM INTO ?")
                        .bind::<diesel::sql_types::Text, _>(file.to_string_lossy().into_owned())
                        .execute(conn)?;
                }
                std::fs::File::open(&file)?.sync_all()?;
                Ok(())
            })
            .await
        }
        DatabaseUrl::Postgres(url) => {
            let args = [
                OsStr::new("--format=custom"),
                OsStr::new("--no-owner"),
                OsStr::new("--file"),
                file.as_os_str(),
            ];
            program("pg_dump", url, &args).await
        }
    }
}

/// Puts a backup in the database's place.
pub async fn restore(database: &DatabaseUrl, file: &Path, force: bool) -> Result<(), BackupError> {
    match database {
        DatabaseUrl::Sqlite(path) => {
            let (path, file) = (path.clone(), file.to_owned());
            blocking(move || restore_sqlite(&path, &file, force)).await
        }
        DatabaseUrl::Postgres(url) => {
            let mut magic = [0; 5];
            let mut opened = std::fs::File::open(file)?;
            if std::io::Read::read_exact(&mut opened, &mut magic).is_err() || &magic != b"PGDMP" {
                return Err(BackupError::NotABackup(file.to_owned()));
            }
            let checked = database.clone();
            blocking(move || {
                let mut conn = Connector {
                    url: checked,
                    purpose: Purpose::Write,
                    keep_prepared: true,
                }
                .open()?;
                let tables = diesel::sql_query("SELECT 1 FROM pg_tables WHERE schemaname = 'public'")
                    .execute(&mut conn)?;
                if tables > 0 && !force {
                    return Err(BackupError::WouldOverwrite("the database".to_owned()));
                }
                Ok(())
            })
            .await?;
            // One transaction: until it commits, what was there stays whole.
            let args = [
                OsStr::new("--no-owner"),
                OsStr::new("--single-transaction"),
                OsStr::new("--exit-on-error"),
                OsStr::new("--clean"),
                OsStr::new("--if-exists"),
                OsStr::new("--dbname"),
            ];
            restore_postgres(url, &args, file).await
        }
    }
}

/// Copies to a neighbour, checks that, and renames it into place: what was there stays whole until then.
fn restore_sqlite(path: &Path, file: &Path, force: bool) -> Result<(), BackupError> {
    if path.exists() && !force {
        return Err(BackupError::WouldOverwrite(path.display().to_string()));
    }
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    let fresh = beside(path, ".restoring");
    std::fs::copy(file, &fresh)?;
    let whole = is_whole(&fresh);
    for leftover in ["-wal", "-shm"] {
        remove(&beside(&fresh, leftover))?;
    }
    if !whole {
        remove(&fresh)?;
        return Err(BackupError::NotABackup(file.to_owned()));
    }
    std::fs::File::open(&fresh)?.sync_all()?;
    // The old log must not be played into the new database.
    for leftover in ["-wal", "-shm"] {
        remove(&beside(path, leftover))?;
    }
    std::fs::rename(&fresh, path)?;
    Ok(())
}

fn is_whole(path: &Path) -> bool {
    #[derive(diesel::QueryableByName)]
    struct Verdict {
        #[diesel(sql_type = diesel::sql_types::Text)]
        integrity_check: String,
    }
    let connector = Connector {
        url: DatabaseUrl::Sqlite(path.to_owned()),
        purpose: Purpose::Write,
        keep_prepared: true,
    };
    let Ok(Conn::Sqlite(mut conn)) = connector.open() else {
        return false;
    };
    let verdict = diesel::sql_query("PRAGMA integrity_check").get_results::<Verdict>(&mut conn);
    let whole = verdict.is_ok_and(|rows| rows.len() == 1 && rows[0].integrity_check == "ok");
    whole
        && conn
            .batch_execute(
                "SELECT 1 FROM __diesel_schema_migrations LIMIT 1; PRAGMA wal_checkpoint(TRUNCATE)",
            )
            .is_ok()
}

fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

fn remove(path: &Path) -> std::io::Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, BackupError> + Send + 'static,
) -> Result<T, BackupError> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|_| BackupError::BrokenOff)?
}

async fn restore_postgres(url: &str, args: &[&OsStr], file: &Path) -> Result<(), BackupError> {
    let (url, password) = without_password(url);
    let mut all: Vec<&OsStr> = args.to_vec();
    all.push(OsStr::new(&url));
    all.push(file.as_os_str());
    run("pg_restore", &all, password.as_deref()).await
}

async fn program(name: &'static str, url: &str, args: &[&OsStr]) -> Result<(), BackupError> {
    let (url, password) = without_password(url);
    let mut all: Vec<&OsStr> = args.to_vec();
    all.push(OsStr::new("--dbname"));
    all.push(OsStr::new(&url));
    run(name, &all, password.as_deref()).await
}

/// A command line can be read by everyone on the machine: the password goes by the environment.
fn without_password(text: &str) -> (String, Option<String>) {
    let Ok(mut url) = text.parse::<url::Url>() else {
        return (text.to_owned(), None);
    };
    let password = url.password().map(percent_decoded);
    let _ = url.set_password(None);
    (url.into(), password)
}

fn percent_decoded(text: &str) -> String {
    // A form decodes '+' too, which a URL's password does not.
    let form = format!("p={}", text.replace('+', "%2B"));
    url::form_urlencoded::parse(form.as_bytes())
        .next()
        .map(|(_, value)| value.into_owned())
        .unwrap_or_default()
}

async fn run(name: &'static str, args: &[&OsStr], password: Option<&str>) -> Result<(), BackupError> {
    let mut command = std::process::Command::new(name);
    command.args(args).stdin(std::process::Stdio::null());
    if let Some(password) = password {
        command.env("PGPASSWORD", password);
    }
    let output = blocking(move || match command.output() {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Err(BackupError::NotInstalled(name)),
        output => Ok(output?),
    })
    .await?;
    if output.status.success() {
        return Ok(());
    }
    Err(BackupError::Program {
        program: name,
        stderr: String::from_utf8_lossy(&output.stderr).trim().to_owned(),
    })
}
