//! What the program costs a packet, beside floors that bound it from below: `cargo xtask bench`.
//!
//! A driver program gives each run the next flow's frame and jumps to the program that is measured; see
//! `docs/performance.md` for what the numbers mean. Every program's frames are verified before it is timed.

mod across;
mod backend;
mod driver;
mod floors;
mod inspect;
mod measure;
mod report;
mod scenario;
mod subject;
mod traffic;
mod verify;

use std::num::NonZeroUsize;

use anyhow::Context as _;
use clap::Parser;

use crate::{driver::Driver, measure::Effort, report::Report, subject::Subject};

/// Measures what the XDP program costs a packet, beside bare `XDP_TX` and the maps that are at hand.
#[derive(Parser)]
struct Options {
    /// Print one JSON object instead of the table.
    #[arg(long)]
    json: bool,
    /// A short run that shows that everything works; its numbers mean little.
    #[arg(long)]
    quick: bool,
    /// Of the programs beside `tx` and `stock`, only these, separated by commas.
    #[arg(long, value_delimiter = ',', value_name = "PROGRAM")]
    only: Vec<String>,
    /// Load every program, with maps of its own, and measure it this many times; the range of the medians is shown too.
    /// Where code and maps lie in memory differs from load to load.
    #[arg(long, value_name = "COUNT", default_value_t = NonZeroUsize::MIN)]
    loads: NonZeroUsize,
}

fn main() -> anyhow::Result<()> {
    let options = Options::parse();
    let effort = if options.quick { Effort::QUICK } else { Effort::FULL };
    measure::stay_on_one_cpu().context("cannot stay on one CPU")?;
    let reports = (0..options.loads.get()).map(|_| measured(&options.only, &effort)).collect::<Result<Vec<_>, _>>()?;
    let json: Vec<_> = reports.iter().map(Report::json).collect();
    match (reports.as_slice(), json.as_slice()) {
        ([report], [json]) => println!("{}", if options.json { json.to_string() } else { report.table() }),
        (_, json) if options.json => println!("{}", serde_json::json!({ "loads": json })),
        (reports, _) => {
            for report in reports {
                println!("{}", report.table());
            }
            print!("{}", report::range(reports));
        }
    }
    Ok(())
}

/// Loads all programs and measures them.
fn measured(only: &[String], effort: &Effort) -> anyhow::Result<Report> {
    let floors = floors::load()?;
    let subjects = Subject::all(&floors, only)?;
    let mut driver = Driver::new(floors)?;
    let mut columns = Vec::new();
    for load in effort.loads {
        eprintln!("{load} ...");
        driver.set_load(*load)?;
        for subject in &subjects {
            verify::subject(&mut driver, subject, *load)
                .with_context(|| format!("{} does not do its job with {load}", subject.name))?;
        }
        columns.push(measure::column(&mut driver, &subjects, *load, effort)?);
    }
    Ok(Report::new(&subjects, columns, effort))
}
