//! Bars: what members design and embed.

pub mod configuration;
