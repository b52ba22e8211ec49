//! Pins that somebody removed: they are pinned again, so that the next agent can take over.

use super::Program;

impl Program {
    /// Pins again what is missing. Traffic does not depend on it: a failure is logged once per reason and tried again with
    /// the next look.
    pub(in crate::agent) fn restore_pins(&mut self) {
        match self.datapath.restore_pins() {
            Ok(was_missing) => {
                self.unpinned = None;
                if was_missing {
                    let path = self.pins.directory().display();
                    tracing::warn!(%path, "pins were removed: the maps and links are pinned again");
                }
            }
            Err(error) => {
                let reason = Some(error.to_string());
                if self.unpinned != reason {
                    tracing::error!(%error, "pins were removed and cannot be restored; retrying");
                    self.unpinned = reason;
                }
            }
        }
    }
}
