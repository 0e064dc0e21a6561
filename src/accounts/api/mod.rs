//! Accounts over HTTP: an endpoint group a file. [`Caller`] is how every feature's `api.rs` learns who asks.

mod caller;
mod cookie;
mod problems;

pub use caller::{Caller, Door};

use super::Name;

crate::string_type!(Name, "name", "Anna Blume", None);
