//! The study as tables in Markdown, which people can read as they are, and as JSON for programs.

use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::{
    design::Design,
    ecmp::Spread,
    outcome::Result,
    scenario::{CLUSTERED, DESIGNS, PARTS, Rolling, SHARED, SYNCHRONISED, Scenario},
    study::{Run, Study},
};

/// The tables of a study.
pub(crate) struct Report<'a>(pub(crate) &'a Study);

impl Report<'_> {
    /// All tables, for a terminal.
    pub(crate) fn text(&self) -> String {
        let seed = self.0.seed;
        format!(
            "Seed {seed}. Broken flows in a million, one balancer:\n\n{}\nClusters:\n\n{}\nMemory and work of a balancer:\n\n{}\nThis design by flow_timeout:\n\n{}\nShared memory by network and parts:\n\n{}",
            self.kinds(),
            self.clusters(),
            self.cost(),
            self.timeouts(),
            self.parts()
        )
    }

    /// Broken flows in a million by kind of change.
    pub(crate) fn kinds(&self) -> String {
        let rows = self.0.kinds.iter().map(|run| with_broken(vec![run.scenario.name.to_owned()], run, &DESIGNS));
        markdown(&with_designs(&["what happens"], &DESIGNS), &rows.collect::<Vec<_>>())
    }

    /// Broken flows in a million by size of cluster and pool.
    pub(crate) fn clusters(&self) -> String {
        let row = |run: &Run| {
            let mut row = with_broken(cluster_name(&run.scenario).to_vec(), run, &CLUSTERED);
            for result in run.outcome.of(&[SYNCHRONISED, SHARED]) {
                row.push(format!("{:.0}", result.traffic.bytes as f64 / run.scenario.workload.seconds));
                row.push(result.traffic.peak.to_string());
            }
            row
        };
        let rows: Vec<_> = self.0.clusters.iter().map(row).collect();
        let mut headings = with_designs(&CLUSTER_HEADINGS, &CLUSTERED);
        headings.extend(["IPVS B/s", "peak B/s", "shared B/s", "peak B/s"].map(str::to_owned));
        markdown(&headings, &rows)
    }

    /// What each design takes on a balancer that is alone.
    pub(crate) fn cost(&self) -> String {
        let row = |run: &Run, result: &Result| {
            vec![
                run.scenario.backends.to_string(),
                result.design.name(),
                kibibytes(result.memory.used),
                kibibytes(result.memory.reserved),
                format!("{:.3}", result.lookups()),
                format!("{:.3}", result.writes()),
                result.work.evicted.to_string(),
            ]
        };
        let alone = self.0.clusters.iter().filter(|run| run.scenario.balancers == 1);
        let rows: Vec<_> = alone.flat_map(|run| run.outcome.of(&DESIGNS).map(move |result| row(run, result))).collect();
        let headings =
            ["backends", "design", "KiB used", "KiB reserved", "look-ups a packet", "writes a packet", "evicted"];
        markdown(&headings.map(str::to_owned), &rows)
    }

    /// Broken flows in a million by `flow_timeout`.
    pub(crate) fn timeouts(&self) -> String {
        let designs: Vec<_> =
            self.0.timeouts.iter().take(1).flat_map(|run| &run.outcome.designs).map(|result| result.design).collect();
        let seconds = designs.iter().filter_map(|design| design.flow_timeout()).map(|timeout| format!("{timeout} s"));
        let headings = CLUSTER_HEADINGS.map(str::to_owned).into_iter().chain(seconds).collect::<Vec<_>>();
        let row = |run: &Run| with_broken(cluster_name(&run.scenario).to_vec(), run, &designs);
        markdown(&headings, &self.0.timeouts.iter().map(row).collect::<Vec<_>>())
    }

    /// Broken flows in a million of the shared memory, by network and by what is left out.
    pub(crate) fn parts(&self) -> String {
        let names = PARTS.map(|(name, _)| name.to_owned());
        let headings = CLUSTER_HEADINGS.map(str::to_owned).into_iter().chain(names).collect::<Vec<_>>();
        let designs = PARTS.map(|(_, design)| design);
        let row = |run: &Run| with_broken(cluster_name(&run.scenario).to_vec(), run, &designs);
        markdown(&headings, &self.0.parts.iter().map(row).collect::<Vec<_>>())
    }

    /// For programs.
    pub(crate) fn json(&self) -> Value {
        json!({"seed": self.0.seed, "runs": self.0.runs().map(run_json).collect::<Vec<_>>()})
    }
}

