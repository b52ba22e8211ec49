//! The agent's own troubles: no file descriptor, no log, a file that cannot be read. None is a backend's, and none stops
//! traffic.

use std::{
    net::{SocketAddr, TcpStream},
    os::fd::AsFd as _,
    process::Output,
    time::Duration,
};

use dsr_lab::{self as lab, Lab, Samples};
use dsr_tests::lab::{
    Configuration, PATIENCE,
    agent::{self, running},
    curl::request_many,
    dsr_program, eventually,
    process::{Daemon, finish},
};
use rustix::process::{Pid, Resource, Rlimit, Signal, getrlimit, prlimit};

/// On a loaded machine a backend of the lab may take some time to answer, and is not down for that.
const CHECK: &str = "{tcp: {}, interval: 1s, timeout: 1s, rise: 2, fall: 3}";

/// A lab with two backends that are checked often and are up.
fn checked() -> (Lab, Configuration) {
    let mut lab = Lab::builder().backends(2).build().unwrap();
    let configuration = Configuration::of(&lab).health(CHECK);
    agent::start(&configuration, &mut lab);
    running(&lab).wait_until("probes", PATIENCE, |samples| all_healthy(samples) && probes(samples) > 0.0).unwrap();
    (lab, configuration)
}

fn all_healthy(samples: &Samples) -> bool {
    samples.sum("dsr_backend_healthy", &[]) >= 2.0
}

fn probes(samples: &Samples) -> f64 {
    samples.sum("dsr_backend_probe_seconds_count", &[])
}

fn status(lab: &Lab) -> Output {
    finish(lab.agent_command(dsr_program()).unwrap().args(["status"]))
}

fn assert_no_backend_went_down(lab: &Lab) {
    let log = running(lab).log();
    assert!(!log.contains("the backend is down"), "{log}");
}

/// Opens connections to the metrics' port that say nothing.
fn idle_connections(lab: &Lab, count: usize) -> Vec<TcpStream> {
    let address = SocketAddr::from(([127, 0, 0, 1], 9650));
    let connect = || TcpStream::connect_timeout(&address, Duration::from_secs(5));
    lab.balancer().run(|| (0..count).map(|_| connect().unwrap()).collect()).unwrap()
}

/// The agent raises its soft limit once, when it starts.
fn limit_files(lab: &Lab, most: u64) {
    let pid = Pid::from_raw(running(lab).pid().cast_signed());
    let maximum = getrlimit(Resource::Nofile).maximum;
    prlimit(pid, Resource::Nofile, Rlimit { current: Some(most), maximum }).unwrap();
}

#[test]
#[ignore = "needs root"]
fn idle_connections_to_the_metrics_cost_no_backend() {
    let (lab, _) = checked();
    limit_files(&lab, 1024);
    let idle = idle_connections(&lab, 1100);
    let before = probes(&running(&lab).scrape().unwrap());
    running(&lab).wait_until("ten probes more", PATIENCE, |samples| probes(samples) >= before + 10.0).unwrap();
    assert!(status(&lab).status.success(), "{:?}", status(&lab));
    assert_eq!(request_many(&lab, 300).good, 300);
    assert_no_backend_went_down(&lab);
    drop(idle);
}

#[test]
#[ignore = "needs root"]
fn the_soft_limit_of_files_is_raised_and_check_programs_get_it_back() {
    let lab = Lab::builder().backends(1).build().unwrap();
    let check = "{command: [/bin/sh, -c, test $(ulimit -Sn) = 250], interval: 2s, timeout: 2s, rise: 1, fall: 1}";
    lab.write_config(&Configuration::of(&lab).health(check).to_string()).unwrap();
    let mut command = lab.agent_command("/bin/sh").unwrap();
    let script = format!("ulimit -Sn 250 && exec {} run -c /run/dsr/dsr.yaml", dsr_program().display());
    let mut agent = Daemon::start(command.args(["-c", &script]), &lab.directory().join("shell.log"));
    let limits = format!("/proc/{}/limits", agent.pid());
    let raised = || {
        agent.assert_running();
        let limits = std::fs::read_to_string(&limits).unwrap();
        let line = limits.lines().find_map(|line| line.strip_prefix("Max open files")).unwrap();
        let fields: Vec<_> = line.split_whitespace().collect();
        (fields[0] != "250" && fields[0] == fields[1]).then_some(())
    };
    eventually("soft limit as high as the hard one", raised);
    let address = SocketAddr::from(([127, 0, 0, 1], 9650));
    let probed = || {
        agent.assert_running();
        let answer = lab.balancer().block_on(|| lab::get(address, "/metrics", PATIENCE)).unwrap().ok()?;
        let samples = Samples::parse(&String::from_utf8_lossy(&answer.body)).unwrap();
        (probes(&samples) >= 2.0).then_some(samples)
    };
    let samples = eventually("probes", probed);
    assert_eq!(samples.sum("dsr_backend_healthy", &[]) as u64, 1, "{}", agent.log());
}

