//! Jumbo frames, untagged and in VLANs: they come in several buffers, of which only the first one is at hand.

use dsr_common::backend::Reason;
use dsr_tests::program::Verdict;
use etherparse::IpNumber;

use super::{
    address,
    classes::{balancer, client, framed, own, packet, vip},
    program::Program,
    tunnel::Tunnel,
    tunnels,
};

/// Bytes of an inner packet's payload: two pages and more.
const LENGTH: usize = 8500;
/// Tags between the MACs and the EtherType: none, a VLAN's, a service VLAN's and a VLAN's.
const TAGS: [&[u8]; 3] = [&[], &[0x81, 0, 0, 7], &[0x88, 0xa8, 0, 9, 0x81, 0, 0, 7]];

#[test]
#[ignore = "needs root"]
fn a_jumbo_frame_leaves_every_tunnel_whole() {
    let program = Program::load(&tunnels());
    let both = [true, false];
    for (tunnel, outer_v4) in Tunnel::ALL.into_iter().flat_map(|tunnel| both.map(|outer_v4| (tunnel, outer_v4))) {
        for (inner_v4, tags) in both.into_iter().flat_map(|inner_v4| TAGS.map(|tags| (inner_v4, tags))) {
            let what = format!("{tunnel:?} {outer_v4} {inner_v4} {tags:?}");
            let inner = packet(inner_v4, client(inner_v4), vip(inner_v4), 0, IpNumber::TCP, &data());
            let from = |source| tagged(&framed(&tunnel.wrap(source, own(outer_v4), &inner), outer_v4), tags);

            let outcome = program.run(&from(balancer(outer_v4)));
            let reason = match tunnel {
                Tunnel::Ipip => Reason::DecapIpip,
                Tunnel::Gre | Tunnel::GreKeyed => Reason::DecapGre,
                Tunnel::Gue(_) => Reason::DecapGue,
            };
            assert_eq!(outcome, (Verdict::Pass, tagged(&framed(&inner, inner_v4), tags), reason), "{what}");

            let strange = from(address(if outer_v4 { "10.0.0.77" } else { "2001:db8:1::77" }));
            assert_eq!(program.run(&strange), (Verdict::Pass, strange.clone(), Reason::PassNotBalancer), "{what}");

            let mut cut = from(balancer(outer_v4));
            cut.truncate(LENGTH);
            assert_eq!(program.run(&cut), (Verdict::Pass, cut.clone(), Reason::PassMalformed), "{what}");
        }
    }
}

#[test]
#[ignore = "needs root"]
fn a_jumbo_frame_with_a_code_is_turned_back_whole() {
    let program = Program::load(&tunnels());
    for (is_v4, tags) in [true, false].into_iter().flat_map(|is_v4| TAGS.map(|tags| (is_v4, tags))) {
        // A protocol without a checksum over the addresses: only the header of IP differs.
        let to = |destination, class| {
            tagged(&framed(&packet(is_v4, client(is_v4), destination, class, IpNumber::SCTP, &data()), is_v4), tags)
        };
        let expected = (Verdict::Pass, to(vip(is_v4), 1), Reason::RestoreDscp);
        assert_eq!(program.run(&to(own(is_v4), 8 << 2 | 1)), expected, "{is_v4} {tags:?}");
    }
}

fn data() -> Vec<u8> {
    (0..LENGTH).map(|number| number as u8).collect()
}

fn tagged(frame: &[u8], tags: &[u8]) -> Vec<u8> {
    [&frame[..12], tags, &frame[12..]].concat()
}
