//! All tests that need more than one module: one binary, so that it links once.
//!
//! `support` is the stage; each other module is a part of the story.

#[macro_use]
mod support;

mod accounts;
mod backup;
mod bars;
mod billing;
mod contacts;
mod countries;
mod dashboard;
mod delivery;
mod embed;
mod guards;
mod honest;
mod idempotency;
mod install;
mod jobs;
mod layering;
mod ledger;
mod leaving;
mod notices;
mod openapi;
mod people;
mod permissions;
mod policy_story;
mod preferences;
mod previews;
mod problems;
mod schema;
mod server;
mod service;
mod statistics;
mod stripe;
mod tracking;
mod trouble;
mod webhooks;
mod team;
