//! Answers as a person reads them on a terminal.

use std::io::{self, IsTerminal as _, Write as _};

use chrono::{DateTime, Utc};
use comfy_table::{Table, presets};
use serde_json::Value;

use super::Failure;

/// A column of a table: its heading, and where its values are: names of fields joined by dots. A field that ends in
/// `_us` is a moment.
pub(super) type Column = (&'static str, &'static str);

/// Writes a line on standard output. A reader such as `head` may have seen enough, which is no fault.
pub(super) fn print_line(text: &str) -> Result<(), Failure> {
    match writeln!(io::stdout(), "{text}") {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => std::process::exit(0),
        other => Ok(other?),
    }
}

/// Writes rows below their headings; `none` if there are no rows.
pub(super) fn print_rows<'a>(
    columns: &[Column],
    rows: impl IntoIterator<Item = &'a Value>,
    none: &str,
) -> Result<(), Failure> {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_header(columns.iter().map(|(heading, _)| *heading));
    for row in rows {
        table.add_row(columns.iter().map(|(_, path)| field(row, path)));
    }
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
    }
    print_line(&if table.is_empty() { none.to_owned() } else { table.trim_fmt() })
}

/// Writes fields one below the other, without those that are absent.
pub(super) fn print_fields(columns: &[Column], value: &Value) -> Result<(), Failure> {
    let width = columns.iter().map(|(heading, _)| heading.chars().count()).max().unwrap_or_default();
    for (heading, path) in columns {
        let text = field(value, path);
        if !text.is_empty() {
            print_line(&format!("{heading:<width$}  {text}"))?;
        }
    }
    Ok(())
}

/// The field at a path as text; empty if it is absent.
pub(super) fn field(value: &Value, path: &str) -> String {
    let found = path.split('.').try_fold(value, |value, name| value.get(name));
    if path.ends_with("_us") { time(found) } else { text(found) }
}

/// The rows of a list; none if it is absent.
pub(super) fn rows<'a>(value: &'a Value, name: &str) -> &'a [Value] {
    value.get(name).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// A value as a person reads it.
pub(super) fn text(value: Option<&Value>) -> String {
    match value {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => text.clone(),
        Some(Value::Bool(is_so)) => if *is_so { "yes" } else { "no" }.to_owned(),
        Some(Value::Array(parts)) => parts.iter().map(|part| text(Some(part))).collect::<Vec<_>>().join(", "),
        Some(other) => other.to_string(),
    }
}

/// Microseconds as date and time, UTC.
pub(super) fn time(us: Option<&Value>) -> String {
    let time = us.and_then(Value::as_i64).and_then(DateTime::<Utc>::from_timestamp_micros);
    time.map(|time| time.format("%Y-%m-%d %H:%M:%S%.6f").to_string()).unwrap_or_default()
}

/// True if a person reads what is written to standard output.
pub(super) fn is_terminal() -> bool {
    io::stdout().is_terminal()
}

/// Asks a person; `yes` answers for them. Where nobody can be asked the answer is no.
pub(super) fn confirm(question: &str, yes: bool) -> Result<(), Failure> {
    if yes {
        return Ok(());
    }
    if !io::stdin().is_terminal() {
        return Err("nobody is there to confirm it; add --yes".into());
    }
    eprint!("{question} [y/N] ");
    io::stderr().flush()?;
    let mut answer = String::new();
    io::stdin().read_line(&mut answer)?;
    if matches!(answer.trim(), "y" | "Y" | "yes") { Ok(()) } else { Err("not confirmed; nothing was sent".into()) }
}

/// Fails unless every column is a field of the published schema: `rows_at` names the part of the answer that the
/// columns are of.
#[cfg(test)]
#[track_caller]
pub(super) fn columns_exist(reply: &str, rows_at: &str, columns: &[Column]) {
    let entries = crate::schema::registry::all();
    let root = entries.iter().find(|entry| entry.name == reply).expect("a schema").schema.as_value();
    let step = |node: &Value, name: &str| -> Option<Value> {
        let mut parts = vec![node.clone()];
        while let Some(part) = parts.pop() {
            if let Some(found) = part.pointer(&format!("/properties/{name}")) {
                return Some(found.clone());
            }
            let target = part
                .get("$ref")
                .and_then(Value::as_str)
                .and_then(|target| root.pointer(target.trim_start_matches('#')));
            parts.extend(target.cloned());
            parts.extend(part.get("items").cloned());
            parts.extend(
                part.get("anyOf").or(part.get("allOf")).and_then(Value::as_array).into_iter().flatten().cloned(),
            );
        }
        None
    };
    for (_, path) in columns {
        let names = ["data", rows_at, path].join(".");
        let found =
            names.split('.').filter(|name| !name.is_empty()).try_fold(root.clone(), |node, name| step(&node, name));
        assert!(found.is_some(), "{reply} has no field {names}");
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn fields_are_found_by_path_and_read_as_text() {
        let value = json!({ "a": { "b": [1, "x", true] }, "at_us": 1_500_000_000_000_001_i64, "none": null });
        assert_eq!(field(&value, "a.b"), "1, x, yes");
        assert_eq!(field(&value, "at_us"), "2017-07-14 02:40:00.000001");
        assert_eq!(field(&value, "none") + &field(&value, "a.c") + &field(&value, "missing"), "");
    }
}