fn run_json(run: &Run) -> Value {
    let Run { scenario, outcome } = run;
    let designs = outcome.designs.iter().map(|result| {
        json!({
            "design": result.design.name(),
            "flow_bytes": result.design.flow_bytes(),
            "flow_timeout_seconds": result.design.flow_timeout(),
            "broken": result.broken,
            "broken_per_million": result.per_million(outcome.flows),
            "packets": result.packets,
            "lookups": result.work.lookups,
            "writes": result.work.writes,
            "evicted": result.work.evicted,
            "used_bytes": result.memory.used,
            "reserved_bytes": result.memory.reserved,
            "sent_bytes": result.traffic.bytes,
            "sent_bytes_peak_second": result.traffic.peak,
        })
    });
    json!({
        "name": scenario.name,
        "balancers": scenario.balancers,
        "backends": scenario.backends,
        "ecmp": spread_name(scenario.spread),
        "flows": outcome.flows,
        "flows_at_once": outcome.at_once,
        "ended_with_backend": outcome.lost,
        "designs": designs.collect::<Vec<_>>(),
    })
}

const CLUSTER_HEADINGS: [&str; 4] = ["balancers", "ECMP", "backends", "changes"];

/// How many balancers, how flows are spread over them, how many backends, and whether both change at a time.
fn cluster_name(scenario: &Scenario) -> [String; 4] {
    let ecmp = if scenario.balancers == 1 { "-" } else { spread_name(scenario.spread) };
    let changes = if scenario.rolling == Rolling::Together { "together" } else { "apart" };
    [scenario.balancers.to_string(), ecmp.to_owned(), scenario.backends.to_string(), changes.to_owned()]
}

fn spread_name(spread: Spread) -> &'static str {
    match spread {
        Spread::Plain => "plain",
        Spread::Resilient => "resilient",
    }
}

fn with_designs(first: &[&str], designs: &[Design]) -> Vec<String> {
    first.iter().map(|heading| (*heading).to_owned()).chain(designs.iter().map(|design| design.name())).collect()
}

fn with_broken(mut row: Vec<String>, run: &Run, designs: &[Design]) -> Vec<String> {
    let broken = |result: &Result| match result.broken {
        0 => "0".to_owned(),
        _ => format!("{:.1}", result.per_million(run.outcome.flows)),
    };
    row.extend(run.outcome.of(designs).map(broken));
    row
}

fn kibibytes(bytes: usize) -> String {
    format!("{:.0}", bytes as f64 / 1024.0)
}

/// A table whose columns are as wide as their widest cell; words to the left, numbers to the right.
fn markdown(headings: &[String], rows: &[Vec<String>]) -> String {
    let is_number = |column: usize| rows.iter().all(|row| row[column].parse::<f64>().is_ok());
    let cells = |column: usize| rows.iter().map(move |row| row[column].len()).chain([headings[column].len()]);
    let columns: Vec<_> = (0..headings.len()).map(|c| (cells(c).max().unwrap_or_default(), is_number(c))).collect();
    let mut out = String::new();
    let mut line = |row: &[String]| {
        for (cell, (width, number)) in row.iter().zip(&columns) {
            let _ = if *number { write!(out, "| {cell:>width$} ") } else { write!(out, "| {cell:width$} ") };
        }
        out.push_str("|\n");
    };
    line(headings);
    let rule = |(width, number): &(usize, bool)| if *number { "-".repeat(width - 1) + ":" } else { "-".repeat(*width) };
    line(&columns.iter().map(rule).collect::<Vec<_>>());
    for row in rows {
        line(row);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_is_aligned() {
        let row = |cells: [&str; 2]| cells.map(str::to_owned).to_vec();
        let table = markdown(&row(["name", "n"]), &[row(["a", "1"]), row(["longer", "22"])]);
        assert_eq!(table, "| name   |  n |\n| ------ | -: |\n| a      |  1 |\n| longer | 22 |\n");
    }
}
