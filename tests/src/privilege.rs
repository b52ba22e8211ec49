//! Tests that load programs or make namespaces need root.

/// Whether the test can run. Without root it says so and is passed over on a developer's machine; in CI it fails.
///
/// # Panics
///
/// In CI (the environment variable `CI` is set) without root.
pub fn is_root(test: &str) -> bool {
    if rustix::process::geteuid().is_root() {
        return true;
    }
    assert!(std::env::var_os("CI").is_none(), "{test} needs root, and in CI nothing is passed over");
    eprintln!("skipped: {test} needs root");
    false
}
