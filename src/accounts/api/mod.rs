//! Accounts over HTTP: an endpoint group a file. [`Caller`] is how every feature's `api.rs` learns who asks.

mod asking;
mod audit_log;
mod caller;
mod cookie;
mod leads;
mod members;
mod messages;
mod objection;
mod policy_changes;
mod preferences;
mod problems;
mod registration;
mod second_factor;
mod session;
mod shapes;
mod team;
mod tokens;
mod user;

pub use caller::{Caller, Door, Notice};
pub use messages::MessagesApi;
pub use objection::{OBJECTION, describe, objection};
pub use preferences::{PREFERENCES, describe as describe_preferences, preferences};

use super::{Accounts, Name};
use crate::http::page;
use audit_log::AuditLogApi;
use leads::LeadsApi;
use members::MembersApi;
use policy_changes::PolicyChangesApi;
use preferences::PreferencesApi;
use registration::RegistrationApi;
use second_factor::SecondFactorApi;
use session::SessionApi;
use team::{TeamApi, team_problem};
use tokens::TokensApi;
use user::UserApi;

crate::string_type!(Name, "name", "Anna Blume", None);

#[derive(poem_openapi::Tags)]
enum Tag {
    /// Registering, proving an address, a forgotten password. Nobody needs to be logged in.
    Registration,
    /// Logging in and out.
    Session,
    /// One's own user: password, address, sessions, second factor.
    Account,
}

/// All operations of the feature.
pub type Apis = (
    (RegistrationApi, SessionApi, UserApi, SecondFactorApi),
    (MembersApi, TeamApi, TokensApi, AuditLogApi),
    (PolicyChangesApi, PreferencesApi, LeadsApi),
);

pub fn apis(accounts: &Accounts) -> Apis {
    let accounts = || accounts.clone();
    let own = (
        RegistrationApi { accounts: accounts() },
        SessionApi { accounts: accounts() },
        UserApi { accounts: accounts() },
        SecondFactorApi { accounts: accounts() },
    );
    let of_members = (
        MembersApi { accounts: accounts() },
        TeamApi { accounts: accounts() },
        TokensApi { accounts: accounts() },
        AuditLogApi { accounts: accounts() },
    );
    let words = (
        PolicyChangesApi { accounts: accounts() },
        PreferencesApi { accounts: accounts() },
        LeadsApi { accounts: accounts() },
    );
    (own, of_members, words)
}

fn default_limit() -> u32 {
    page::DEFAULT_LIMIT
}
