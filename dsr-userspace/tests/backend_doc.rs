//! docs/backend-half.md names every reason of the backend's program, in its own words.

use dsr_common::backend::Reason;

const DOCUMENT: &str = include_str!("../../docs/backend-half.md");

#[test]
fn every_reason_is_documented_in_its_own_words() {
    let table = DOCUMENT.lines().skip_while(|line| !line.starts_with("| reason |")).skip(2);
    let documented: Vec<_> = table.take_while(|line| line.starts_with('|')).map(str::to_owned).collect();
    let row = |reason: &Reason| format!("| `{}` | {} |", reason.label(), reason.help().trim());
    assert_eq!(documented, Reason::ALL.iter().map(row).collect::<Vec<_>>());
}
