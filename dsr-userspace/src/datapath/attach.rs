//! Attaches the program to interfaces, natively unless generic mode is allowed.

use std::collections::{BTreeMap, BTreeSet};

use super::{Datapath, Error, pin::Pins};
use aya::programs::{ProgramError, Xdp, XdpMode, links::LinkError, xdp::XdpLink};

/// How the program is attached to an interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// By the driver, before the kernel makes a socket buffer.
    Native,
    /// By the kernel's network stack, several times slower.
    Generic,
}

/// Where a program is attached, by the name of the interface.
pub(super) type Attachments = BTreeMap<String, Attached>;

/// One attachment. Dropping it ends it, unless it is pinned.
pub(super) struct Attached {
    pub(super) link: XdpLink,
    pub(super) ifindex: u32,
    pub(super) mode: Mode,
}

impl Datapath {
    /// Attaches the program natively; generically only where that is allowed and the driver has no native XDP.
    pub fn attach(&mut self, interface: &str, ifindex: u32, allow_generic: bool) -> Result<Mode, Error> {
        let (link, mode) = attach(self.program_mut()?, interface, ifindex, allow_generic)?;
        let link = self.pin_link(ifindex, mode, link)?;
        let before = self.attached.insert(interface.to_owned(), Attached { link, ifindex, mode });
        // Of an interface that was removed; the new one has another index.
        before.map_or(Ok(()), |gone| self.unpin_link(gone.ifindex)).map(|()| mode)
    }

    /// Puts this program in the place of another one on the interfaces in `kept`, without a gap. Where that one is
    /// attached elsewhere, it is so no longer.
    pub fn replace(&mut self, other: &mut Self, kept: &BTreeSet<String>) -> Result<(), Error> {
        self.take_over(std::mem::take(&mut other.attached), kept)
    }

    /// Takes what another program was attached by. Where the kernel has ended a link, for it has removed the interface,
    /// there is nothing to take.
    pub(super) fn take_over(&mut self, others: Attachments, kept: &BTreeSet<String>) -> Result<(), Error> {
        for (name, Attached { link, ifindex, mode }) in others {
            let taken = if kept.contains(&name) { take_link(self.program_mut()?, link)? } else { None };
            match taken {
                Some(link) => {
                    self.attached.insert(name, Attached { link, ifindex, mode });
                }
                None => self.unpin_link(ifindex)?,
            }
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

    fn pin_link(&self, ifindex: u32, mode: Mode, link: XdpLink) -> Result<XdpLink, Error> {
        match &self.pinned {
            Some(pinned) => pin(&pinned.pins, ifindex, mode, link),
            None => Ok(link),
        }
    }

    /// Pins the link of an interface again. Where that fails the link is gone, and the program is to be attached anew.
    pub(super) fn repin_link(&mut self, interface: &str) -> Result<(), Error> {
        let Some(Attached { link, ifindex, mode }) = self.attached.remove(interface) else { return Ok(()) };
        let link = self.pin_link(ifindex, mode, link)?;
        self.attached.insert(interface.to_owned(), Attached { link, ifindex, mode });
        Ok(())
    }

    fn unpin_link(&self, ifindex: u32) -> Result<(), Error> {
        self.pinned.as_ref().map_or(Ok(()), |pinned| pinned.pins.unpin_link(ifindex))
    }

    fn program_mut(&mut self) -> Result<&mut Xdp, Error> {
        self.xdp(self.program_name())
    }
}

/// Attaches a program natively; generically only where that is allowed and the driver has no native XDP.
pub(super) fn attach(
    program: &mut Xdp,
    interface: &str,
    ifindex: u32,
    allow_generic: bool,
) -> Result<(XdpLink, Mode), Error> {
    let (link, mode) = match program.attach_to_if_index(ifindex, XdpMode::Driver) {
        Ok(link) => (link, Mode::Native),
        Err(error) if allow_generic && is_unsupported(&error) => {
            let link = program.attach_to_if_index(ifindex, XdpMode::Skb).map_err(|error| refusal(interface, &error))?;
            (link, Mode::Generic)
        }
        Err(error) => return Err(refusal(interface, &error)),
    };
    Ok((program.take_link(link)?, mode))
}

/// Puts a program in the place of the one that a link holds; nothing where the kernel has ended the link, for it has
/// removed the interface.
pub(super) fn take_link(program: &mut Xdp, link: XdpLink) -> Result<Option<XdpLink>, Error> {
    match program.attach_to_link(link) {
        Err(error) if errno(&error) == Some(libc::ENOLINK) => Ok(None),
        taken => Ok(Some(program.take_link(taken?)?)),
    }
}

/// Keeps a link when the process ends.
pub(super) fn pin(pins: &Pins, ifindex: u32, mode: Mode, link: XdpLink) -> Result<XdpLink, Error> {
    let failed = |error: LinkError| Error::Link(pins.directory().to_owned(), error.to_string());
    pins.pin_link(ifindex, mode, link.try_into().map_err(failed)?)?.try_into().map_err(failed)
}

/// The attachments that an agent left which is gone. Interfaces that have no name here are left to be found again.
pub(super) fn left(pins: &Pins, name_of: impl Fn(u32) -> Option<String>) -> Result<Attachments, Error> {
    let mut attachments = Attachments::new();
    for (ifindex, mode, link) in pins.links()? {
        let failed = |error: LinkError| Error::Link(pins.directory().to_owned(), error.to_string());
        let name = name_of(ifindex).unwrap_or_else(|| format!("interface {ifindex}"));
        attachments.insert(name, Attached { link: link.try_into().map_err(failed)?, ifindex, mode });
    }
    Ok(attachments)
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
