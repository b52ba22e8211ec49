//! Arbitrary and damaged texts: the parser answers with a configuration or with errors, and never panics.

use std::path::Path;

use dsr::config::{self, Config, Errors};
use proptest::{prelude::*, sample::Index};

const GOOD: &str = "\
interfaces: [eth0, eth1]
metrics: 127.0.0.1:9650
hash_seed: 0x5eed
xdp_mode: generic
pools:
  web:
    forward: l2
    backends:
      - {name: web1, address: 10.0.0.11}
      - name: web2
        address: \"10.0.0.12\"
        weight: 50 # half
services:
  - {name: www, vip: 192.0.2.10, port: 80, pool: web, announce: none}
  - {name: dns, vip: 192.0.2.10, port: 53, protocol: udp, pool: web, announce: none}
  - {name: all, vip: \"2001:db8::10\", protocol: any, pool: web, on_empty: reject, on_agent_death: pass}
";

fn parse(text: &str) -> Result<Config, Errors> {
    config::parse(text, Path::new("dsr.yaml"))
}

/// Every problem names a place that there is, or the end behind the last line, and is one line without control characters.
fn plausible(text: &str) -> Result<(), TestCaseError> {
    let Err(errors) = parse(text) else { return Ok(()) };
    prop_assert!(!errors.problems().is_empty());
    for problem in errors.problems() {
        prop_assert!(problem.line <= text.split(BREAKS).count() + 1, "{problem}");
        prop_assert!(!problem.to_string().contains(char::is_control), "{problem:?}");
    }
    Ok(())
}

/// What ends a line in YAML 1.1, by which `serde_yaml` counts.
const BREAKS: [char; 5] = ['\n', '\r', '\u{85}', '\u{2028}', '\u{2029}'];

fn at_character(text: &str, index: Index) -> usize {
    let starts: Vec<_> = text.char_indices().map(|(at, _)| at).chain([text.len()]).collect();
    *index.get(&starts)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_text(text in any::<String>()) {
        plausible(&text)?;
    }

    #[test]
    fn any_text_of_the_signs_that_yaml_gives_a_meaning(text in "[-?:,\\[\\]{}#&*!|>'\"%@` \t\n\r~0-9a-c=<.\u{feff}]{0,60}") {
        plausible(&text)?;
    }

    #[test]
    fn a_good_text_with_a_part_replaced(from: Index, to: Index, put in "[-?:,\\[\\]{}#&*!|>'\"% \t\n~0-9a-z]{0,6}") {
        let (from, to) = (at_character(GOOD, from), at_character(GOOD, to));
        let (from, to) = (from.min(to), from.max(to).min(from.min(to) + 20));
        plausible(&format!("{}{put}{}", &GOOD[..from], &GOOD[to..]))?;
    }

    #[test]
    fn a_good_text_with_lines_moved(lines in Just(GOOD.lines().collect::<Vec<_>>()).prop_shuffle(), kept in 0..16_usize) {
        plausible(&lines[..kept.min(lines.len())].join("\n"))?;
    }

    #[test]
    fn any_value_in_any_field(value in "[-0-9a-f.:x\"~ ]{0,12}", field: Index) {
        let values = ["eth0, eth1", "127.0.0.1:9650", "0x5eed", "generic", "l2", "web1", "10.0.0.11", "50", "80", "udp", "any", "reject",
            "2001:db8::10"];
        plausible(&GOOD.replacen(*field.get(&values), &value, 1))?;
    }
}

#[test]
fn the_undamaged_text_is_good() {
    parse(GOOD).unwrap();
}

#[test]
fn deep_nesting_is_an_error_and_no_stack_overflow() {
    for depth in [64, 128, 129, 2_000] {
        for (open, close) in [("[", "]"), ("{a: ", "}"), ("- ", ""), ("? ", "")] {
            let text = format!("pools: \n  {}{}", open.repeat(depth), close.repeat(depth));
            parse(&text).unwrap_err();
        }
    }
}

#[test]
fn many_aliases_cost_nothing() {
    let levels: Vec<_> = (1..40).map(|n| format!("a{n}: &a{n} [*a{0}, *a{0}, *a{0}]\n", n - 1)).collect();
    let levels = levels.concat();
    parse(&format!("a0: &a0 x\n{levels}")).unwrap_err();
}
