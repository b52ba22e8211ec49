//! Replaces the link header and nothing else: all of forward mode `l2`, and the last step of `dscp`.
//!
//! The EtherType stays in place in front of the IP header; everything before it is replaced.

use dsr_common::stats::Reason;

use crate::{
    frame::Frame,
    maps::{self, NextHop},
    parse::Link,
    wire::ethernet::{Header, MACS, TAG, Tag},
};

#[inline(always)]
pub(super) fn rewrite(frame: &mut Frame, link: &Link, hop: NextHop) -> Result<(), Reason> {
    if maps::vlans() {
        let length = hop.link_length();
        if length != link.length {
            frame.grow_front(length as i32 - link.length as i32).ok_or(Reason::DropInconsistent)?;
        }
        write_tags(frame, length, hop).ok_or(Reason::DropInconsistent)?;
    }
    write_macs(frame, hop).ok_or(Reason::DropInconsistent)
}

#[inline(always)]
pub(super) fn write_macs(frame: &mut Frame, hop: NextHop) -> Option<()> {
    let header: &mut Header = frame.at_mut(0)?;
    header.head = hop.macs_head();
    header.tail = hop.macs_tail();
    Some(())
}

#[inline(always)]
pub(super) fn write_tags(frame: &mut Frame, length: usize, hop: NextHop) -> Option<()> {
    if length > MACS {
        frame.at_mut::<Tag>(MACS)?.word = hop.tag(0);
    }
    if length > MACS + TAG {
        frame.at_mut::<Tag>(MACS + TAG)?.word = hop.tag(1);
    }
    Some(())
}
