//! The user side of `dsr`.
//!
//! The way of a change: a YAML file becomes the desired state ([`config`], [`model`]); the network says what can be
//! reached ([`neighbour`]); [`reconcile`] compares both with what is live and makes a list of changes;
//! [`datapath`], the only door to the kernel's maps, applies it. [`agent`] ties these together.

#![deny(unsafe_code)]

pub mod agent;
pub mod announce;
pub mod api;
pub mod arpwatch;
pub mod backend;
pub mod cli;
pub mod config;
#[allow(unsafe_code, reason = "maps are shared with the kernel through memory")]
pub mod datapath;
pub mod doctor;
mod duration;
pub mod health;
pub mod http;
pub mod log;
pub mod maglev;
pub mod metrics;
pub mod model;
pub mod neighbour;
pub mod preflight;
pub mod reconcile;
pub mod service_manager;
pub mod tasks;
pub mod tunnel_errors;
