//! Guesses at what was meant.

/// The name among `known` that `written` is most likely a slip of, if there is one.
pub(super) fn closest<'a>(written: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    if written.len() > LONGEST_SLIP {
        return None;
    }
    let written = written.to_lowercase();
    known
        .into_iter()
        .map(|name| (strsim::damerau_levenshtein(&written, &name.to_lowercase()), name))
        .filter(|(distance, name)| *distance <= (name.chars().count() / 3).max(1))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, name)| name)
}

/// The names as a sentence has them: `a, b or c`.
pub(crate) fn listed<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    let names: Vec<_> = names.into_iter().collect();
    match names.as_slice() {
        [] => "none".to_owned(),
        [one] => (*one).to_owned(),
        // In place of "1 others" there is room for that one.
        [most @ .., last] if names.len() <= LISTED_NAMES + 1 => format!("{} or {last}", most.join(", ")),
        _ => format!("{} or {} others", names[..LISTED_NAMES].join(", "), names.len() - LISTED_NAMES),
    }
}

/// Bytes above which a name is no slip of another: comparing takes time in proportion to both lengths.
const LONGEST_SLIP: usize = 64;

/// The most names that a message lists.
const LISTED_NAMES: usize = 12;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn guesses_slips_and_nothing_else() {
        assert_eq!(closest("wieght", ["name", "weight"]), Some("weight"));
        assert_eq!(closest("Port", ["port", "pool"]), Some("port"));
        assert_eq!(closest("eth1", ["lo", "eth0"]), Some("eth0"));
        assert_eq!(closest("colour", ["port", "pool"]), None);
        assert_eq!(closest("x", []), None);
    }

    #[test]
    fn lists_read_as_sentences() {
        assert_eq!(listed(["a"]), "a");
        assert_eq!(listed(["a", "b", "c"]), "a, b or c");
        assert_eq!(listed(["a"; LISTED_NAMES + 2]), format!("{} or 2 others", ["a"; LISTED_NAMES].join(", ")));
    }
}
