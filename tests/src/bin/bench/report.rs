//! The numbers as a table for people and as JSON for machines.

use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::{
    inspect::Inspection,
    measure::{Column, Cost, Effort, position},
    subject::{RELEASED, RELEASED6, Subject},
    traffic::{Load, Segment},
};

/// How much of what a balancer with stock maps costs the product may cost, by the name of its row.
const TARGETS: [(&str, f64); 2] = [(RELEASED, 0.5), (RELEASED6, 0.7)];

/// Everything that was measured.
pub(crate) struct Report {
    columns: Vec<Column>,
    rows: Vec<Row>,
    rounds: usize,
}

struct Row {
    name: &'static str,
    base: &'static str,
    stock: &'static str,
    is_base: bool,
    inspection: Inspection,
    /// One for each column.
    cells: Vec<Cell>,
}

struct Cell {
    cost: Cost,
    /// Net cost over that of the row's `stock` under the same load.
    ratio: f64,
}

impl Report {
    /// Puts the numbers together.
    pub(crate) fn new(subjects: &[Subject], columns: Vec<Column>, effort: &Effort) -> Self {
        let row = |(index, subject): (usize, &Subject)| Row {
            name: subject.name,
            base: subject.base,
            stock: subject.stock,
            is_base: subject.is_base(),
            inspection: subject.inspection,
            cells: columns.iter().map(|column| cell(column, index, position(subjects, subject.stock))).collect(),
        };
        let rows = subjects.iter().enumerate().map(row).collect();
        Self { columns, rows, rounds: effort.rounds }
    }

    /// For people.
    pub(crate) fn table(&self) -> String {
        let mut out = format!(
            "Nanoseconds a packet, net of `tx` with the same frames: median of {} rounds (first to third quartile), and \
             ratio to `stock` of the same family.\n",
            self.rounds
        );
        let mut put = |text: String| out.push_str(&text);
        put(format!("\n{:20}", "program"));
        self.columns.iter().for_each(|column| put(format!("{:>26}", heading(column.load))));
        put("\n".to_owned());
        for row in self.rows.iter().filter(|row| row.is_base) {
            put(format!("{:20}", row.name));
            row.cells.iter().for_each(|cell| put(format!("{:>26}", format!("{:.1} gross", cell.cost.gross))));
            put("\n".to_owned());
        }
        for row in self.rows.iter().filter(|row| !row.is_base) {
            put(format!("{:20}", row.name));
            row.cells.iter().for_each(|cell| put(format!("{:>26}", cell.text())));
            put("\n".to_owned());
        }
        put(format!(
            "\n{:20}{:>14}{:>14}{:>14}{:>14}\n",
            "program", "instructions", "machine code", "verified", "calls"
        ));
        for Row { name, inspection: i, .. } in &self.rows {
            let (code, verified, calls) = (i.machine_code, i.verified, i.helper_calls);
            put(format!("{name:20}{:>14}{code:>14}{verified:>14}{calls:>14}\n", i.instructions));
        }
        out + "\n" + &self.verdict()
    }

    /// For machines.
    pub(crate) fn json(&self) -> Value {
        let programs = self.rows.iter().map(|row| {
            json!({
                "name": row.name,
                "net_of": row.base,
                "compared_with": row.stock,
                "instructions": row.inspection.instructions,
                "machine_code_bytes": row.inspection.machine_code,
                "verified_instructions": row.inspection.verified,
                "helper_calls": row.inspection.helper_calls,
                "loads": self.columns.iter().zip(&row.cells).map(|(column, cell)| json!({
                    "flows": column.load.flows,
                    "syn": column.load.segment == Segment::Opening,
                    "udp": column.load.segment == Segment::Datagram,
                    "gross_ns": cell.cost.gross,
                    "net_ns": {"median": cell.cost.median, "q1": cell.cost.low, "q3": cell.cost.high},
                    "ratio_to_stock": cell.ratio,
                })).collect::<Vec<_>>(),
            })
        });
        let targets = TARGETS.map(|(name, ratio)| json!({"program": name, "ratio": ratio}));
        json!({"rounds": self.rounds, "targets": targets, "programs": programs.collect::<Vec<_>>()})
    }

    /// Whether the product meets its targets. Never a failure: machines differ.
    fn verdict(&self) -> String {
        let mut out = String::new();
        for (name, target) in TARGETS {
            for row in self.rows.iter().filter(|row| row.name == name) {
                for (column, cell) in self.columns.iter().zip(&row.cells) {
                    let word = if cell.ratio <= target { "within" } else { "above" };
                    let (load, ratio, stock) = (column.load, cell.ratio, row.stock);
                    let _ = writeln!(out, "{name}, {load}: {ratio:.2} x {stock}, {word} the target of {target}");
                }
            }
        }
        out
    }
}

impl Cell {
    fn text(&self) -> String {
        format!("{:.1} ({:.1}-{:.1}) {:.2}x", self.cost.median, self.cost.low, self.cost.high, self.ratio)
    }
}

/// The lowest and the highest median of each program over reports of the same programs, and the same of the ratio.
pub(crate) fn range(reports: &[Report]) -> String {
    let Some(first) = reports.first() else { return String::new() };
    let count = reports.len();
    let mut out = format!("Lowest to highest median over {count} loads, and lowest to highest ratio to `stock`.\n");
    let mut put = |text: String| out.push_str(&text);
    put(format!("\n{:20}", "program"));
    first.columns.iter().for_each(|column| put(format!("{:>26}", heading(column.load))));
    put("\n".to_owned());
    for (index, row) in first.rows.iter().enumerate().filter(|(_, row)| !row.is_base) {
        put(format!("{:20}", row.name));
        for column in 0..row.cells.len() {
            let cells = reports.iter().map(|report| &report.rows[index].cells[column]);
            let (low, high) = bounds(cells.clone().map(|cell| cell.cost.median));
            let (least, most) = bounds(cells.map(|cell| cell.ratio));
            put(format!("{:>26}", format!("{low:.1}-{high:.1} {least:.2}x-{most:.2}x")));
        }
        put("\n".to_owned());
    }
    out
}

fn bounds(values: impl Iterator<Item = f64>) -> (f64, f64) {
    values.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| (low.min(value), high.max(value)))
}

fn cell(column: &Column, index: usize, stock: usize) -> Cell {
    let cost = column.costs[index];
    Cell { cost, ratio: cost.median / column.costs[stock].median }
}

fn heading(load: Load) -> String {
    let kind = load.segment.prefix();
    let flows = match load.flows {
        1_000_000.. => format!("{}M", load.flows / 1_000_000),
        1_000.. => format!("{}k", load.flows / 1_000),
        few => few.to_string(),
    };
    format!("{kind}{flows} flow{}", if load.flows == 1 { "" } else { "s" })
}
