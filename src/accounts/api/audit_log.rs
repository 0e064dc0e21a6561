//! `/audit-log`: who changed what of the member.

use poem_openapi::param::Query;
use poem_openapi::types::Example;
use poem_openapi::{Enum, Object, OpenApi, Tags};

use super::Caller;
use crate::accounts::{Accounts, Operation};
use crate::audit::{Actor, By, Entry, Filter};
use crate::clock::Timestamp;
use crate::http::page::{self, Cursor, in_our_time};
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
    /// Every change of the member and of what belongs to it, newest first. All filters must hold.
    #[oai(
        path = "/audit-log",
        method = "get",
        operation_id = "list_audit_log",
        tag = "Tag::AuditLog"
    )]
    #[allow(clippy::too_many_arguments, reason = "each is a parameter of the query")]
    async fn list(
        &self,
        caller: Caller,
        /// What it is about: what stands before the dot of an action, such as `bar` or `team`.
        #[oai(validator(pattern = "^[a-z_]{1,40}$"))]
        area: Query<Option<String>>,
        /// What was done, such as `bar.published`.
        #[oai(validator(pattern = r"^[a-z_]{1,40}\.[a-z_]{1,40}$"))]
        action: Query<Option<String>>,
        /// What kind of actor did it.
        actor: Query<Option<ActorKind>>,
        /// The user who did it.
        user_id: Query<Option<UserId>>,
        /// The token that did it.
        token_id: Query<Option<ApiTokenId>>,
        /// The id of what was changed.
        #[oai(validator(pattern = "^[0-9A-Za-z_]{1,100}$"))]
        target: Query<Option<String>>,
        /// At this time or later.
        from: Query<Option<Timestamp>>,
        /// Before this time.
        to: Query<Option<Timestamp>>,
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
        let filter = Filter {
            area: area.0,
            action: action.0,
            by: by(actor.0, user_id.0, token_id.0)?,
            target: target.0,
            from: from.0.map(in_our_time),
            to: to.0.map(in_our_time),
        };
        let before = after
            .0
            .map(|cursor| (in_our_time(cursor.at), AuditEntryId::from_uuid(cursor.id)));
        let found = self
            .accounts
            .list_audit_log(access.member, filter, before, page::one_more(limit.0))
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

/// Whose entries are meant. Nobody is of two kinds.
fn by(
    kind: Option<ActorKind>,
    user: Option<UserId>,
    token: Option<ApiTokenId>,
) -> Result<Option<By>, Problem> {
    let is = |wanted| kind.is_none_or(|kind| kind == wanted);
    match (user, token) {
        (Some(_), Some(_)) => Err(Problem::field(
            "token_id",
            "can't be asked for together with `user_id`",
        )),
        (Some(user), None) if is(ActorKind::User) => Ok(Some(By::Actor(Actor::User(user)))),
        (None, Some(token)) if is(ActorKind::Token) => Ok(Some(By::Actor(Actor::Token(token)))),
        (None, None) => Ok(kind.map(|kind| match kind {
            ActorKind::User => By::AnyUser,
            ActorKind::Token => By::AnyToken,
            ActorKind::Anonymous => By::Actor(Actor::Anonymous),
            ActorKind::System => By::Actor(Actor::System),
        })),
        _ => Err(Problem::field(
            "actor",
            "is not the kind of the one that is named",
        )),
    }
}
