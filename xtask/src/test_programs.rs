//! The test programs: built by cargo, then run several at a time. Most tests wait for a network more than they compute,
//! so one program after the other would leave the CPUs idle.

use std::{
    fs::File,
    io::{self, Read as _, Seek as _, Write as _},
    path::Path,
    process::Command,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result};

use crate::{
    artifacts::{self, Program},
    cargo, kernel, process,
    test_report::Counts,
    workspace::Workspace,
};

/// Programs that run at a time for each CPU. Each of them runs as many tests at a time as there are CPUs.
const PROGRAMS_PER_CPU: usize = 2;
/// Programs that run alone, after the others: hundreds of connections that have to be silent at the right time.
const ALONE: [&str; 1] = ["consistency"];

/// Builds every test program as whoever we are and runs it as root, with these words on its command line.
pub(crate) fn run(workspace: &Workspace, object: &Path, words: &[String]) -> Result<Counts> {
    let mut programs = artifacts::build(workspace, object)?;
    programs.retain(|program| program.is_test);
    let (alone, together): (Vec<_>, Vec<_>) =
        programs.into_iter().partition(|program| ALONE.contains(&program.target.as_str()));
    let mut counts = run_all(&together, object, words)?;
    for program in &alone {
        counts.add_program(run_one(program, object, words)?);
    }
    counts.add_program(documentation(workspace, object, words)?);
    Ok(counts)
}

/// Examples in the documentation, which only cargo can run.
fn documentation(workspace: &Workspace, object: &Path, words: &[String]) -> Result<Counts> {
    let mut command = cargo::host(workspace);
    command.env(kernel::OBJECT_VARIABLE, object).args(["test", "--workspace", "--exclude", "dsr-ebpf", "--doc"]);
    let (succeeded, output) = output_of(command.arg("--quiet").arg("--").args(words))?;
    show(&output)?;
    Ok(Counts::of(&output, succeeded))
}

/// Each program's output is shown as a whole, when it has ended.
fn run_all(programs: &[Program], object: &Path, words: &[String]) -> Result<Counts> {
    let (next, results) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    let work = || {
        while let Some(program) = programs.get(next.fetch_add(1, Ordering::Relaxed)) {
            let result = run_one(program, object, words);
            results.lock().unwrap_or_else(PoisonError::into_inner).push(result);
        }
    };
    let cpus = thread::available_parallelism().map_or(1, usize::from);
    thread::scope(|scope| (0..cpus * PROGRAMS_PER_CPU).for_each(|_| _ = scope.spawn(work)));
    let mut counts = Counts::default();
    for result in results.into_inner().unwrap_or_else(PoisonError::into_inner) {
        counts.add_program(result?);
    }
    Ok(counts)
}

fn run_one(program: &Program, object: &Path, words: &[String]) -> Result<Counts> {
    let started = Instant::now();
    let mut command = process::as_root_with_environment(&program.executable);
    command.current_dir(&program.package).env("CARGO_MANIFEST_DIR", &program.package);
    // Those that need root are ignored by a plain `cargo test`, which compiles and runs as anybody.
    command.env(kernel::OBJECT_VARIABLE, object).arg("--include-ignored").args(words);
    let (succeeded, output) = output_of(&mut command)?;
    let counts = Counts::of(&output, succeeded);
    // Where a filter leaves a program nothing to do, only its count is of interest.
    if !succeeded || !counts.is_empty() {
        show(&headed(program, started.elapsed(), &output))?;
    }
    Ok(counts)
}

/// All that a command writes, in its order, and whether it succeeded.
fn output_of(command: &mut Command) -> Result<(bool, String)> {
    let mut file: File = tempfile::tempfile().context("making a temporary file")?;
    let copy = || file.try_clone().context("duplicating a file");
    let status = command.stdout(copy()?).stderr(copy()?).status().with_context(|| format!("starting {command:?}"))?;
    let mut bytes = Vec::new();
    file.rewind().and_then(|()| file.read_to_end(&mut bytes)).context("reading what a test program wrote")?;
    Ok((status.success(), String::from_utf8_lossy(&bytes).into_owned()))
}

fn headed(program: &Program, took: Duration, output: &str) -> String {
    let package = program.package.file_name().unwrap_or_default().to_string_lossy();
    format!("\n     {package}: {} ({:.1} s)\n{}\n", program.target, took.as_secs_f64(), output.trim_end())
}

fn show(text: &str) -> Result<()> {
    io::stdout().lock().write_all(text.as_bytes()).context("writing to stdout")
}
