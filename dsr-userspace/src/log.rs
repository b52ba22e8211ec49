//! The agent's log: lines on standard error that never hold up the agent and never end it.
//!
//! Lines go through a queue to a thread that writes them. One that finds the queue full, as the reader of a pipe does
//! not read, or that cannot be written, as the disk is full or the reader is gone, is lost and counted.

use std::{
    env,
    io::{self, IsTerminal as _, Write},
    sync::{
        OnceLock,
        atomic::{AtomicU64, Ordering},
    },
};

use tracing_appender::non_blocking::{ErrorCounter, NonBlockingBuilder, WorkerGuard};
use tracing_subscriber::EnvFilter;

/// Lines that could not be written.
static UNWRITTEN: AtomicU64 = AtomicU64::new(0);
/// Lines that found the queue full.
static DROPPED: OnceLock<ErrorCounter> = OnceLock::new();

/// Lines that wait for the thread.
const WAITING: usize = 16 * 1024;

/// Writes what is logged for as long as it is held.
#[must_use]
pub struct Log(#[allow(dead_code)] WorkerGuard);

impl Log {
    /// Logs at this level unless `DSR_LOG` says otherwise, for example `DSR_LOG=debug`.
    pub fn start(level: &str) -> Self {
        let queue = NonBlockingBuilder::default().buffered_lines_limit(WAITING).lossy(true);
        let (writer, guard) = queue.finish(Counted(io::stderr()));
        let _ = DROPPED.set(writer.error_counter());
        let filter = EnvFilter::try_from_env("DSR_LOG").unwrap_or_else(|_| EnvFilter::new(by_default(level)));
        // What goes wrong with the log would be told on standard error, by a macro that panics where that is gone.
        let format = tracing_subscriber::fmt().with_env_filter(filter).with_target(false).log_internal_errors(false);
        // In a file or a journal, colours would keep a field's name from being found. NO_COLOR: https://no-color.org.
        let no_color = env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        format.with_ansi(io::stderr().is_terminal() && !no_color).with_writer(writer).init();
        Self(guard)
    }
}

/// The filter for a level. The netlink library warns of each message that comes after a socket's owner has left it, which
/// is how a watch ends.
fn by_default(level: &str) -> String {
    format!("{level},netlink_proto=error")
}

/// How many lines were lost since the program started.
pub fn lost_lines() -> u64 {
    let dropped = DROPPED.get().map_or(0, ErrorCounter::dropped_lines);
    UNWRITTEN.load(Ordering::Relaxed) + dropped as u64
}

/// A writer whose failures are counted and not told.
struct Counted<W>(W);

impl<W: Write> Write for Counted<W> {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.write_all(line).map(|()| line.len())
    }

    /// A line comes as a whole.
    fn write_all(&mut self, line: &[u8]) -> io::Result<()> {
        if self.0.write_all(line).is_err() {
            UNWRITTEN.fetch_add(1, Ordering::Relaxed);
        }
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        // A line that cannot be written was counted.
        let _ = self.0.flush();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_that_cannot_be_written_is_counted() {
        let before = lost_lines();
        let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
        Counted(full).write_all(b"line\n").unwrap();
        assert_eq!(lost_lines(), before + 1);
    }
}
