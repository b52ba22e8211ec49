//! A program that passes every frame, for the other end of a veth pair.
//!
//! A veth only hands over frames that XDP sent (`XDP_TX`) from its peer while it runs a program itself
//! (`veth_xdp_flush` in `drivers/net/veth.c`).

use aya::{
    Ebpf, EbpfLoader,
    programs::{Xdp, XdpMode},
};
use dsr_common::names;

use super::{Error, OBJECT, attach::refusal, verify};

/// The program, attached; dropping it detaches it.
#[derive(Debug)]
pub struct Pass {
    _ebpf: Ebpf,
}

impl Pass {
    /// Attaches it natively to an interface of the calling thread's network namespace.
    pub fn attach(interface: &str) -> Result<Self, Error> {
        let mut ebpf = EbpfLoader::new().load(OBJECT)?;
        let program: &mut Xdp =
            ebpf.program_mut(names::PASS_PROGRAM).ok_or(Error::Missing(names::PASS_PROGRAM))?.try_into()?;
        verify::load(|| program.load())?;
        program.attach(interface, XdpMode::Driver).map_err(|error| refusal(interface, &error))?;
        Ok(Self { _ebpf: ebpf })
    }
}
