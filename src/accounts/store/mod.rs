//! The tables of accounts, a file for each kind of thing. Everything that belongs to a member is asked for by member.

pub mod addressees;
pub mod api_tokens;
pub mod invitations;
pub mod leads;
pub mod links;
pub mod logins;
pub mod members;
pub mod own_visits;
pub mod policy_changes;
pub mod profile;
pub mod sessions;
pub mod team;
pub mod throttles;
pub mod tokens;
pub mod users;

use super::{LoginOutcome, Name, Role};

text_column!(Role, Name, LoginOutcome);
