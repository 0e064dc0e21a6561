//! `/tokens`: the member's API tokens.

use std::collections::BTreeSet;

use poem_openapi::param::{Path, Query};
use poem_openapi::types::Example;
use poem_openapi::{Object, OpenApi, Tags};

use super::Caller;
use crate::accounts::api_tokens::{ApiToken, MOST_TOKENS, NewApiToken, TokenError};
use crate::accounts::{Accounts, Name, Operation, Scope};
use crate::clock::Timestamp;
use crate::http::page::{self, Cursor};
use crate::http::{Created, Json, NoContent, Problem};
use crate::ids::{ApiTokenId, UserId};

pub struct TokensApi {
    pub accounts: Accounts,
}

#[derive(Tags)]
enum Tag {
    /// Tokens with which programs call this API in the name of a member: `Authorization: Bearer cb_…`.
    Tokens,
}

/// An API token, without the token itself: we keep only its hash.
#[derive(Debug, Object)]
#[oai(rename = "ApiToken", example)]
pub struct ApiTokenBody {
    pub id: ApiTokenId,
    pub name: Name,
    /// Its last four characters.
    pub hint: String,
    /// What it may do.
    pub scopes: Vec<Scope>,
    /// Who made it.
    pub created_by: Option<UserId>,
    pub created_at: Timestamp,
    pub expires_at: Option<Timestamp>,
    /// When it was last used, to within some minutes; never, if left out.
    pub last_used_at: Option<Timestamp>,
}

impl From<ApiToken> for ApiTokenBody {
    fn from(token: ApiToken) -> Self {
        let ApiToken {
            id,
            name,
            hint,
            scopes,
            created_by,
            created_at,
            expires_at,
            last_used_at,
        } = token;
        let scopes = scopes.into_iter().collect();
        Self {
            id,
            name,
            hint,
            scopes,
            created_by,
            created_at,
            expires_at,
            last_used_at,
        }
    }
}

fn example_name() -> Name {
    "Nightly export".parse().expect("this is a name")
}

impl Example for ApiTokenBody {
    fn example() -> Self {
        Self {
            id: ApiTokenId::from_uuid(uuid::Uuid::from_u128(7)),
            name: example_name(),
            hint: "s0tb".to_owned(),
            scopes: vec![Scope::ContactsRead],
            created_by: Some(UserId::from_uuid(uuid::Uuid::from_u128(7))),
            created_at: Timestamp::from_secs(1_795_341_600),
            expires_at: Some(Timestamp::from_secs(1_803_117_600)),
            last_used_at: None,
        }
    }
}

/// A page of tokens, newest first.
#[derive(Debug, Object)]
pub struct ApiTokens {
    pub items: Vec<ApiTokenBody>,
    /// Where the next page begins, if there is one.
    pub next_cursor: Option<Cursor>,
}

/// A token to be.
#[derive(Debug, Object)]
#[oai(example)]
pub struct CreateApiToken {
    /// What it is for.
    pub name: Name,
    /// What it may do: as little as it needs.
    #[oai(validator(min_items = 1, max_items = 32))]
    pub scopes: Vec<Scope>,
    /// When it ends, within 366 days: every token ends. In 90 days if you don't say.
    pub expires_at: Option<Timestamp>,
}

impl Example for CreateApiToken {
    fn example() -> Self {
        Self {
            name: example_name(),
            scopes: vec![Scope::ContactsRead],
            expires_at: None,
        }
    }
}

/// A token that was just made, with the token itself: this once and never again.
#[derive(Debug, Object)]
#[oai(example)]
pub struct NewApiTokenBody {
    /// Send it as `Authorization: Bearer …`. It can't be shown again.
    pub token: String,
    pub id: ApiTokenId,
    pub name: Name,
    /// Its last four characters.
    pub hint: String,
    /// What it may do.
    pub scopes: Vec<Scope>,
    pub created_at: Timestamp,
    pub expires_at: Option<Timestamp>,
}

