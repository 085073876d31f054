//! The reference of the command line.

use std::fmt::Write as _;

use clap::{Arg, Command};
use ibnats::cli;

use crate::{pages::keep, schema::cell};

fn described(arg: &Arg) -> String {
    let help = arg.get_long_help().or(arg.get_help()).map(ToString::to_string).unwrap_or_default();
    let mut said = cell(&help);
    let values: Vec<String> = arg.get_possible_values().iter().map(|value| format!("`{}`", value.get_name())).collect();
    // A flag's values are true and false.
    if !values.is_empty() && arg.get_action().takes_values() {
        let _ = write!(said, ". One of {}", values.join(", "));
    }
    let defaults: Vec<String> =
        arg.get_default_values().iter().map(|value| value.to_string_lossy().into_owned()).collect();
    if !defaults.is_empty() && arg.get_action().takes_values() {
        let _ = write!(said, ". Default: `{}`", defaults.join(" "));
    }
    if let Some(variable) = arg.get_env() {
        let _ = write!(said, ". Environment: `{}`", variable.to_string_lossy());
    }
    said
}

fn spelled(arg: &Arg) -> String {
    let value = arg
        .get_value_names()
        .filter(|_| arg.get_action().takes_values())
        .map(|names| names.iter().map(|name| format!("<{name}>")).collect::<Vec<_>>().join(" "));
    if arg.is_positional() {
        return format!("`{}`", value.unwrap_or_default());
    }
    let long = arg.get_long().map(|long| format!("--{long}"));
    let short = arg.get_short().map(|short| format!("-{short}"));
    let names = [short, long].into_iter().flatten().collect::<Vec<_>>().join(", ");
    match value {
        Some(value) => format!("`{names} {value}`"),
        None => format!("`{names}`"),
    }
}

fn describe(command: &Command, path: &str, page: &mut String) {
    let path = format!("{path} {}", command.get_name()).trim().to_owned();
    let about = command.get_long_about().or(command.get_about()).map(ToString::to_string).unwrap_or_default();
    let usage = command.clone().render_usage().to_string();
    let usage = usage.trim_start_matches("Usage: ").split_whitespace().collect::<Vec<_>>().join(" ");
    let usage = usage.strip_prefix(command.get_name()).unwrap_or(&usage);
    let _ = writeln!(page, "\n## {path}\n\n{}\n\n```\n{path}{usage}\n```", about.replace('<', "&lt;").trim());
    let arguments: Vec<&Arg> = command
        .get_arguments()
        .filter(|arg| !arg.is_hide_set() && !["help", "version"].contains(&arg.get_id().as_str()))
        .collect();
    if !arguments.is_empty() {
        page.push_str("\n| argument | what it does |\n|---|---|\n");
        for arg in arguments {
            let _ = writeln!(page, "| {} | {} |", spelled(arg), described(arg));
        }
    }
    for inner in command.get_subcommands().filter(|inner| !inner.is_hide_set()) {
        describe(inner, &path, page);
    }
}

#[test]
fn the_page_of_commands_is_what_the_program_offers() {
    let mut page = "# Command line\n\nThis page is written from the code (`IBNATS_WRITE_DOCS=1 cargo test --test docs`); a test keeps it so. \
        Every command has `--help`; `ibnats completions` and `ibnats man` write the same for shells and as manual pages.\n"
        .to_owned();
    describe(&cli::command(), "", &mut page);
    keep("docs/reference/cli.md", &page);
}
