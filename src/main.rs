//! The `ibnats` command.

fn main() {}
