//! Whether a program does its job: the frames that come out, byte for byte, before it is timed.

use anyhow::{Context as _, ensure};
use dsr::{
    datapath::Datapath,
    model::Forward,
    reconcile::{MemberRowId, Tables as _},
};
use dsr_common::{
    address::Family,
    hash::{HashKeys, Keys as _},
    limits::SLOTS_PER_BLOCK,
    service::{ServiceKey, ServiceRow},
    slot,
};
use dsr_lab_common::bench::GROWN;

use crate::{
    across::{across, checksum_at},
    driver::Driver,
    scenario::{BACKENDS, BALANCER, Leave, SEED, TAG_OUT, backend_address, backend_mac},
    subject::{Duty, Subject},
    traffic::{Headers, Load, tag},
};

/// Flows of a load whose frames are looked at.
const SAMPLES: u32 = 200;

/// `enum xdp_action`.
const PASS: u32 = 2;
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
        let action = match &subject.duty {
            Duty::Divert | Duty::Follow(_, Leave::OtherInterface) => REDIRECT,
            Duty::Receive => PASS,
            Duty::Reflect | Duty::Grow | Duty::Balance | Duty::Follow(..) => TX,
        };
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
        Duty::Reflect | Duty::Divert => return Ok(frame),
        Duty::Receive => return Ok(received(subject, load, number, sent)),
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

/// The frame that the client sent, as a backend gives it to its host. What follows the packet is padding.
fn received(subject: &Subject, load: Load, number: u32, got: &[u8]) -> Vec<u8> {
    // Those that crossed routers are all of the first flow.
    let number = if subject.headers.across.is_some() { 0 } else { number };
    let sent = load.frame(Headers { across: None, ..subject.headers }, number);
    let mut frame = sent[..got.len().min(sent.len())].to_vec();
    if let Some(Forward::Dscp(_)) = subject.headers.across {
        // A sum of zero has two representations.
        let at = checksum_at(got);
        frame[at..at + 2].copy_from_slice(&got[at..at + 2]);
    }
    frame
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
    let row = datapath.member(MemberRowId::of(service.members, member));
    (0..BACKENDS)
        .find(|number| row.backend.v4_octets() == backend_address(*number).octets())
        .context("the member is no backend")
}
