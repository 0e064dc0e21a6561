//! Looking policies up. They are public: nobody is asked who they are.

use super::{Current, Document, PolicyVersion, store};
use crate::db::{self, Db};

/// The posted policies. Cheap to clone.
#[derive(Clone)]
pub struct Policies {
    db: Db,
}

impl Policies {
    pub fn new(db: Db) -> Self {
        Self { db }
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
}
