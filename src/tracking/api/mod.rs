//! Counting over HTTP: the beacons of the embed host, and the statistics of the management API.

mod beacons;
mod visit;

pub use beacons::{describe, gif, post};
pub use visit::visit;
