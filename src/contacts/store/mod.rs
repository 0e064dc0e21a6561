//! The tables of contacts, submissions, tags, notes, webhooks and their deliveries. Everything that a member reads or
//! changes is found by the member's id, too.

pub mod contacts;
pub mod notes;
pub mod submissions;
pub mod tags;
mod trigrams;
pub mod views;
pub mod webhooks;

use super::{DeliveryState, EventType, Status};

text_column!(Status, EventType, DeliveryState);
