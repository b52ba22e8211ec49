//! How many flows break when balancers and backends come and go, and what it costs to keep them:
//! `cargo xtask simulate`. `docs/consistency.md` says how to read it.
//!
//! Nothing here loads a program: the model uses the product's own table, hash, and rows of its maps. A run is a
//! function of its seed.

mod agenda;
mod balancers;
mod book;
mod churn;
mod design;
mod ecmp;
mod outcome;
mod plot;
mod pool;
mod random;
mod report;
mod run;
mod scenario;
mod study;
#[cfg(test)]
mod tests;
mod time;
mod wire;
mod workload;

use std::path::Path;

use anyhow::Context as _;
use clap::Parser;

use crate::{
    report::Report,
    study::{Chapter, Study},
    workload::Workload,
};

/// Simulates clusters of balancers and counts the flows that break: plain Maglev, LRU tables of flows, and this design.
#[derive(Parser)]
struct Options {
    /// Print one JSON object instead of the tables.
    #[arg(long)]
    json: bool,
    /// What all random numbers follow from.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// A short run with few flows; its numbers mean little.
    #[arg(long, conflicts_with = "write")]
    quick: bool,
    /// Make the runs of one chapter alone.
    #[arg(long)]
    only: Option<Chapter>,
    /// Write the tables and plots into `docs/` too.
    #[arg(long)]
    write: bool,
}

fn main() -> anyhow::Result<()> {
    let options = Options::parse();
    let workload = if options.quick { Workload::QUICK } else { Workload::HOUR };
    let study = Study::new(workload, options.seed, options.only, |scenario| {
        eprintln!("{} balancers, {} backends: {} ...", scenario.balancers, scenario.backends, scenario.name);
    });
    if options.write {
        let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs");
        book::write(&docs, &study).context("cannot write the book")?;
    }
    if options.json {
        println!("{}", Report(&study).json());
    } else {
        print!("{}", Report(&study).text());
    }
    Ok(())
}
