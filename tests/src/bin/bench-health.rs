//! What health checks cost the agent: `cargo xtask bench --health`.
//!
//! A lab with one host that has the addresses of all backends and the VIP; the real agent checks each of them. What is
//! told is the CPU time of the agent's process, so its tasks, its system calls, and what the kernel does of the network
//! within them: with veths that is nearly the whole way of a packet and back.

use std::{
    thread,
    time::{Duration, Instant},
};

use anyhow::ensure;
use clap::Parser;
use dsr_lab::{Lab, Samples};
use dsr_tests::lab::{
    Configuration, agent, crowd, program_beside,
    usage::{CpuShare, CpuTime},
};

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
    crowd::gather(&lab, options.backends)?;
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
        configuration.backend(&format!("b{number}"), crowd::address(number), 100)
    });
    lab.write_config(&configuration.health(check).to_string())?;
    lab.start_agent(program_beside()?)?;
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
    let (idle, began) = (CpuTime::of(running.pid())?, Instant::now());
    thread::sleep(Duration::from_secs(options.seconds));
    let CpuShare { user, system } = idle.share_until(CpuTime::of(running.pid())?);
    // A scrape of so many takes a while too.
    let samples = running.scrape()?;
    let scraped = began.elapsed().as_secs_f64();
    ensure!(check == "none" || samples.sum("dsr_backend_healthy", &[]) as u32 == backends, "backends went down");
    Ok(Cost { probes: (probes(&samples) - before) / scraped, user, system })
}

fn probes(samples: &Samples) -> f64 {
    samples.sum("dsr_backend_probe_seconds_count", &[])
}

const SETTLE: Duration = Duration::from_secs(10);
