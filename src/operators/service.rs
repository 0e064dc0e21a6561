//! Adding and removing operators, knowing them by their token, and reading the record.

use std::time::Duration;

use serde_json::json;

use super::{
    By, LONGEST_LIFE, Operator, OperatorName, Reason, Recorded, TOKEN_PREFIX, record, record_look, store,
};
use crate::clock::{Clock, MINUTE, Timestamp};
use crate::db::{self, Db};
use crate::ids::{OperatorEntryId, OperatorId};
use crate::secrets::{Random, Token, token_sha256};

/// How often a token's use is noted.
const SEEN_EVERY: Duration = MINUTE;

/// Who runs the service. Cheap to clone.
#[derive(Clone)]
pub struct Operators {
    db: Db,
    clock: Clock,
    random: Random,
}

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Db(#[from] db::Error),
    #[error("there is an operator of this name; `contactbar operator remove` ends their token")]
    NameTaken,
    #[error("there is no operator of this name")]
    Unknown,
    #[error("a token lasts between one and 366 days")]
    BadLife,
}

impl Operators {
    pub fn new(db: Db, clock: Clock, random: Random) -> Self {
        Self { db, clock, random }
    }

    /// Adds an operator. Their token is told this once.
    pub async fn add(&self, name: OperatorName, lasts: Duration) -> Result<(Operator, Token), Error> {
        if lasts.is_zero() || lasts > LONGEST_LIFE {
            return Err(Error::BadLife);
        }
        let service = self.clone();
        self.db
            .write(move |tx| {
                if store::find_by_name(tx, &name)?.is_some() {
                    return Err(Error::NameTaken);
                }
                let token = Token::new(TOKEN_PREFIX, &service.random);
                let now = service.clock.now();
                let operator = Operator {
                    id: OperatorId::new(&service.clock, &service.random),
                    name,
                    hint: token.reveal()[token.reveal().len() - 4..].to_owned(),
                    created_at: now,
                    expires_at: now + lasts,
                    last_used_at: None,
                };
                store::insert(tx, &operator, &token.sha256())?;
                let detail = json!({ "name": operator.name, "expires_at": operator.expires_at });
                let with = (&service.clock, &service.random);
                record(tx, with, By::CommandLine, "operator.added", operator.id, detail)?;
                Ok((operator, token))
            })
            .await
    }

    pub async fn list(&self) -> db::Result<Vec<Operator>> {
        self.db.read(store::list).await
    }

    /// Ends an operator's token, at once and for good.
    pub async fn remove(&self, name: OperatorName) -> Result<Operator, Error> {
        let service = self.clone();
        self.db
            .write(move |tx| {
                let operator = store::find_by_name(tx, &name)?.ok_or(Error::Unknown)?;
                store::remove(tx, operator.id, service.clock.now())?;
                let detail = json!({ "name": operator.name });
                let with = (&service.clock, &service.random);
                record(tx, with, By::CommandLine, "operator.removed", operator.id, detail)?;
                Ok(operator)
            })
            .await
    }

    /// Whose token this is.
    pub(super) async fn known_by(&self, token: &str) -> db::Result<Option<Operator>> {
        let (hash, now) = (token_sha256(token), self.clock.now());
        let found = self
            .db
            .read(move |conn| store::find_by_token(conn, &hash, now))
            .await?;
        if let Some(operator) = &found
            && operator
                .last_used_at
                .is_none_or(|used| now.since(used) >= SEEN_EVERY)
        {
            let id = operator.id;
            self.db.write(move |tx| store::touch(tx, id, now)).await?;
        }
        Ok(found)
    }

    /// Puts on record that something is looked at, before it is shown.
    pub(super) async fn looked(
        &self,
        by: By,
        operation: &'static str,
        target: String,
        reason: Option<Reason>,
    ) -> db::Result<()> {
        let service = self.clone();
        self.db
            .write(move |tx| {
                let with = (&service.clock, &service.random);
                record_look(tx, with, by, operation, target, reason.as_ref())
            })
            .await
    }

    /// What is on record, newest first.
    pub async fn list_record(
        &self,
        target: Option<String>,
        before: Option<(Timestamp, OperatorEntryId)>,
        limit: i64,
    ) -> db::Result<Vec<Recorded>> {
        self.db
            .read(move |conn| store::list_entries(conn, target.as_deref(), before, limit))
            .await
    }
}
