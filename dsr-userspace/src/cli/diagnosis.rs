//! What the doctor says of a lab in which something is broken: told once.

use std::{
    io::{self, Read},
    path::Path,
    process::{Child, Stdio},
};

use anyhow::{Context, Result};

use dsr_lab::Lab;

/// The doctor at work in the lab's balancer. Dropping it ends it.
pub(super) struct Diagnosis {
    doctor: Option<Child>,
}

impl Diagnosis {
    /// Nothing is broken: no confirmation is needed.
    pub(super) const fn unasked() -> Self {
        Self { doctor: None }
    }

    /// Starts it.
    pub(super) fn begin(lab: &Lab, program: &Path) -> Result<Self> {
        let mut command = lab.doctor_command(program)?;
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
        Ok(Self { doctor: Some(command.spawn().context("cannot start the doctor")?) })
    }

    /// Its findings, once it has them.
    pub(super) fn take(&mut self) -> io::Result<Vec<String>> {
        let Some(doctor) = &mut self.doctor else { return Ok(Vec::new()) };
        if doctor.try_wait()?.is_none() {
            return Ok(Vec::new());
        }
        let mut text = String::new();
        if let Some(out) = &mut doctor.stdout {
            // It has ended, and what it says of a lab is far less than a pipe holds.
            out.read_to_string(&mut text)?;
        }
        self.doctor = None;
        Ok(text.lines().map(ToOwned::to_owned).collect())
    }
}

impl Drop for Diagnosis {
    fn drop(&mut self) {
        if let Some(doctor) = &mut self.doctor {
            // It may have ended.
            let _ = doctor.kill();
            let _ = doctor.wait();
        }
    }
}
