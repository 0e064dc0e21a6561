//! Accounts over HTTP: an endpoint group a file. [`Caller`] is how every feature's `api.rs` learns who asks.

mod audit_log;
mod caller;
mod cookie;
mod members;
mod messages;
pub mod pages;
mod problems;
mod team;
mod tokens;

pub use audit_log::AuditLogApi;
pub use caller::{Caller, Door};
pub use members::MembersApi;
pub use messages::MessagesApi;
pub use team::TeamApi;
pub use tokens::TokensApi;

use super::{Accounts, Name};
use crate::http::page;
use team::team_problem;

crate::string_type!(Name, "name", "Anna Blume", None);

/// Members and their teams, tokens and record.
pub type TeamApis = (MembersApi, TeamApi, TokensApi, AuditLogApi);

pub fn team_apis(accounts: &Accounts) -> TeamApis {
    (
        MembersApi {
            accounts: accounts.clone(),
        },
        TeamApi {
            accounts: accounts.clone(),
        },
        TokensApi {
            accounts: accounts.clone(),
        },
        AuditLogApi {
            accounts: accounts.clone(),
        },
    )
}

fn default_limit() -> u32 {
    page::DEFAULT_LIMIT
}
