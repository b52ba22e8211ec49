use serde_yaml::Value;

use super::{
    super::error::Place,
    reader::{FINDINGS_MOST, read_within},
    *,
};

fn value(node: &Node) -> Value {
    match &node.kind {
        Kind::Scalar { .. } => match node.scalar().unwrap() {
            Scalar::Null => Value::Null,
            Scalar::Bool(value) => Value::Bool(value),
            Scalar::Number(number) => Value::Number(number),
            Scalar::Text(text) => Value::String(text.to_owned()),
        },
        Kind::List(nodes) => Value::Sequence(nodes.iter().map(value).collect()),
        Kind::Mapping(entries) => {
            Value::Mapping(entries.iter().map(|entry| ((*entry.key).into(), value(&entry.value))).collect())
        }
        Kind::Alias => panic!("an alias"),
    }
}

#[test]
fn values_are_those_that_serde_yaml_reads() {
    let text = "\
pools:
  web:
backends:
  - {name: web1, weight: 0x10}
  - name: \"80\"
    address:
";
    let files = ["minimal", "cluster", "dns"].map(|name| {
        let path = format!("{}/../examples/{name}.yaml", env!("CARGO_MANIFEST_DIR"));
        std::fs::read_to_string(path).unwrap()
    });
    for text in files.iter().map(String::as_str).chain([text]) {
        assert_eq!(value(&read(text, 0).unwrap().node), serde_yaml::from_str::<Value>(text).unwrap());
    }
}

#[test]
fn plain_scalars_resolve_as_serde_yaml_does() {
    for text in ["~", "TRUE", "yes", "012", "0o17", "0x5eed", "-3", "1e3", ".inf", "1.5", "a b", "10.0.0.1", "_1"] {
        let node = Node::plain(text, Place::FILE);
        assert_eq!(value(&node), serde_yaml::from_str::<Value>(text).unwrap(), "{text}");
    }
}

fn told(finding: &Finding) -> String {
    let Place { line, column, .. } = finding.at.place;
    format!("{line}:{column}: {}: {}", finding.at, finding.message)
}

#[test]
fn a_file_has_a_largest_number_of_values() {
    assert!(read_within("[a, {b: c}]", 0, 5).is_ok(), "a, b, c, the mapping and the list");
    let finding = read_within("[a, {b: c}]", 0, 4).unwrap_err();
    assert!(told(&finding).starts_with("1:1: : the file has more than 4 values"), "{}", told(&finding));
}

#[test]
fn findings_have_a_largest_number() {
    let aliases = |count: usize| format!("[{}]", "*a, ".repeat(count));
    assert_eq!(read(&aliases(FINDINGS_MOST), 0).unwrap().findings.len(), FINDINGS_MOST);
    let finding = read(&aliases(FINDINGS_MOST + 1), 0).unwrap_err();
    assert!(told(&finding).ends_with("1000 such errors before this one"), "{}", told(&finding));
}

#[test]
fn what_is_read_goes_on_behind_a_finding() {
    let text = "a: &x 1\nb: *x\na: 2\nc: {d: !t 3, d: 4}\n[e]: 5\n";
    let Document { node, findings } = read(text, 0).unwrap();
    let expected = [
        "1:7: a: YAML anchors (`&name`) are not supported: write the value itself",
        "2:4: b: YAML aliases (`*name`) are not supported: write the value itself",
        "4:11: c.d: YAML tags (`!name`) are not supported: write the value itself",
        "4:14: c.d: is written twice, also at line 4: keep one of them",
        "5:1: : a list cannot be a key: write a name before the colon",
        "3:1: a: is written twice, also at line 1: keep one of them",
    ];
    assert_eq!(findings.iter().map(told).collect::<Vec<_>>(), expected);
    assert_eq!(node.get("b").unwrap().kind, Kind::Alias);
    assert_eq!(node.get("a").unwrap().as_u64(), Some(1));
}

#[test]
fn an_entry_of_which_nothing_is_written_is_at_its_dash() {
    let node = read("- a\n-\n- # nothing\n\n- b: \n", 0).unwrap().node;
    let Kind::List(nodes) = node.kind else { panic!("a list") };
    let places: Vec<_> = nodes.iter().map(|node| (node.place.line, node.place.column)).collect();
    assert_eq!(places, [(1, 3), (2, 1), (3, 1), (5, 3)]);
}
