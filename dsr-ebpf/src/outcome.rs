//! What becomes of a frame: how it leaves or why it does not, what is counted for it, and the XDP action.

use aya_ebpf::bindings::{xdp_action, xdp_md};
use dsr_common::{limits::INTERFACE_ROWS, stats::Reason};

use crate::{
    count, crossing::Crossing, forward::Egress, frame, hairpin::refuse::Refusal, interface, subprograms::Scalar,
    trace::Observer,
};

/// What became of a frame: an XDP action to return; with bit 63, why it is refused; with bit 62, how it crosses routers.
/// One word, as a subprogram returns it: the parts of an enum would be undefined on some paths, which the verifier
/// rejects.
#[derive(Clone, Copy)]
pub(crate) struct Examined(u64);

impl Examined {
    const REFUSED: u64 = 1 << 63;
    const CROSSES: u64 = 1 << 62;

    /// Finished, with this action.
    #[inline(always)]
    pub(crate) fn ended(action: u32) -> Self {
        Self(u64::from(action))
    }

    /// To be answered or dropped by the subprogram `refuse`. The program itself calls that: in one call chain with the slow path,
    /// the stacks of both would exceed the limit.
    #[inline(always)]
    pub(crate) fn refused(why: Refusal) -> Self {
        Self(Self::REFUSED | why.scalar())
    }

    /// To be sent by [`crate::crossing::cross_routers`].
    #[inline(always)]
    pub(crate) const fn crosses(crossing: Crossing) -> Self {
        Self(Self::CROSSES | crossing.word())
    }

    #[inline(always)]
    pub(crate) fn crossing(self) -> Option<Crossing> {
        (self.0 & Self::CROSSES != 0).then(|| Crossing::from_word(self.0))
    }

    #[inline(always)]
    pub(crate) const fn action(self) -> u32 {
        self.0 as u32
    }

    #[inline(always)]
    pub(crate) fn refusal(self) -> Option<Refusal> {
        (self.0 & Self::REFUSED != 0).then(|| Refusal::from_scalar(self.0 & (Self::REFUSED - 1)))
    }
}

/// Counts a frame that leaves for its member.
#[inline(always)]
pub(crate) fn counted(egress: Result<Egress, Reason>, row: u32, bytes: usize, opens: bool) -> Result<Egress, Reason> {
    let egress = egress?;
    if !matches!(egress, Egress::TooBig(_)) {
        count::member(row, bytes, opens)?;
    }
    Ok(egress)
}

/// What a frame comes to by how it leaves. Counts the reason if it does not.
#[inline(always)]
pub(crate) fn left<O: Observer>(ctx: *mut xdp_md, egress: Result<Egress, Reason>) -> Examined {
    match egress {
        Ok(Egress::SameInterface) => Examined::ended(sent::<O>(xdp_action::XDP_TX)),
        Ok(Egress::Redirected(action)) => Examined::ended(sent::<O>(action)),
        Ok(Egress::TooBig(limit)) => Examined::refused(Refusal::TooBig(limit)),
        Err(reason) => Examined::ended(end_for::<O>(ctx, reason)),
    }
}

/// The reason of a frame that ended in the subprogram `refuse`, from its action.
#[inline(always)]
pub(crate) const fn refused(action: u32, why: Refusal) -> Reason {
    match (action, why) {
        (xdp_action::XDP_TX, Refusal::Unserved) => Reason::AnswerReject,
        (xdp_action::XDP_TX, Refusal::TooBig(_)) => Reason::AnswerTooBig,
        (_, Refusal::Unserved) => Reason::DropNoBackend,
        (_, Refusal::TooBig(_)) => Reason::DropTooBig,
    }
}

#[inline(always)]
pub(crate) fn sent<O: Observer>(action: u32) -> u32 {
    O::ended(None);
    action
}

/// Counts why a frame was not sent; returns the action.
#[inline(always)]
pub(crate) fn end_for<O: Observer>(ctx: *mut xdp_md, reason: Reason) -> u32 {
    O::ended(Some(reason));
    // Looked up again, so that no path to here needs to keep it in a register.
    let interface = interface::find(frame::interface(ctx));
    count::reason(interface.map_or(INTERFACE_ROWS, |interface| interface.row), reason);
    action(reason)
}

#[inline(always)]
const fn action(reason: Reason) -> u32 {
    match reason {
        Reason::PassNotVip
        | Reason::PassNotIp
        | Reason::PassOtherHost
        | Reason::PassGroup
        | Reason::PassArpClaim
        | Reason::PassNdClaim
        | Reason::PassTruncated
        | Reason::PassNoInterface
        | Reason::PassVlan
        | Reason::PassAgentDead => xdp_action::XDP_PASS,
        Reason::DropMalformed
        | Reason::DropNoService
        | Reason::DropNoBackend
        | Reason::DropFragmentEarly
        | Reason::DropLoop
        | Reason::DropIcmp
        | Reason::DropProtocol
        | Reason::DropTooBig
        | Reason::DropInconsistent => xdp_action::XDP_DROP,
        Reason::AnswerArp | Reason::AnswerNdp | Reason::AnswerEcho | Reason::AnswerReject | Reason::AnswerTooBig => {
            xdp_action::XDP_TX
        }
    }
}

scalars! {
    Examined: |examined| examined.0, |word| Self(word);
}
