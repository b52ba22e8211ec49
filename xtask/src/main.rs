//! The project's tasks, as `cargo xtask SUBCOMMAND`. This file only reads the command line and dispatches.
//!
//! Everything that xtask itself says goes to stderr, so that stdout belongs to the program it runs.

mod apt;
mod archive;
mod artifacts;
mod bench;
mod bpf_linker;
mod build;
mod cargo;
mod compiler;
mod kernel;
mod kernel_lint;
mod lint;
mod package;
mod process;
mod run;
mod rustup;
mod simulate;
mod source_paths;
mod test;
mod test_programs;
mod test_report;
mod vm;
mod workspace;

use std::process::ExitCode;

use clap::Parser;
use workspace::Workspace;

/// Builds, runs and tests dsr.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
enum Task {
    /// Build the eBPF program and the `dsr` binary; missing tools are downloaded.
    Build(build::Options),
    /// Build and run `dsr`: the lab by default, the agent with `-c FILE`, `dsr ARGS` with `-- ARGS`.
    Run(run::Options),
    /// Run the lints and every test that this machine supports.
    Test(test::Options),
    /// Measure the data path.
    Bench(bench::Options),
    /// Simulate clusters with changing balancers and backends, and count broken flows.
    Simulate(simulate::Options),
    /// Run the tests, or a command, on other kernels in virtual machines.
    Vm(vm::Options),
    /// Make the .deb, the .rpm and the static tarball.
    Package(package::Options),
    /// Check format and lints.
    Lint,
}

fn main() -> ExitCode {
    match dispatch(Task::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn dispatch(task: Task) -> anyhow::Result<()> {
    let workspace = Workspace::find()?;
    match task {
        Task::Build(options) => build::task(&workspace, &options),
        Task::Run(options) => run::task(&workspace, &options),
        Task::Test(options) => test::task(&workspace, &options),
        Task::Bench(options) => bench::task(&workspace, &options),
        Task::Simulate(options) => simulate::task(&workspace, &options),
        Task::Vm(options) => vm::task(&workspace, &options),
        Task::Package(options) => package::task(&workspace, &options),
        Task::Lint => lint::task(&workspace),
    }
}
