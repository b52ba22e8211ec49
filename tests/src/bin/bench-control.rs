//! What the agent's work costs: `cargo xtask bench --control`.
//!
//! A lab with one host that has the addresses of all backends. For each size the real agent is started with a file of so
//! many services of so many backends each, and is timed from outside, as an operator would meet it.

use std::{
    fmt::Write as _,
    fs,
    path::Path,
    process::Command,
    str::FromStr,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, ensure};
use clap::Parser;
use dsr_lab::{Agent, Lab};
use dsr_tests::lab::{
    agent, crowd, program_beside,
    usage::{CpuTime, resident_bytes},
};
use serde::Serialize;

/// Measures what the agent's work costs.
#[derive(Parser)]
struct Options {
    /// Sizes: services x backends of each service's pool
    #[arg(long, value_delimiter = ',', default_value = "1000x10,10000x10,100x1000")]
    sizes: Vec<Size>,
    /// Seconds that the idle agent is watched for
    #[arg(long, default_value_t = 20)]
    idle: u64,
    /// Times that each command is given; the median is shown
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// How large a configuration is.
#[derive(Clone, Copy, Debug, Serialize)]
struct Size {
    services: u32,
    backends: u32,
}

/// What one size costs: commands, percent of one CPU, bytes.
#[derive(Debug, Serialize)]
struct Cost {
    size: Size,
    cold_start: Took,
    weight: Took,
    reload: Took,
    idle_percent: f64,
    scrape: Took,
    status: Took,
    resident_bytes: u64,
}

/// What one command takes, in seconds.
#[derive(Clone, Copy, Debug, Serialize)]
struct Took {
    /// From the command to its end, the median.
    wall: f64,
    /// The agent's CPU time, the mean: other load on the machine does not count.
    agent_cpu: f64,
}

fn main() -> anyhow::Result<()> {
    let options = Options::parse();
    let program = program_beside()?;
    let mut costs = Vec::new();
    for &size in &options.sizes {
        costs.push(measure(size, &options, &program)?);
    }
    if options.json {
        println!("{}", serde_json::to_string_pretty(&costs)?);
    } else {
        print!("{}", table(&costs)?);
    }
    Ok(())
}

fn measure(size: Size, options: &Options, program: &Path) -> anyhow::Result<Cost> {
    let mut lab = Lab::builder().backends(1).without_http().build()?;
    crowd::gather(&lab, size.backends)?;
    let file = lab.write_config(&configuration(&lab, size, 100))?;
    let started = Instant::now();
    lab.start_agent(program)?;
    let running = agent::running(&lab);
    wait_for(running, "balancing")?;
    let wall = started.elapsed().as_secs_f64();
    let cold_start = Took { wall, agent_cpu: CpuTime::of(running.pid())?.seconds() };
    // What is learnt about neighbours and links at first has been worked off by then.
    thread::sleep(REST);
    let before = CpuTime::of(running.pid())?;
    thread::sleep(Duration::from_secs(options.idle));
    let idle = before.share_until(CpuTime::of(running.pid())?);
    let time = |command: &mut dyn FnMut(usize) -> anyhow::Result<()>| {
        let before = CpuTime::of(running.pid())?.seconds();
        let wall = median(options.rounds, command)?;
        let used = CpuTime::of(running.pid())?.seconds() - before;
        anyhow::Ok(Took { wall, agent_cpu: used / options.rounds.max(1) as f64 })
    };
    let dsr = |words: &[&str]| dsr(&lab, program, words);
    let weight = time(&mut |round| dsr(&["weight", "b0", &weight(round), "--pool", "pool0"]))?;
    let status = time(&mut |_| dsr(&["status", "--json"]))?;
    let scrape = time(&mut |_| {
        let mut curl = lab.balancer().command("curl")?;
        takeover(curl.args(["--silent", "--fail", "--max-time", "60", "http://127.0.0.1:9650/metrics"]))
    })?;
    dsr(&["undrain", "b0", "--pool", "pool0"])?;
    let reload = time(&mut |round| {
        fs::write(&file, configuration(&lab, size, 50 + round as u32))?;
        dsr(&["reload"])
    })?;
    let resident_bytes = resident_bytes(running.pid())?;
    let idle_percent = idle.user + idle.system;
    Ok(Cost { size, cold_start, weight, reload, idle_percent, scrape, status, resident_bytes })
}

/// A file of ten pools with the same hosts, its services spread over them; the first backend of the first pool has
/// this weight. The file is not watched, so that a reload is timed from the command.
fn configuration(lab: &Lab, size: Size, weight: u32) -> String {
    let vip = lab.service().ip().to_owned();
    let mut text =
        format!("interfaces: [eth0]\nmetrics: 127.0.0.1:9650\nhash_seed: 1\nwatch: off\napi: {API}\npools:\n");
    for pool in 0..POOLS {
        let _ = writeln!(text, "  pool{pool}:\n    backends:");
        for number in 0..size.backends {
            let weight = if (pool, number) == (0, 0) { weight } else { 100 };
            let address = crowd::address(number);
            let _ = writeln!(text, "      - {{name: b{number}, address: {address}, weight: {weight}}}");
        }
    }
    text.push_str("services:\n");
    for service in 0..size.services {
        let (port, pool) = (FIRST_PORT + service, service % POOLS);
        let _ = writeln!(text, "  - {{name: s{service}, vip: {vip}, port: {port}, pool: pool{pool}}}");
    }
    text
}

fn weight(round: usize) -> String {
    (60 + round).to_string()
}

fn dsr(lab: &Lab, program: &Path, words: &[&str]) -> anyhow::Result<()> {
    let mut command = lab.agent_command(program)?;
    takeover(command.args(words).args(["--socket", API]))
}

fn takeover(command: &mut Command) -> anyhow::Result<()> {
    let output = command.output()?;
    // A status that found something is a status too.
    ensure!(output.status.code().is_some_and(|code| code < 2), "{command:?}: {output:?}");
    Ok(())
}

fn wait_for(agent: &Agent, line: &str) -> anyhow::Result<()> {
    let deadline = Instant::now() + PATIENCE;
    while !agent.log().contains(line) {
        ensure!(agent.ended().is_none() && Instant::now() < deadline, "no `{line}`:\n{}", agent.log());
        thread::sleep(POLL);
    }
    Ok(())
}

fn median(rounds: usize, work: &mut dyn FnMut(usize) -> anyhow::Result<()>) -> anyhow::Result<f64> {
    let mut seconds = Vec::new();
    for round in 0..rounds.max(1) {
        let started = Instant::now();
        work(round)?;
        seconds.push(started.elapsed().as_secs_f64());
    }
    seconds.sort_by(f64::total_cmp);
    Ok(seconds[seconds.len() / 2])
}

fn table(costs: &[Cost]) -> anyhow::Result<String> {
    let mut text = format!("{:<40}", "services x backends");
    for Cost { size, .. } in costs {
        write!(text, "{:>14}", format!("{} x {}", size.services, size.backends))?;
    }
    let rows: [(&str, Cell); 12] = [
        ("cold start, s", |cost| format!("{:.2}", cost.cold_start.wall)),
        ("  agent's CPU time, s", |cost| format!("{:.2}", cost.cold_start.agent_cpu)),
        ("one backend re-weighted, s", |cost| format!("{:.3}", cost.weight.wall)),
        ("  agent's CPU time, s", |cost| format!("{:.3}", cost.weight.agent_cpu)),
        ("reload, one backend changed, s", |cost| format!("{:.3}", cost.reload.wall)),
        ("  agent's CPU time, s", |cost| format!("{:.3}", cost.reload.agent_cpu)),
        ("idle, % of one CPU", |cost| format!("{:.1}", cost.idle_percent)),
        ("scrape, s", |cost| format!("{:.3}", cost.scrape.wall)),
        ("  agent's CPU time, s", |cost| format!("{:.3}", cost.scrape.agent_cpu)),
        ("status --json, s", |cost| format!("{:.3}", cost.status.wall)),
        ("  agent's CPU time, s", |cost| format!("{:.3}", cost.status.agent_cpu)),
        ("resident, MiB", |cost| format!("{:.0}", cost.resident_bytes as f64 / 1024.0 / 1024.0)),
    ];
    for (name, value) in rows {
        write!(text, "\n{name:<40}")?;
        for cost in costs {
            write!(text, "{:>14}", value(cost))?;
        }
    }
    text.push('\n');
    Ok(text)
}

/// Shows one figure.
type Cell = fn(&Cost) -> String;

impl FromStr for Size {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> anyhow::Result<Self> {
        let (services, backends) = text.split_once('x').context("write SERVICESxBACKENDS, for example 1000x10")?;
        Ok(Self { services: services.parse()?, backends: backends.parse()? })
    }
}

const POOLS: u32 = 10;
const FIRST_PORT: u32 = 1000;
/// As the agent and the commands see it in the lab's balancer.
const API: &str = "/run/dsr/api.sock";
const REST: Duration = Duration::from_secs(5);
const PATIENCE: Duration = Duration::from_secs(120);
const POLL: Duration = Duration::from_millis(5);
