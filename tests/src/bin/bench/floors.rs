//! Loads the benchmark's object and fills the tables of its floors with the same VIP and backends.

use std::{env, net::IpAddr, path::PathBuf};

use anyhow::{Context as _, bail};
use aya::{
    Ebpf,
    maps::{Array, DevMap, HashMap},
    programs::Xdp,
};
use dsr_common::{address::Family, interface::mac_word};
use dsr_lab_common::bench::{self, BACKENDS as BACKENDS_MAP, DEVICES, TABLE, TABLE_ROWS, VIPS, VIPS6, Vip6Key};

use crate::scenario::{BACKENDS, LOOPBACK, PORT, backend_mac, vip};

/// What sends each frame back as it is.
pub(crate) const BASE: &str = "tx";
/// Names of the floors' programs, lowest first.
const PROGRAMS: [&str; 6] = [BASE, "head", "redirect", "stock", "stock6", "lru"];

/// The loaded object, its floors ready.
pub(crate) fn load() -> anyhow::Result<Ebpf> {
    let path = env::var_os("DSR_BENCH_OBJECT").map_or_else(default_object, PathBuf::from);
    let object = std::fs::read(&path)
        .with_context(|| format!("cannot read {}: `cargo xtask build` makes it", path.display()))?;
    let mut ebpf = Ebpf::load(&object).context("the kernel refused the benchmark's maps (root is needed)")?;
    for name in PROGRAMS.into_iter().chain([bench::DRIVER]) {
        let program: &mut Xdp = ebpf.program_mut(name).with_context(|| format!("no program {name}"))?.try_into()?;
        program.load().with_context(|| format!("the kernel refused {name}"))?;
    }
    fill(&mut ebpf)?;
    Ok(ebpf)
}

fn default_object() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../target/bpf/bench")
}

fn fill(ebpf: &mut Ebpf) -> anyhow::Result<()> {
    let IpAddr::V4(vip4) = vip(Family::V4) else { bail!("the IPv4 VIP is none") };
    let IpAddr::V6(vip6) = vip(Family::V6) else { bail!("the IPv6 VIP is none") };
    let port = PORT.get().to_be();
    let backend = |number: u16| bench::backend(mac_word(backend_mac(number).0), number);
    let mut devices: DevMap<_> = map(ebpf, DEVICES)?.try_into()?;
    devices.set(0, LOOPBACK, None, 0)?;
    let mut by_vip: HashMap<_, u64, u32> = map(ebpf, VIPS)?.try_into()?;
    for protocol in [6, 17] {
        by_vip.insert(bench::vip_key(u32::from_ne_bytes(vip4.octets()), port, protocol), 0, 0)?;
    }
    let mut by_vip: HashMap<_, [u32; 5], u32> = map(ebpf, VIPS6)?.try_into()?;
    for protocol in [6, 17] {
        let mut words = [0; 4];
        for (word, bytes) in words.iter_mut().zip(vip6.octets().as_chunks().0) {
            *word = u32::from_ne_bytes(*bytes);
        }
        let Vip6Key { address: [a, b, c, d], service } = Vip6Key::new(words, port, protocol);
        by_vip.insert([a, b, c, d, service], 0, 0)?;
    }
    let mut backends: Array<_, u64> = map(ebpf, BACKENDS_MAP)?.try_into()?;
    for number in 0..BACKENDS {
        backends.set(u32::from(number), backend(number), 0)?;
    }
    let mut table: Array<_, u64> = map(ebpf, TABLE)?.try_into()?;
    for row in 0..TABLE_ROWS {
        table.set(row, backend((row % u32::from(BACKENDS)) as u16), 0)?;
    }
    Ok(())
}

fn map<'a>(ebpf: &'a mut Ebpf, name: &str) -> anyhow::Result<&'a mut aya::maps::Map> {
    ebpf.map_mut(name).with_context(|| format!("no map {name}"))
}
