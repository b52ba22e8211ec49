//! Flow in, member out: by the slot of the flow, or for a later fragment by what its first one was given.

mod fragment;
mod slot;

use dsr_common::{flow::Flow, hash::Keys as _, stats::Reason};

pub(crate) use self::fragment::{Datagram, find as follow_first, load as load_fragment, store as store_fragment};
use crate::{
    maps::{self, LoadedKeys, Member},
    service::Service,
};

/// A member and the row of the member map that it is in.
pub(crate) struct Choice {
    pub(crate) row: u32,
    pub(crate) member: Member,
}

/// The member that a flow belongs to.
#[inline(always)]
pub(crate) fn member(flow: &Flow, service: &Service) -> Result<Choice, Reason> {
    let hash = LoadedKeys.flow(flow);
    let number = slot::current(service.table, hash)?;
    at(service.members.base() + u32::from(number))
}

/// The member in this row.
#[inline(always)]
fn at(row: u32) -> Result<Choice, Reason> {
    let member = maps::member(row).ok_or(Reason::DropInconsistent)?;
    Ok(Choice { row, member })
}
