//! The link header: Ethernet with up to two VLAN tags, which the packet keeps.

use dsr_common::{address::Family, backend::Reason};

use crate::{
    frame::Frame,
    inner::Inner,
    wire::{
        Be16,
        ethernet::{self, ETHERTYPE, Header, MACS, TAG, Tag},
    },
};

/// A link header before an IP packet.
pub(crate) struct Link {
    /// Both MACs.
    macs: Header,
    /// The tags, TPID and TCI each; the outer one first.
    tags: [u32; 2],
    /// Bytes before the EtherType.
    length: usize,
    /// The family of the packet.
    pub(crate) family: Family,
}

impl Link {
    /// Where the IP header starts.
    #[inline(always)]
    pub(crate) const fn end(&self) -> usize {
        self.length + ETHERTYPE
    }

    /// Removes everything between the link header and the inner packet.
    #[inline(always)]
    pub(crate) fn strip(&self, frame: &mut Frame, inner: &Inner) -> Result<(), Reason> {
        let removed = inner.start - self.end();
        frame.grow_front(-(removed as i32)).ok_or(Reason::DropAdjust)?;
        self.write(frame, ethertype(inner.family)).ok_or(Reason::DropAdjust)
    }

    /// Writes the link header at the start of the frame. What a tag follows is overwritten by it.
    #[inline(always)]
    fn write(&self, frame: &mut Frame, ethertype: Be16) -> Option<()> {
        *frame.at_mut(0)? = Header { ethertype, ..self.macs };
        let [outer, inner] = self.tags;
        if self.length > MACS {
            *frame.at_mut(MACS)? = Tag { word: outer, ethertype };
        }
        if self.length > MACS + TAG {
            *frame.at_mut(MACS + TAG)? = Tag { word: inner, ethertype };
        }
        Some(())
    }
}

/// Parses the link header of an IP packet.
#[inline(always)]
pub(crate) fn parse(frame: &Frame) -> Result<Link, Reason> {
    let macs = *frame.at::<Header>(0).ok_or(Reason::PassOther)?;
    let (mut ethertype, mut length, mut tags) = (macs.ethertype, MACS, [0; 2]);
    if is_tag(ethertype) {
        let outer = *frame.at::<Tag>(length).ok_or(Reason::PassOther)?;
        (ethertype, length, tags[0]) = (outer.ethertype, length + TAG, outer.word);
        if is_tag(ethertype) {
            let inner = *frame.at::<Tag>(length).ok_or(Reason::PassOther)?;
            (ethertype, length, tags[1]) = (inner.ethertype, length + TAG, inner.word);
        }
    }
    let family = match ethertype {
        ethernet::IPV4 => Family::V4,
        ethernet::IPV6 => Family::V6,
        _ => return Err(Reason::PassOther),
    };
    Ok(Link { macs, tags, length, family })
}

#[inline(always)]
fn is_tag(ethertype: Be16) -> bool {
    ethertype == ethernet::VLAN || ethertype == ethernet::SERVICE_VLAN
}

#[inline(always)]
const fn ethertype(family: Family) -> Be16 {
    match family {
        Family::V4 => ethernet::IPV4,
        Family::V6 => ethernet::IPV6,
    }
}
