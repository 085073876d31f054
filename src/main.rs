//! The `ibnats` command.

use std::process::ExitCode;

fn main() -> ExitCode {
    ibnats::cli::main()
}
