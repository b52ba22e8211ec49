//! What the scripts in `tests/vm` need and no tool in the virtual machine offers.
//!
//! - `vm-guest pass INTERFACE...` attaches a program that passes every frame, until it is killed: the far end of a veth
//!   pair needs one to receive what XDP sends.
//! - `vm-guest whole INTERFACE...` makes interfaces send frames with checksums, and none larger than the MTU: a veth
//!   leaves both to the receiver, and a program that passes a frame on is none.

use anyhow::{Context as _, bail};
use dsr_lab::Pass;
use dsr_lab::net::disable_sender_offloads;

fn main() -> anyhow::Result<()> {
    let mut words = std::env::args().skip(1);
    let task = words.next().unwrap_or_default();
    match task.as_str() {
        "pass" => pass(words),
        "whole" => words.try_for_each(|interface| disable_sender_offloads(&interface)).context("changing offloads"),
        other => bail!("{other:?} is no task: write pass or whole"),
    }
}

fn pass(interfaces: impl Iterator<Item = String>) -> anyhow::Result<()> {
    let attached: Result<Vec<Pass>, _> = interfaces.map(|interface| Pass::attach(&interface)).collect();
    let _attached = attached.context("attaching")?;
    println!("attached");
    loop {
        std::thread::park();
    }
}
