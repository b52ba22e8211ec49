//! The numbers as a table for people and as JSON for machines.

use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::{
    inspect::Inspection,
    measure::{Column, Cost, Effort},
    subject::{BASE, RELEASED, STOCK, Subject},
    traffic::{Load, Segment},
};

/// How much of what `stock` costs the product may cost.
const TARGET: f64 = 0.6;

/// Everything that was measured.
pub(crate) struct Report<'a> {
    columns: &'a [Column],
    rows: Vec<Row>,
    rounds: usize,
}

struct Row {
    name: &'static str,
    inspection: Inspection,
    /// One for each column.
    cells: Vec<Cell>,
}

struct Cell {
    cost: Cost,
    /// Net cost over that of [`STOCK`] under the same load.
    ratio: f64,
}

impl<'a> Report<'a> {
    /// Puts the numbers together.
    pub(crate) fn new(subjects: &[Subject], columns: &'a [Column], effort: &Effort) -> Self {
        let stock = subjects.iter().position(|subject| subject.name == STOCK).unwrap_or_default();
        let row = |(index, subject): (usize, &Subject)| Row {
            name: subject.name,
            inspection: subject.inspection,
            cells: columns.iter().map(|column| cell(column, index, stock)).collect(),
        };
        Self { columns, rows: subjects.iter().enumerate().map(row).collect(), rounds: effort.rounds }
    }

    /// For people.
    pub(crate) fn table(&self) -> String {
        let mut out = format!(
            "Nanoseconds a packet, net of `{BASE}`: median of {} rounds (first to third quartile), and ratio to \
             `{STOCK}`.\n`{BASE}` itself, with the driver:",
            self.rounds
        );
        let mut put = |text: String| out.push_str(&text);
        for (column, cell) in self.columns.iter().zip(self.row(BASE)) {
            put(format!(" {:.1} ({})", cell.cost.gross, heading(column.load)));
        }
        put(format!("\n\n{:14}", "program"));
        self.columns.iter().for_each(|column| put(format!("{:>26}", heading(column.load))));
        put("\n".to_owned());
        for row in self.rows.iter().filter(|row| row.name != BASE) {
            put(format!("{:14}", row.name));
            row.cells.iter().for_each(|cell| put(format!("{:>26}", cell.text())));
            put("\n".to_owned());
        }
        put(format!(
            "\n{:14}{:>14}{:>14}{:>14}{:>14}\n",
            "program", "instructions", "machine code", "verified", "calls"
        ));
        for Row { name, inspection: i, .. } in &self.rows {
            let (code, verified, calls) = (i.machine_code, i.verified, i.helper_calls);
            put(format!("{name:14}{:>14}{code:>14}{verified:>14}{calls:>14}\n", i.instructions));
        }
        out + "\n" + &self.verdict()
    }

    /// For machines.
    pub(crate) fn json(&self) -> Value {
        let programs = self.rows.iter().map(|row| {
            json!({
                "name": row.name,
                "instructions": row.inspection.instructions,
                "machine_code_bytes": row.inspection.machine_code,
                "verified_instructions": row.inspection.verified,
                "helper_calls": row.inspection.helper_calls,
                "loads": self.columns.iter().zip(&row.cells).map(|(column, cell)| json!({
                    "flows": column.load.flows,
                    "syn": column.load.segment == Segment::Opening,
                    "gross_ns": cell.cost.gross,
                    "net_ns": {"median": cell.cost.median, "q1": cell.cost.low, "q3": cell.cost.high},
                    "ratio_to_stock": cell.ratio,
                })).collect::<Vec<_>>(),
            })
        });
        json!({"rounds": self.rounds, "target_ratio": TARGET, "programs": programs.collect::<Vec<_>>()})
    }

    /// Whether the product is where it shall be. No failure: another machine, another day.
    fn verdict(&self) -> String {
        let mut out = String::new();
        for (column, cell) in self.columns.iter().zip(self.row(RELEASED)) {
            let word = if cell.ratio <= TARGET { "within" } else { "above" };
            let _ = writeln!(
                out,
                "{RELEASED}, {}: {:.2} x {STOCK}, {word} the target of {TARGET}",
                column.load, cell.ratio
            );
        }
        out
    }

    fn row(&self, name: &str) -> impl Iterator<Item = &Cell> {
        self.rows.iter().filter(move |row| row.name == name).flat_map(|row| &row.cells)
    }
}

impl Cell {
    fn text(&self) -> String {
        format!("{:.1} ({:.1}-{:.1}) {:.2}x", self.cost.median, self.cost.low, self.cost.high, self.ratio)
    }
}

fn cell(column: &Column, index: usize, stock: usize) -> Cell {
    let cost = column.costs[index];
    Cell { cost, ratio: cost.median / column.costs[stock].median }
}

fn heading(load: Load) -> String {
    let kind = if load.segment == Segment::Opening { "SYN " } else { "" };
    let flows = match load.flows {
        1_000_000.. => format!("{}M", load.flows / 1_000_000),
        1_000.. => format!("{}k", load.flows / 1_000),
        few => few.to_string(),
    };
    format!("{kind}{flows} flow{}", if load.flows == 1 { "" } else { "s" })
}
