//! Every piece of personal data carries when and under which version it was collected, and every use of an address asks the
//! ledger (promise 4). And the posting of a version to 100,000 accounts (promise 1).

use std::collections::BTreeSet;
use std::path::Path;

use contactbar::clock::Stopwatch;
use contactbar::db::{self, Conn};
use contactbar::policies::Document;
use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text};

use crate::support::{Kind, TestApp};

/// Tables with personal data: the version it was collected under, and when. Where the time is that of the row's making, what
/// is personal in it never changes.
const PERSONAL: [(&str, &str, &str); 16] = [
    ("users", "policy_version_id", "collected_at"),
    ("members", "policy_version_id", "collected_at"),
    ("profile_fields", "policy_version_id", "collected_at"),
    ("login_records", "policy_version_id", "collected_at"),
    ("sessions", "policy_version_id", "created_at"),
    ("account_tokens", "policy_version_id", "created_at"),
    ("invitations", "policy_version_id", "created_at"),
    ("contacts", "policy_version_id", "collected_at"),
    ("submissions", "policy_version_id", "collected_at"),
    ("contact_notes", "policy_version_id", "created_at"),
    ("messages", "policy_version_id", "queued_at"),
    ("mail_tracks", "policy_version_id", "first_at"),
    ("mail_consents", "policy_version_id", "asked_at"),
    ("leads", "policy_version_id", "collected_at"),
    ("policy_decisions", "policy_version_id", "decided_at"),
    ("policy_windows", "policy_version_id", "posted_at"),
];

/// The others, and why they need none.
const OTHERS: [(&str, &str); 47] = [
    ("policy_versions", "published by us"),
    ("policy_drafts", "written by us"),
    ("message_bodies", "written by us, the same for all"),
    ("memberships", "ids and a role"),
    ("recovery_codes", "hashes of our own codes"),
    ("login_throttles", "hashes, for an hour"),
    ("api_tokens", "made by us; a name that a member gave it"),
    ("audit_log", "ids; holds nothing personal beyond them"),
    ("idempotency_keys", "our own answers, for a day"),
    ("bars", "what a member shows to the world"),
    ("bar_versions", "what a member shows to the world"),
    ("bar_scripts", "made of what a member shows to the world"),
    ("sites", "hosts and counts"),
    ("visitor_salts", "random, destroyed after two days"),
    (
        "events",
        "no address; the visitor is a hash whose key is destroyed; `received_at` and the member say the version",
    ),
    ("event_journal", "what becomes events, within a second"),
    ("hourly_counts", "counts"),
    ("daily_counts", "counts"),
    ("hourly_drops", "counts"),
    ("daily_visitors", "hashes whose key is destroyed"),
    (
        "contact_tags",
        "a member's own words about a contact, which carries its version",
    ),
    ("own_browsers", "hashes whose key is destroyed"),
    ("contact_views", "how a member looks at its contacts"),
    ("webhooks", "a member's own server"),
    (
        "webhook_deliveries",
        "derived from a contact, which carries its version",
    ),
    ("operators", "who runs the service: a name that they chose"),
    ("operator_record", "ids, and operators' words"),
    ("notices", "written by us"),
    ("notice_members", "ids"),
    ("notice_recipients", "ids; the message carries its version"),
    ("notice_reads", "ids"),
    ("breaches", "written by us"),
    ("suppressions", "who wants no more mail: kept to keep that word"),
    (
        "mail_untracked",
        "who wants no looks counted: kept to keep that word",
    ),
    (
        "mail_feedback",
        "a server's word about a message, which carries its version",
    ),
    (
        "billing_accounts",
        "Stripe's ids, a member's choice, and of a card what Stripe shows of it",
    ),
    ("billing_subscriptions", "what Stripe says is paid for"),
    ("billing_invoices", "what Stripe says is owed and paid"),
    ("billing_reversals", "amounts that went back"),
    ("billing_events", "Stripe's ids of what it told us"),
    (
        "billing_requests",
        "what we asked of Stripe; emptied once it is answered",
    ),
    (
        "billing_notices",
        "what was said by mail, so that it is said once",
    ),
    ("views_of_deleted_bars", "counts"),
    ("jobs", "ids, and what waits for a moment"),
    ("job_lanes", "domains that mails go to, for an hour"),
    ("__diesel_schema_migrations", "ours"),
    ("sqlite_sequence", "ours"),
];

#[derive(QueryableByName)]
struct Column {
    #[diesel(sql_type = Text)]
    table_name: String,
    #[diesel(sql_type = Text)]
    column_name: String,
}

