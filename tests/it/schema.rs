//! The two trees of migrations tell the same: names, tables, columns, and which of them may be empty. And both know
//! the way back.

use std::collections::BTreeSet;

use contactbar::db::{self, Conn};
use diesel::prelude::*;
use diesel::sql_types::{Bool, Text};

use crate::support::{Kind, TestApp};

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, diesel::QueryableByName)]
struct Column {
    #[diesel(sql_type = Text)]
    table_name: String,
    #[diesel(sql_type = Text)]
    column_name: String,
    #[diesel(sql_type = Bool)]
    nullable: bool,
}

async fn columns(kind: Kind) -> BTreeSet<Column> {
    let app = TestApp::start(kind, &[]).await;
    let found: db::Result<Vec<Column>> = app
        .db
        .read(|conn| {
            Ok(match conn {
                Conn::Sqlite(c) => diesel::sql_query(
                    "SELECT m.name AS table_name, c.name AS column_name, NOT (c.\"notnull\" OR c.pk > 0) AS nullable \
                     FROM sqlite_schema m, pragma_table_info(m.name) c \
                     WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite_%'",
                )
                .load(c)?,
                Conn::Postgres(c) => diesel::sql_query(
                    "SELECT table_name::text, column_name::text, is_nullable = 'YES' AS nullable \
                     FROM information_schema.columns WHERE table_schema = 'public'",
                )
                .load(c)?,
            })
        })
        .await;
    found
        .unwrap()
        .into_iter()
        .filter(|column| column.table_name != "__diesel_schema_migrations")
        // SQLite's index of contacts; PostgreSQL has it as an index.
        .filter(|column| !column.table_name.starts_with("contact_trigrams"))
        .collect()
}

#[tokio::test]
async fn both_databases_have_the_same_tables_and_columns() {
    let (sqlite, postgres) = (columns(Kind::Sqlite).await, columns(Kind::Postgres).await);
    let only: Vec<_> = sqlite.symmetric_difference(&postgres).collect();
    assert!(only.is_empty(), "only on one side: {only:#?}");
    let tables: BTreeSet<_> = sqlite.iter().map(|column| &column.table_name).collect();
    assert!(tables.len() > 25, "{tables:?}");
}

#[test]
fn both_trees_have_the_same_migrations() {
    let (sqlite, postgres) = db::all_migrations().unwrap();
    assert_eq!(sqlite, postgres);
    for name in &sqlite {
        let shape = name.as_bytes();
        assert!(
            shape.len() > 18 && shape[10] == b'-' && shape[17] == b'_',
            "{name}: YYYY-MM-DD-HHMMSS_verb_noun"
        );
    }
}

both_databases! {
    async fn every_migration_can_be_taken_back_and_run_again(app: TestApp) {
        app.db.revert_all_migrations().await.unwrap();
        assert!(!app.db.pending_migrations().await.unwrap().is_empty());
        app.migrate().await.unwrap();
        assert_eq!(app.db.pending_migrations().await.unwrap(), Vec::<String>::new());
    }
}
