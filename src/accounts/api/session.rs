//! Logging in and out, and the current member.

use poem_openapi::types::Example;
use poem_openapi::{ApiResponse, Object, OpenApi};

use super::asking::Asking;
use super::shapes::{CurrentView, example_id};
use super::{Caller, Tag, cookie};
use crate::accounts::{Accounts, LogIn, Operation, SecondFactor};
use crate::http::schema::Secret;
use crate::http::{Json, Problem};
use crate::ids::MemberId;

pub struct SessionApi {
    pub accounts: Accounts,
}

/// What somebody logs in with.
#[derive(Debug, Object)]
#[oai(rename = "LogIn", example)]
struct LogInBody {
    #[oai(validator(max_length = 254))]
    email: String,
    #[oai(validator(max_length = 128))]
    password: Secret,
    /// The code that the authenticator app shows, if the second factor is on. Each is good once.
    #[oai(validator(max_length = 16))]
    totp: Option<Secret>,
    /// One of the recovery codes, instead of `totp`. Each is good once.
    #[oai(validator(max_length = 64))]
    recovery_code: Option<Secret>,
}

impl Example for LogInBody {
    fn example() -> Self {
        Self {
            email: "anna@example.com".to_owned(),
            password: Secret("correct horse battery".to_owned()),
            totp: None,
            recovery_code: None,
        }
    }
}

/// The member to switch to.
#[derive(Debug, Object)]
#[oai(example)]
struct SwitchMember {
    member_id: MemberId,
}

impl Example for SwitchMember {
    fn example() -> Self {
        Self {
            member_id: example_id("mem"),
        }
    }
}

#[derive(ApiResponse)]
enum LoggedIn {
    /// Logged in.
    #[oai(status = 201)]
    Created(
        Json<CurrentView>,
        /// The session's cookie.
        #[oai(header = "Set-Cookie")]
        String,
    ),
}

#[derive(ApiResponse)]
pub(super) enum LoggedOut {
    /// Logged out; the session is over.
    #[oai(status = 204)]
    Done(
        /// Removes the cookie.
        #[oai(header = "Set-Cookie")]
        String,
    ),
}

#[OpenApi(prefix_path = "/session", tag = "Tag::Session")]
impl SessionApi {
    /// Log in
    ///
    /// An unknown address and a wrong password get the same answer. With the second factor on, the first answer is a 401
    /// of type `urn:contactbar:problem:second-factor-needed`: send the same again with a code.
    #[oai(path = "/", method = "post", operation_id = "log_in")]
    async fn log_in(&self, asking: Asking, body: Json<LogInBody>) -> Result<LoggedIn, Problem> {
        let LogInBody {
            email,
            password,
            totp,
            recovery_code,
        } = body.0;
        let second_factor = match (totp, recovery_code) {
            (Some(_), Some(_)) => {
                return Err(Problem::field(
                    "recovery_code",
                    "comes instead of `totp`, not with it",
                ));
            }
            (Some(code), None) => Some(SecondFactor::Totp(code.0)),
            (None, Some(code)) => Some(SecondFactor::RecoveryCode(code.0)),
            (None, None) => None,
        };
        let log_in = LogIn {
            email,
            password: password.0,
            second_factor,
        };
        let logged_in = self.accounts.log_in(log_in, asking.0).await?;
        let cookie = cookie::set(self.accounts.secure_cookies(), &logged_in.begun.token);
        Ok(LoggedIn::Created(Json(logged_in.current.into()), cookie))
    }

    /// Read the current session
    #[oai(path = "/", method = "get", operation_id = "read_session")]
    async fn read(&self, caller: Caller) -> Result<Json<CurrentView>, Problem> {
        let signed_in = caller.in_person(Operation::ReadSession)?;
        Ok(Json(self.accounts.current(signed_in).await?.into()))
    }

    /// Switch to another member
    #[oai(path = "/", method = "patch", operation_id = "switch_member")]
    async fn switch(&self, caller: Caller, body: Json<SwitchMember>) -> Result<Json<CurrentView>, Problem> {
        let signed_in = caller.in_person(Operation::SwitchMember)?;
        Ok(Json(
            self.accounts
                .switch_member(signed_in, body.0.member_id)
                .await?
                .into(),
        ))
    }

    /// Log out
    ///
    /// Ends the session on the server (promise 32).
    #[oai(path = "/", method = "delete", operation_id = "log_out")]
    async fn log_out(&self, caller: Caller) -> Result<LoggedOut, Problem> {
        let signed_in = caller.in_person(Operation::LogOut)?;
        self.accounts
            .end_session(signed_in.user, signed_in.session)
            .await?;
        Ok(LoggedOut::Done(cookie::remove(self.accounts.secure_cookies())))
    }
}
