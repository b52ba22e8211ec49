//! The way to each backend, by rtnetlink.