#[derive(QueryableByName)]
struct Counted {
    #[diesel(sql_type = BigInt)]
    n: i64,
}

#[tokio::test]
async fn every_piece_of_personal_data_carries_its_version_and_its_time() {
    let app = TestApp::start(Kind::Sqlite, &[]).await;
    let columns: Vec<Column> = app
        .db
        .read(|conn| {
            let Conn::Sqlite(conn) = conn else { unreachable!() };
            let query = "SELECT m.name AS table_name, c.name AS column_name \
                         FROM sqlite_schema m, pragma_table_info(m.name) c WHERE m.type = 'table'";
            Ok::<_, db::Error>(diesel::sql_query(query).load(conn)?)
        })
        .await
        .unwrap();
    let has = |table: &str, column: &str| {
        columns
            .iter()
            .any(|found| found.table_name == table && found.column_name == column)
    };
    for (table, version, time) in PERSONAL {
        assert!(has(table, version) && has(table, time), "{table}");
    }
    let known: BTreeSet<&str> = PERSONAL
        .iter()
        .map(|(table, ..)| *table)
        .chain(OTHERS.iter().map(|(table, _)| *table))
        .collect();
    let new: BTreeSet<&str> = columns
        .iter()
        .map(|found| found.table_name.as_str())
        .filter(|table| !known.contains(table) && !table.starts_with("contact_trigrams"))
        .collect();
    assert!(
        new.is_empty(),
        "say in this test whether these hold personal data: {new:?}"
    );
}

/// Every file of the crate, without its tests.
fn sources() -> Vec<(String, String)> {
    fn list(folder: &Path, into: &mut Vec<(String, String)>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                list(&path, into);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = std::fs::read_to_string(&path).unwrap();
                let code = text.split("#[cfg(test)]\nmod ").next().unwrap().to_owned();
                into.push((path.to_str().unwrap().to_owned(), code));
            }
        }
    }
    let mut all = Vec::new();
    list(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut all);
    all
}

/// A use of data is a mail to somebody, what a member's server is told of a contact, or a purpose that the first version does not know. A mail leaves only from the
/// outbox; into the outbox comes only what brings the ledger's yes, which the compiler sees to: [`Allowed`] has no other maker.
/// So that nobody goes around it, the doors are counted.
///
/// [`Allowed`]: contactbar::policies::Allowed
#[test]
fn nobody_uses_data_without_asking_the_ledger() {
    let files_with = |needle: &str| -> Vec<String> {
        let found = sources().into_iter().filter(|(_, code)| code.contains(needle));
        found
            .map(|(path, _)| path.split("/src/").last().unwrap().to_owned())
            .collect()
    };
    for (door, at) in [
        ("Allowed {", "policies/rules.rs"),
        ("insert_into(messages::table)", "mail/store.rs"),
        ("INSERT INTO messages", "mail/store.rs"),
        ("transport.send(", "mail/jobs.rs"),
        ("store::insert_all(", "mail/service.rs"),
    ] {
        assert_eq!(files_with(door), [at], "{door}");
    }
    // What leaves for a member's server is asked for where it is written down.
    for (path, code) in sources() {
        if code.contains("webhooks::insert_delivery(") {
            let asks = code.contains("policies::ask(") || code.contains("EventType::Test");
            assert!(asks, "{path} does not ask");
        }
    }
    // What the first version does not know is named by policies alone: who uses data for it, asks with `Purpose::…`, and then
    // stands in this list beside the call of `may` or `ask`.
    for purpose in [
        "Benchmarking",
        "Enrichment",
        "Promotion",
        "CrossSell",
        "Nudge",
        "Transfer",
    ] {
        for (path, code) in sources() {
            // `mail/mod.rs` says which kind of mail is for what.
            let names = ["/mail/templates.rs", "/mail/mod.rs"];
            let outside = !path.contains("/policies/") && !names.iter().any(|file| path.ends_with(file));
            if outside && code.contains(&format!("Purpose::{purpose}")) {
                let asks = ["policies::ask(", "policies::may(", "may_use("];
                assert!(asks.iter().any(|ask| code.contains(ask)), "{path} does not ask");
            }
        }
    }
}

const ACCOUNTS: usize = 100_000;

/// SQL that makes so many accounts.
pub fn fill_with(kind: Kind, accounts: usize) -> String {
    fill(kind).replace("100000", &accounts.to_string())
}

