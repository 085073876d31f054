//! `ibnats completions` and `ibnats man`: help for shells and for readers.

use std::{fs, path::PathBuf};

use clap::CommandFactory as _;

use super::{Cli, Failure};

/// Write the completions of a shell to standard output
#[derive(Debug, clap::Args)]
pub(super) struct CompletionsArgs {
    /// The shell
    shell: clap_complete::Shell,
}

/// Write the manual pages, one for each command
#[derive(Debug, clap::Args)]
pub(super) struct ManArgs {
    /// Folder to write them into; without it the page of `ibnats` goes to standard output
    #[arg(long, value_name = "FOLDER")]
    out: Option<PathBuf>,
}

#[expect(clippy::unnecessary_wraps, reason = "the outcome of a command")]
pub(super) fn completions(args: &CompletionsArgs) -> Result<(), Failure> {
    clap_complete::generate(args.shell, &mut Cli::command(), "ibnats", &mut std::io::stdout());
    Ok(())
}

pub(super) fn man(args: &ManArgs) -> Result<(), Failure> {
    match &args.out {
        Some(folder) => {
            fs::create_dir_all(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
            Ok(clap_mangen::generate_to(Cli::command(), folder)?)
        }
        None => Ok(clap_mangen::Man::new(Cli::command()).render(&mut std::io::stdout())?),
    }
}
