//! The stage: [`TestApp`] is the real service in process, on a database of its own, with a frozen clock and seeded
//! randomness. `both_databases!` runs a test on SQLite and on PostgreSQL.
//!
//! ```ignore
//! both_databases! {
//!     async fn a_new_bar_is_paused(app: TestApp) {
//!         let answer = app.client().post("/api/v1/bars", json!({ "name": "x" })).await;
//!         assert_eq!(answer.status, 201);
//!     }
//! }
//! ```

// A stage has doors that not every play uses.
#![allow(dead_code)]

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, OnceLock},
};

use contactbar::{
    app::App,
    clock::{Clock, Timestamp},
    config::Config,
    db::{Conn, DatabaseUrl, Db, Options},
    jobs,
    mail::{Memory, Transport},
    secrets::Random,
};
use diesel::{Connection, PgConnection, RunQueryDsl, connection::SimpleConnection};
use poem::{
    Body, Endpoint, EndpointExt, Request, RequestParts, Response,
    endpoint::BoxEndpoint,
    http::{HeaderMap, Method, StatusCode, uri::Scheme},
    web::{LocalAddr, RemoteAddr},
};
use serde_json::Value;
use tokio_util::sync::{CancellationToken, DropGuard};

/// Defines tests that run on both databases: `name::sqlite` and `name::postgres`.
macro_rules! both_databases {
    ($($(#[$meta:meta])* async fn $name:ident($app:ident: $stage:ty) $body:block)+) => { $(
        $(#[$meta])*
        mod $name {
            #[allow(unused_imports)]
            use super::*;

            async fn story($app: $stage) $body

            #[test]
            fn sqlite() {
                $crate::support::run($crate::support::Kind::Sqlite, story);
            }

            #[test]
            fn postgres() {
                $crate::support::run($crate::support::Kind::Postgres, story);
            }
        }
    )+ };
}

/// When the frozen clock of a test starts.
pub const START: &str = "2026-11-22T10:00:00Z";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Sqlite,
    Postgres,
}

/// Runs one story on one database. Jobs that are due and left lying fail it.
pub fn run<F: Future<Output = ()>>(kind: Kind, story: impl FnOnce(TestApp) -> F) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let app = TestApp::start(kind, &[]).await;
        story(app.clone()).await;
        app.assert_nothing_is_left().await;
    });
}

/// The service under test. Derefs to [`App`].
#[derive(Clone)]
pub struct TestApp {
    app: App,
    router: Arc<BoxEndpoint<'static, Response>>,
    pub database: Arc<Database>,
    /// The mails that have left; `take` looks at them.
    pub mailbox: Memory,
    _writer: Arc<DropGuard>,
}

impl std::ops::Deref for TestApp {
    type Target = App;

    fn deref(&self) -> &App {
        &self.app
    }
}

impl TestApp {
    /// A service on a fresh, migrated database, with settings of its own, such as `--embed-url=…`.
    pub async fn start(kind: Kind, settings: &[&str]) -> Self {
        let database = Database::new(kind).await;
        let mailbox = Memory::default();
        let app = App::build_with(
            database.config(settings),
            Clock::frozen(START.parse().unwrap()),
            Random::seeded(42),
            Transport::Memory(mailbox.clone()),
        )
        .unwrap();
        app.migrate().await.unwrap(); // the tables are there; this posts the first policies
        let router = Arc::new(app.router().boxed());
        let stop = CancellationToken::new();
        let (tracking, told) = (app.tracking.clone(), stop.clone());
        tokio::spawn(async move { tracking.run_writer(told).await });
        Self {
            app,
            router,
            database: Arc::new(database),
            mailbox,
            _writer: Arc::new(stop.drop_guard()),
        }
    }

    pub fn kind(&self) -> Kind {
        self.database.kind
    }

    /// Somebody new: no cookie, no token.
    pub fn client(&self) -> Client {
        Client::new(
            self.router.clone(),
            self.app.config.public_url.origin().ascii_serialization(),
        )
    }

    /// Runs all jobs that are due, on what has been folded by then.
    pub async fn run_jobs(&self) {
        self.app.tracking.catch_up().await.unwrap();
        self.app.jobs.run_until_empty().await.unwrap();
    }

    pub async fn assert_nothing_is_left(&self) {
        self.forget_preparations().await;
        let due = self.app.db.read(jobs::next_due).await.unwrap();
        let left = due.is_some_and(|due| due <= self.app.clock.now());
        assert!(
            !left,
            "jobs are due that the test did not run: app.run_jobs().await"
        );
        let mails: Vec<_> = self.mailbox.take().into_iter().map(|mail| mail.subject).collect();
        assert!(
            mails.is_empty(),
            "mails that the test did not look at (app.mailbox.take()): {mails:?}"
        );
    }
}

