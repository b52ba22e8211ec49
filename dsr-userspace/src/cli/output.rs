//! What commands print. A reader that has gone, as in `dsr status | head -1`, is no failure of the command.

use std::{
    fmt::Display,
    io::{self, Write as _},
};

/// Prints to standard output, as it is.
pub(super) fn print(text: impl Display) -> io::Result<()> {
    let mut out = io::stdout();
    forgive(write!(out, "{text}").and_then(|()| out.flush()))
}

/// Prints a line to standard output.
pub(super) fn line(text: impl Display) -> io::Result<()> {
    print(format_args!("{text}\n"))
}

/// Prints a line to standard error, where there is one.
pub(super) fn complain(text: impl Display) {
    // There is nowhere left to tell of it.
    let _ = writeln!(io::stderr(), "{text}");
}

/// Whether a command ended because the reader of its output has gone.
pub(super) fn is_unread(error: &anyhow::Error) -> bool {
    error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}

/// An error and what caused it, each once: many messages have their cause in them.
pub(super) fn chain(error: &anyhow::Error) -> String {
    let mut told = String::new();
    for cause in error.chain().map(ToString::to_string) {
        if told.is_empty() {
            told = cause;
        } else if !told.contains(&cause) {
            told = format!("{told}: {cause}");
        }
    }
    told
}

fn forgive(result: io::Result<()>) -> io::Result<()> {
    result.or_else(|error| if error.kind() == io::ErrorKind::BrokenPipe { Ok(()) } else { Err(error) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("cannot listen on [::1]:80: {0}")]
    struct Listen(#[source] io::Error);

    #[test]
    fn a_cause_is_told_once() {
        let denied = || io::Error::from(io::ErrorKind::PermissionDenied);
        assert_eq!(chain(&Listen(denied()).into()), "cannot listen on [::1]:80: permission denied");
        let with_context = anyhow::Error::from(denied()).context("cannot print the script");
        assert_eq!(chain(&with_context), "cannot print the script: permission denied");
    }

    #[test]
    fn only_a_reader_that_has_gone_is_forgiven() {
        let error = |kind: io::ErrorKind| -> anyhow::Error { io::Error::from(kind).into() };
        assert!(is_unread(&error(io::ErrorKind::BrokenPipe)));
        assert!(!is_unread(&error(io::ErrorKind::StorageFull)));
        assert!(forgive(Err(io::ErrorKind::BrokenPipe.into())).is_ok());
        assert!(forgive(Err(io::ErrorKind::StorageFull.into())).is_err());
    }
}
