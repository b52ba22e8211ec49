//! Whether a program does its job: the frames that come out, octet for octet, before it is timed.

use anyhow::{Context as _, ensure};
use dsr::{datapath::Datapath, reconcile::Tables as _};
use dsr_common::{
    bench::FRAME,
    hash::{HashKeys, Keys as _},
    limits::SLOTS_PER_BLOCK,
    service::{ServiceKey, ServiceRow},
    slot,
};

use crate::{
    driver::Driver,
    scenario::{BACKENDS, BALANCER, SEED, backend_address, backend_mac},
    subject::{Duty, Subject},
    traffic::{self, Load},
};

/// Flows of a load whose frames are looked at.
const SAMPLES: u32 = 200;

/// `enum xdp_action`, `XDP_TX`.
const TX: u32 = 3;

/// Runs the program on sample flows of the load and compares every octet that comes out.
pub(crate) fn subject(driver: &mut Driver, subject: &Subject, load: Load) -> anyhow::Result<()> {
    driver.select(&subject.program)?;
    let order = load.order();
    let step = (load.flows / SAMPLES).max(1);
    for row in (0..load.flows).step_by(step as usize) {
        let number = order[row as usize];
        let outcome = driver.run_once(row)?;
        ensure!(outcome.action == TX, "flow {number}: XDP action {}, not XDP_TX", outcome.action);
        let expected = expected(&subject.duty, load, number, &outcome.frame)?;
        ensure!(outcome.frame == expected, "flow {number}:\n got {:02x?}\nwant {expected:02x?}", outcome.frame);
    }
    Ok(())
}

/// The frame that a program has to send.
fn expected(duty: &Duty, load: Load, number: u32, sent: &[u8]) -> anyhow::Result<[u8; FRAME]> {
    let mut frame = load.frame(number);
    let destination = match duty {
        Duty::Reflect => return Ok(frame),
        Duty::Balance => {
            let mac = sent.get(..6).context("no frame came out")?;
            (0..BACKENDS).map(backend_mac).find(|backend| backend.0 == mac).context("not a backend's MAC")?
        }
        Duty::Follow(datapath) => backend_mac(chosen(datapath, number)?),
    };
    frame[..6].copy_from_slice(&destination.0);
    frame[6..12].copy_from_slice(&BALANCER.0);
    Ok(frame)
}

/// The backend that the tables name for a flow.
fn chosen(datapath: &Datapath, number: u32) -> anyhow::Result<u16> {
    let flow = traffic::flow(number);
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
