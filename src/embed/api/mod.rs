//! What the embed host serves: scripts and the visitor's choice, as plain routes; and what the management API tells of
//! a bar's script.

mod describe;
mod management;
mod optout;
mod previews;
mod scripts;

pub use describe::describe;
pub use management::ScriptsApi;
pub use optout::optout;
pub use previews::PreviewsApi;
pub use scripts::{pinned, script};
