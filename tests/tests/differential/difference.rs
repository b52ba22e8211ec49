//! The report of a difference: frame, both outcomes, and how to see it again.

use std::fmt::Write as _;

use dsr_tests::{generate::Case, model::Decision, program::Outcome};

use super::{
    describe::{hex, line},
    pair::Pair,
    shrink::shrink,
};

/// Frame `index` of a case differs: what there is to say about it, and about the smallest frames like it.
pub(super) fn report(seed: u64, case: &Case, index: usize) -> String {
    let mut text = format!("frame {index} of case {} ({}) of seed {seed} differs\n", case.number, case.about);
    let variables = format!("DSR_FUZZ_SEED={seed} DSR_FUZZ_CASE={}", case.number);
    let _ = writeln!(text, "again: {variables} cargo xtask test program_and_model_agree_on_every_frame");
    let case = Case { frames: case.frames[..=index].to_vec(), ..case.clone() };
    let _ = writeln!(text, "\nas generated:\n{}", outcome(&case));
    if Pair::new().first_difference(&case).is_none() {
        text.push_str("\nAlone the case does not differ: an earlier one left something behind.\n");
        return text;
    }
    let case = shrink(&case);
    let _ = writeln!(text, "\nshrunk to {} frame(s):\n{}", case.frames.len(), outcome(&case));
    text
}

/// Each frame, and what both made of the last.
fn outcome(case: &Case) -> String {
    let (mut pair, mut text) = (Pair::new(), String::new());
    for (index, frame) in case.frames.iter().enumerate() {
        let heartbeat = case.heartbeat(index);
        pair.set_heartbeat(heartbeat);
        let (program, model) = pair.both(frame);
        let _ = writeln!(text, "  {}, heartbeat {heartbeat:?}{}", line(frame), hex(frame));
        if index + 1 == case.frames.len() {
            text.push_str(&both(frame, &program, &model));
        }
    }
    text
}

fn both(frame: &[u8], program: &Outcome, model: &Decision) -> String {
    let mut text = String::new();
    let after = |after: &[u8]| if after == frame { "unchanged".to_owned() } else { hex(after) };
    let _ = writeln!(text, "  program: {:?} {:?}", program.verdict, program.counted);
    let _ = writeln!(text, "  model:   {:?} {:?}", model.verdict, model.counted);
    if program.frame != model.frame {
        let _ = writeln!(text, "  the program's frame afterwards: {}", after(&program.frame));
        let _ = writeln!(text, "  the model's frame afterwards: {}", after(&model.frame));
    }
    text
}
