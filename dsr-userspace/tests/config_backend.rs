//! Configuration files of backends. Beside each bad file in `config/backend` stand its errors as `NAME.expected`; with
//! `DSR_BLESS=1` these are written anew, to be read before they are committed.
#![allow(clippy::unwrap_used)]

use std::{
    env, fs,
    net::IpAddr,
    path::{Path, PathBuf},
};

use dsr::{
    config::{load_backend, parse_backend},
    model::{DscpCode, GUE_PORT, Gre, Prefix, Tunnels},
};

#[test]
fn bad_files_are_refused_with_every_error() {
    for path in files("tests/config/backend") {
        let found = format!("{}\n", load_backend(&path).unwrap_err()).replace(path.to_str().unwrap(), "backend.yaml");
        let expected = path.with_extension("expected");
        if env::var_os("DSR_BLESS").is_some() {
            fs::write(&expected, &found).unwrap();
        }
        assert_eq!(found, fs::read_to_string(&expected).unwrap_or_default(), "{}", path.display());
    }
}

#[test]
fn examples_are_taken() {
    let [dscp, tunnels] = &files("../examples/backend")[..] else { panic!("two examples") };
    let [vip, vip6] = ["192.0.2.10", "2001:db8::10"].map(|text| text.parse::<IpAddr>().unwrap());
    let config = load_backend(tunnels).unwrap();
    let host = |text: &str| Prefix::host(text.parse().unwrap());
    let balancers = vec![host("10.0.0.2"), host("10.0.0.3"), Prefix::new("2001:db8:1::".parse().unwrap(), 64).unwrap()];
    let expected = Tunnels { balancers, vips: vec![vip, vip6], ipip: true, gue: Some(GUE_PORT), ..Tunnels::default() };
    assert_eq!(config.tunnels, expected);
    assert_eq!((config.interfaces, config.hold_vips), (vec!["eth0".to_owned()], true));
    assert_eq!(config.metrics, Some(([127, 0, 0, 1], 9651).into()));
    let config = load_backend(dscp).unwrap();
    let code = DscpCode::new(8).unwrap();
    let dscp = [(vip, code), (vip6, code)].into();
    assert_eq!(config.tunnels, Tunnels { vips: vec![vip, vip6], dscp, ..Tunnels::default() });
}

#[test]
fn options_of_tunnels_may_be_left_out() {
    let accept = |accept: &str| {
        let text = format!("interfaces: [eth0]\nbalancers: [10.0.0.2]\nvips: [192.0.2.10]\naccept: {accept}\n");
        let config = parse_backend(&text, Path::new("backend.yaml")).unwrap();
        (config.tunnels.ipip, config.tunnels.gre, config.tunnels.gue.map(u16::from))
    };
    assert_eq!(accept("[gre, gue]"), (false, Some(Gre { key: None }), Some(6080)));
    assert_eq!(accept("[{gre: {key: 0x2a}}, {gue: {port: 5000}}]"), (false, Some(Gre { key: Some(42) }), Some(5000)));
    assert_eq!(accept("[ipip, {gre: {}}]"), (true, Some(Gre { key: None }), None));
}

/// The YAML files of a directory, in order.
fn files(directory: &str) -> Vec<PathBuf> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join(directory);
    let paths = fs::read_dir(&directory).unwrap().map(|entry| entry.unwrap().path());
    let mut paths: Vec<_> =
        paths.filter(|path| path.extension().is_some_and(|extension| extension == "yaml")).collect();
    assert!(!paths.is_empty(), "{} has files", directory.display());
    paths.sort();
    paths
}
