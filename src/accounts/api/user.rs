//! One's own user: name, language, password, address, sessions, log-in records.

use poem_openapi::param::{Path, Query};
use poem_openapi::types::{Example, MaybeUndefined};
use poem_openapi::{Object, OpenApi};

use super::problems::weak;
use super::session::LoggedOut;
use super::shapes::{LoginView, Logins, Proof, SessionView, Sessions, UserView, example_email, example_name};
use super::{Caller, Tag, cookie, default_limit, team_problem};
use crate::accounts::{Accounts, Name, NewPassword, Operation};
use crate::http::page::{self, Cursor};
use crate::http::schema::Secret;
use crate::http::{Accepted, Json, NoContent, Problem};
use crate::ids::{LoginRecordId, SessionId};
use crate::mail::{EmailAddress, Language};

pub struct UserApi {
    pub accounts: Accounts,
}

/// What changes; what is left out stays.
#[derive(Debug, Object)]
#[oai(example)]
struct UserChange {
    /// `null` takes the name away.
    name: MaybeUndefined<Name>,
    language: Option<Language>,
    /// Whether it is counted that they open our mails and follow their links. Turned off, what was counted is forgotten.
    mail_tracking: Option<bool>,
}

impl Example for UserChange {
    fn example() -> Self {
        Self {
            name: MaybeUndefined::Value(example_name("Anna Blume")),
            language: Some(Language::De),
            mail_tracking: Some(false),
        }
    }
}

#[derive(Debug, Object)]
#[oai(example)]
struct PasswordChange {
    #[oai(validator(max_length = 128))]
    current_password: Secret,
    /// 10 to 128 characters, and none of those that are tried first.
    #[oai(validator(max_length = 128))]
    new_password: Secret,
}

impl Example for PasswordChange {
    fn example() -> Self {
        Self {
            current_password: Secret("correct horse battery".to_owned()),
            new_password: Secret("stapled with a smile".to_owned()),
        }
    }
}

#[derive(Debug, Object)]
#[oai(example)]
struct AddressChange {
    email: EmailAddress,
    #[oai(validator(max_length = 128))]
    password: Secret,
}

impl Example for AddressChange {
    fn example() -> Self {
        Self {
            email: example_email(),
            password: Secret("correct horse battery".to_owned()),
        }
    }
}

/// How many sessions have ended.
#[derive(Debug, Object)]
struct Ended {
    ended: u64,
}

#[OpenApi(prefix_path = "/users/me", tag = "Tag::Account")]
impl UserApi {
    /// Read one's own user
    #[oai(path = "/", method = "get", operation_id = "read_user")]
    async fn read(&self, caller: Caller) -> Result<Json<UserView>, Problem> {
        let signed_in = caller.in_person(Operation::ReadUser)?;
        Ok(Json(self.accounts.account(signed_in.user).await?.into()))
    }

    /// Change one's own name, language or tracking
    #[oai(path = "/", method = "patch", operation_id = "update_user")]
    async fn update(&self, caller: Caller, body: Json<UserChange>) -> Result<Json<UserView>, Problem> {
        let signed_in = caller.in_person(Operation::UpdateUser)?;
        let name = match body.0.name {
            MaybeUndefined::Undefined => None,
            MaybeUndefined::Null => Some(None),
            MaybeUndefined::Value(name) => Some(Some(name)),
        };
        Ok(Json(
            self.accounts
                .update_user(signed_in.user, name, body.0.language, body.0.mail_tracking)
                .await?
                .into(),
        ))
    }

    /// Change one's password
    ///
    /// Ends all other sessions; a mail tells of it. A wrong `current_password` is a 403 of type
    /// `urn:contactbar:problem:wrong-password`.
    #[oai(path = "/password", method = "put", operation_id = "change_password")]
    async fn change_password(
        &self,
        caller: Caller,
        body: Json<PasswordChange>,
    ) -> Result<NoContent, Problem> {
        let signed_in = caller.in_person(Operation::ChangePassword)?;
        let new = NewPassword::parse(body.0.new_password.0, None).map_err(weak("new_password"))?;
        self.accounts
            .change_password(signed_in, body.0.current_password.0, new)
            .await?;
        Ok(NoContent)
    }

