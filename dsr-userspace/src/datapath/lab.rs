//! The lab's own programs, which make a network wrong on purpose.

use aya::{
    Ebpf, EbpfLoader, include_bytes_aligned,
    programs::{Xdp, XdpMode},
};

use super::{Error, attach::refusal, verify};

/// The object of these programs, as `cargo xtask build` made it.
static OBJECT: &[u8] = include_bytes_aligned!(env!("DSR_LAB_OBJECT"));

/// One of them, attached; dropping it detaches it.
#[derive(Debug)]
pub struct Sabotage {
    _ebpf: Ebpf,
}

impl Sabotage {
    /// Attaches the program of this name natively to an interface of the calling thread's network namespace.
    pub fn attach(name: &'static str, interface: &str) -> Result<Self, Error> {
        let mut ebpf = EbpfLoader::new().load(OBJECT)?;
        let program: &mut Xdp = ebpf.program_mut(name).ok_or(Error::Missing(name))?.try_into()?;
        verify::load(|| program.load())?;
        program.attach(interface, XdpMode::Driver).map_err(|error| refusal(interface, &error))?;
        Ok(Self { _ebpf: ebpf })
    }
}
