//! The configuration that a command is given: a file, or standard input.

use std::{io, path::Path};

use crate::config::{self, Config, Errors, HostFacts};

/// Names standard input on a command line.
const STANDARD_INPUT: &str = "-";

/// Reads a configuration and checks it against this host. Gives its text too where that cannot be read again.
pub(super) async fn load(path: &Path, host: &HostFacts) -> (Result<Config, Errors>, Option<String>) {
    if path != Path::new(STANDARD_INPUT) {
        return (config::load_on_host(path, host).await, None);
    }
    // It has no directory: what it includes is relative to the current one.
    let name = Path::new("standard input");
    match config::text_from(io::stdin().lock(), name) {
        Ok(text) => (config::load_text_on_host(text.clone(), name, host).await, Some(text)),
        Err(errors) => (Err(errors), None),
    }
}
