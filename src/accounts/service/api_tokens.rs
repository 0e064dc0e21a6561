//! Making, listing and revoking API tokens. A token itself is told once, and kept as its hash.

use serde_json::json;

use super::Accounts;
use crate::accounts::api_tokens::{ApiToken, MOST_TOKENS, NewApiToken, TokenError, token_end};
use crate::accounts::store::{api_tokens, members, team};
use crate::accounts::{Access, Error};
use crate::clock::Timestamp;
use crate::ids::{ApiTokenId, MemberId};
use crate::mail::{Draft, Template};
use crate::policies;
use crate::secrets::Token;

impl Accounts {
    /// A member's tokens that are not revoked, newest first.
    pub async fn list_tokens(
        &self,
        member: MemberId,
        before: Option<(Timestamp, ApiTokenId)>,
        limit: i64,
    ) -> Result<Vec<ApiToken>, TokenError> {
        self.db
            .read(move |conn| Ok(api_tokens::list(conn, member, before, limit)?))
            .await
    }

    /// Makes a token with scopes within the role of who asks, and mails them that there is one now.
    pub async fn create_token(
        &self,
        access: &Access,
        new: NewApiToken,
    ) -> Result<(ApiToken, Token), TokenError> {
        let (service, access) = (self.clone(), access.clone());
        self.db
            .write(move |tx| {
                team::lock_member(tx, access.member)?;
                let user = access.user.ok_or(Error::NotFound)?;
                let role = members::find_role(tx, access.member, user)?.ok_or(Error::NotFound)?;
                if let Some(scope) = new.scopes.iter().find(|scope| scope.needs() > role) {
                    return Err(TokenError::AboveOwnRole(*scope));
                }
                if api_tokens::count(tx, access.member)? >= MOST_TOKENS {
                    return Err(TokenError::TooMany);
                }
                let now = service.clock.now();
                let secret = Token::new("cb_", &service.random);
                let token = ApiToken {
                    id: ApiTokenId::new(&service.clock, &service.random),
                    name: new.name,
                    hint: secret.reveal()[secret.reveal().len() - 4..].to_owned(),
                    scopes: new.scopes,
                    created_by: Some(user),
                    created_at: now,
                    expires_at: Some(token_end(new.expires_at, now)?),
                    last_used_at: None,
                };
                api_tokens::insert(tx, access.member, &token, &secret.sha256())?;
                let detail = json!({ "scopes": token.scopes, "expires_at": token.expires_at });
                service.note(tx, &access, "token.created", token.id, detail)?;
                let user = super::existing(tx, user)?.user;
                let template = Template::TokenCreated {
                    name: token.name.to_string(),
                    at: now,
                    tokens_link: service.mailer.links().page("settings/tokens", &[]),
                };
                let draft = Draft::new(user.email.clone(), user.language, template)
                    .about_member(access.member)
                    .to_user(user.id);
                let (of, purpose) = (Some(access.member), draft.template.category().purpose());
                if let Some(allowed) =
                    policies::ask(tx, of, user.collected, purpose, now).map_err(Error::from)?
                {
                    service.mailer.enqueue(tx, draft, allowed).map_err(Error::from)?;
                }
                Ok((token, secret))
            })
            .await
    }

    /// Revokes a token, at once and for good.
    pub async fn revoke_token(&self, access: &Access, id: ApiTokenId) -> Result<(), TokenError> {
        let (service, access) = (self.clone(), access.clone());
        self.db
            .write(move |tx| {
                if !api_tokens::revoke(tx, access.member, id, service.clock.now())? {
                    return Err(Error::NotFound.into());
                }
                service.note(tx, &access, "token.revoked", id, json!({}))?;
                Ok(())
            })
            .await
    }
}
