//! Contactbar: embeddable contact bars. One crate, one binary; the map, lowest first.

pub mod clock;
pub mod secrets;
pub mod ids;
pub mod csv;
pub mod text;
pub mod markdown;
pub mod outgoing;

#[macro_use]
pub mod db;
pub mod jobs;

pub mod policies;

pub mod mail;

pub mod audit;

pub mod http;

pub mod plans;

pub mod accounts;
pub mod operators;
pub mod bars;

pub mod tracking;

pub mod contacts;

pub mod embed;
pub mod install;

pub mod notices;

pub mod billing;

pub mod demo;

pub mod config;
pub mod telemetry;

pub mod app;
pub mod cli;

#[cfg(feature = "fuzzing")]
#[doc(hidden)]
pub mod fuzzing;
