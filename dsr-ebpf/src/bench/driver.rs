//! A frame as the last run left it in, the next flow's frame out.

use dsr_common::bench::FRAME;

use crate::{frame::Frame, maps, wire::Be16};

/// Restores the frame; nothing where the driver was not told what to do.
#[inline(always)]
pub(crate) fn restore(frame: &mut Frame) -> Option<()> {
    frame.set_length()?;
    let driver = maps::driver()?;
    let flow = maps::flow(driver.next)?;
    driver.next = if driver.next + 1 < driver.flows { driver.next + 1 } else { 0 };

    let words = frame.words()?;
    for index in 0..FRAME / 8 {
        words.whole[index] = driver.template[index];
    }
    words.half = driver.template[FRAME / 8] as u32;

    let headers = frame.headers()?;
    headers.ip.source = (flow as u32).to_ne_bytes();
    headers.tcp.ports.source = Be16::from_raw((flow >> 32) as u16);
    headers.ip.checksum = Be16::from_raw((flow >> 48) as u16);
    // A frame that a device wrote is not in this CPU's store buffer, and the program that is measured would stall on
    // words that were written in parts.
    maps::drain_stores(driver);
    Some(())
}
