//! What needs no machine.

use std::{collections::BTreeSet, net::IpAddr};

use super::{Check, name::Name, vip};

#[test]
fn checks_have_names_of_their_own() {
    let names: BTreeSet<_> = Check::ALL.iter().map(|check| check.name()).collect();
    assert_eq!(names.len(), Check::ALL.len());
    assert!(Check::ALL.iter().all(|check| Check::named(check.name()) == Some(*check)));
    assert_eq!(Check::named("arp"), None);
}

#[test]
fn a_vip_is_called_what_every_tool_takes() {
    let [four, six]: [IpAddr; 2] = ["192.0.2.10", "2001:db8::10"].map(|vip| vip.parse().unwrap());
    assert_eq!([vip::slug(four), vip::slug(six)], ["192-0-2-10", "2001-db8--10"]);
    for vip in [four, six, "::1".parse().unwrap(), "2001:db8::".parse().unwrap()] {
        assert_eq!(vip::of_slug(&vip::slug(vip)), Some(vip));
    }
    assert_eq!(vip::of_slug("192-0-2-10.link"), None);
    assert_eq!(vip::device(four), "dsr-c000020a");
    assert!(vip::device(six).len() <= 15 && vip::device(six) != vip::device("2001:db8::11".parse().unwrap()));
    assert_eq!(vip::uuid(four), "00000000-0000-8000-8000-0000c000020a");
    assert_eq!(vip::uuid(six), "20010db8-0000-8000-8000-000000000010");
}

#[test]
fn names_are_of_harmless_characters() {
    for good in ["eth0", "enp3s0.200", "br-lan"] {
        assert_eq!(Name::plain(good, 15).unwrap().as_str(), good);
    }
    for good in ["net", "Ethernet 2", "vEthernet (LAN)", "12", "Local Area Connection #3"] {
        assert_eq!(Name::windows(good).unwrap().as_str(), good);
    }
    for bad in ["", "-a", "a b", "a;b", "sixteen-letters-"] {
        assert!(Name::plain(bad, 15).is_err(), "{bad}");
    }
    for bad in ["", " a", "a ", "-a", "a\"b", "a'b", "a$b", "a`b", "a%b", "\u{2018}a", "\u{30a4}"] {
        assert!(Name::windows(bad).is_err(), "{bad}");
    }
}