impl TestApp {
    /// Jobs that only make ready what would be made on its first use: nobody has to look at them.
    async fn forget_preparations(&self) {
        let forget = diesel::sql_query("DELETE FROM jobs WHERE kind = 'embed.prepare'");
        let forgotten = self.app.db.write(move |conn| match conn {
            Conn::Sqlite(conn) => Ok::<_, contactbar::db::Error>(forget.execute(conn)?),
            Conn::Postgres(conn) => Ok(forget.execute(conn)?),
        });
        forgotten.await.unwrap();
    }
}

/// A caller of the service: keeps cookies as a browser does, and may have a token.
#[derive(Clone)]
pub struct Client {
    router: Arc<BoxEndpoint<'static, Response>>,
    origin: String,
    cookies: Arc<Mutex<BTreeMap<String, String>>>,
    token: Option<String>,
}

impl Client {
    pub fn new(router: Arc<BoxEndpoint<'static, Response>>, origin: String) -> Self {
        Self {
            router,
            origin,
            cookies: Arc::default(),
            token: None,
        }
    }

    /// A caller of any endpoint, for the tests of the guards themselves.
    pub fn of(endpoint: impl Endpoint<Output = Response> + 'static) -> Self {
        Self::new(Arc::new(endpoint.boxed()), "http://localhost:8080".to_owned())
    }

    pub fn with_token(&self, token: &str) -> Self {
        Self {
            token: Some(token.to_owned()),
            cookies: Arc::default(),
            ..self.clone()
        }
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.call(Method::GET, path).send().await
    }

    pub async fn post(&self, path: &str, body: Value) -> Answer {
        self.call(Method::POST, path).json(&body).send().await
    }

    pub async fn put(&self, path: &str, body: Value) -> Answer {
        self.call(Method::PUT, path).json(&body).send().await
    }

    pub async fn patch(&self, path: &str, body: Value) -> Answer {
        self.call(Method::PATCH, path).json(&body).send().await
    }

    pub async fn delete(&self, path: &str) -> Answer {
        self.call(Method::DELETE, path).send().await
    }

    /// A call with headers, a body or a peer of its own.
    pub fn call(&self, method: Method, path: &str) -> Call {
        let mut headers = HeaderMap::new();
        if let Some(token) = &self.token {
            headers.insert("authorization", format!("Bearer {token}").parse().unwrap());
        }
        let cookies = self.cookies.lock().unwrap();
        if !cookies.is_empty() {
            let line: Vec<_> = cookies
                .iter()
                .map(|(name, value)| format!("{name}={value}"))
                .collect();
            headers.insert("cookie", line.join("; ").parse().unwrap());
            headers.insert("origin", self.origin.parse().unwrap());
        }
        drop(cookies);
        let peer = "127.0.0.1:50000".parse().unwrap();
        Call {
            client: self.clone(),
            method,
            path: path.to_owned(),
            headers,
            body: Body::empty(),
            peer,
        }
    }
}

/// A call in the making.
pub struct Call {
    client: Client,
    method: Method,
    path: String,
    headers: HeaderMap,
    body: Body,
    peer: SocketAddr,
}

impl Call {
    pub fn header(mut self, name: &'static str, value: &str) -> Self {
        self.headers.insert(
            name,
            poem::http::HeaderValue::from_bytes(value.as_bytes()).unwrap(),
        );
        self
    }

    pub fn json(self, body: &Value) -> Self {
        self.header("content-type", "application/json")
            .body(body.to_string())
    }

    pub fn body(mut self, body: impl Into<Body>) -> Self {
        self.body = body.into();
        self
    }

    pub fn peer_at(mut self, peer: &str) -> Self {
        self.peer = peer.parse().unwrap();
        self
    }

    pub async fn send(self) -> Answer {
        let (mut parts, ()) = http::Request::builder()
            .method(self.method)
            .uri(&self.path)
            .body(())
            .unwrap()
            .into_parts();
        parts.headers = self.headers;
        let local = LocalAddr(SocketAddr::from(([127, 0, 0, 1], 8080)).into());
        let parts = RequestParts::from((parts, local, RemoteAddr(self.peer.into()), Scheme::HTTP));
        let response = self
            .client
            .router
            .get_response(Request::from_parts(parts, self.body))
            .await;
        let answer = Answer::read(response).await;
        let mut cookies = self.client.cookies.lock().unwrap();
        for cookie in answer.headers.get_all("set-cookie") {
            let cookie = cookie.to_str().unwrap();
            let (name, value) = cookie.split(';').next().unwrap().split_once('=').unwrap();
            let gone = value.is_empty() || cookie.to_ascii_lowercase().contains("max-age=0");
            if gone {
                cookies.remove(name)
            } else {
                cookies.insert(name.to_owned(), value.to_owned())
            };
        }
        drop(cookies);
        answer
    }
}

