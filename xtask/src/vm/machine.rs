//! One virtual machine: QEMU without KVM, in a network namespace of its own, and never for longer than it may take.

use std::{
    ffi::OsString,
    fs,
    io::{self, BufRead as _, BufReader, Read, Write as _},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, anyhow};

use super::{console::Outcome, image::Image, tools::Tools};
use crate::process;

/// How long a machine may take, on a busy host too.
const PATIENCE: Duration = Duration::from_secs(900);
const POLL: Duration = Duration::from_millis(100);
const CPUS: usize = 2;
const MEMORY: &str = "1536M";
/// Queue pairs of the balancer's interface: the driver wants one more a CPU for what XDP sends.
const QUEUES: usize = 2 * CPUS;
/// The machine's interfaces. Their taps are ports of one bridge in QEMU's own network namespace.
const INTERFACES: [Interface; 3] = [
    Interface { tap: "balancer", mac: "02:00:00:00:00:01", queues: QUEUES },
    Interface { tap: "client", mac: "02:00:00:00:00:02", queues: 1 },
    Interface { tap: "backend", mac: "02:00:00:00:00:03", queues: 1 },
];
/// Native XDP on virtio-net takes no frames that the host merged or left without a checksum.
const OFFLOADS: &str = "guest_csum=off,guest_tso4=off,guest_tso6=off,guest_ecn=off,guest_ufo=off";
/// Run by `sh -c` in a network namespace of its own; its arguments are how many taps, each with its mode, and then
/// the program to become.
const WIRE: &str = r#"
set -e
if [ -e /proc/sys/net/ipv6 ]; then echo 1 >/proc/sys/net/ipv6/conf/default/disable_ipv6; fi
ip link add wire type bridge mcast_snooping 0
ip link set wire up
taps=$1; shift
while [ "$taps" -gt 0 ]; do
    ip tuntap add "$1" mode tap $2
    ip link set "$1" master wire up
    shift 2; taps=$((taps - 1))
done
exec "$@"
"#;

struct Interface {
    tap: &'static str,
    mac: &'static str,
    queues: usize,
}

/// A machine that can be started.
pub(super) struct Machine<'a> {
    pub(super) tools: &'a Tools,
    pub(super) image: &'a Image,
    /// Where the machine's report is written.
    pub(super) directory: PathBuf,
}

impl Machine<'_> {
    /// Runs it to its end; its console goes to our stdout, each line behind the kernel's name.
    pub(super) fn run(&self) -> Result<Outcome> {
        let report = self.directory.join(format!("{}.report", self.image.kernel));
        let _ = fs::remove_file(&report);
        let mut command = self.command(&report)?;
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().context("starting QEMU")?;
        let console = child.stdout.take().context("QEMU has no stdout")?;
        let kernel = self.image.kernel;
        let copy = thread::spawn(move || show(console, kernel));
        let ended = wait(&mut child, PATIENCE)?;
        copy.join().map_err(|_| anyhow!("the thread of the console panicked"))?.context("copying the console")?;
        let outcome = Outcome::parse(&fs::read_to_string(&report).unwrap_or_default());
        Ok(if ended { outcome } else { outcome.timed_out() })
    }

    /// Each program of the chain becomes the next one, so that the process that we start is QEMU in the end. It dies
    /// with us, however we end.
    fn command(&self, report: &Path) -> Result<Command> {
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "KILL", "unshare", "--net"]);
        if !process::is_root() {
            command.arg("--map-root-user");
        }
        command.args(["sh", "-c", WIRE, "wire", &INTERFACES.len().to_string()]);
        for interface in &INTERFACES {
            command.args([interface.tap, if interface.queues > 1 { "multi_queue" } else { "" }]);
        }
        command.args(self.tools.qemu()?).args(self.board(report));
        command.args(INTERFACES.iter().flat_map(Interface::devices));
        Ok(command)
    }

    fn board(&self, report: &Path) -> Vec<OsString> {
        // A panic reboots, which ends QEMU. On a busy host the timer's interrupts come too late for the kernel's check of them.
        let line =
            "console=ttyS0 quiet loglevel=4 panic=-1 no_timer_check net.ifnames=0 random.trust_cpu=on rdinit=/init";
        let cpus = CPUS.to_string();
        let mut words: Vec<OsString> = vec![];
        words.extend(["-machine", "q35", "-accel", "tcg,thread=single", "-cpu", "max"].map(OsString::from));
        words.extend(["-smp", &cpus, "-m", MEMORY].map(OsString::from));
        words.extend(["-nodefaults", "-display", "none", "-no-reboot", "-append", line].map(OsString::from));
        words.extend(["-kernel".into(), self.image.vmlinuz.clone().into()]);
        words.extend(["-initrd".into(), self.image.initramfs.clone().into()]);
        words.extend(["-serial".into(), "stdio".into(), "-serial".into(), file(report)]);
        words
    }
}

impl Interface {
    fn devices(&self) -> [String; 4] {
        let Self { tap, mac, queues } = self;
        // A vector for each queue of each pair, one for the configuration and one for control.
        let vectors = 2 * queues + 2;
        let multi = if *queues > 1 { format!(",mq=on,vectors={vectors},{OFFLOADS}") } else { String::new() };
        let wanted = if *queues > 1 { format!(",queues={queues}") } else { String::new() };
        [
            "-netdev".into(),
            format!("tap,id={tap},ifname={tap},script=no,downscript=no{wanted}"),
            "-device".into(),
            format!("virtio-net-pci,netdev={tap},mac={mac},romfile={multi}"),
        ]
    }
}

fn file(path: &Path) -> OsString {
    let mut word = OsString::from("file:");
    word.push(path);
    word
}

/// Copies a console to our stdout line by line, so that those of several machines stay legible.
fn show(console: impl Read, kernel: &str) -> io::Result<()> {
    for line in BufReader::new(console).split(b'\n') {
        let line = line?;
        let line = String::from_utf8_lossy(&line);
        writeln!(io::stdout(), "{kernel:<4} | {}", line.trim_end())?;
    }
    Ok(())
}

/// Whether the process ended by itself in time; it is gone in either case.
fn wait(child: &mut Child, patience: Duration) -> Result<bool> {
    let give_up = Instant::now() + patience;
    while child.try_wait().context("waiting for QEMU")?.is_none() {
        if Instant::now() > give_up {
            child.kill().and_then(|()| child.wait()).context("stopping QEMU")?;
            return Ok(false);
        }
        thread::sleep(POLL);
    }
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_balancer_has_spare_queues_and_its_traffic_no_offloads() {
        let [_, backing, _, device] = INTERFACES[0].devices();
        assert!(backing.ends_with(",queues=4"), "{backing}");
        assert!(device.contains(",mq=on,vectors=10,guest_csum=off,"), "{device}");
        let [_, backing, _, device] = INTERFACES[1].devices();
        assert!(!backing.contains("queues") && !device.contains("mq="), "{backing} {device}");
    }

    #[test]
    fn a_process_that_takes_too_long_is_killed() {
        let mut child = Command::new("sleep").arg("60").spawn().unwrap();
        assert!(!wait(&mut child, Duration::ZERO).unwrap());
        let mut child = Command::new("true").spawn().unwrap();
        assert!(wait(&mut child, Duration::from_secs(30)).unwrap());
    }
}
