//! Notices over HTTP: as members see them, and as operators write them.

mod breaches;
mod members;
mod operators;
mod shapes;

pub use breaches::BreachesApi;
pub use members::NoticesApi;
pub use operators::WrittenNoticesApi;

use super::{Error, Notices, Wrong};
use crate::http::Problem;
use crate::http::problem::FieldError;

/// All operations of the feature.
pub type Apis = (NoticesApi, WrittenNoticesApi, BreachesApi);

pub fn apis(notices: &Notices) -> Apis {
    let notices = || notices.clone();
    (
        NoticesApi { notices: notices() },
        WrittenNoticesApi { notices: notices() },
        BreachesApi { notices: notices() },
    )
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        match error {
            Error::Db(error) => error.into(),
            Error::Mail(error) => error.into(),
            Error::NotFound => Problem::not_found(),
            Error::Wrong(all) => {
                let of = |wrong: Wrong| FieldError::new(wrong.field, wrong.message);
                Problem::unprocessable(all.into_iter().map(of).collect::<Vec<_>>())
            }
            Error::State(state) => Problem::conflict(format!("It is {}.", state.as_str())),
            Error::Closed => Problem::conflict("The breach is closed."),
            Error::Announced => Problem::conflict(
                "Those affected were told already: who else is affected is a breach of its own.",
            ),
            Error::NobodyAffected => Problem::conflict("Nobody is known to be affected: say who is, first."),
            Error::NotClosed(lacks) => {
                let mut lacks = lacks.to_string();
                lacks[..1].make_ascii_uppercase();
                Problem::conflict(format!("{lacks}."))
            }
        }
    }
}
