//! Whether a program does its job: the frames that come out, byte for byte, before it is timed.

use anyhow::{Context as _, ensure};
use dsr::{
    datapath::Datapath,
    model::{DscpCode, Forward},
    reconcile::{self, Tables as _},
};
use dsr_common::{
    address::Family,
    checksum::adjusted,
    flow::Flow,
    hash::{HashKeys, Keys as _},
    ip_header,
    limits::SLOTS_PER_BLOCK,
    service::{ServiceKey, ServiceRow},
    slot,
    tunnel::{Inner, Outer},
};
use dsr_lab_common::bench::GROWN;

use crate::{
    driver::Driver,
    scenario::{BACKENDS, BALANCER, Leave, SEED, SOURCE, TAG_OUT, backend_address, backend_mac},
    subject::{Duty, Subject},
    traffic::{Headers, Load, tag},
};

/// Flows of a load whose frames are looked at.
const SAMPLES: u32 = 200;

/// `enum xdp_action`.
const TX: u32 = 3;
const REDIRECT: u32 = 4;

/// Runs the program on sample flows of the load and compares every byte that comes out.
pub(crate) fn subject(driver: &mut Driver, subject: &Subject, load: Load) -> anyhow::Result<()> {
    driver.select(subject, load)?;
    let order = load.order();
    let step = (load.flows / SAMPLES).max(1);
    for row in (0..load.flows).step_by(step as usize) {
        let number = order[row as usize];
        let outcome = driver.run_once(row)?;
        let action = if matches!(subject.duty, Duty::Follow(_, Leave::OtherInterface)) { REDIRECT } else { TX };
        ensure!(outcome.action == action, "flow {number}: XDP action {}, not {action}", outcome.action);
        let expected = expected(subject, load, number, &outcome.frame)?;
        ensure!(outcome.frame == expected, "flow {number}:\n got {:02x?}\nwant {expected:02x?}", outcome.frame);
    }
    Ok(())
}

/// The frame that a program has to send.
fn expected(subject: &Subject, load: Load, number: u32, sent: &[u8]) -> anyhow::Result<Vec<u8>> {
    let Headers { family, tagged, .. } = subject.headers;
    let mut frame = load.frame(subject.headers, number).to_vec();
    let destination = match &subject.duty {
        Duty::Reflect => return Ok(frame),
        Duty::Grow => return Ok([sent.get(..GROWN).context("no longer frame came out")?, &frame].concat()),
        Duty::Balance => {
            let mac = sent.get(..6).context("no frame came out")?;
            (0..BACKENDS).map(backend_mac).find(|backend| backend.0 == mac).context("not a backend's MAC")?
        }
        Duty::Follow(datapath, leave) => {
            let tags = if *leave == Leave::Tagged { tag(TAG_OUT).to_vec() } else { Vec::new() };
            frame.splice(12..if tagged { 16 } else { 12 }, tags);
            let backend = chosen(datapath, load, family, number)?;
            if let Leave::Across(forward) = leave {
                frame = across(*forward, &frame, load.flow(family, number), backend);
            }
            backend_mac(backend)
        }
    };
    frame[..6].copy_from_slice(&destination.0);
    frame[6..12].copy_from_slice(&BALANCER.0);
    Ok(frame)
}

/// The frame of a forward mode that crosses routers, MACs aside. `dsr_common::tunnel` makes the outer headers here too: that
/// they are right is what the tests show.
fn across(forward: Forward, frame: &[u8], flow: Flow, backend: u16) -> Vec<u8> {
    const ETHERNET: usize = 14;
    let (link, packet) = frame.split_at(ETHERNET);
    if let Forward::Dscp(code) = forward {
        return renamed(frame, code, backend);
    }
    let outer = Outer {
        mode: forward.mode(),
        family: Family::V4,
        source: reconcile::address(SOURCE),
        varied: 0,
        destination: reconcile::address(backend_address(backend).into()),
        packet: Family::V4,
        key: 0,
        port: if let Forward::Gue { port, .. } = forward { port.get() } else { 0 },
        flags: forward.flags(),
    };
    let row = outer.row(u16::MAX);
    let length = u16::from_be_bytes([packet[2], packet[3]]);
    let inner = Inner { length, traffic_class: packet[1], hash: HashKeys::from_seed(SEED).flow(&flow) };
    let (ip, shim) = row.headers(&inner);
    let ip = ip.into_iter().flat_map(u64::to_ne_bytes).take(ip_header::length(Family::V4));
    let headers: Vec<u8> = ip.chain(shim.into_iter().flat_map(u32::to_ne_bytes)).take(row.overhead.into()).collect();
    [link, &headers, packet].concat()
}

/// The frame of `dscp`: its checksums are updated, as those of the benchmark's segments are not correct.
fn renamed(frame: &[u8], code: DscpCode, backend: u16) -> Vec<u8> {
    const TOS: usize = 15;
    const IP_CHECKSUM: usize = 24;
    const DESTINATION: std::ops::Range<usize> = 30..34;
    let at = if frame[23] == 6 { 34 + 16 } else { 34 + 6 };
    let word = |bytes: &[u8], at: usize| u16::from_ne_bytes([bytes[at], bytes[at + 1]]);
    let mut after = frame.to_vec();
    after[TOS] = code.get() << 2 | frame[TOS] & 3;
    after[DESTINATION].copy_from_slice(&backend_address(backend).octets());
    let mut update = |sum_at: usize, words: &[usize]| {
        let sum = words.iter().fold(word(frame, sum_at), |sum, at| adjusted(sum, word(frame, *at), word(&after, *at)));
        after[sum_at..sum_at + 2].copy_from_slice(&sum.to_ne_bytes());
    };
    update(IP_CHECKSUM, &[TOS - 1, DESTINATION.start, DESTINATION.start + 2]);
    if word(frame, at) != 0 || frame[23] == 6 {
        update(at, &[DESTINATION.start, DESTINATION.start + 2]);
    }
    after
}

/// The backend that the tables name for a flow.
fn chosen(datapath: &Datapath, load: Load, family: Family, number: u32) -> anyhow::Result<u16> {
    let flow = load.flow(family, number);
    let key = ServiceKey::exact(flow.family, flow.protocol, flow.service_port);
    let service: ServiceRow = (0..datapath.sizes().services)
        .map(|row| datapath.service(row))
        .find(|row| row.key == key && row.vip == flow.vip)
        .context("the service is not in its table")?;
    let slot = slot::index(HashKeys::from_seed(SEED).flow(&flow), service.table.size());
    let member = datapath.slot(service.table.block() * SLOTS_PER_BLOCK + slot).member().context("the slot is empty")?;
    let row = datapath.member(service.members.base() + u32::from(member));
    (0..BACKENDS)
        .find(|number| row.backend.v4_octets() == backend_address(*number).octets())
        .context("the member is no backend")
}
