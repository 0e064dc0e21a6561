//! What is decided about contacts: pure functions over values.

pub mod automated;
pub mod digest;
pub mod form;
pub mod post;
pub mod search;