/// What came back, read whole.
#[derive(Debug, Clone)]
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
}

impl Answer {
    async fn read(response: Response) -> Self {
        let (parts, body) = response.into_parts();
        Self {
            status: parts.status.as_u16(),
            headers: parts.headers,
            body: body.into_vec().await.unwrap(),
        }
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    /// The body as JSON.
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|_| panic!("{} is not JSON: {}", self.status, self.text()))
    }

    /// The answer's JSON, if it has this status; fails with the body if not.
    #[track_caller]
    pub fn expect(&self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", String::from_utf8_lossy(&self.body));
        if self.body.is_empty() {
            Value::Null
        } else {
            self.json()
        }
    }

    /// Fails with the body unless it went well.
    #[track_caller]
    pub fn expect_success(&self) {
        assert!(self.status < 400, "{} {}", self.status, self.text());
    }

    /// A problem as it must be: its content type, its status inside, its id. Answers `field: message` of each error.
    #[track_caller]
    pub fn problem(&self, status: u16) -> Vec<String> {
        assert_eq!(self.status, status, "{}", String::from_utf8_lossy(&self.body));
        assert_eq!(self.header("content-type"), "application/problem+json");
        let problem = self.json();
        assert_eq!(problem["status"], status);
        assert_eq!(
            problem["title"],
            StatusCode::from_u16(status).unwrap().canonical_reason().unwrap()
        );
        assert_eq!(problem["request_id"], self.header("x-request-id"));
        let errors = problem["errors"].as_array().cloned().unwrap_or_default();
        errors
            .iter()
            .map(|e| {
                format!(
                    "{}: {}",
                    e["field"].as_str().unwrap(),
                    e["message"].as_str().unwrap()
                )
            })
            .collect()
    }
}

/// A database for one test, dropped with it.
pub struct Database {
    pub kind: Kind,
    pub url: String,
    pub folder: tempfile::TempDir,
    drop_name: Option<String>,
}

impl Database {
    /// A copy of a migrated one.
    pub async fn new(kind: Kind) -> Self {
        let folder = tempfile::Builder::new()
            .prefix("contactbar-it-")
            .tempdir()
            .unwrap();
        match kind {
            Kind::Sqlite => {
                let path = folder.path().join("contactbar.db");
                std::fs::copy(migrated_sqlite().await, &path).unwrap();
                Self {
                    kind,
                    url: format!("sqlite:{}", path.display()),
                    folder,
                    drop_name: None,
                }
            }
            Kind::Postgres => {
                let template = migrated_postgres().await;
                let name = fresh_name();
                admin(&format!("CREATE DATABASE {name} TEMPLATE {template}"));
                Self {
                    kind,
                    url: postgres_url(&name),
                    folder,
                    drop_name: Some(name),
                }
            }
        }
    }

    /// An empty one, without tables.
    pub fn empty(kind: Kind) -> Self {
        let folder = tempfile::Builder::new()
            .prefix("contactbar-it-")
            .tempdir()
            .unwrap();
        match kind {
            Kind::Sqlite => {
                let path = folder.path().join("contactbar.db");
                Self {
                    kind,
                    url: format!("sqlite:{}", path.display()),
                    folder,
                    drop_name: None,
                }
            }
            Kind::Postgres => {
                let name = fresh_name();
                admin(&format!("CREATE DATABASE {name}"));
                Self {
                    kind,
                    url: postgres_url(&name),
                    folder,
                    drop_name: Some(name),
                }
            }
        }
    }

    /// The same, by another way to it.
    pub fn reached_by(&self, url: &str) -> Self {
        Self {
            kind: self.kind,
            url: url.to_owned(),
            folder: tempfile::Builder::new()
                .prefix("contactbar-it-")
                .tempdir()
                .unwrap(),
            drop_name: None,
        }
    }

    pub fn config(&self, settings: &[&str]) -> Config {
        #[derive(clap::Subcommand)]
        enum Run {
            Serve,
        }
        let fixed = [
            "contactbar".to_owned(),
            "serve".to_owned(),
            format!("--database-url={}", self.url),
        ];
        let data = format!("--data-dir={}", self.folder.path().display());
        let small = "--database-pool-size=3".to_owned();
        let args = fixed
            .into_iter()
            .chain([data, small])
            .chain(settings.iter().map(|s| (*s).to_owned()));
        let (Run::Serve, config) = Config::load(args.map(Into::into), []).unwrap();
        config
    }

