//! Loads the benchmark's object and fills the tables of its floors with the same VIP and backends.

use std::{env, path::PathBuf};

use anyhow::Context as _;
use aya::{
    Ebpf,
    maps::{Array, HashMap},
    programs::Xdp,
};
use dsr_common::{
    bench::{self, BACKENDS as BACKENDS_MAP, TABLE, TABLE_ROWS, VIPS},
    interface::mac_word,
};

use crate::scenario::{BACKENDS, PORT, VIP, backend_mac};

/// Names of the floors' programs, lowest first.
pub(crate) const FLOORS: [&str; 3] = ["tx", "stock", "lru"];

/// The loaded object, its floors ready.
pub(crate) fn load() -> anyhow::Result<Ebpf> {
    let path = env::var_os("DSR_BENCH_OBJECT").map_or_else(default_object, PathBuf::from);
    let object = std::fs::read(&path)
        .with_context(|| format!("cannot read {}: `cargo xtask build` makes it", path.display()))?;
    let mut ebpf = Ebpf::load(&object).context("the kernel refused the benchmark's maps (root is needed)")?;
    for name in FLOORS.into_iter().chain([bench::DRIVER]) {
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
    let vip = bench::vip_key(u32::from_ne_bytes(VIP.octets()), PORT.get().to_be(), 6);
    let backend = |number: u16| bench::backend(mac_word(backend_mac(number).0), number);
    let mut vips: HashMap<_, u64, u32> = map(ebpf, VIPS)?.try_into()?;
    vips.insert(vip, 0, 0)?;
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
