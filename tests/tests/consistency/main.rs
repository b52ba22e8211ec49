//! Connections that live long, through changes of everything: none breaks whose backend lives. Needs root.

#![allow(clippy::unwrap_used)]

mod away;
mod change;
mod drain;
mod fixture;
