//! Looking policies up, and drafting them. They are public: nobody is asked who they are. Posting them concerns accounts,
//! and is theirs.

use super::draft::{Draft, NotADraft};
use super::store::{self, Status};
use super::{Current, Document, PolicyVersion};
use crate::clock::Clock;
use crate::db::{self, Db};

/// The posted policies. Cheap to clone.
#[derive(Clone)]
pub struct Policies {
    db: Db,
    clock: Clock,
}

#[derive(Debug, thiserror::Error)]
pub enum DraftError {
    #[error(transparent)]
    Db(#[from] db::Error),
    #[error(transparent)]
    Draft(#[from] NotADraft),
}

impl Policies {
    pub fn new(db: Db, clock: Clock) -> Self {
        Self { db, clock }
    }

    /// The newest version of each document.
    pub async fn current(&self) -> db::Result<Current> {
        self.db.read(store::current).await
    }

    /// All versions of a document, newest first.
    pub async fn list_versions(&self, document: Document) -> db::Result<Vec<PolicyVersion>> {
        self.db
            .read(move |conn| store::list_versions(conn, document))
            .await
    }

    /// All versions of all documents.
    pub async fn list_all(&self) -> db::Result<Vec<PolicyVersion>> {
        self.db
            .read(|conn| {
                let mut all = Vec::new();
                for document in Document::ALL {
                    all.extend(store::list_versions(conn, document)?);
                }
                Ok(all)
            })
            .await
    }

    pub async fn find_version(&self, document: Document, version: i32) -> db::Result<Option<PolicyVersion>> {
        self.db
            .read(move |conn| store::find_version(conn, document, version))
            .await
    }

    /// Keeps a draft, in the place of the one before; nobody sees it yet.
    pub async fn draft(&self, document: Document, file: String) -> Result<Draft, DraftError> {
        let now = self.clock.now();
        self.db
            .write(move |tx| {
                let before = store::list_versions(tx, document)?;
                let draft = Draft::parse(document, &file, &before, now)?;
                store::save_draft(tx, &draft)?;
                Ok(draft)
            })
            .await
    }

    pub async fn find_draft(&self, document: Document) -> db::Result<Option<Draft>> {
        self.db.read(move |conn| store::find_draft(conn, document)).await
    }

    /// Every version that started windows, and how far it has come.
    pub async fn status(&self) -> db::Result<Vec<(PolicyVersion, Status)>> {
        self.db
            .read(|conn| {
                let mut all = Vec::new();
                for version in store::posted_material(conn)? {
                    let status = store::status(conn, version.id)?;
                    all.push((version, status));
                }
                Ok(all)
            })
            .await
    }
}
