//! Forward mode `l2`: replaces the link header and nothing else.
//!
//! The EtherType stays in place in front of the IP header; everything before it is replaced.

use dsr_common::stats::Reason;

use crate::{
    frame::Frame,
    maps::{self, Member},
    parse::Link,
    wire::ethernet::{Header, MACS, TAG, Tag},
};

#[inline(always)]
pub(super) fn rewrite(frame: &mut Frame, link: &Link, member: &Member) -> Result<(), Reason> {
    if maps::vlans() {
        let length = member.link_length();
        if length != link.length {
            frame.grow_front(length as i32 - link.length as i32).ok_or(Reason::DropInconsistent)?;
        }
        write_tags(frame, length, member).ok_or(Reason::DropInconsistent)?;
    }
    let header: &mut Header = frame.at_mut(0).ok_or(Reason::DropInconsistent)?;
    header.head = member.macs_head();
    header.tail = member.macs_tail();
    Ok(())
}

#[inline(always)]
fn write_tags(frame: &mut Frame, length: usize, member: &Member) -> Option<()> {
    if length > MACS {
        frame.at_mut::<Tag>(MACS)?.word = member.tag(0);
    }
    if length > MACS + TAG {
        frame.at_mut::<Tag>(MACS + TAG)?.word = member.tag(1);
    }
    Some(())
}
