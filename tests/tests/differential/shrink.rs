//! Makes a difference smaller while it stays one: fewer frames, shorter, with more zeros.

use dsr_tests::generate::Case;

use super::pair::Pair;

/// Bytes of the shortest frame that can be run.
const SHORTEST: usize = 14;

/// A case of which the last frame differs, to fewer and simpler frames of which the last differs.
pub(super) fn shrink(case: &Case) -> Case {
    // One pair for all attempts, because loading takes longer than all the runs: what attempts leave behind, they leave
    // in both.
    let mut pair = Pair::new();
    let of = |frames: &[Vec<u8>]| Case { frames: frames.to_vec(), ..case.clone() };
    let mut differ = |frames: &[Vec<u8>]| pair.first_difference(&of(frames)) == Some(frames.len() - 1);
    let mut smallest = case.frames.clone();
    while let Some(fewer) = without_one(&smallest).into_iter().find(|fewer| differ(fewer)) {
        smallest = fewer;
    }
    let Some(mut last) = smallest.pop() else { return of(&smallest) };
    let mut attempt = |last: &mut Vec<u8>, simpler: Vec<u8>| {
        smallest.push(simpler.clone());
        let still = simpler != *last && differ(&smallest);
        smallest.pop();
        if still {
            *last = simpler;
        }
        still
    };
    for bytes in [64, 16, 4, 1] {
        while last.len() >= SHORTEST + bytes {
            let simpler = last[..last.len() - bytes].to_vec();
            if !attempt(&mut last, simpler) {
                break;
            }
        }
    }
    for at in 0..last.len() {
        let mut simpler = last.clone();
        simpler[at] = 0;
        attempt(&mut last, simpler);
    }
    smallest.push(last);
    of(&smallest)
}

/// The frames without each of those before the last.
fn without_one(frames: &[Vec<u8>]) -> Vec<Vec<Vec<u8>>> {
    let without =
        |gone| frames.iter().enumerate().filter(|(n, _)| *n != gone).map(|(_, frame)| frame.clone()).collect();
    (0..frames.len() - 1).map(without).collect()
}
