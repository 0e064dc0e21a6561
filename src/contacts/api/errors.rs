//! What went wrong, as an answer.

use crate::contacts::Error;
use crate::http::{FieldError, Problem};
use crate::mail;

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        match error {
            Error::Db(error) | Error::Mail(mail::Error::Db(error)) => error.into(),
            Error::Mail(error) => Problem::internal(error),
            Error::Bars(error) => Problem::internal(error),
            Error::NotFound => Problem::not_found(),
            Error::Fields(errors) => {
                let errors = errors
                    .into_iter()
                    .map(|error| FieldError::new(error.field, error.message));
                Problem::unprocessable(errors.collect::<Vec<_>>())
            }
            Error::AddressTaken => {
                Problem::conflict("Another contact has this email address: merge the two.")
            }
            Error::HostNotAllowed => Problem::forbidden("This bar may not be used on this site."),
            Error::Plan(refused) => refused.into(),
            Error::Conflict(why) => Problem::conflict(why),
        }
    }
}
