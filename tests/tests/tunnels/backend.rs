//! The backend's program at the other end of every tunnel of the cluster.

use std::{collections::BTreeSet, net::IpAddr};

use aya::{TestRun as _, programs::TestRunOptions};
use dsr::{
    datapath::{BackendCounters, BackendProgram},
    model::{DscpCode, GUE_PORT, Gre, Prefix, Tunnels},
};
use dsr_common::backend::Reason;
use dsr_tests::generate::cluster;

use super::flow::Flow;

/// Addresses and prefixes that the cluster's balancer sends from.
const SOURCES: [(&str, u8); 4] = [("10.0.0.254", 32), ("fd00::fe", 128), ("10.9.0.0", 20), ("fd00:9::", 104)];
/// The key of the service `far-key`.
const KEY: u32 = 0x0102_0304;

/// The program with GRE without a key, and with one.
pub(crate) struct Backend {
    plain: (BackendProgram, BackendCounters),
    keyed: (BackendProgram, BackendCounters),
}

impl Backend {
    pub(crate) fn load() -> Self {
        let load = |key| {
            let mut program = BackendProgram::load(&tunnels(key), None).unwrap();
            program.set_own(&own()).unwrap();
            let counters = program.counters().unwrap();
            (program, counters)
        };
        Self { plain: load(None), keyed: load(Some(KEY)) }
    }

    /// What becomes of a frame of this flow, and why; nothing is left of one that is dropped.
    pub(crate) fn receive(&self, flow: &Flow, frame: &[u8]) -> (Option<Vec<u8>>, &'static str) {
        let (program, counters) = if flow.mode == "key" { &self.keyed } else { &self.plain };
        let counts = || Reason::ALL.iter().map(|reason| (reason.label(), counters.count(*reason).unwrap()));
        let before: Vec<_> = counts().collect();
        let mut out = vec![0; frame.len() + 256];
        let options = TestRunOptions { data_in: Some(frame), data_out: Some(&mut out), ..TestRunOptions::new() };
        let result = program.program().unwrap().test_run(options).unwrap();
        out.truncate(result.data_size_out as usize);
        let moved: Vec<_> = counts().zip(before).filter(|(now, before)| now != before).collect();
        let [((reason, _), _)] = moved[..] else { panic!("not one reason was counted: {moved:?}") };
        (
            match result.return_value {
                XDP_DROP => None,
                XDP_PASS => Some(out),
                other => panic!("XDP action {other}"),
            },
            reason,
        )
    }
}

fn tunnels(key: Option<u32>) -> Tunnels {
    let code = DscpCode::new(8).unwrap();
    Tunnels {
        balancers: SOURCES.map(|(text, length)| Prefix::new(text.parse().unwrap(), length).unwrap()).into(),
        vips: cluster::FAR.into(),
        ipip: true,
        gre: Some(Gre { key }),
        gue: Some(GUE_PORT),
        dscp: cluster::FAR.map(|vip| (vip, code)).into(),
    }
}

/// The addresses of every backend of the cluster: this one stands for all of them.
fn own() -> BTreeSet<IpAddr> {
    let backends = cluster::desired().services.into_iter().flat_map(|service| service.backends.to_vec());
    backends.map(|backend| backend.address).collect()
}

/// `enum xdp_action` of the kernel's `bpf.h`.
const XDP_DROP: u32 = 1;
const XDP_PASS: u32 = 2;
