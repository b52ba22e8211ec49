//! `dsr lab`: builds a lab, sends load through its balancer and shows what comes of it.

use std::{
    io,
    num::{NonZeroU16, NonZeroU32},
    path::PathBuf,
    process::ExitCode,
    time::Duration,
};

use super::{WRONG, diagnosis::Diagnosis, interrupts::Interrupts, output};
use crate::{backend, duration};
use anyhow::{Context, Result, bail};
use dsr_common::forward::ForwardMode;
use dsr_lab::{
    Broken, Display, Error, Key, Lab, Load, LoadPlan, MAX_BACKENDS, Replies, Stop, Summary, Tally, Traffic, View,
    net::LinkState,
};
use tokio::{
    task,
    time::{self, Instant, MissedTickBehavior},
};

/// Run a demo on this machine: a client, a switch, a balancer and backends in network namespaces.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Duration, like 20s, 5m or 1h [default: until Ctrl-C]
    #[arg(long, value_parser = duration::of_argument)]
    duration: Option<Duration>,
    /// How many backends
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u8).range(1..=i64::from(MAX_BACKENDS)))]
    backends: u8,
    /// Maximum requests per second
    #[arg(long, default_value = "500")]
    rate: NonZeroU32,
    /// Maximum concurrent requests
    #[arg(long, default_value = "16")]
    concurrency: NonZeroU16,
    /// How packets reach the backends: l2, dscp, ipip, gre or gue. All but l2 have a router to cross, and `dsr backend run`
    /// on each backend
    #[arg(long, value_name = "MODE", default_value = "l2", value_parser = backend::forward::mode)]
    forward: ForwardMode,
    /// Break a backend, like web2=arp; faults: arp, vip, app, host, forward, firewall, mac, vlan, and in tunnels decap,
    /// refused, mtu. Repeatable
    #[arg(long = "break", value_name = "BACKEND=FAULT")]
    broken: Vec<Broken>,
    /// Print one JSON object at the end, everything else to stderr
    #[arg(long)]
    json: bool,
    /// The agent's executable
    #[arg(long, hide = true, default_value = "/proc/self/exe")]
    agent: PathBuf,
}

