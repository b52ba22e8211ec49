//! Finds the kernel object of the lab's programs, which `cargo xtask build` made, so that it can be embedded.

use std::{env, path::PathBuf};

fn main() {
    println!("cargo::rerun-if-env-changed=DSR_EBPF_OBJECT");
    // The objects of all programs stand in one folder.
    let object = env::var_os("DSR_EBPF_OBJECT").map_or_else(default_object, PathBuf::from).with_file_name("lab");
    println!("cargo::rerun-if-changed={}", object.display());
    if !object.is_file() {
        println!("cargo::error=the kernel object {} is missing: run `cargo xtask build` first", object.display());
        return;
    }
    println!("cargo::rustc-env=DSR_LAB_OBJECT={}", object.display());
}

fn default_object() -> PathBuf {
    PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").expect("cargo sets it")).join("../../target/bpf/dsr")
}
