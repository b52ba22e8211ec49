//! What a DNS record can be, as `dig +short` prints it. Pure.

use std::net::{Ipv4Addr, Ipv6Addr};

use hickory_proto::rr::Name;

use crate::{config::at::shown, model::DnsType};

/// Why no record of a type is ever this text, and what to write; nothing where one may be.
pub(super) fn unfit(kind: DnsType, text: &str) -> Option<String> {
    let (fits, write) = match kind {
        DnsType::A => (text.parse::<Ipv4Addr>().is_ok(), "an IPv4 address, like 192.0.2.1"),
        DnsType::AAAA => (text.parse::<Ipv6Addr>().is_ok(), "an IPv6 address, like 2001:db8::1"),
        DnsType::CNAME | DnsType::NS | DnsType::PTR => (is_name(text), "a name, like www.example.com."),
        DnsType::MX => (has(text, &[number, is_name]), "a preference and a name, like 10 mail.example.com."),
        DnsType::SRV => (
            has(text, &[number, number, number, is_name]),
            "a priority, a weight, a port and a name, like 0 5 443 www.example.com.",
        ),
        DnsType::SOA => (
            has(text, &[is_name, is_name, time, time, time, time, time]),
            "two names and five numbers, like ns.example.com. admin.example.com. 1 7200 3600 1209600 3600",
        ),
        DnsType::TXT => (true, ""),
    };
    (!fits).then(|| {
        let shown = shown(text);
        format!("`{shown}` is never the data of a record of type {kind:?}: write {write}, or another `type`")
    })
}

/// Whether a text is these words, with one space between them.
fn has(text: &str, words: &[fn(&str) -> bool]) -> bool {
    let found: Vec<_> = text.split(' ').collect();
    found.len() == words.len() && found.iter().zip(words).all(|(word, is)| is(word))
}

/// A number of 16 bits as it is printed: without a sign and without zeros in front.
fn number(word: &str) -> bool {
    word.parse::<u16>().is_ok_and(|number| number.to_string() == word)
}

/// A number of 32 bits as it is printed.
fn time(word: &str) -> bool {
    word.parse::<u32>().is_ok_and(|number| number.to_string() == word)
}

/// A name in ASCII is one by its labels; what another one is in ASCII is for the check to find out.
fn is_name(word: &str) -> bool {
    !word.is_empty() && !word.contains(char::is_whitespace) && (!word.is_ascii() || Name::from_ascii(word).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_record_may_be_is_taken() {
        for (kind, text) in [
            (DnsType::A, "192.0.2.1"),
            (DnsType::AAAA, "2001:DB8:0:0::1"),
            (DnsType::CNAME, "b\u{fc}cher.example"),
            (DnsType::NS, "ns1.example.com."),
            (DnsType::PTR, "_host.example.com"),
            (DnsType::MX, "10 mail.example.com."),
            (DnsType::MX, "0 ."),
            (DnsType::SRV, "0 5 443 www.example.com"),
            (DnsType::SOA, "ns.example.com. admin.example.com. 2026010100 7200 3600 1209600 3600"),
            (DnsType::TXT, "\"v=spf1 -all\""),
            (DnsType::TXT, "192.0.2.1"),
        ] {
            assert_eq!(unfit(kind, text), None, "{kind:?} {text}");
        }
    }

    #[test]
    fn what_no_record_ever_is_is_refused() {
        for (kind, text) in [
            (DnsType::A, "hello"),
            (DnsType::A, "2001:db8::1"),
            (DnsType::AAAA, "192.0.2.1"),
            (DnsType::CNAME, "two words"),
            (DnsType::NS, "ns1..example.com"),
            (DnsType::MX, "mail.example.com."),
            (DnsType::MX, "10  mail.example.com."),
            (DnsType::MX, "010 mail.example.com."),
            (DnsType::SRV, "0 5 www.example.com"),
            (DnsType::SRV, "0 5 65536 www.example.com"),
            (DnsType::SOA, "ns.example.com. admin.example.com. 1"),
        ] {
            assert!(unfit(kind, text).is_some(), "{kind:?} {text}");
        }
        let expected =
            "`hello` is never the data of a record of type A: write an IPv4 address, like 192.0.2.1, or another `type`";
        assert_eq!(unfit(DnsType::A, "hello").unwrap(), expected);
    }
}
