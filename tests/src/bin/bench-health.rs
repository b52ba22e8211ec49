//! What health checks cost the agent: `cargo xtask bench --health`.
//!
//! A lab with one host that has the addresses of all backends and the VIP; the real agent checks each of them. What is
//! told is the CPU time of the agent's process, so its tasks, its system calls, and what the kernel does of the network
//! within them: with veths that is nearly the whole way of a packet and back.

use std::{
    env,
    fmt::Write as _,
    fs,
    net::Ipv4Addr,
    path::PathBuf,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, ensure};
use clap::Parser;
use dsr::lab::{Lab, Samples};
use dsr_tests::lab::{Configuration, agent, process::finish};

/// Measures what health checks cost the agent.
#[derive(Parser)]
struct Options {
    /// How many backends are checked.
    #[arg(long, default_value_t = 1000)]
    backends: u32,
    /// The interval, as the configuration has it.
    #[arg(long, default_value = "2s")]
    interval: String,
    /// How long each kind is measured, in seconds.
    #[arg(long, default_value_t = 20)]
    seconds: u64,
}

fn main() -> anyhow::Result<()> {
    let options = Options::parse();
    let mut lab = Lab::builder().backends(1).build()?;
    add_addresses(&lab, options.backends)?;
    println!("{} backends, every {}, {} s each:", options.backends, options.interval, options.seconds);
    println!("check        probes/s   user   system   of one CPU");
    let kinds = [("none", "none"), ("tcp", "{tcp: {}, INTERVAL}"), ("http", "{http: {path: /, body: web1}, INTERVAL}")];
    for (name, check) in kinds {
        let check = check.replace("INTERVAL", &format!("interval: {}", options.interval));
        let cost = measure(&mut lab, &options, &check)?;
        let Cost { probes, user, system } = cost;
        println!("{name:<10} {probes:>10.0} {user:>5.1}% {system:>7.1}% {:>11.1}%", user + system);
    }
    Ok(())
}

/// What one kind of check costs: probes a second, and percent of one CPU.
struct Cost {
    probes: f64,
    user: f64,
    system: f64,
}

fn measure(lab: &mut Lab, options: &Options, check: &str) -> anyhow::Result<Cost> {
    let backends = options.backends;
    let configuration = (0..backends).fold(Configuration::of(lab).without("web1"), |configuration, number| {
        configuration.backend(&format!("b{number}"), address(number), 100)
    });
    lab.write_config(&configuration.health(check).to_string())?;
    lab.start_agent(program()?)?;
    let running = agent::running(lab);
    let settled = |samples: &Samples| {
        let slots = samples.named("dsr_member_slots").filter(|sample| sample.value > 0.0).count();
        let healthy = samples.sum("dsr_backend_healthy", &[]);
        slots == backends as usize && (check == "none" || healthy as u32 == backends)
    };
    running.wait_until("slots for all", Duration::from_secs(120), settled)?;
    // Neighbours that were learnt at once are confirmed at different times by then.
    thread::sleep(SETTLE);
    let before = probes(&running.scrape()?);
    let (ticks, began) = (cpu(running.pid())?, Instant::now());
    thread::sleep(Duration::from_secs(options.seconds));
    let (after, took) = (cpu(running.pid())?, began.elapsed().as_secs_f64());
    // A scrape of so many takes a while too.
    let samples = running.scrape()?;
    let scraped = began.elapsed().as_secs_f64();
    ensure!(check == "none" || samples.sum("dsr_backend_healthy", &[]) as u32 == backends, "backends went down");
    let percent = |ticks: u64| ticks as f64 / TICKS_PER_SECOND / took * 100.0;
    Ok(Cost {
        probes: (probes(&samples) - before) / scraped,
        user: percent(after.0 - ticks.0),
        system: percent(after.1 - ticks.1),
    })
}

fn probes(samples: &Samples) -> f64 {
    samples.sum("dsr_backend_probe_seconds_count", &[])
}

/// The ticks that a process spent in user and in system mode (proc(5)).
fn cpu(pid: u32) -> anyhow::Result<(u64, u64)> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat"))?;
    let (_, fields) = stat.rsplit_once(')').context("the name of a process is in parentheses")?;
    let mut fields = fields.split_whitespace().skip(11);
    let mut next = || fields.next().and_then(|field| field.parse().ok()).context("no CPU times");
    Ok((next()?, next()?))
}

/// The `dsr` that was built beside this program, or the one that `DSR_PROGRAM` names.
fn program() -> anyhow::Result<PathBuf> {
    let beside = || Ok::<_, std::io::Error>(env::current_exe()?.with_file_name("dsr"));
    let program = env::var_os("DSR_PROGRAM").map_or_else(beside, |named| Ok(named.into()))?;
    ensure!(program.is_file(), "no dsr binary at {}: run `cargo xtask bench --health`", program.display());
    Ok(program)
}

/// The host answers for all of them, by the same MAC.
fn add_addresses(lab: &Lab, backends: u32) -> anyhow::Result<()> {
    let mut batch = String::new();
    for number in 0..backends {
        writeln!(batch, "address add {}/32 dev eth0", address(number))?;
    }
    let file = lab.directory().join("addresses");
    fs::write(&file, batch)?;
    let host = lab.backend(1).context("the lab has a backend")?;
    let mut command = host.command("ip")?;
    let output = finish(command.arg("-batch").arg(&file));
    ensure!(output.status.success(), "{output:?}");
    // As many neighbours as there are backends.
    for key in ["gc_thresh1", "gc_thresh2", "gc_thresh3"] {
        let _ = lab.balancer().run(|| dsr::lab::net::write_sysctl(&format!("ipv4/neigh/default/{key}"), "8192"));
    }
    Ok(())
}

fn address(number: u32) -> Ipv4Addr {
    Ipv4Addr::from(u32::from(Ipv4Addr::new(10, 77, 100, 1)) + number)
}

const SETTLE: Duration = Duration::from_secs(10);
/// `USER_HZ`, the same on every architecture that Linux has for user space to see.
const TICKS_PER_SECOND: f64 = 100.0;
