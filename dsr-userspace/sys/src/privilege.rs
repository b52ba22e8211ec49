//! What a program that the agent runs may do: nothing that the agent may and any other program may not, but to mark its
//! packets.

use std::{io, os::unix::process::CommandExt as _, process::Command};

use rustix::thread::{
    CapabilitySet, CapabilitySets, clear_ambient_capability_set, configure_capability_in_ambient_set,
    remove_capability_from_bounding_set, set_capabilities, set_no_new_privs,
};

use crate::{limits, process::become_subreaper};

/// Lets a command start without capabilities, whoever the agent runs as, and without a way to get any.
pub fn drop_for(command: &mut Command) {
    // SAFETY: between fork and exec only system calls are made; nothing is allocated and no lock is taken.
    unsafe { command.pre_exec(drop_all) };
}

fn drop_all() -> io::Result<()> {
    // Without new privileges the exec of a program by root adds none to those that are permitted here
    // (`cap_bprm_creds_from_file`). That takes no capability, unlike the bounding set.
    limits::restore_open_files()?;
    become_subreaper()?;
    set_no_new_privs(true)?;
    clear_ambient_capability_set()?;
    for capability in (0..u64::BITS).map(|bit| CapabilitySet::from_bits_retain(1 << bit) - KEPT) {
        // The agent's unit does not have CAP_SETPCAP, which this takes; and the kernel knows fewer.
        let _ = remove_capability_from_bounding_set(capability);
    }
    let held = rustix::thread::capabilities(None)?.permitted & KEPT;
    set_capabilities(None, CapabilitySets { effective: held, permitted: held, inheritable: held })?;
    for capability in held.iter() {
        configure_capability_in_ambient_set(capability, true)?;
    }
    Ok(())
}

/// A socket with `DSR_MARK` takes it (`sk_setsockopt`, `SO_MARK`, since 5.17). It binds no port and changes nothing on
/// the host.
const KEPT: CapabilitySet = CapabilitySet::NET_RAW;
