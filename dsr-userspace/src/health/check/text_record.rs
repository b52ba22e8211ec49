//! The text of a TXT record, as an operator writes it. Pure.
//!
//! A record holds strings of at most 255 bytes, and what they mean is their concatenation (RFC 7208, 3.3). `dig +short`
//! prints each in quotes, with a space between them: a backslash stands before a quote and a backslash, and before three
//! decimal digits that are a byte (RFC 1035, 5.1).

/// Whether these strings are the text that is wanted, as `dig` prints them, divided anywhere, or as it is. Case counts.
pub(super) fn holds(strings: &[Box<[u8]>], wanted: &str) -> bool {
    let found = strings.concat();
    found == wanted.as_bytes() || printed(wanted).is_some_and(|text| found == text)
}

/// The bytes of what `dig` prints; nothing where that is not strings in quotes.
fn printed(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut rest = text.trim().as_bytes();
    while let Some(quoted) = rest.strip_prefix(b"\"") {
        rest = string(quoted, &mut bytes)?.trim_ascii_start();
    }
    rest.is_empty().then_some(bytes)
}

/// Takes one string up to its quote; gives what is behind that.
fn string<'text>(mut rest: &'text [u8], into: &mut Vec<u8>) -> Option<&'text [u8]> {
    loop {
        let (byte, behind) = match *rest {
            [b'"', ref behind @ ..] => return Some(behind),
            [b'\\', a @ b'0'..=b'9', b @ b'0'..=b'9', c @ b'0'..=b'9', ref behind @ ..] => {
                let number = [a, b, c].iter().fold(0, |sum, digit| sum * 10 + u16::from(digit - b'0'));
                (u8::try_from(number).ok()?, behind)
            }
            [b'\\', byte, ref behind @ ..] | [byte, ref behind @ ..] => (byte, behind),
            [] => return None,
        };
        into.push(byte);
        rest = behind;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is(strings: &[&str], wanted: &str) -> bool {
        let strings: Vec<_> = strings.iter().map(|text| text.as_bytes().into()).collect();
        holds(&strings, wanted)
    }

    #[test]
    fn a_text_may_be_written_as_dig_prints_it() {
        assert!(is(&["hello world"], "\"hello world\""));
        assert!(is(&["v=spf1 ", "-all"], "\"v=spf1 \" \"-all\""));
        assert!(is(&["v=spf1 ", "-all"], "\"v=spf1 -all\""), "divided in another way");
        assert!(is(&["say \"yes\" \\o/;"], r#""say \"yes\" \\o/\;""#));
        assert!(is(&["gr\u{fc}n"], r#""gr\195\188n""#));
        assert!(is(&[""], "\"\""));
    }

    #[test]
    fn a_text_may_be_written_as_it_is() {
        assert!(is(&["hello world"], "hello world"));
        assert!(is(&["hello ", "world"], "hello world"));
        assert!(is(&["\"quoted\""], "\"quoted\""));
    }

    #[test]
    fn another_text_is_not_it() {
        for wanted in ["hello", "Hello World", "\"hello\"", "\"hello world", "\"hello world\" x", r#""hello\999world""#]
        {
            assert!(!is(&["hello world"], wanted), "{wanted}");
        }
    }
}
