//! In: the frame as the last run left it. Out: the next flow's frame.

use dsr_lab_common::bench::FRAME;

use crate::{
    frame::{Frame, Words},
    maps,
    wire::{
        Be16,
        headers::{Headers, Tagged, Untagged},
        ipv4, ipv6,
    },
};

/// Restores the frame; `None` if the driver has no settings.
#[inline(always)]
pub(crate) fn restore(frame: &mut Frame) -> Option<()> {
    let driver = maps::driver()?;
    if driver.resizes != 0 || frame.length() != FRAME {
        frame.set_length()?;
    }
    let flow = maps::flow(driver.next)?;
    driver.next = if driver.next + 1 < driver.flows { driver.next + 1 } else { 0 };
    let words = frame.at::<Words>()?;
    // Not as a whole, which would compile to a call that copies byte by byte.
    for (word, wanted) in words.iter_mut().zip(&driver.template) {
        *word = *wanted;
    }
    match (driver.ipv6 != 0, driver.tagged != 0) {
        _ if driver.is_constant != 0 => {}
        (false, false) => set_v4(frame.at::<Headers<Untagged, ipv4::Header>>()?, flow),
        (false, true) => set_v4(frame.at::<Headers<Tagged, ipv4::Header>>()?, flow),
        (true, false) => set_v6(frame.at::<Headers<Untagged, ipv6::Header>>()?, flow),
        (true, true) => set_v6(frame.at::<Headers<Tagged, ipv6::Header>>()?, flow),
    }
    // A frame written by a device is not in this CPU's store buffer; here, the measured program would stall on words
    // that were written in parts.
    maps::drain_stores(driver);
    Some(())
}

#[inline(always)]
fn set_v4<L>(headers: &mut Headers<L, ipv4::Header>, flow: u64) {
    headers.network.source = (flow as u32).to_ne_bytes();
    headers.network.checksum = Be16::from_raw((flow >> 48) as u16);
    headers.transport.ports.source = Be16::from_raw((flow >> 32) as u16);
}

#[inline(always)]
fn set_v6<L>(headers: &mut Headers<L, ipv6::Header>, flow: u64) {
    let source = headers.network.source.lo;
    headers.network.source.lo = source & 0xffff_ffff | flow << 32;
    headers.transport.ports.source = Be16::from_raw((flow >> 32) as u16);
}
