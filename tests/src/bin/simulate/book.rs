//! Writes a study's tables and plots into the book.

use std::{fs, path::Path};

use anyhow::{Context as _, Result};

use crate::{plot, report::Report, study::Study};

/// The page that holds the tables, below the directory of the book.
const PAGE: &str = "consistency.md";

/// Puts tables between their marks in the page, and plots beside it: those of which there are runs.
pub(crate) fn write(docs: &Path, study: &Study) -> Result<()> {
    let path = docs.join(PAGE);
    let mut page = fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
    let report = Report(study);
    let tables = [
        ("kinds", &study.kinds, report.kinds()),
        ("clusters", &study.clusters, report.clusters()),
        ("cost", &study.clusters, report.cost()),
        ("timeouts", &study.timeouts, report.timeouts()),
        ("parts", &study.parts, report.parts()),
    ];
    for (name, _, table) in tables.iter().filter(|(_, runs, _)| !runs.is_empty()) {
        page = replace(&page, name, table).with_context(|| format!("{} has no place for a table", path.display()))?;
    }
    let write = |name: &str, text: &str| {
        let path = docs.join(name);
        fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))
    };
    if !study.clusters.is_empty() {
        write("consistency-balancers.svg", &plot::balancers(study)?)?;
    }
    if !study.sizes.is_empty() {
        write("consistency-sizes.svg", &plot::sizes(study)?)?;
    }
    write(PAGE, &page)
}

/// The page with another table between the marks of `name`.
fn replace(page: &str, name: &str, table: &str) -> Result<String> {
    let (begin, end) = (format!("<!-- begin {name} -->\n"), format!("<!-- end {name} -->"));
    let (before, rest) = page.split_once(&begin).with_context(|| format!("the line {begin:?} is missing"))?;
    let (_, after) = rest.split_once(&end).with_context(|| format!("the line {end:?} is missing"))?;
    Ok([before, &begin, "\n", table, "\n", &end, after].concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_between_the_marks_changes() {
        let page = "a\n<!-- begin x -->\nold\n<!-- end x -->\nb\n";
        assert_eq!(replace(page, "x", "new\n").unwrap(), "a\n<!-- begin x -->\n\nnew\n\n<!-- end x -->\nb\n");
        assert!(replace(page, "y", "").unwrap_err().to_string().contains("begin y"));
    }
}
