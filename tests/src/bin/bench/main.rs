//! What the program costs a packet, beside floors that bound it from below: `cargo xtask bench`.
//!
//! A driver program gives each run the next flow's frame and jumps to the program that is measured; see
//! `docs/performance.md` for what the numbers mean. Every program's frames are verified before it is timed.

mod driver;
mod floors;
mod inspect;
mod measure;
mod report;
mod scenario;
mod subject;
mod traffic;
mod verify;

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
}

fn main() -> anyhow::Result<()> {
    let options = Options::parse();
    let effort = if options.quick { Effort::QUICK } else { Effort::FULL };
    measure::stay_on_one_cpu().context("cannot stay on one CPU")?;
    let floors = floors::load()?;
    let subjects = Subject::all(&floors, &options.only)?;
    let mut driver = Driver::new(floors)?;
    let mut columns = Vec::new();
    for load in effort.loads {
        eprintln!("{load} ...");
        driver.set_load(*load)?;
        for subject in &subjects {
            verify::subject(&mut driver, subject, *load)
                .with_context(|| format!("{} does not do its job with {load}", subject.name))?;
        }
        columns.push(measure::column(&mut driver, &subjects, *load, &effort)?);
    }
    let report = Report::new(&subjects, &columns, &effort);
    if options.json {
        println!("{}", report.json());
    } else {
        print!("{}", report.table());
    }
    Ok(())
}
