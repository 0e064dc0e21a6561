//! What went wrong, as an answer.

use crate::accounts::{Error, WeakPassword};
use crate::http::{FieldError, Problem};
use crate::mail;

/// A code is needed beside the password.
pub const SECOND_FACTOR_NEEDED: &str = "urn:contactbar:problem:second-factor-needed";
pub const WRONG_CODE: &str = "urn:contactbar:problem:wrong-code";
pub const NOT_VERIFIED: &str = "urn:contactbar:problem:address-not-verified";
pub const WRONG_PASSWORD: &str = "urn:contactbar:problem:wrong-password";

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        match error {
            Error::Db(error) | Error::Mail(mail::Error::Db(error)) => error.into(),
            Error::Mail(error) => Problem::internal(error),
            Error::Busy => Problem::unavailable(Error::Busy),
            Error::TooMany { retry_after_secs } => {
                Problem::too_many_requests(retry_after_secs).detail("Too many tries; wait a little.")
            }
            Error::WrongCredentials => Problem::unauthorized("The address or the password is wrong."),
            Error::WrongPassword => Problem::forbidden("The password is wrong.").kind(WRONG_PASSWORD),
            Error::SecondFactorNeeded => Problem::unauthorized(
                "The password is right. Send it again with a code: `totp` or `recovery_code`.",
            )
            .kind(SECOND_FACTOR_NEEDED),
            Error::WrongCode => {
                Problem::unauthorized("The code is wrong, or has been used.").kind(WRONG_CODE)
            }
            Error::NotVerified => Problem::forbidden(
                "The address has not been verified: follow the link in the mail, or ask for another one.",
            )
            .kind(NOT_VERIFIED),
            Error::DeadLink => Problem::not_found().detail("The link is unknown, used or too old."),
            Error::AddressTaken => Problem::conflict("Another account has this address."),
            Error::OldPolicies { privacy, terms } => {
                let current = |version| format!("the current version is {version}");
                Problem::unprocessable([
                    FieldError::new("privacy_version", current(privacy)),
                    FieldError::new("terms_version", current(terms)),
                ])
            }
            Error::TotpOn => Problem::conflict("The second factor is on already."),
            Error::TotpOff => Problem::conflict("The second factor is not on."),
            Error::NotFound => Problem::not_found(),
        }
    }
}

/// The field that a weak password came in.
pub fn weak(field: &str) -> impl Fn(WeakPassword) -> Problem {
    move |weak| Problem::field(field, weak.to_string())
}
