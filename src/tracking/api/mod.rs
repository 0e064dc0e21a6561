//! Counting over HTTP: the beacons of the embed host, and the statistics of the management API.

mod beacons;
mod filters;
mod shapes;
mod statistics;
mod visit;

pub use beacons::{describe, gif, post};
pub use filters::describe as describe_filters;
pub use statistics::StatisticsApi;
pub use visit::{user_agent, visit};
