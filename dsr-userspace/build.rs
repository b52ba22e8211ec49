//! Finds the kernel object that `cargo xtask build` made, so that the binary can embed it.

use std::{env, path::PathBuf};

fn main() {
    println!("cargo::rerun-if-env-changed=DSR_EBPF_OBJECT");
    let object = env::var_os("DSR_EBPF_OBJECT").map_or_else(default_object, PathBuf::from);
    println!("cargo::rerun-if-changed={}", object.display());
    if !object.is_file() {
        println!("cargo::error=the kernel object {} is missing: run `cargo xtask build` first", object.display());
        return;
    }
    println!("cargo::rustc-env=DSR_EBPF_OBJECT={}", object.display());
    // The objects of all programs stand in one folder.
    let probe = object.with_file_name("probe");
    println!("cargo::rerun-if-changed={}", probe.display());
    if !probe.is_file() {
        println!("cargo::error=the kernel object {} is missing: run `cargo xtask build` first", probe.display());
        return;
    }
    println!("cargo::rustc-env=DSR_PROBE_OBJECT={}", probe.display());
}

fn default_object() -> PathBuf {
    PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").expect("cargo sets it")).join("../target/bpf/dsr")
}
