//! What became of a program in the kernel: its size, and the helper calls that were not inlined.

use std::os::fd::{AsFd, AsRawFd};

use anyhow::Context as _;
use aya::programs::Xdp;

/// A program in the kernel.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Inspection {
    /// Instructions after the verifier took out what is dead and put in what is inlined.
    pub(crate) instructions: usize,
    /// Bytes of machine code.
    pub(crate) machine_code: u32,
    /// Instructions that the verifier walked, all ways together.
    pub(crate) verified: u32,
    /// Calls of helpers that are left, on whatever path.
    pub(crate) helper_calls: usize,
}

/// Asks the kernel for a loaded program.
pub(crate) fn program(program: &Xdp) -> anyhow::Result<Inspection> {
    let info = program.info()?;
    let bytes = info.size_translated().context("the kernel does not say how long the program is")?;
    let instructions = translated(program.fd()?.as_fd(), bytes).context("cannot read the program's instructions")?;
    Ok(Inspection {
        instructions: instructions.len(),
        machine_code: info.size_jitted(),
        verified: info.verified_instruction_count().unwrap_or_default(),
        helper_calls: instructions.iter().filter(|instruction| instruction.is_helper_call()).count(),
    })
}

/// `struct bpf_insn` of linux/bpf.h.
#[derive(Clone, Copy, Default)]
#[repr(C)]
struct Instruction {
    code: u8,
    registers: u8,
    offset: i16,
    immediate: i32,
}

impl Instruction {
    /// `BPF_JMP | BPF_CALL` with source register zero; other values there are calls within the program.
    const fn is_helper_call(self) -> bool {
        self.code == 0x85 && self.registers >> 4 == 0
    }
}

/// The start of `struct bpf_prog_info`; the kernel fills in as much as it is given room for.
#[derive(Default)]
#[repr(C)]
struct Info {
    kind: u32,
    id: u32,
    tag: [u8; 8],
    jited_length: u32,
    translated_length: u32,
    jited: u64,
    translated: u64,
}

/// The `info` member of `union bpf_attr`.
#[repr(C)]
struct GetInfo {
    fd: u32,
    length: u32,
    info: u64,
}

/// `BPF_OBJ_GET_INFO_BY_FD` of `enum bpf_cmd`.
const GET_INFO: libc::c_long = 15;

fn translated(program: impl AsFd, bytes: u32) -> std::io::Result<Vec<Instruction>> {
    let mut instructions = vec![Instruction::default(); bytes as usize / size_of::<Instruction>()];
    let mut info = Info { translated_length: bytes, translated: instructions.as_mut_ptr() as u64, ..Info::default() };
    let mut attributes = GetInfo {
        fd: program.as_fd().as_raw_fd() as u32,
        length: size_of::<Info>() as u32,
        info: &raw mut info as u64,
    };
    // SAFETY: the kernel writes at most `length` bytes to `info` and `translated_length` bytes to `instructions`,
    // both of which live until it returns.
    let result = unsafe { libc::syscall(libc::SYS_bpf, GET_INFO, &raw mut attributes, size_of::<GetInfo>()) };
    if result < 0 { Err(std::io::Error::last_os_error()) } else { Ok(instructions) }
}