fn fill(kind: Kind) -> String {
    let (id, numbers, now, hash) = match kind {
        Kind::Sqlite => (
            "unhex(printf('%s%031x', 'PREFIX', n))",
            "WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < 100000)",
            "1795341600000000",
            "x'00'",
        ),
        Kind::Postgres => (
            "('PREFIX' || lpad(to_hex(n), 31, '0'))::uuid",
            "WITH numbers(n) AS (SELECT generate_series(1, 100000))",
            "timestamptz '2026-11-22 10:00:00Z'",
            "'\\x00'::bytea",
        ),
    };
    let id = |prefix: &str| id.replace("PREFIX", prefix);
    let (member, user) = (id("1"), id("2"));
    let language = "CASE WHEN n % 3 = 0 THEN 'de' ELSE 'en' END";
    let version = |document: &str| format!("(SELECT id FROM policy_versions WHERE document = '{document}')");
    let privacy = version("privacy");
    let mut all = String::new();
    all += &format!(
        "INSERT INTO members (id, name, kind, state, plan, region, language, time_zone, created_at, policy_version_id, collected_at) \
         {numbers} SELECT {member}, 'Member', 'individual', 'active', 'free', 'eu', {language}, 'UTC', {now}, {privacy}, {now} FROM numbers;\n"
    );
    all += &format!(
        "INSERT INTO users (id, email, email_folded, email_verified_at, language, password_hash, password_changed_at, policy_version_id, collected_at, created_at) \
         {numbers} SELECT {user}, 'u' || n || '@example.com', 'u' || n || '@example.com', {now}, {language}, 'x', {now}, {privacy}, {now}, {now} FROM numbers;\n"
    );
    all += &format!(
        "INSERT INTO memberships (member_id, user_id, role, created_at) {numbers} SELECT {member}, {user}, 'owner', {now} FROM numbers;\n"
    );
    for (prefix, document) in [("3", "privacy"), ("4", "terms")] {
        all += &format!(
            "INSERT INTO policy_decisions (id, member_id, user_id, policy_version_id, decision, way, language, decided_at, version_sha256) \
             {numbers} SELECT {}, {member}, {user}, {}, 'accept', 'registration', 'en', {now}, {hash} FROM numbers;\n",
            id(prefix),
            version(document)
        );
    }
    if kind == Kind::Postgres {
        all += "ANALYZE;\n";
    }
    all
}

async fn posting_is_quick(kind: Kind) {
    let app = TestApp::start(kind, &["--database-wait=60"]).await;
    let filling = fill(kind);
    app.db
        .write(move |tx| {
            contactbar::both!(tx, |c| c.batch_execute(&filling)?);
            Ok::<_, db::Error>(())
        })
        .await
        .unwrap();
    let file = "+++\ntitle = \"Privacy policy\"\n[[changes]]\nkey = \"benchmarks\"\npurpose = \"benchmarking\"\nmaterial = true\n\
                title = { en = \"T\", de = \"T\" }\nsummary = { en = \"S\", de = \"S\" }\n+++\nTwo.\n";
    app.policies
        .draft(Document::Privacy, file.to_owned())
        .await
        .unwrap();
    let watch = Stopwatch::start();
    let (version, told) = app.accounts.post_policy(Document::Privacy).await.unwrap();
    let took = watch.elapsed();
    println!("{kind:?}: posted to {told} accounts in {took:?}");
    assert_eq!(told, ACCOUNTS);
    for (table, rest) in [
        ("messages", "state = 'queued'"),
        ("jobs", "kind = 'mail.send'"),
        ("policy_windows", "message_id IS NOT NULL"),
    ] {
        let statement = format!("SELECT count(*) AS n FROM {table} WHERE {rest}");
        let counted: Counted = app
            .db
            .read(move |conn| {
                let query = diesel::sql_query(statement);
                Ok::<_, db::Error>(contactbar::both!(conn, |c| query.get_result(c)?))
            })
            .await
            .unwrap();
        assert_eq!(usize::try_from(counted.n).unwrap(), ACCOUNTS, "{table}");
    }
    assert!(version.is_material());
    assert!(took.as_secs() < 10, "{took:?}");
}

/// Promise 1: one mail to each of 100,000 open accounts, in one transaction, in less than ten seconds. Takes its time to be
/// made ready: `cargo test --test it posting_to -- --ignored --nocapture`.
#[tokio::test]
#[ignore = "fills a database with 100,000 accounts"]
async fn posting_to_100_000_accounts_takes_less_than_ten_seconds_on_sqlite() {
    posting_is_quick(Kind::Sqlite).await;
}

#[tokio::test]
#[ignore = "fills a database with 100,000 accounts"]
async fn posting_to_100_000_accounts_takes_less_than_ten_seconds_on_postgres() {
    posting_is_quick(Kind::Postgres).await;
}
