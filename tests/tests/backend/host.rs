//! A host that becomes a backend, and a client on the same wire. The host has its own `/etc`, `/run` and `/var/lib`.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
    sync::atomic::{AtomicU32, Ordering},
};

use dsr::backend::Asked;
use dsr_lab::Namespace;
use dsr_tests::lab::{
    eventually,
    process::{finish, ip, set},
};
use tempfile::TempDir;

use crate::scripts::text;

/// The two, and the host's directories.
pub(crate) struct Host {
    pub(crate) backend: Namespace,
    pub(crate) client: Namespace,
    root: TempDir,
}

impl Host {
    pub(crate) const ADDRESS: &str = "10.9.0.2";
    pub(crate) const ADDRESS6: &str = "fd09::2";

    pub(crate) fn build() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let create = |role: &str| Namespace::create(&format!("setup-{}-{number}-{role}", std::process::id())).unwrap();
        let host = Self { backend: create("backend"), client: create("client"), root: tempfile::tempdir().unwrap() };
        for namespace in [&host.backend, &host.client] {
            // No address comes by itself, so that what is compared holds still.
            set(namespace, "ipv6.conf.default.addr_gen_mode", "1");
            // A new namespace has what the machine has.
            for key in ["arp_ignore", "arp_announce", "rp_filter"] {
                set(namespace, &format!("ipv4.conf.all.{key}"), "0");
                set(namespace, &format!("ipv4.conf.default.{key}"), "0");
            }
            set(namespace, "ipv6.conf.default.accept_dad", "0");
            ip(namespace, "link set lo up");
        }
        ip(&host.backend, &format!("link add eth0 type veth peer name eth0 netns {}", host.client.name()));
        for (namespace, last) in [(&host.backend, 2), (&host.client, 1)] {
            ip(namespace, "link set eth0 up");
            ip(namespace, &format!("address add 10.9.0.{last}/24 dev eth0"));
            ip(namespace, &format!("address add fd09::{last}/64 dev eth0 nodad"));
            // Questions that are asked for an answer from the VIP come from this one.
            ip(namespace, &format!("address add fe80::{last}/64 dev eth0 nodad"));
        }
        // One question is enough, and its end is known soon.
        for family in ["ipv4", "ipv6"] {
            set(&host.client, &format!("{family}.neigh.eth0.mcast_solicit"), "1");
            set(&host.client, &format!("{family}.neigh.eth0.retrans_time_ms"), "200");
        }
        host.furnish();
        host
    }

    /// The directories that the tools have on a host, and what programs need to run.
    fn furnish(&self) {
        for directory in [
            "run/mount",
            "var-lib",
            "etc/sysctl.d",
            "etc/systemd/network",
            "etc/network/interfaces.d",
            "etc/network/if-pre-up.d",
            "etc/network/if-up.d",
            "etc/NetworkManager/system-connections",
            "etc/netplan",
        ] {
            fs::create_dir_all(self.path(directory)).unwrap();
        }
        let interfaces = "auto lo\niface lo inet loopback\nsource /etc/network/interfaces.d/*\n";
        fs::write(self.path("etc/network/interfaces"), interfaces).unwrap();
        for shared in ["passwd", "group", "nsswitch.conf", "ld.so.cache", "alternatives"] {
            let copied =
                Command::new("cp").arg("-a").arg(Path::new("/etc").join(shared)).arg(self.path("etc")).status();
            assert!(copied.unwrap().success() || shared == "alternatives");
        }
    }

    /// Where something of the host is: `etc/...`, `run/...`, `var-lib/...`.
    pub(crate) fn path(&self, inside: &str) -> PathBuf {
        self.root.path().join(inside)
    }

    /// Runs a shell script on the host.
    pub(crate) fn run(&self, script: &str) -> Output {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), script).unwrap();
        let mut command = self.command("exec sh \"$1\"");
        finish(command.arg(file.path()))
    }

    /// A command line that sees the host's directories in the places of the machine's. Arguments begin with `$1`.
    pub(crate) fn command(&self, line: &str) -> Command {
        let mut command = self.backend.command("unshare").unwrap();
        // By its path: busybox would run a shell of its own, and that its own `ip`.
        command.args(["--mount", "/bin/sh", "-ec", &format!("{IN_ITS_DIRECTORIES}; {line}"), "sh"]);
        command.env("ROOT", self.root.path());
        command
    }

    /// Runs the script of a request, which must end well; gives what it said.
    pub(crate) fn must(&self, asked: &Asked) -> String {
        let output = self.run(&text(asked));
        assert!(output.status.success(), "{asked:?}: {output:?}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// Runs a check that must fail; gives the name and the remedy command of each fault.
    pub(crate) fn faults(&self, asked: &Asked) -> Vec<(String, String)> {
        let output = self.run(&text(asked));
        assert_eq!(output.status.code(), Some(1), "{output:?}");
        let told = String::from_utf8_lossy(&output.stdout);
        let faults = told.lines().map(|line| {
            let parts: Vec<_> = line.splitn(3, ": ").collect();
            let &["fault", name, rest] = &parts[..] else { panic!("{line}") };
            assert!(dsr::backend::Check::named(name).is_some(), "{name} is no check");
            (name.to_owned(), rest.rsplit_once(": ").unwrap().1.to_owned())
        });
        let faults: Vec<_> = faults.collect();
        assert!(!faults.is_empty(), "{output:?}");
        faults
    }

    /// The names of a check's faults, in order.
    pub(crate) fn names(&self, asked: &Asked) -> Vec<String> {
        self.faults(asked).into_iter().map(|(name, _)| name).collect()
    }

    /// All that a set-up could change: addresses, links, settings, rules, files.
    pub(crate) fn state(&self) -> BTreeMap<String, String> {
        let mut state = BTreeMap::new();
        let shown = ip(&self.backend, "-o address show");
        for line in shown.lines() {
            let words: Vec<_> = line.split_whitespace().collect();
            state.insert(format!("address {} {}", words[1], words[3]), String::new());
        }
        for line in ip(&self.backend, "-o link show").lines() {
            let name = line.split_whitespace().nth(1).unwrap();
            state.insert(format!("link {name}"), String::new());
        }
        for key in SETTINGS {
            let value = self.backend.run(|| fs::read_to_string(format!("/proc/sys/net/{key}"))).unwrap().unwrap();
            state.insert((*key).to_owned(), value);
        }
        for part in ["etc", "run", "var-lib"] {
            files(&self.path(part), &mut state);
        }
        state
    }

    /// That nothing differs from how it was.
    pub(crate) fn assert_is(&self, before: &BTreeMap<String, String>) {
        let now = self.state();
        let differ =
            |(key, value): &(&String, &String)| before.get(*key) != Some(*value) || now.get(*key) != Some(*value);
        let different: Vec<_> = before.iter().chain(&now).filter(differ).collect();
        assert!(different.is_empty(), "before and now: {different:#?}");
    }

    /// Whether the client gets a MAC when it asks who has an address, by ARP or neighbour discovery.
    pub(crate) fn is_told(&self, address: &str) -> bool {
        self.forget(address);
        // Whatever is sent makes the kernel ask.
        let socket =
            self.client.run(|| std::net::UdpSocket::bind(if address.contains(':') { "[::]:0" } else { "0.0.0.0:0" }));
        socket.unwrap().unwrap().send_to(b"?", format_socket(address)).unwrap();
        eventually("end to the question", || {
            let entry = ip(&self.client, &format!("neighbour show {address} dev eth0"));
            let state = entry.split_whitespace().last().unwrap_or("INCOMPLETE").to_owned();
            (state != "INCOMPLETE" && state != "PROBE").then(|| state != "FAILED")
        })
    }

    /// Whether the host answers a ping for an address that comes in a frame to it, as the balancer sends it.
    pub(crate) fn accepts(&self, address: &str) -> bool {
        self.forget(address);
        self.point(address);
        let mut ping = self.client.command("ping").unwrap();
        let answered = finish(ping.args(["-c", "1", "-W", "1", address])).status.success();
        self.forget(address);
        answered
    }

    /// Lets the client send what is for an address to the host, unasked.
    pub(crate) fn point(&self, address: &str) {
        let mac = ip(&self.backend, "-o link show dev eth0");
        let mac = mac.split_whitespace().skip_while(|word| *word != "link/ether").nth(1).unwrap();
        ip(&self.client, &format!("neighbour replace {address} lladdr {mac} dev eth0 nud permanent"));
    }

    fn forget(&self, address: &str) {
        let mut command = self.client.command("ip").unwrap();
        // There may be none.
        finish(command.args(["neighbour", "del", address, "dev", "eth0"]));
    }
}

fn format_socket(address: &str) -> String {
    if address.contains(':') { format!("[{address}]:9") } else { format!("{address}:9") }
}

fn files(directory: &Path, into: &mut BTreeMap<String, String>) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_symlink() {
            continue;
        }
        let name = path.display().to_string();
        if path.is_dir() {
            into.insert(name, "a directory".to_owned());
            files(&path, into);
        } else {
            into.insert(name, String::from_utf8_lossy(&fs::read(&path).unwrap()).into_owned());
        }
    }
}

/// The directories of the host in the places of the machine's.
const IN_ITS_DIRECTORIES: &str = "mount --bind \"$ROOT/etc\" /etc; mount --bind \"$ROOT/run\" /run
mount --bind \"$ROOT/var-lib\" /var/lib";

const SETTINGS: &[&str] = &[
    "ipv4/conf/all/arp_ignore",
    "ipv4/conf/all/arp_announce",
    "ipv4/conf/all/rp_filter",
    "ipv4/conf/eth0/arp_ignore",
    "ipv4/conf/eth0/arp_announce",
    "ipv4/conf/lo/arp_ignore",
    "ipv6/conf/all/disable_ipv6",
    "ipv6/conf/lo/disable_ipv6",
    "ipv6/conf/eth0/proxy_ndp",
];
