//! Help with embedding a bar: the code to paste for each kind of site, and a look at a member's page that says whether
//! the bar is there and what keeps it away; and the way in for snippets from before our time (`/assets/js/manycontacts.min.js`).
//!
//! Must never fetch but through `outgoing`, change anything, or tell one member of another's bars.

pub mod api;
mod rules;
mod service;

pub use service::{Check, Installs};
