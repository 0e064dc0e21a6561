//! The service itself: is it alive, is it ready, does it stop in order?

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_util::sync::CancellationToken;

use crate::support::{Database, Kind, TestApp};

both_databases! {
    async fn a_service_with_its_database_is_ready(app: TestApp) {
        let ready = app.client().get("/readyz").await.expect(200);
        assert_eq!(ready, serde_json::json!({ "status": "ready", "checks": { "database": "ok", "queue": "ok" } }));
    }

    async fn without_its_database_it_lives_but_is_not_ready(app: TestApp) {
        let settings = match app.kind() {
            Kind::Sqlite => "--database-url=sqlite:/proc/nowhere/x.db",
            Kind::Postgres => "--database-url=postgres://nobody@127.0.0.1:1/none",
        };
        let gone = contactbar::app::App::build(
            app.database.config(&["--database-wait=1"]).tap(settings),
            app.clock.clone(),
            app.random.clone(),
        );
        // SQLite's folder can't even be made there; PostgreSQL is found missing when asked.
        let Ok(gone) = gone else { return };
        let client = crate::support::Client::of(gone.router());
        client.get("/healthz").await.expect(200);
        assert_eq!(client.get("/readyz").await.problem(503), ["database: does not answer"]);
    }

    async fn serving_migrates_answers_and_stops_when_told(app: TestApp) {
        let database = Database::empty(app.kind());
        let port = free_port();
        let config = database.config(&[&format!("--listen=127.0.0.1:{port}")]);
        let service = contactbar::app::App::build(config, app.clock.clone(), app.random.clone()).unwrap();
        let stop = CancellationToken::new();
        let serving = tokio::spawn(service.serve(stop.clone()));
        let answer = get(port, "/readyz").await;
        stop.cancel();
        serving.await.unwrap().unwrap();
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        assert!(tokio::net::TcpStream::connect(("127.0.0.1", port)).await.is_err());
    }
}

trait Tap {
    fn tap(self, setting: &str) -> Self;
}

impl Tap for contactbar::config::Config {
    /// The same configuration on another database.
    fn tap(self, setting: &str) -> Self {
        #[derive(clap::Subcommand)]
        enum Run {
            Serve,
        }
        let args = ["contactbar", "serve", "--database-wait=1", setting].map(Into::into);
        let (Run::Serve, config) = Self::load(args, []).unwrap();
        config
    }
}

fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port()
}

/// Asks until somebody listens.
async fn get(port: u16, path: &str) -> String {
    let mut stream = loop {
        match tokio::net::TcpStream::connect(("127.0.0.1", port)).await {
            Ok(stream) => break stream,
            Err(_) => tokio::task::yield_now().await,
        }
    };
    let request = format!("GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    let read = stream.read_to_string(&mut answer);
    tokio::time::timeout(Duration::from_secs(20), read)
        .await
        .unwrap()
        .unwrap();
    answer
}
