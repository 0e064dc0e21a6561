//! A limit, as an answer.

use super::Refused;
use crate::http::Problem;

/// The plan does not have what was wanted; the detail says which one does.
pub const PLAN_LIMIT: &str = "urn:contactbar:problem:plan-limit";

impl From<Refused> for Problem {
    fn from(refused: Refused) -> Self {
        Problem::forbidden(refused.words()).kind(PLAN_LIMIT)
    }
}
