//! The lab's own kernel programs, which make a network wrong on purpose, or let a veth pair take what XDP sends.

use aya::{
    Ebpf, EbpfError, EbpfLoader, include_bytes_aligned,
    programs::{ProgramError, Xdp, XdpMode},
};
use dsr_lab_common::PASS_PROGRAM;
use dsr_sys::verify;

/// The object of these programs, as `cargo xtask build` made it.
static OBJECT: &[u8] = include_bytes_aligned!(env!("DSR_LAB_OBJECT"));

/// Why a program is not attached.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The object cannot be loaded.
    #[error("cannot load the lab's kernel object: {0}")]
    Object(#[from] EbpfError),
    /// The object does not have it.
    #[error("the lab's kernel object has no program `{0}`: run `cargo xtask build`")]
    Missing(&'static str),
    /// The kernel refuses it.
    #[error("the kernel refuses the program `{0}`: {1}")]
    Refused(&'static str, #[source] ProgramError),
}

/// One of them, attached; dropping it detaches it.
#[derive(Debug)]
pub(crate) struct Sabotage {
    _ebpf: Ebpf,
}

impl Sabotage {
    /// Attaches the program of this name natively to an interface of the calling thread's network namespace.
    pub(crate) fn attach(name: &'static str, interface: &str) -> Result<Self, Error> {
        let mut ebpf = EbpfLoader::new().load(OBJECT)?;
        let program = ebpf.program_mut(name).ok_or(Error::Missing(name))?;
        attach(program, interface).map_err(|error| Error::Refused(name, error))?;
        Ok(Self { _ebpf: ebpf })
    }
}

fn attach(program: &mut aya::programs::Program, interface: &str) -> Result<(), ProgramError> {
    let program: &mut Xdp = program.try_into()?;
    verify::load(|| program.load())?;
    program.attach(interface, XdpMode::Driver).map(drop)
}

/// A program that passes every frame, for the other end of a veth pair; dropping it detaches it.
///
/// A veth only hands over frames that XDP sent (`XDP_TX`) from its peer while it runs a program itself
/// (`veth_xdp_flush` in `drivers/net/veth.c`).
#[derive(Debug)]
pub struct Pass(#[expect(dead_code, reason = "dropping it detaches the program")] Sabotage);

impl Pass {
    /// Attaches it natively to an interface of the calling thread's network namespace.
    pub fn attach(interface: &str) -> Result<Self, Error> {
        Sabotage::attach(PASS_PROGRAM, interface).map(Self)
    }
}
