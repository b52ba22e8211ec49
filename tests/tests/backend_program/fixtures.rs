//! Fixtures: frames that people can read, and what becomes of them. Each holds for the model and for the program. The
//! notation is that of `../fixtures/README.md`.

use std::{fs, path::Path};

use dsr::model::Tunnels;
use serde::Deserialize;

use super::{
    bytes, keyed, model, own,
    program::{Program, verdict},
    tunnels,
};

/// A frame and what becomes of it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    about: String,
    /// Whether GRE has a key here.
    #[serde(default)]
    keyed: bool,
    r#in: String,
    /// Its bytes afterwards; as it was where nothing is said.
    out: Option<String>,
    /// The label of the reason.
    reason: String,
}

#[test]
fn backend_fixtures_hold_for_the_model() {
    check(|tunnels, frame| model::decide(tunnels, &own(), frame));
}

#[test]
#[ignore = "needs root"]
fn backend_fixtures_hold_for_the_program() {
    let programs = [Program::load(&tunnels()), Program::load(&keyed())];
    check(|tunnels, frame| {
        let program = &programs[usize::from(*tunnels == keyed())];
        let (got, after, reason) = program.run(frame);
        assert_eq!(got, verdict(reason));
        (reason, after)
    });
}

fn check(run: impl Fn(&Tunnels, &[u8]) -> (dsr_common::backend::Reason, Vec<u8>)) {
    let (mut wrong, mut count) = (0, 0);
    for (file, case) in cases() {
        let frame = bytes::read(&case.r#in, &[]).unwrap_or_else(|error| panic!("{file}: {}: {error}", case.about));
        let expected = case.out.as_ref().map_or(Ok(frame.clone()), |out| bytes::read(out, &frame)).unwrap();
        let tunnels = if case.keyed { keyed() } else { tunnels() };
        let (reason, after) = run(&tunnels, &frame);
        if (reason.label(), &after) != (case.reason.as_str(), &expected) {
            eprintln!(
                "{file}: {}\n     got {} {after:02x?}\nexpected {} {expected:02x?}",
                case.about,
                reason.label(),
                case.reason
            );
            wrong += 1;
        }
        count += 1;
    }
    assert!(count > 0 && wrong == 0, "{wrong} of {count} frames have another outcome than told");
}

fn cases() -> Vec<(String, Case)> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/backend_program/frames");
    let mut cases = Vec::new();
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let list: Vec<Case> =
            serde_yaml::from_str(&fs::read_to_string(&path).unwrap()).unwrap_or_else(|error| panic!("{name}: {error}"));
        cases.extend(list.into_iter().map(|case| (name.clone(), case)));
    }
    cases
}
