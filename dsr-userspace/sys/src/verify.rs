//! Loading a program: the kernel verifies it.

use std::io;

use aya::programs::ProgramError;

/// Times that a program is loaded where a signal interrupts the verifier each time.
const ATTEMPTS: u32 = 20;

/// Loads a program. The verifier gives up with `EAGAIN` when a signal is pending (`do_check` in `kernel/bpf/verifier.c`),
/// and an agent whose health checks are commands gets one with each that ends: then it is loaded again.
pub fn load(load: impl FnMut() -> Result<(), ProgramError>) -> Result<(), ProgramError> {
    let interrupted = |error: &ProgramError| match error {
        ProgramError::LoadError { io_error, .. } => io_error.kind() == io::ErrorKind::WouldBlock,
        _ => false,
    };
    again(load, interrupted)
}

fn again<E>(mut attempt: impl FnMut() -> Result<(), E>, interrupted: impl Fn(&E) -> bool) -> Result<(), E> {
    for _ in 1..ATTEMPTS {
        match attempt() {
            Err(error) if interrupted(&error) => tracing::debug!("a signal interrupted the verifier: retrying"),
            done => return done,
        }
    }
    attempt()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_interrupted_is_tried_again() {
        let mut results = [Err("interrupted"), Err("interrupted"), Ok(()), Err("too often")].into_iter();
        assert_eq!(again(|| results.next().unwrap(), |error| *error == "interrupted"), Ok(()));
        assert_eq!(results.len(), 1);
    }

    #[test]
    fn another_error_is_final_and_patience_ends() {
        for (error, expected) in [("refused", 1), ("interrupted", ATTEMPTS)] {
            let mut attempts = 0;
            let mut attempt = || {
                attempts += 1;
                Err(error)
            };
            assert_eq!(again(&mut attempt, |error| *error == "interrupted"), Err(error));
            assert_eq!(attempts, expected, "{error}");
        }
    }
}
