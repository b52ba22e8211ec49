//! Where the agent listens, as this host has it.

use std::{
    fs,
    net::{IpAddr, SocketAddr},
    os::unix::fs::FileTypeExt as _,
    path::Path,
};

use super::host::HostFacts;

/// Why metrics cannot be served there, and what to do; nothing where they can.
pub(super) fn unfit_metrics(
    at: SocketAddr,
    mut vips: impl Iterator<Item = IpAddr>,
    host: &HostFacts,
) -> Option<String> {
    let (address, port) = (at.ip(), at.port());
    if vips.any(|vip| vip == address) {
        return Some(format!(
            "{address} is a VIP, which this host does not have as an address: write an address of this host, or \
             127.0.0.1:{port}"
        ));
    }
    if !address.is_unspecified() && !address.is_loopback() && host.find(address).is_none() {
        return Some(format!("{address} is not an address of this host: write one, or 127.0.0.1:{port}"));
    }
    (port < host.first_free_port).then(|| privileged_port(port, host.first_free_port))
}

fn privileged_port(port: u16, first_free: u16) -> String {
    format!(
        "port {port} needs CAP_NET_BIND_SERVICE, which deploy/dsr.service does not give: write a port from {first_free}, \
         or add it to CapabilityBoundingSet of the unit"
    )
}

/// Why the admin API cannot be served there, and what to do; nothing where it can.
pub(super) fn unfit_api(socket: &Path) -> Option<String> {
    if fs::symlink_metadata(socket).is_ok_and(|file| !file.file_type().is_socket()) {
        return Some("this file is not a socket: write another path, or remove the file".to_owned());
    }
    let (directory, default) = (socket.parent()?, Path::new(API_SOCKET));
    // The unit creates that of the default.
    if directory.is_dir() || default.parent() == Some(directory) {
        return None;
    }
    let shown = directory.display();
    Some(format!(
        "there is no directory {shown}, and the agent may not be allowed to create it: create it and add it to \
         ReadWritePaths of the unit, or write {}",
        default.display()
    ))
}

/// Where the socket is unless the configuration says otherwise.
pub const API_SOCKET: &str = "/run/dsr/api.sock";

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixListener;

    use super::{super::host::AddressOnHost, *};

    #[test]
    fn metrics_are_served_at_an_address_of_the_host() {
        let address =
            |text: &str| AddressOnHost { address: text.parse().unwrap(), prefix: 24, interface: "eth0".into() };
        let addresses = vec![address("10.0.0.1"), address("2001:db8::1")];
        let host = HostFacts { addresses, first_free_port: 1024, ..HostFacts::default() };
        let told = |at: &str| {
            let vips = ["192.0.2.10".parse().unwrap()];
            unfit_metrics(at.parse().unwrap(), vips.into_iter(), &host).unwrap_or_default()
        };
        for good in ["10.0.0.1", "[2001:db8::1]", "0.0.0.0", "[::]", "127.0.0.1", "127.0.0.53", "[::1]"] {
            assert_eq!(told(&format!("{good}:9650")), "", "{good}");
        }
        assert!(told("192.0.2.10:9650").starts_with("192.0.2.10 is a VIP"), "{}", told("192.0.2.10:9650"));
        let expected = "10.0.0.2 is not an address of this host: write one, or 127.0.0.1:9650";
        assert_eq!(told("10.0.0.2:9650"), expected);
        assert!(told("[2001:db8::2]:9650").starts_with("2001:db8::2 is not an address of this host"));
        assert!(told("10.0.0.1:80").starts_with("port 80 needs CAP_NET_BIND_SERVICE"));
    }

    #[test]
    fn the_api_needs_a_directory_and_a_free_path() {
        let directory = tempfile::tempdir().unwrap();
        let at = |name: &str| directory.path().join(name);
        assert_eq!(unfit_api(&at("api.sock")), None);
        let _listener = UnixListener::bind(at("old.sock")).unwrap();
        assert_eq!(unfit_api(&at("old.sock")), None);
        fs::write(at("file"), "").unwrap();
        assert!(unfit_api(&at("file")).unwrap().starts_with("this file is not a socket"));
        assert!(unfit_api(directory.path()).unwrap().starts_with("this file is not a socket"));
        for path in ["none/api.sock", "file/api.sock"] {
            assert!(unfit_api(&at(path)).unwrap().starts_with("there is no directory "), "{path}");
        }
        assert_eq!(unfit_api(Path::new(API_SOCKET)), None, "which the unit makes possible");
    }
}