#[test]
#[ignore = "needs root"]
fn a_probe_that_has_no_descriptor_says_nothing_of_the_backend() {
    let (lab, _) = checked();
    // Connections that are open still work.
    let address = SocketAddr::from(([127, 0, 0, 1], 9650));
    let scraper = lab.balancer().run(|| TcpStream::connect(address)).unwrap().unwrap();
    let mut scraper = Scraper(scraper);
    assert!(scraper.scrape().contains("dsr_probe_local_errors_total 0"));
    // The limit bounds the numbers of new descriptors, and low numbers may be free: only 0, standard input, is below it.
    limit_files(&lab, 1);
    let errors = |text: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix("dsr_probe_local_errors_total "));
        line.unwrap().parse::<u64>().unwrap()
    };
    // More than `fall` asks for, of both backends.
    let unchecked = |text: &String| text.matches("dsr_backend_unchecked{").count() == 2 && errors(text) > 8;
    let text = eventually("probes without a result", || Some(scraper.scrape()).filter(unchecked));
    assert!(!text.contains("dsr_backend_state{"), "{text}");
    limit_files(&lab, 1024);
    let after = eventually("probes with a result", || {
        Some(scraper.scrape()).filter(|text| !text.contains("dsr_backend_unchecked{"))
    });
    assert!(errors(&after) > 8);
    assert_no_backend_went_down(&lab);
    agent::wait_for_log(running(&lab), &["a probe could not run, the backend's state is kept"]);
}

#[test]
#[ignore = "needs root"]
fn a_check_program_that_does_not_exist_is_a_finding_and_takes_no_backend_down() {
    let mut lab = Lab::builder().backends(2).build().unwrap();
    let check = "{command: [/bin/sh, -c, /no/such/program], interval: 200ms, timeout: 200ms, rise: 1, fall: 1}";
    agent::start(&Configuration::of(&lab).health(check), &mut lab);
    let failed = |samples: &Samples| samples.sum("dsr_probe_local_errors_total", &[]) > 4.0;
    let samples = running(&lab).wait_until("probes without a result", PATIENCE, failed).unwrap();
    assert!(all_healthy(&samples));
    let told = status(&lab);
    let text = String::from_utf8_lossy(&told.stdout).into_owned();
    assert_eq!(told.status.code(), Some(1), "{told:?}");
    assert!(text.contains("wrong: backend web1 of ") && text.contains(" and 1 more: not checked, "), "{text}");
    assert_no_backend_went_down(&lab);
}

#[test]
#[ignore = "needs root"]
fn a_log_that_cannot_be_written_ends_nothing() {
    for to in ["2>/dev/full", "2>&1 | true"] {
        let lab = Lab::builder().backends(1).build().unwrap();
        lab.write_config(&Configuration::of(&lab).to_string()).unwrap();
        let mut command = lab.agent_command("/bin/sh").unwrap();
        command.args(["-c", &format!("{} run -c /run/dsr/dsr.yaml {to}", dsr_program().display())]);
        let mut agent = Daemon::start(&mut command, &lab.directory().join("shell.log"));
        let lost = || {
            let address = SocketAddr::from(([127, 0, 0, 1], 9650));
            let answer = lab.balancer().block_on(|| lab::get(address, "/metrics", PATIENCE)).unwrap().ok()?;
            let text = String::from_utf8_lossy(&answer.body).into_owned();
            let lost = text.lines().find_map(|line| line.strip_prefix("dsr_log_lines_lost_total "))?;
            Some(lost.parse::<u64>().unwrap()).filter(|lost| *lost > 0)
        };
        eventually("lines that were lost", lost);
        agent.assert_running();
    }
}

#[test]
#[ignore = "needs root"]
fn a_file_that_cannot_be_read_holds_up_nothing() {
    let (lab, configuration) = checked();
    let refused = |what: &str, told: &str| {
        let before = agent::reloads(running(&lab), "error");
        running(&lab).signal(Signal::HUP);
        agent::wait_for_reload(running(&lab), "error", before);
        agent::wait_for_log(running(&lab), &[told]);
        // It answers, and the refused file is a finding.
        let output = status(&lab);
        let told = String::from_utf8_lossy(&output.stdout);
        assert!(told.contains("the file on disk is not in force"), "{what}: {told}");
        assert_eq!(output.status.code(), Some(1), "{what}");
    };
    let deep = format!("{configuration}more: {}\n", "[".repeat(400_000));
    let file = lab.write_config(&deep).unwrap();
    refused("brackets", "nested more than 64 deep");
    std::fs::remove_file(&file).unwrap();
    assert!(std::process::Command::new("mkfifo").arg(&file).status().unwrap().success());
    refused("a FIFO", "is a FIFO: name a regular file");
    let checked = finish(lab.agent_command(dsr_program()).unwrap().args(["check", "-c", "/run/dsr/dsr.yaml"]));
    assert_eq!(checked.status.code(), Some(2), "{checked:?}");
    assert_no_backend_went_down(&lab);
    assert_eq!(running(&lab).stop().and_then(|status| status.code()), Some(0), "{}", running(&lab).log());
}

/// A connection that is kept open.
struct Scraper(TcpStream);

impl Scraper {
    /// The metrics, by a request on it.
    fn scrape(&mut self) -> String {
        use std::io::{BufRead as _, BufReader, Read as _, Write as _};
        let Self(stream) = self;
        stream.write_all(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
        let mut reader = BufReader::new(std::fs::File::from(stream.as_fd().try_clone_to_owned().unwrap()));
        let (mut line, mut length) = (String::new(), 0);
        while reader.read_line(&mut line).unwrap() > 2 {
            if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                length = value.trim().parse().unwrap();
            }
            line.clear();
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body).unwrap();
        String::from_utf8(body).unwrap()
    }
}
