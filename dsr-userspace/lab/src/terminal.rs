//! Single keys from the terminal, without Enter.

use std::{
    io::{self, IsTerminal, Read},
    thread,
};

use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};
use tokio::sync::mpsc;

/// A key that means something in the lab.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Key {
    /// Stop or start the backend of this number.
    Backend(u8),
    /// End the lab.
    Quit,
}

/// The terminal's keys; dropping it gives the terminal back its lines and echo.
#[derive(Debug)]
pub struct Keyboard {
    keys: mpsc::UnboundedReceiver<Key>,
    saved: Option<Termios>,
}

impl Keyboard {
    /// Takes the terminal of stdin; where stdin is none, no key ever comes.
    pub fn open() -> io::Result<Self> {
        let (tell, keys) = mpsc::unbounded_channel();
        if !io::stdin().is_terminal() {
            return Ok(Self::absent());
        }
        let saved = tcgetattr(io::stdin())?;
        let mut single = saved.clone();
        // Ctrl-C stays a signal.
        single.local_modes -= LocalModes::ICANON | LocalModes::ECHO;
        tcsetattr(io::stdin(), OptionalActions::Now, &single)?;
        thread::Builder::new().name("lab-keys".into()).spawn(move || read(&tell))?;
        Ok(Self { keys, saved: Some(saved) })
    }

    /// No keyboard: no key ever comes.
    pub fn absent() -> Self {
        let (_, keys) = mpsc::unbounded_channel();
        Self { keys, saved: None }
    }

    /// The next key; never, once there are none.
    pub async fn key(&mut self) -> Key {
        match self.keys.recv().await {
            Some(key) => key,
            None => std::future::pending().await,
        }
    }
}

impl Drop for Keyboard {
    fn drop(&mut self) {
        if let Some(Err(error)) = self.saved.as_ref().map(|saved| tcsetattr(io::stdin(), OptionalActions::Now, saved)) {
            tracing::warn!(%error, "the terminal keeps its mode: `stty sane` helps");
        }
    }
}

/// Ends with the input, with the receiver or with the process.
fn read(tell: &mpsc::UnboundedSender<Key>) {
    for byte in io::stdin().lock().bytes() {
        let Ok(byte) = byte else { return };
        if key(byte).is_some_and(|key| tell.send(key).is_err()) {
            return;
        }
    }
}

fn key(byte: u8) -> Option<Key> {
    match byte {
        b'1'..=b'9' => Some(Key::Backend(byte - b'0')),
        b'q' | b'Q' => Some(Key::Quit),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_are_backends_and_q_quits() {
        assert_eq!(key(b'3'), Some(Key::Backend(3)));
        assert_eq!(key(b'q'), Some(Key::Quit));
        assert_eq!(key(b'0'), None);
        assert_eq!(key(b'\n'), None);
    }
}
