//! What a killed process leaves is removed by the next lab.

use std::{
    env,
    io::{self, BufRead, BufReader, Read, Write},
    path::Path,
    process::{Command, Stdio},
};

use dsr_lab::Lab;
use dsr_tests::lab::{NamespaceInode, eventually, is_alive, orphan};

#[test]
#[ignore = "needs root"]
fn the_next_lab_removes_what_a_killed_one_left() {
    // This same test program, told to run the test below.
    let mut holder = Command::new(env::current_exe().unwrap())
        .args(["--exact", "leftovers::hold_a_lab", "--nocapture"])
        .env(HOLD, "1")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(holder.stdout.take().unwrap()).lines();
    let held =
        lines.map_while(Result::ok).find_map(|line| line.split_once("holding ").map(|(_, held)| held.to_owned()));
    let held = held.expect("the holder says what it holds");
    let (orphan, path) = held.split_once(' ').unwrap();
    let (orphan, namespace): (u32, _) = (orphan.parse().unwrap(), NamespaceInode::open(Path::new(path)));
    assert!(is_alive(orphan) && namespace.is_mounted());

    holder.kill().unwrap();
    holder.wait().unwrap();
    // Tests beside this one start labs too: it may be one of them that cleans up.
    let _next = Lab::builder().backends(0).without_http().build().unwrap();
    eventually("end of the orphan", || (!is_alive(orphan)).then_some(()));
    eventually("end of the namespace", || (!namespace.is_mounted()).then_some(()));
}

/// Does nothing unless it is asked to by the test above.
#[test]
fn hold_a_lab() {
    if env::var_os(HOLD).is_none() {
        return;
    }
    let lab = Lab::builder().backends(1).build().unwrap();
    println!("holding {} {}", orphan(lab.client()), lab.client().path().display());
    io::stdout().flush().unwrap();
    // Until the end of the test above, should it not kill this process.
    let _ = io::stdin().read_to_end(&mut Vec::new());
}

/// Set for the process that is to be killed.
const HOLD: &str = "DSR_TEST_HOLD_LAB";