/// Runs the lab to its end: 0 where every request was answered, and none of the answers through the balancer; else 1.
pub(crate) fn run(args: &Args) -> Result<ExitCode> {
    if let Some(absent) = args.broken.iter().find(|broken| broken.backend > args.backends) {
        let (name, backends) = (absent.name(), args.backends);
        output::complain(format_args!(
            "dsr: --break {absent}: this lab has no {name}: name one of web1 to web{backends}, or add --backends"
        ));
        return Ok(ExitCode::from(WRONG));
    }
    for broken in &args.broken {
        if let Some(obstacle) = broken.fault.obstacle(args.forward) {
            output::complain(format_args!("dsr: --break {broken}: {obstacle}"));
            return Ok(ExitCode::from(WRONG));
        }
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let (summary, ending) = runtime.block_on(build_and_watch(args))?;
    if args.json {
        output::line(summary.json())?;
    } else {
        output::line(&summary)?;
    }
    ending?;
    Ok(if summary.is_good() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// From the first namespace to the last: what came of it, and what ended it before its time.
async fn build_and_watch(args: &Args) -> Result<(Summary, Result<()>)> {
    let mut interrupts = Interrupts::listen()?;
    let Some(lab) = build(args, &mut interrupts).await? else { return Ok((Summary::empty(args.forward), Ok(()))) };
    let mut display = if args.json { Display::stderr() } else { Display::stdout() };
    display.note(&how_to_look_inside(&lab))?;
    for broken in &args.broken {
        display.note(&format!("{} {}", broken.name(), broken.fault.says()))?;
    }
    let mut run = Run::start(&lab, args)?;
    let end = args.duration.map(|duration| Instant::now() + duration);
    let ending = run.watch(&mut display, &mut interrupts, end).await;
    let (summary, observed) = run.finish();
    Ok((summary, ending.and(observed)))
}

/// The lab, unless it was interrupted.
async fn build(args: &Args, interrupts: &mut Interrupts) -> Result<Option<Lab>> {
    let stop = Stop::default();
    let builder = Lab::builder().backends(args.backends).forward(args.forward);
    let builder = builder.agent(&args.agent).stop(&stop).broken(&args.broken);
    let mut building = task::spawn_blocking(move || builder.build());
    let built = tokio::select! {
        built = &mut building => built,
        () = interrupts.next() => {
            stop.set();
            building.await
        }
    };
    match built.context("building the lab panicked")? {
        Err(Error::Stopped) => Ok(None),
        Ok(_) if stop.is_set() => Ok(None),
        built => Ok(Some(built?)),
    }
}

fn how_to_look_inside(lab: &Lab) -> String {
    let (id, service) = (lab.id(), lab.service());
    let last = lab.backend_names().pop().unwrap_or_default();
    format!(
        "lab {id}: {service} is balanced over {} backends by {}; from a second terminal:\n\
         \x20 ip netns exec dsr-{id}-client curl http://{service}/\n\
         \x20 ip netns exec dsr-{id}-{last} ip link set eth0 down\n\
         \x20 ip netns exec dsr-{id}-balancer curl http://127.0.0.1:9650/metrics",
        lab.backend_names().len(),
        lab.forward().name(),
    )
}

/// A lab under load.
struct Run<'a> {
    lab: &'a Lab,
    broken: &'a [Broken],
    /// Lines of the agent's log that were looked at.
    lines_seen: usize,
    diagnosis: Diagnosis,
    load: Load,
    replies: Replies,
    traffic: Traffic,
    replies_seen: u64,
    stopped: Vec<bool>,
    shown: Tally,
    shown_at: Instant,
}

impl<'a> Run<'a> {
    fn start(lab: &'a Lab, args: &'a Args) -> Result<Self> {
        let backends = lab.backend_names();
        let stopped = vec![false; backends.len()];
        let replies = lab.watch_replies()?;
        let plan = LoadPlan {
            service: lab.service(),
            rate: args.rate,
            concurrency: args.concurrency,
            timeout: REQUEST_TIMEOUT,
            backends,
        };
        let load = Load::start(lab.client(), plan)?;
        let (shown, traffic) = (load.tally(), Traffic::default());
        let (broken, lines_seen) = (&args.broken[..], 0);
        let diagnosis = if broken.is_empty() { Diagnosis::unasked() } else { Diagnosis::begin(lab, &args.agent)? };
        Ok(Self {
            lab,
            broken,
            lines_seen,
            diagnosis,
            load,
            replies,
            traffic,
            replies_seen: 0,
            stopped,
            shown,
            shown_at: Instant::now(),
        })
    }

    /// Shows the lab's state until the time is up, the user quits or the output is closed.
    async fn watch(&mut self, display: &mut Display, interrupts: &mut Interrupts, end: Option<Instant>) -> Result<()> {
        let mut keyboard = display.keyboard()?;
        let mut ticks = time::interval_at(Instant::now() + TICK, TICK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = interrupts.next() => return Ok(()),
                () = at(end) => return Ok(()),
                key = keyboard.key() => match key {
                    Key::Quit => return Ok(()),
                    Key::Backend(number) => self.toggle(number)?,
                },
                _ = ticks.tick() => {
                    self.observe()?;
                    if self.pass_on(display).and_then(|()| self.show(display)).is_err() {
                        return Ok(());
                    }
                }
            }
        }
    }

    /// Asks the agent and the switch what they have seen.
    fn observe(&mut self) -> Result<()> {
        self.replies_seen = self.replies.seen()?;
        let agent = self.lab.agent()?;
        match agent.scrape() {
            Ok(samples) => self.traffic = Traffic::from(&samples),
            Err(error) => {
                if let Some(status) = agent.ended() {
                    bail!("the agent ended by itself ({status}):\n{}", agent.log());
                }
                // Old numbers are better than none.
                tracing::warn!(%error, "cannot read the agent's metrics");
            }
        }
        Ok(())
    }

    /// What the agent warns of, and what the doctor finds, where something is broken.
    fn pass_on(&mut self, display: &mut Display) -> io::Result<()> {
        let Ok(agent) = self.lab.agent() else { return Ok(()) };
        if self.broken.is_empty() {
            return Ok(());
        }
        let log = agent.log();
        // The last line may not be whole yet.
        let lines: Vec<&str> = log.split_inclusive('\n').filter(|line| line.ends_with('\n')).collect();
        let fresh =
            lines.iter().skip(self.lines_seen).filter(|line| line.contains(" WARN ") || line.contains(" ERROR "));
        fresh.into_iter().try_for_each(|line| display.note(&format!("agent: {}", line.trim_end())))?;
        self.lines_seen = lines.len();
        self.diagnosis.take()?.iter().try_for_each(|finding| display.note(&format!("doctor: {finding}")))
    }

    fn show(&mut self, display: &mut Display) -> io::Result<()> {
        let total = self.load.tally();
        let view = View {
            backends: &self.lab.backend_names(),
            broken: self.broken,
            stopped: &self.stopped,
            recent: &total.since(&self.shown),
            seconds: self.shown_at.elapsed().as_secs_f64(),
            total: &total,
            traffic: &self.traffic,
            replies_seen: self.replies_seen,
        };
        display.view(&view)?;
        (self.shown, self.shown_at) = (total, Instant::now());
        Ok(())
    }

    fn toggle(&mut self, number: u8) -> Result<()> {
        let Some(stopped) = self.stopped.get_mut(usize::from(number) - 1) else { return Ok(()) };
        *stopped = !*stopped;
        let state = if *stopped { LinkState::Down } else { LinkState::Up };
        Ok(self.lab.set_backend(number, state)?)
    }

    /// What came of it, and what went wrong when looking at it for the last time.
    fn finish(mut self) -> (Summary, Result<()>) {
        // The load first: requests in flight must be in both counts.
        let tally = self.load.stop();
        let observed = self.observe();
        let Self { lab, traffic, replies_seen, .. } = self;
        let broken = self.broken.to_vec();
        let (forward, backends) = (lab.forward(), lab.backend_names());
        (Summary { forward, backends, tally, traffic, replies_seen, broken }, observed)
    }
}

/// At that time, or never.
async fn at(time: Option<Instant>) {
    match time {
        Some(time) => time::sleep_until(time).await,
        None => std::future::pending().await,
    }
}

/// How long the client waits for an answer.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(2);
const TICK: Duration = Duration::from_secs(1);
