//! `/audit-log`: who changed what of the member.

use poem_openapi::param::Query;
use poem_openapi::types::Example;
use poem_openapi::{Enum, Object, OpenApi, Tags};

use super::Caller;
use crate::accounts::{Accounts, Operation};
use crate::audit::{Actor, Entry};
use crate::clock::Timestamp;
use crate::http::page::{self, Cursor};
use crate::http::{Json, Problem};
use crate::ids::{ApiTokenId, AuditEntryId, UserId};

pub struct AuditLogApi {
    pub accounts: Accounts,
}

#[derive(Tags)]
enum Tag {
    /// The append-only record of who changed what.
    #[oai(rename = "Audit log")]
    AuditLog,
}

/// Who did it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[oai(rename_all = "snake_case")]
pub enum ActorKind {
    /// Somebody who was logged in.
    User,
    /// A program with an API token.
    Token,
    /// Somebody who was not logged in, such as a visitor.
    Anonymous,
    /// The service itself.
    System,
}

/// Something that was changed.
#[derive(Debug, Object)]
#[oai(example)]
pub struct AuditEntry {
    pub id: AuditEntryId,
    pub actor: ActorKind,
    /// Which user, if a user did it.
    pub user_id: Option<UserId>,
    /// Which token, if a token did it.
    pub token_id: Option<ApiTokenId>,
    /// What was done, such as `bar.published`.
    pub action: String,
    /// The id of what was changed.
    pub target: String,
    /// More about it, such as the names of changed fields.
    pub detail: serde_json::Value,
    pub at: Timestamp,
}

impl From<Entry> for AuditEntry {
    fn from(entry: Entry) -> Self {
        let (actor, user_id, token_id) = match entry.actor {
            Actor::User(id) => (ActorKind::User, Some(id), None),
            Actor::Token(id) => (ActorKind::Token, None, Some(id)),
            Actor::Anonymous => (ActorKind::Anonymous, None, None),
            Actor::System => (ActorKind::System, None, None),
        };
        let Entry {
            id,
            action,
            target,
            detail,
            at,
            ..
        } = entry;
        Self {
            id,
            actor,
            user_id,
            token_id,
            action,
            target,
            detail,
            at,
        }
    }
}

impl Example for AuditEntry {
    fn example() -> Self {
        Self {
            id: AuditEntryId::from_uuid(uuid::Uuid::from_u128(7)),
            actor: ActorKind::User,
            user_id: Some(UserId::from_uuid(uuid::Uuid::from_u128(7))),
            token_id: None,
            action: "profile.changed".to_owned(),
            target: "mem_01jd3k8q9x7v2m5n6p4r8s0tbw".to_owned(),
            detail: serde_json::json!({ "fields": ["phone"] }),
            at: Timestamp::from_secs(1_795_341_600),
        }
    }
}

/// A page of entries, newest first.
#[derive(Debug, Object)]
pub struct AuditLog {
    pub items: Vec<AuditEntry>,
    /// Where the next page begins, if there is one.
    pub next_cursor: Option<Cursor>,
}

#[OpenApi]
impl AuditLogApi {
    /// List what was changed
    ///
    /// Every change of the member and of what belongs to it, newest first.
    #[oai(
        path = "/audit-log",
        method = "get",
        operation_id = "list_audit_log",
        tag = "Tag::AuditLog"
    )]
    async fn list(
        &self,
        caller: Caller,
        /// How many at most.
        #[oai(
            default = "super::default_limit",
            validator(minimum(value = "1"), maximum(value = "200"))
        )]
        limit: Query<u32>,
        /// The `next_cursor` of the page before.
        after: Query<Option<Cursor>>,
    ) -> Result<Json<AuditLog>, Problem> {
        let access = caller.may(Operation::ListAuditLog)?;
        let before = after
            .0
            .map(|cursor| (cursor.at, AuditEntryId::from_uuid(cursor.id)));
        let found = self
            .accounts
            .list_audit_log(access.member, before, page::one_more(limit.0))
            .await?;
        let (items, next_cursor) = page::cut(found, limit.0, |entry| Cursor {
            at: entry.at,
            id: *entry.id.uuid(),
        });
        Ok(Json(AuditLog {
            items: items.into_iter().map(Into::into).collect(),
            next_cursor,
        }))
    }
}
