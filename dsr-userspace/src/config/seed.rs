//! A seed for a balancer whose configuration has none.

use std::fs;

use dsr_common::hash::split_mix;

use super::parse::fnv1a;

/// This machine's id, as machine-id(5) has it.
const MACHINE_ID: &str = "/etc/machine-id";

/// A seed that is the same at each start on this machine. The message says what to write instead.
///
/// The id itself should not leave the machine (machine-id(5)); two rounds of mixing over a name of our own keep it from
/// being read off a Maglev table.
pub(super) fn of_machine() -> Result<u64, String> {
    let id = fs::read_to_string(MACHINE_ID).map_err(|error| missing(&error.to_string()))?;
    from_id(&id).ok_or_else(|| missing("it holds no id"))
}

fn from_id(id: &str) -> Option<u64> {
    let id = id.trim();
    if id.len() != 32 || !id.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    let mut state = fnv1a(format!("dsr hash_seed {id}").as_bytes());
    let first = split_mix(&mut state);
    Some(first ^ split_mix(&mut state))
}

fn missing(reason: &str) -> String {
    format!(
        "is missing, and {MACHINE_ID}, which stands in for it, cannot be used ({reason}): \
         write one, like what `echo 0x$(openssl rand -hex 8)` prints"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_machine_has_one_seed_and_no_other_machine_has_it() {
        let id = "0123456789abcdef0123456789abcdef";
        assert_eq!(from_id(id), from_id(&format!("{id}\n")));
        assert_ne!(from_id(id), from_id("0123456789abcdef0123456789abcdee"));
    }

    #[test]
    fn what_is_no_id_makes_no_seed() {
        assert_eq!(from_id(""), None);
        assert_eq!(from_id("uninitialized\n"), None);
    }
}
