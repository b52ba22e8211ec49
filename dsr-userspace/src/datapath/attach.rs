//! Attaches the program to interfaces, natively unless generic mode is allowed.

use std::collections::BTreeSet;

use super::{Datapath, Error};
use aya::programs::{
    ProgramError, Xdp, XdpMode,
    xdp::{XdpLink, XdpLinkId},
};

/// How the program is attached to an interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// By the driver, before the kernel makes a socket buffer.
    Native,
    /// By the kernel's network stack, several times slower.
    Generic,
}

pub(super) struct Attached {
    pub(super) link: XdpLinkId,
    pub(super) ifindex: u32,
    pub(super) mode: Mode,
}

impl Datapath {
    /// Attaches the program natively; generically only where that is allowed and the driver has no native XDP.
    pub fn attach(&mut self, interface: &str, ifindex: u32, allow_generic: bool) -> Result<Mode, Error> {
        let program = self.program_mut()?;
        let (link, mode) = match program.attach_to_if_index(ifindex, XdpMode::Driver) {
            Ok(link) => (link, Mode::Native),
            Err(error) if allow_generic && is_unsupported(&error) => {
                let link =
                    program.attach_to_if_index(ifindex, XdpMode::Skb).map_err(|error| refusal(interface, &error))?;
                (link, Mode::Generic)
            }
            Err(error) => return Err(refusal(interface, &error)),
        };
        self.attached.insert(interface.to_owned(), Attached { link, ifindex, mode });
        Ok(mode)
    }

    /// Puts this program in the place of another one on the interfaces in `kept`, without a gap. Where that one is
    /// attached elsewhere, it stays so until it is dropped.
    pub fn replace(&mut self, other: &mut Self, kept: &BTreeSet<String>) -> Result<(), Error> {
        let taken: Vec<String> = other.attached.keys().filter(|name| kept.contains(*name)).cloned().collect();
        for name in taken {
            let Some(attached) = other.attached.remove(&name) else { continue };
            let link: XdpLink = other.program_mut()?.take_link(attached.link)?;
            let link = self.program_mut()?.attach_to_link(link)?;
            self.attached.insert(name, Attached { link, ..attached });
        }
        Ok(())
    }

    /// Whether the program is attached to this interface; one that was made anew under an old name has another index.
    pub fn is_attached(&self, interface: &str, ifindex: u32) -> bool {
        self.attached.get(interface).is_some_and(|attached| attached.ifindex == ifindex)
    }

    /// How the program is attached to this interface, if it is.
    pub fn mode(&self, interface: &str) -> Option<Mode> {
        self.attached.get(interface).map(|attached| attached.mode)
    }

    fn program_mut(&mut self) -> Result<&mut Xdp, Error> {
        self.xdp(self.tracer.program())
    }
}

/// The kernel's error number, if the failure has one.
fn errno(error: &ProgramError) -> Option<i32> {
    match error {
        ProgramError::SyscallError(error) => error.io_error.raw_os_error(),
        _ => None,
    }
}

fn is_unsupported(error: &ProgramError) -> bool {
    errno(error) == Some(libc::EOPNOTSUPP)
}

pub(super) fn refusal(interface: &str, error: &ProgramError) -> Error {
    let reason = match errno(error) {
        Some(libc::EOPNOTSUPP) => "its driver has no native XDP; `xdp_mode: generic` in the configuration allows the \
                                   generic mode, which is several times slower"
            .to_owned(),
        Some(libc::EBUSY) => format!(
            "another XDP program is attached; `ip link show {interface}` names it, `ip link set {interface} xdp off` \
             removes one that was attached without a link"
        ),
        Some(libc::ENODEV) => "there is no such interface".to_owned(),
        Some(libc::EPERM) => "root or CAP_NET_ADMIN and CAP_BPF are needed".to_owned(),
        _ => std::iter::successors(Some(error as &dyn std::error::Error), |e| e.source())
            .map(ToString::to_string)
            .collect::<Vec<_>>()
            .join(": "),
    };
    Error::Attach { interface: interface.to_owned(), reason }
}
