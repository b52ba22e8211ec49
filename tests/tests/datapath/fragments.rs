//! Fragments: the later ones of a datagram follow its first one, if that was sent.

use dsr_tests::{
    frame::{CLIENT, Segment, VIP, checksum, tcp},
    program::{Program, Verdict, backend_mac},
    tracked::{Change, MemberState},
};

use super::{
    assert_ends,
    track::{WWW, program},
};

/// A datagram's first fragment, and a later one.
fn fragments() -> [Vec<u8>; 2] {
    /// Flags and offset of the header; the offset counts in units of eight bytes.
    const MORE: u16 = 0x2000;
    [MORE, 3].map(|fragment| {
        let mut frame = tcp((CLIENT, 4000), (VIP, 80), Segment::Data);
        let header = &mut frame[14..34];
        header[4..6].copy_from_slice(&7_u16.to_be_bytes());
        header[6..8].copy_from_slice(&fragment.to_be_bytes());
        header[10..12].fill(0);
        let sum = checksum(header);
        header[10..12].copy_from_slice(&sum.to_be_bytes());
        frame
    })
}

/// Makes all backends of the service reachable or not.
fn set_all(program: &mut Program, to: MemberState) {
    for backend in 0..3 {
        program.change(&Change::Member { service: WWW, backend, to });
    }
}

/// The backend that a frame was sent to.
fn backend(program: &Program, frame: &[u8]) -> Option<u8> {
    let outcome = program.run(frame).unwrap();
    (1..=3).find(|n| outcome.frame[..6] == backend_mac(*n))
}

#[test]
#[ignore = "needs root"]
fn a_datagram_whose_first_fragment_was_not_sent_is_not_recorded() {
    let mut program = program();
    let [first, later] = fragments();
    set_all(&mut program, MemberState::Lost);
    assert_ends(&program, "first", &first, Verdict::Drop, "drop_no_backend");
    assert_ends(&program, "later", &later, Verdict::Drop, "drop_fragment_early");
    set_all(&mut program, MemberState::Serves);
    assert_ends(&program, "later, back again", &later, Verdict::Drop, "drop_fragment_early");
    let to = backend(&program, &first);
    assert!(to.is_some());
    assert_eq!(backend(&program, &later), to);
}
