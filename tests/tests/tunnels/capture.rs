//! Frames in a capture file, and what tshark reads in them.

use std::{collections::BTreeMap, io::Write as _, process::Command};

/// Fields that are read, by tshark's names.
const FIELDS: [&str; 26] = [
    "frame.protocols",
    "vlan.id",
    "ip.src",
    "ip.dst",
    "ip.proto",
    "ip.len",
    "ip.ttl",
    "ip.dsfield",
    "ip.flags.df",
    "ip.checksum.status",
    "ipv6.src",
    "ipv6.dst",
    "ipv6.nxt",
    "ipv6.plen",
    "ipv6.hlim",
    "ipv6.tclass",
    "gre.proto",
    "gre.key",
    "udp.srcport",
    "udp.dstport",
    "udp.checksum.status",
    "udp.payload",
    "tcp.checksum.status",
    "tcp.payload",
    "_ws.expert.severity",
    "_ws.malformed",
];

/// Preferences: verify what is not verified by default. In IPv6 a UDP checksum of zero is legal for tunnels (RFC 6935).
const PREFERENCES: [&str; 4] = [
    "ip.check_checksum:TRUE",
    "tcp.check_checksum:TRUE",
    "udp.check_checksum:TRUE",
    "udp.ignore_ipv6_zero_checksum:TRUE",
];

/// Protocols of the ports that the services are on: the clients' data is none of theirs.
const NOT_SPOKEN: [&str; 6] = ["dns", "quic", "tls", "http", "dtls", "sip"];

/// The values of each field, from the outermost header inwards.
pub(crate) type Decoded = BTreeMap<&'static str, Vec<String>>;

/// What tshark decodes, frame by frame; `decode_as` is an entry of its "Decode As" tables.
pub(crate) fn decode(frames: &[Vec<u8>], decode_as: &[&str]) -> Vec<Decoded> {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(&capture(frames)).unwrap();
    let mut command = Command::new("tshark");
    command.args(["-n", "-T", "fields", "-E", "separator=|", "-E", "occurrence=a", "-r"]).arg(file.path());
    command.args(FIELDS.iter().flat_map(|field| ["-e", field]));
    command.args(PREFERENCES.iter().flat_map(|preference| ["-o", preference]));
    command.args(NOT_SPOKEN.iter().flat_map(|protocol| ["--disable-protocol", protocol]));
    command.args(decode_as.iter().flat_map(|entry| ["-d", entry]));
    let output = command.output().expect("tshark is installed (cargo xtask test installs it)");
    assert!(output.status.success(), "{output:?}");
    let text = String::from_utf8_lossy(&output.stdout);
    let decoded: Vec<_> = text.lines().map(fields).collect();
    assert_eq!(decoded.len(), frames.len(), "{output:?}");
    decoded
}

fn fields(line: &str) -> Decoded {
    let values = line.split('|').map(|values| values.split(',').filter(|value| !value.is_empty()));
    FIELDS.into_iter().zip(values.map(|values| values.map(str::to_owned).collect())).collect()
}

/// A file in the format of libpcap, little-endian, with Ethernet frames.
fn capture(frames: &[Vec<u8>]) -> Vec<u8> {
    const MAGIC: u32 = 0xa1b2_c3d4;
    const VERSION: u32 = 2 | 4 << 16;
    const SNAPSHOT: u32 = 65535;
    const ETHERNET: u32 = 1;
    let words = |words: &[u32]| words.iter().flat_map(|word| word.to_le_bytes()).collect::<Vec<_>>();
    let mut bytes = words(&[MAGIC, VERSION, 0, 0, SNAPSHOT, ETHERNET]);
    for (second, frame) in (0..).zip(frames) {
        let length = frame.len() as u32;
        bytes.extend(words(&[second, 0, length, length]));
        bytes.extend(frame);
    }
    bytes
}
