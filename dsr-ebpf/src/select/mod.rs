//! Service and flow in, member out.

mod slot;

use dsr_common::{hash::Keys as _, stats::Reason};

use crate::{
    maps::{self, LoadedKeys, Member},
    parse::Packet,
    service::Service,
};

/// The member that a packet goes to, and its row.
#[inline(always)]
pub(crate) fn member(packet: &Packet, service: &Service) -> Result<(u32, Member), Reason> {
    let hash = LoadedKeys.flow(&packet.flow);
    let number = slot::current(service.table, hash)?;
    let row = service.members.base() + u32::from(number);
    let member = maps::member(row).ok_or(Reason::DropInconsistent)?;
    Ok((row, member))
}
