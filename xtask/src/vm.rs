//! `cargo xtask vm`: the tests on kernels that are not this machine's, in QEMU.
//!
//! Enters: Debian's kernels, the binaries of this repository, the scripts in `tests/vm`. Leaves: what each case said,
//! and whether all of them passed. All that is fetched and built is below `target/vm`; remove it to get newer kernels.
//! Nothing is installed, and the machine's own network stays out of it.

mod console;
mod cpio;
mod image;
mod machine;
mod modules;
mod payload;
mod release;
mod tools;

use std::{
    env, thread,
    time::{Duration, Instant},
};

use anyhow::{Result, anyhow, bail};
use clap::Args;

use self::{console::Outcome, image::Image, machine::Machine, payload::Payload, release::Series, tools::Tools};
use crate::{apt, process::step, workspace::Workspace};

/// Which kernels, and what to do there.
#[derive(Args)]
pub(crate) struct Options {
    /// `6.1`, `6.12` or `all` (the default).
    #[arg(value_parser = Series::parse, default_value = "all")]
    kernels: Series,
    /// Run this instead of the test suite; `suite CASE...` runs the named cases.
    #[arg(last = true)]
    command: Vec<String>,
}

/// The subcommand.
pub(crate) fn task(workspace: &Workspace, options: &Options) -> Result<()> {
    let runs = run(workspace, options.kernels, &options.command)?;
    let failed: Vec<_> = runs.iter().filter(|run| !run.outcome.passed()).map(|run| run.kernel).collect();
    for run in &runs {
        step(run.line());
    }
    if !failed.is_empty() {
        bail!("failed on {}", failed.join(", "));
    }
    Ok(())
}

/// What one kernel's run came to.
pub(crate) struct Run {
    kernel: &'static str,
    release: String,
    outcome: Outcome,
    took: Duration,
}

impl Run {
    /// The series of the kernel, for example `6.1`.
    pub(crate) fn kernel(&self) -> &'static str {
        self.kernel
    }

    /// Whether all went well.
    pub(crate) fn passed(&self) -> bool {
        self.outcome.passed()
    }

    /// How long it took, from the start of the machine.
    pub(crate) fn took(&self) -> Duration {
        self.took
    }

    /// One line: kernel, verdict, what failed.
    pub(crate) fn summary(&self) -> String {
        format!("{}: {}", self.release, self.outcome)
    }

    fn line(&self) -> String {
        format!("vm {} ({:.1} s)", self.summary(), self.took.as_secs_f64())
    }
}

/// The suite on every kernel.
pub(crate) fn suite(workspace: &Workspace) -> Result<Vec<Run>> {
    run(workspace, Series::All, &[])
}

/// Why this machine cannot do it, if it cannot.
pub(crate) fn obstacle() -> Option<&'static str> {
    if env::consts::ARCH != "x86_64" {
        return Some("the kernels are for x86_64");
    }
    (!apt::exists()).then_some("there is no apt-get to fetch kernels with")
}

fn run(workspace: &Workspace, series: Series, command: &[String]) -> Result<Vec<Run>> {
    if let Some(obstacle) = obstacle() {
        bail!("{obstacle}");
    }
    let payload = Payload::build(workspace, command)?;
    let (tools, images) = {
        let _lock = workspace.lock()?;
        let tools = Tools::find(workspace)?;
        let images = series.kernels().iter().map(|kernel| Image::build(workspace, &tools, kernel, &payload));
        let images = images.collect::<Result<Vec<_>>>()?;
        (tools, images)
    };
    boot_all(workspace, &tools, &images)
}

/// All machines at a time: an emulated CPU is one thread, however many the guest sees.
fn boot_all(workspace: &Workspace, tools: &Tools, images: &[Image]) -> Result<Vec<Run>> {
    thread::scope(|scope| {
        let boots: Vec<_> = images.iter().map(|image| scope.spawn(|| boot(workspace, tools, image))).collect();
        boots.into_iter().map(|boot| boot.join().map_err(|_| anyhow!("the thread of a machine panicked"))?).collect()
    })
}

fn boot(workspace: &Workspace, tools: &Tools, image: &Image) -> Result<Run> {
    step(format_args!("booting {} in a virtual machine", image.release));
    let started = Instant::now();
    let outcome = Machine { tools, image, directory: workspace.machines() }.run()?;
    Ok(Run { kernel: image.kernel, release: image.release.clone(), outcome, took: started.elapsed() })
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        options: Options,
    }

    fn parse(line: &[&str]) -> Option<(Vec<&'static str>, Vec<String>)> {
        let options = Line::try_parse_from(std::iter::once(&"vm").chain(line)).ok()?.options;
        Some((options.kernels.kernels().to_vec(), options.command))
    }

    #[test]
    fn kernels_come_first_and_the_command_last() {
        let words = |words: &[&str]| words.iter().map(ToString::to_string).collect::<Vec<_>>();
        assert_eq!(parse(&[]), Some((vec!["6.1", "6.12"], vec![])));
        assert_eq!(parse(&["6.1"]), Some((vec!["6.1"], vec![])));
        assert_eq!(parse(&["all", "--", "uname", "-r"]), Some((vec!["6.1", "6.12"], words(&["uname", "-r"]))));
        assert_eq!(parse(&["--", "suite", "vlan"]), Some((vec!["6.1", "6.12"], words(&["suite", "vlan"]))));
    }

    #[test]
    fn other_kernels_and_stray_words_are_refused() {
        assert_eq!(parse(&["5.10"]), None);
        assert_eq!(parse(&["6.1", "uname"]), None);
    }
}
