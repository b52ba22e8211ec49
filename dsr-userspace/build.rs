//! Finds the kernel objects that `cargo xtask build` made, so that the binary can embed them, and names the version.

use std::{env, path::PathBuf};

fn main() {
    // A package's version is from git; what is built otherwise is rebuilt too often to have one.
    println!("cargo::rerun-if-env-changed=DSR_VERSION");
    let version = env::var("DSR_VERSION").or_else(|_| env::var("CARGO_PKG_VERSION")).expect("cargo sets it");
    println!("cargo::rustc-env=DSR_VERSION={version}");
    println!("cargo::rerun-if-env-changed=DSR_EBPF_OBJECT");
    let object = env::var_os("DSR_EBPF_OBJECT").map_or_else(default_object, PathBuf::from);
    println!("cargo::rerun-if-changed={}", object.display());
    if !object.is_file() {
        println!("cargo::error=the kernel object {} is missing: run `cargo xtask build` first", object.display());
        return;
    }
    println!("cargo::rustc-env=DSR_EBPF_OBJECT={}", object.display());
    // The objects of all programs stand in one folder.
    for (name, variable) in [("probe", "DSR_PROBE_OBJECT"), ("backend", "DSR_BACKEND_OBJECT")] {
        let beside = object.with_file_name(name);
        println!("cargo::rerun-if-changed={}", beside.display());
        if !beside.is_file() {
            println!("cargo::error=the kernel object {} is missing: run `cargo xtask build` first", beside.display());
            return;
        }
        println!("cargo::rustc-env={variable}={}", beside.display());
    }
}

fn default_object() -> PathBuf {
    PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").expect("cargo sets it")).join("../target/bpf/dsr")
}
