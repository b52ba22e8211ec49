//! docs/metrics.md says what the agent exposes, no more and no less.
#![allow(clippy::unwrap_used)]

use std::collections::{BTreeMap, BTreeSet};

use dsr_common::stats::Reason;

mod families;

use families::{Family, families, names_in};

const DOCUMENT: &str = include_str!("../../docs/metrics.md");

#[tokio::test]
async fn every_metric_is_documented_with_its_kind_and_labels() {
    let documented: BTreeMap<String, Family> = rows("metric").map(|row| (code(row[0]), family(&row))).collect();
    assert_eq!(documented, families().await);
}

#[tokio::test]
async fn queries_name_metrics_that_exist() {
    let families = families().await;
    for row in rows("question") {
        let names = names_in(row[1]);
        let unknown: Vec<_> = names.iter().filter(|name| !families.contains_key(**name)).collect();
        assert!(!names.is_empty() && unknown.is_empty(), "{}: {unknown:?}", row[0]);
    }
}

#[test]
fn every_reason_is_documented_in_its_own_words() {
    let documented: Vec<_> = rows("reason").map(|row| (code(row[0]), row[1].to_owned())).collect();
    let reasons: Vec<_> = Reason::ALL.iter().map(|r| (r.label().to_owned(), r.help().trim().to_owned())).collect();
    assert_eq!(documented, reasons);
    assert!(rows("reason").all(|row| !row[2].is_empty()), "every reason says what to look at");
}

fn family(row: &[&str]) -> Family {
    let labels: BTreeSet<String> = row[2].split_whitespace().map(code).collect();
    Family { kind: row[1].to_owned(), labels }
}

/// The rows of the table whose first column has this heading.
fn rows(heading: &str) -> impl Iterator<Item = Vec<&'static str>> {
    let heading = format!("| {heading} |");
    let table = DOCUMENT.lines().skip_while(move |line| !line.starts_with(&heading)).skip(2);
    table.take_while(|line| line.starts_with('|')).map(cells)
}

/// The cells of a row; an escaped bar does not end one.
fn cells(row: &'static str) -> Vec<&'static str> {
    let inner = row.strip_prefix('|').and_then(|row| row.strip_suffix('|')).unwrap();
    let bars = inner.match_indices('|').map(|(at, _)| at).filter(|at| !inner[..*at].ends_with('\\'));
    let ends: Vec<usize> = bars.chain([inner.len()]).collect();
    let starts = std::iter::once(0).chain(ends.iter().map(|end| end + 1));
    starts.zip(&ends).map(|(start, end)| inner[start..*end].trim()).collect()
}

/// What stands between backquotes.
fn code(cell: &str) -> String {
    cell.trim_matches('`').to_owned()
}