    /// Ask for a change of one's address
    ///
    /// The new address gets a link to confirm it, the old one is told (promise 39). Until then nothing changes.
    #[oai(
        path = "/address-change",
        method = "post",
        operation_id = "request_address_change"
    )]
    async fn change_address(&self, caller: Caller, body: Json<AddressChange>) -> Result<Accepted, Problem> {
        let signed_in = caller.in_person(Operation::RequestAddressChange)?;
        self.accounts
            .request_address_change(signed_in.user, body.0.email, body.0.password.0)
            .await?;
        Ok(Accepted)
    }

    /// Delete one's own user
    ///
    /// At once and for good: leaves all teams, ends all sessions, forgets the log-ins and the mails. 409 for the only owner
    /// of a member, which `detail` names: make somebody else one, or end the member first. A wrong password is a 403 of
    /// type `urn:contactbar:problem:wrong-password`.
    #[oai(path = "/deletion", method = "post", operation_id = "delete_user")]
    async fn delete(&self, caller: Caller, body: Json<Proof>) -> Result<LoggedOut, Problem> {
        let signed_in = caller.in_person(Operation::DeleteUser)?;
        self.accounts
            .delete_user(signed_in, body.0.password.0)
            .await
            .map_err(team_problem)?;
        Ok(LoggedOut::Done(cookie::remove(self.accounts.secure_cookies())))
    }

    /// List one's sessions
    #[oai(path = "/sessions", method = "get", operation_id = "list_sessions")]
    async fn list_sessions(&self, caller: Caller) -> Result<Json<Sessions>, Problem> {
        let signed_in = caller.in_person(Operation::ListSessions)?;
        let sessions = self.accounts.list_sessions(signed_in.user).await?;
        let items = sessions
            .into_iter()
            .map(|session| SessionView::of(session, signed_in.session))
            .collect();
        Ok(Json(Sessions { items }))
    }

    /// End all of one's other sessions
    #[oai(path = "/sessions", method = "delete", operation_id = "end_other_sessions")]
    async fn end_others(&self, caller: Caller) -> Result<Json<Ended>, Problem> {
        let signed_in = caller.in_person(Operation::EndOtherSessions)?;
        let ended = self.accounts.end_other_sessions(signed_in).await?;
        Ok(Json(Ended { ended: ended as u64 }))
    }

    /// End one of one's sessions
    #[oai(
        path = "/sessions/:session_id",
        method = "delete",
        operation_id = "end_session"
    )]
    async fn end_session(
        &self,
        caller: Caller,
        /// Which.
        session_id: Path<SessionId>,
    ) -> Result<NoContent, Problem> {
        let signed_in = caller.in_person(Operation::EndSession)?;
        self.accounts.end_session(signed_in.user, session_id.0).await?;
        Ok(NoContent)
    }

    /// List the tries to log in as oneself
    ///
    /// Each is deleted 90 days after it was made (promise 12).
    #[oai(path = "/logins", method = "get", operation_id = "list_logins")]
    async fn list_logins(
        &self,
        caller: Caller,
        /// How many at most.
        #[oai(
            validator(minimum(value = "1"), maximum(value = "200")),
            default = "default_limit"
        )]
        limit: Query<u32>,
        /// The `next_cursor` of the page before.
        after: Query<Option<Cursor>>,
    ) -> Result<Json<Logins>, Problem> {
        let signed_in = caller.in_person(Operation::ListLogins)?;
        let before = after
            .0
            .map(|cursor| (cursor.at, LoginRecordId::from_uuid(cursor.id)));
        let records = self
            .accounts
            .list_logins(signed_in.user, before, page::one_more(limit.0))
            .await?;
        let (records, next_cursor) = page::cut(records, limit.0, |record| Cursor {
            at: record.at,
            id: *record.id.uuid(),
        });
        Ok(Json(Logins {
            items: records.into_iter().map(LoginView::from).collect(),
            next_cursor,
        }))
    }
}