    pub fn url(&self) -> DatabaseUrl {
        self.url.parse().unwrap()
    }

    pub fn open(&self) -> Db {
        open(&self.url)
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        if let Some(name) = &self.drop_name {
            admin(&format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)"));
        }
    }
}

fn open(url: &str) -> Db {
    let wait = std::time::Duration::from_secs(30);
    Db::open(Options {
        url: url.parse().unwrap(),
        pool_size: 2,
        acquire_timeout: wait,
        keep_prepared: true,
    })
    .unwrap()
}

fn fresh_name() -> String {
    format!("it_{:032x}", u128::from_be_bytes(Random::system().bytes::<16>()))
}

/// Migrated once by this process, then copied by each test.
async fn migrated_sqlite() -> PathBuf {
    static MADE: tokio::sync::OnceCell<tempfile::TempDir> = tokio::sync::OnceCell::const_new();
    let folder = MADE
        .get_or_init(|| async {
            let folder = tempfile::Builder::new()
                .prefix("contactbar-it-template-")
                .tempdir()
                .unwrap();
            let path = folder.path().join("fresh.db");
            open(&format!("sqlite:{}", path.display()))
                .migrate()
                .await
                .unwrap();
            // A backup is one file without a log beside it.
            let url = DatabaseUrl::Sqlite(path);
            contactbar::db::backup(&url, &folder.path().join("template.db"))
                .await
                .unwrap();
            folder
        })
        .await;
    folder.path().join("template.db")
}

/// A template in the cluster, named after what the migrations say, so that runs share it.
async fn migrated_postgres() -> String {
    static MADE: tokio::sync::OnceCell<String> = tokio::sync::OnceCell::const_new();
    let made = MADE.get_or_init(|| async {
        let mut source = Vec::new();
        read_all(
            &Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations/postgres"),
            &mut source,
        );
        let hash = contactbar::secrets::sha256(&source);
        let name = format!(
            "it_template_{:016x}",
            u64::from_be_bytes(hash[..8].try_into().unwrap())
        );
        let mut conn = admin_connection();
        // One maker at a time; the lock ends with the connection.
        conn.batch_execute("SELECT pg_advisory_lock(742001)").unwrap();
        let exists = diesel::sql_query(format!("SELECT 1 FROM pg_database WHERE datname = '{name}'"))
            .execute(&mut conn)
            .unwrap();
        if exists == 0 {
            let making = format!("{name}_making");
            conn.batch_execute(&format!("DROP DATABASE IF EXISTS {making} WITH (FORCE)"))
                .unwrap();
            conn.batch_execute(&format!("CREATE DATABASE {making}")).unwrap();
            let db = open(&postgres_url(&making));
            db.migrate().await.unwrap();
            drop(db);
            let end =
                format!("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{making}'");
            diesel::sql_query(end).execute(&mut conn).unwrap();
            conn.batch_execute(&format!("ALTER DATABASE {making} RENAME TO {name}"))
                .unwrap();
        }
        name
    });
    made.await.clone()
}

fn read_all(folder: &Path, into: &mut Vec<u8>) {
    let mut entries: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    entries.sort();
    for path in entries {
        into.extend(path.file_name().unwrap().as_encoded_bytes());
        if path.is_dir() {
            read_all(&path, into)
        } else {
            into.extend(std::fs::read(path).unwrap())
        }
    }
}

#[allow(
    clippy::disallowed_methods,
    reason = "the one setting of the tests themselves"
)]
fn server() -> &'static str {
    static URL: OnceLock<String> = OnceLock::new();
    URL.get_or_init(|| {
        std::env::var("CONTACTBAR_TEST_POSTGRES").unwrap_or_else(|_| {
            panic!(
                "No PostgreSQL to test on. `make test` starts one and throws it away; for a single test:\n    \
                 export CONTACTBAR_TEST_POSTGRES=$(tools/postgres start)"
            )
        })
    })
}

fn postgres_url(name: &str) -> String {
    let mut url: url::Url = server().parse().unwrap();
    url.set_path(name);
    url.into()
}

fn admin_connection() -> PgConnection {
    PgConnection::establish(server()).unwrap()
}

fn admin(statement: &str) {
    admin_connection().batch_execute(statement).unwrap();
}

/// An instant that a test names.
pub fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}