impl Example for NewApiTokenBody {
    fn example() -> Self {
        let ApiTokenBody {
            id,
            name,
            hint,
            scopes,
            created_at,
            expires_at,
            ..
        } = ApiTokenBody::example();
        let token = "cb_3k8q9x7v2m5n6p4r8s0tbw3k8q9x7v2m5n6p4r8s0tb".to_owned();
        Self {
            token,
            id,
            name,
            hint,
            scopes,
            created_at,
            expires_at,
        }
    }
}

fn token_problem(error: TokenError) -> Problem {
    match error {
        TokenError::Accounts(error) => error.into(),
        TokenError::EndsInThePast | TokenError::LastsTooLong => {
            Problem::field("expires_at", error.to_string())
        }
        TokenError::AboveOwnRole(scope) => {
            Problem::forbidden(format!("The scope {scope} allows more than your own role does."))
        }
        TokenError::TooMany => {
            Problem::conflict(format!("A member has at most {MOST_TOKENS} tokens: revoke some."))
        }
    }
}

#[OpenApi]
impl TokensApi {
    /// List API tokens
    ///
    /// Those that are not revoked, newest first; expired ones too.
    #[oai(
        path = "/tokens",
        method = "get",
        operation_id = "list_tokens",
        tag = "Tag::Tokens"
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
    ) -> Result<Json<ApiTokens>, Problem> {
        let access = caller.may(Operation::ListTokens)?;
        let before = after
            .0
            .map(|cursor| (cursor.at, ApiTokenId::from_uuid(cursor.id)));
        let found = self
            .accounts
            .list_tokens(access.member, before, page::one_more(limit.0))
            .await
            .map_err(token_problem)?;
        let (items, next_cursor) = page::cut(found, limit.0, |token| Cursor {
            at: token.created_at,
            id: *token.id.uuid(),
        });
        Ok(Json(ApiTokens {
            items: items.into_iter().map(Into::into).collect(),
            next_cursor,
        }))
    }

    /// Make an API token
    ///
    /// The answer holds the token itself, this once. It belongs to the member and outlasts your place in the team. Only
    /// what your own role may do can be given. You are told by mail.
    #[oai(
        path = "/tokens",
        method = "post",
        operation_id = "create_token",
        tag = "Tag::Tokens"
    )]
    async fn create(
        &self,
        caller: Caller,
        body: Json<CreateApiToken>,
    ) -> Result<Created<NewApiTokenBody>, Problem> {
        let access = caller.may(Operation::CreateToken)?;
        let CreateApiToken {
            name,
            scopes,
            expires_at,
        } = body.0;
        let scopes: BTreeSet<Scope> = scopes.into_iter().collect();
        let new = NewApiToken {
            name,
            scopes,
            expires_at,
        };
        let (made, secret) = self
            .accounts
            .create_token(&access, new)
            .await
            .map_err(token_problem)?;
        let ApiTokenBody {
            id,
            name,
            hint,
            scopes,
            created_at,
            expires_at,
            ..
        } = made.into();
        let token = secret.reveal().to_owned();
        Ok(Created(NewApiTokenBody {
            token,
            id,
            name,
            hint,
            scopes,
            created_at,
            expires_at,
        }))
    }

    /// Revoke an API token
    ///
    /// At once and for good.
    #[oai(
        path = "/tokens/:token_id",
        method = "delete",
        operation_id = "revoke_token",
        tag = "Tag::Tokens"
    )]
    async fn revoke(
        &self,
        caller: Caller,
        /// The token.
        token_id: Path<ApiTokenId>,
    ) -> Result<NoContent, Problem> {
        let access = caller.may(Operation::RevokeToken)?;
        self.accounts
            .revoke_token(&access, token_id.0)
            .await
            .map_err(token_problem)?;
        Ok(NoContent)
    }
}
