//! `xdp-pass INTERFACE...`: attaches a program that passes every frame, until it is killed. The far end of a veth pair
//! needs one to receive what XDP sends.

use anyhow::Context as _;
use dsr::datapath::Pass;

fn main() -> anyhow::Result<()> {
    let attached: Result<Vec<Pass>, _> = std::env::args().skip(1).map(|interface| Pass::attach(&interface)).collect();
    let _attached = attached.context("attaching")?;
    println!("attached");
    loop {
        std::thread::park();
    }
}
