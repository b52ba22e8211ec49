//! The VLAN tag that the kernel took off a frame, from what a packet socket says beside it (`PACKET_AUXDATA`, packet(7)).
//! Pure.

/// A tag as it lies in a frame: TPID and TCI.
pub(super) type Tag = [u8; 4];

/// Room for what the kernel says of one frame.
#[repr(align(8))]
pub(super) struct Control(pub(super) [u8; ROOM]);

impl Default for Control {
    fn default() -> Self {
        Self([0; ROOM])
    }
}

/// The tag that was taken off, if one was. `control` is what `recvmsg` filled in.
pub(super) fn tag(control: &[u8]) -> Option<Tag> {
    let mut rest = control;
    loop {
        // `struct cmsghdr`: its length with the data, then level and type.
        let length = usize::from_ne_bytes(*rest.first_chunk()?);
        let kind = (int(rest, size_of::<usize>())?, int(rest, size_of::<usize>() + 4)?);
        let data = rest.get(size_of::<libc::cmsghdr>()..length)?;
        if kind == (libc::SOL_PACKET, libc::PACKET_AUXDATA) {
            return of_auxdata(data);
        }
        rest = rest.get(length.next_multiple_of(size_of::<usize>())..)?;
    }
}

/// Puts a tag to where it was: behind the MACs.
pub(super) fn put_back(frame: &mut Vec<u8>, tag: Tag) {
    if frame.len() >= MACS {
        frame.splice(MACS..MACS, tag);
    }
}

/// `struct tpacket_auxdata`: the status (4 bytes), two lengths (4 each), two offsets (2 each), TCI and TPID (2 each).
fn of_auxdata(data: &[u8]) -> Option<Tag> {
    let status = u32::from_ne_bytes(*data.first_chunk()?);
    let number = |at: usize| Some(u16::from_ne_bytes(*data.get(at..)?.first_chunk()?));
    if status & libc::TP_STATUS_VLAN_VALID == 0 {
        return None;
    }
    let known = status & libc::TP_STATUS_VLAN_TPID_VALID != 0;
    let (tci, tpid) = (number(16)?, if known { number(18)? } else { TPID });
    let ([a, b], [c, d]) = (tpid.to_be_bytes(), tci.to_be_bytes());
    Some([a, b, c, d])
}

fn int(bytes: &[u8], at: usize) -> Option<i32> {
    Some(i32::from_ne_bytes(*bytes.get(at..)?.first_chunk()?))
}

/// A header, and `struct tpacket_auxdata`, with something to spare.
const ROOM: usize = 64;
/// Bytes of the two MACs.
const MACS: usize = 12;
/// IEEE 802.1Q.
const TPID: u16 = 0x8100;

#[cfg(test)]
mod tests {
    use super::*;

    fn message(level: i32, kind: i32, data: &[u8]) -> Vec<u8> {
        let length = size_of::<libc::cmsghdr>() + data.len();
        let header = [&length.to_ne_bytes()[..], &level.to_ne_bytes(), &kind.to_ne_bytes()].concat();
        let mut message = [&header, data].concat();
        message.resize(length.next_multiple_of(size_of::<usize>()), 0);
        message
    }

    fn auxdata(status: u32, tci: u16, tpid: u16) -> Vec<u8> {
        let mut data = [status, 60, 60].map(u32::to_ne_bytes).concat();
        data.extend([0_u16, 14, tci, tpid].map(u16::to_ne_bytes).concat());
        message(libc::SOL_PACKET, libc::PACKET_AUXDATA, &data)
    }

    #[test]
    fn a_tag_is_there_where_the_kernel_says_so() {
        let (valid, tpid) = (libc::TP_STATUS_VLAN_VALID, libc::TP_STATUS_VLAN_TPID_VALID);
        assert_eq!(tag(&auxdata(valid | tpid, 0x60c8, 0x88a8)), Some([0x88, 0xa8, 0x60, 0xc8]));
        assert_eq!(tag(&auxdata(valid, 200, 0)), Some([0x81, 0, 0, 200]), "a kernel that does not tell the TPID");
        assert_eq!(tag(&auxdata(valid | tpid, 0, 0x8100)), Some([0x81, 0, 0, 0]), "a priority alone");
        assert_eq!(tag(&auxdata(1, 200, 0x8100)), None);
    }

    #[test]
    fn other_messages_are_passed_over() {
        let (other, wanted) = (message(1, 29, &[7; 9]), auxdata(libc::TP_STATUS_VLAN_VALID, 5, 0));
        assert_eq!(tag(&[other.clone(), wanted].concat()), Some([0x81, 0, 0, 5]));
        assert_eq!(tag(&other), None);
        assert_eq!(tag(&[]), None);
        assert_eq!(tag(&auxdata(libc::TP_STATUS_VLAN_VALID, 5, 0)[..30]), None, "cut off");
    }

    #[test]
    fn a_tag_stands_behind_the_macs() {
        let mut frame = [[1; 6], [2; 6]].concat();
        frame.extend([8, 6, 9]);
        put_back(&mut frame, [0x81, 0, 0, 200]);
        assert_eq!(frame[6..], [2, 2, 2, 2, 2, 2, 0x81, 0, 0, 200, 8, 6, 9]);
        let mut short = vec![1, 2];
        put_back(&mut short, [0x81, 0, 0, 200]);
        assert_eq!(short, [1, 2]);
    }
}
