//! Takes the tc program from a link, as another program with the same rights can.

use std::{
    fs::File,
    io,
    os::fd::{AsRawFd as _, FromRawFd as _},
};

use dsr::datapath::programs_on_egress;
use dsr_lab::Namespace;
use dsr_tests::lab::process::finish;

/// Takes it from the egress of a link.
pub(crate) fn from(namespace: &Namespace, link: &str) {
    let Some(programs) = namespace.run(|| programs_on_egress(link)).unwrap().unwrap() else {
        // Before 6.6 it is a filter of this.
        let removed = finish(namespace.command("tc").unwrap().args(["qdisc", "del", "dev", link, "clsact"]));
        return assert!(removed.status.success(), "{removed:?}");
    };
    let links = links();
    let is_it = |info: &Info| info.kind == TCX && programs.contains(&info.program);
    let (attachment, _) = links.iter().find(|(_, info)| is_it(info)).expect("a program on the link");
    bpf(LINK_DETACH, &mut [attachment.as_raw_fd().cast_unsigned()]).unwrap();
}

/// All attachments of programs, each with what the kernel says of it.
fn links() -> Vec<(File, Info)> {
    let (mut links, mut id) = (Vec::new(), 0);
    loop {
        let mut attributes = [id, 0, 0];
        if bpf(LINK_GET_NEXT_ID, &mut attributes).is_err() {
            return links;
        }
        id = attributes[1];
        // It may have gone meanwhile.
        let Ok(descriptor) = bpf(LINK_GET_FD_BY_ID, &mut [id, 0, 0]) else { continue };
        // SAFETY: the kernel has opened the descriptor for this call, and nothing else owns it.
        let file = unsafe { File::from_raw_fd(descriptor) };
        let mut info = [0_u32; 32];
        let address = info.as_mut_ptr() as u64;
        let length = u32::try_from(size_of_val(&info)).unwrap();
        let attributes = &mut [file.as_raw_fd().cast_unsigned(), length, address as u32, (address >> 32) as u32];
        bpf(OBJ_GET_INFO_BY_FD, attributes).unwrap();
        links.push((file, Info { kind: info[0], program: info[2] }));
    }
}

/// Of `struct bpf_link_info`.
struct Info {
    kind: u32,
    program: u32,
}

/// `bpf(2)` with the words of `union bpf_attr`.
fn bpf(command: libc::c_long, attributes: &mut [u32]) -> io::Result<i32> {
    // SAFETY: the kernel reads and writes no more than the attributes, and what they point to, which outlives the call.
    let result = unsafe { libc::syscall(libc::SYS_bpf, command, attributes.as_mut_ptr(), size_of_val(attributes)) };
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(result as i32) }
}

// `enum bpf_cmd` and `enum bpf_link_type` of include/uapi/linux/bpf.h.
const OBJ_GET_INFO_BY_FD: libc::c_long = 15;
const LINK_GET_FD_BY_ID: libc::c_long = 30;
const LINK_GET_NEXT_ID: libc::c_long = 31;
const LINK_DETACH: libc::c_long = 34;
const TCX: u32 = 11;
