//! The HTTP face: the server, what every request passes on its way, problems, and the assembling of the document.
//!
//! Knows features only through their `api.rs`. Holds no rule of the product.

pub mod answers;
pub mod client_addr;
pub mod compress;
pub mod cors;
pub mod dashboard;
pub mod docs;
pub mod guards;
pub mod headers;
pub mod health;
pub mod hosts;
pub mod html;
pub mod idempotency;
pub mod json;
pub mod limits;
pub mod methods;
pub mod metrics;
pub mod openapi;
pub mod origin;
pub mod page;
pub mod panics;
pub mod precompressed;
pub mod problem;
pub mod rate_limit;
pub mod request_id;
pub mod route_class;
pub mod schema;
pub mod server;

pub use answers::{Accepted, Created, NoContent};
pub use client_addr::ClientAddr;
pub use json::{Json, MaybeJson};
pub use methods::Methods;
pub use problem::{FieldError, Problem};
