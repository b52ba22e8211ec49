//! Programs that checks run, as this host has them.

use std::{fs, io, os::unix::fs::PermissionsExt as _, path::Path};

/// Why a program cannot be run, and what to do; nothing where it can.
pub(super) fn unfit(program: &Path) -> Option<String> {
    match fs::metadata(program) {
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            Some("no such program on this host: install it, or correct the path".to_owned())
        }
        Ok(file) if !file.is_file() => Some("is not a program: write the path of one".to_owned()),
        Ok(file) if file.permissions().mode() & ANYBODY == 0 => {
            Some(format!("it is not executable: `chmod +x {}`", program.display()))
        }
        // Whoever runs the agent may be allowed to see more.
        Err(_) | Ok(_) => None,
    }
}

/// Execution by owner, group or others (chmod(2)).
const ANYBODY: u32 = 0o111;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_can_be_run_is_a_program() {
        assert_eq!(unfit(Path::new("/bin/sh")), None);
        let directory = tempfile::tempdir().unwrap();
        let script = directory.path().join("check-web");
        assert!(unfit(&script).unwrap().contains("no such program"));
        fs::write(&script, "#!/bin/sh\n").unwrap();
        fs::set_permissions(&script, fs::Permissions::from_mode(0o644)).unwrap();
        assert!(unfit(&script).unwrap().contains("chmod +x"));
        fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).unwrap();
        assert_eq!(unfit(&script), None);
        assert!(unfit(directory.path()).unwrap().contains("is not a program"));
    }
}
