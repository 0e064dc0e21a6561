//! A backup holds everything, and a restore puts it back, without ever overwriting what nobody said to overwrite.

use contactbar::db::{BackupError, backup, restore};

use crate::support::{Database, TestApp};

both_databases! {
    async fn a_backup_restores_into_an_empty_database(app: TestApp) {
        let file = app.database.folder.path().join("copy");
        backup(&app.database.url(), &file).await.unwrap();
        let other = Database::empty(app.kind());
        restore(&other.url(), &file, false).await.unwrap();
        assert!(other.open().pending_migrations().await.unwrap().is_empty());
    }

    async fn neither_overwrites_unasked(app: TestApp) {
        let file = app.database.folder.path().join("copy");
        backup(&app.database.url(), &file).await.unwrap();
        assert!(matches!(backup(&app.database.url(), &file).await, Err(BackupError::Exists(_))));
        let refused = restore(&app.database.url(), &file, false).await;
        assert!(matches!(refused, Err(BackupError::WouldOverwrite(_))), "{refused:?}");
    }

    async fn with_force_the_data_is_replaced(app: TestApp) {
        let file = app.database.folder.path().join("copy");
        backup(&app.database.url(), &file).await.unwrap();
        let other = Database::new(app.kind()).await;
        restore(&other.url(), &file, true).await.unwrap();
        assert!(other.open().pending_migrations().await.unwrap().is_empty());
    }

    async fn what_is_no_backup_leaves_the_data_alone(app: TestApp) {
        let file = app.database.folder.path().join("letter");
        std::fs::write(&file, "Dear Ada, this is no database.").unwrap();
        let refused = restore(&app.database.url(), &file, true).await;
        assert!(matches!(refused, Err(BackupError::NotABackup(_))), "{refused:?}");
        assert!(app.db.pending_migrations().await.unwrap().is_empty());
    }
}
