//! docs/troubleshooting.md explains each finding of the doctor, with a fault of the lab for each that a backend can have.
#![allow(clippy::unwrap_used)]

use dsr::doctor::CAUSES;
use dsr_lab::Fault;

const DOCUMENT: &str = include_str!("../../docs/troubleshooting.md");

#[test]
fn every_finding_is_explained_with_what_fixes_it() {
    let rows: Vec<_> = rows("| finding |").collect();
    assert_eq!(rows.iter().map(|row| code(row[0])).collect::<Vec<_>>(), CAUSES);
    assert!(rows.iter().all(|row| row.len() == 3 && row.iter().all(|cell| !cell.is_empty())), "{rows:#?}");
}

#[test]
fn every_fault_of_the_lab_has_its_finding() {
    let rows: Vec<_> = rows("| `--break").collect();
    assert_eq!(rows.iter().map(|row| code(row[0])).collect::<Vec<_>>(), Fault::ALL.map(Fault::name));
    assert!(rows.iter().all(|row| CAUSES.contains(&code(row[2]))), "{rows:#?}");
}

/// The cells of the table whose heading begins so.
fn rows(heading: &'static str) -> impl Iterator<Item = Vec<&'static str>> {
    let table = DOCUMENT.lines().skip_while(move |line| !line.starts_with(heading)).skip(2);
    let cells = |row: &'static str| row.trim_matches('|').split('|').map(str::trim).collect();
    table.take_while(|line| line.starts_with('|')).map(cells)
}

/// What stands between backquotes.
fn code(cell: &str) -> &str {
    cell.strip_prefix('`').and_then(|cell| cell.strip_suffix('`')).unwrap()
}
