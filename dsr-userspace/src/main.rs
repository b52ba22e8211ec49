//! The `dsr` command.

fn main() {}
