//! Commands that ask a running agent, as an operator meets them. Needs root.

#![allow(clippy::unwrap_used)]

mod check;
mod documents;
mod drain;
mod explain;
mod pipe;
mod reload;
mod socket;
mod status;
mod trace;

use std::process::Output;

use dsr_lab::Lab;
use dsr_tests::lab::{dsr_program, process::finish};

/// Runs `dsr` with these arguments, as they are written on a command line, beside the lab's agent.
fn dsr(lab: &Lab, arguments: &str) -> Output {
    let mut command = lab.agent_command(dsr_program()).unwrap();
    finish(command.args(arguments.split(' ')))
}

/// What it wrote to standard output and its exit code.
fn said(output: &Output) -> (String, Option<i32>) {
    (String::from_utf8(output.stdout.clone()).unwrap(), output.status.code())
}

/// What it wrote to standard error.
fn complaint(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}
