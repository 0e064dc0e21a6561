//! Contacts over HTTP: the form posts of the embed host, and what the management API offers.

mod contacts;
mod errors;
mod posts;
mod shapes;
mod views;
mod webhooks;

pub use contacts::ContactsApi;
pub use posts::{FormLimits, POSTS_PER_MINUTE_AND_ADDRESS, POSTS_PER_MINUTE_AND_BAR, describe, post};
pub use views::ViewsApi;
pub use webhooks::WebhooksApi;

use super::Tag;

crate::string_type!(Tag, "tag", "vip", None);
