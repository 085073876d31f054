//! Keys of settings, as people write them: `gateway.port`, `subscriptions[1].contract`.

use serde_json::Value;
use serde_path_to_error::{Path, Segment};

/// One step into a configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Into a table.
    Key(String),
    /// Into a list.
    Place(usize),
}

/// The steps of a path.
pub(super) fn steps(path: &Path) -> Vec<Step> {
    path.iter()
        .filter_map(|segment| match segment {
            Segment::Seq { index } => Some(Step::Place(*index)),
            Segment::Map { key } => Some(Step::Key(key.clone())),
            Segment::Enum { .. } | Segment::Unknown => None,
        })
        .collect()
}

/// The key in words.
pub(super) fn words(steps: &[Step]) -> String {
    let mut text = String::new();
    for step in steps {
        match step {
            Step::Key(key) if text.is_empty() => text.clone_from(key),
            Step::Key(key) => text = format!("{text}.{key}"),
            Step::Place(place) => text = format!("{text}[{place}]"),
        }
    }
    text
}

/// Every setting with its key. A list is one setting, but each table in a list is taken apart.
pub(super) fn leaves(value: &Value) -> Vec<(String, &Value)> {
    let mut found = Vec::new();
    collect(String::new(), value, &mut found);
    found
}

fn collect<'a>(key: String, value: &'a Value, found: &mut Vec<(String, &'a Value)>) {
    let inside = |name: &str| if key.is_empty() { name.to_owned() } else { format!("{key}.{name}") };
    match value {
        Value::Object(table) => table.iter().for_each(|(name, value)| collect(inside(name), value, found)),
        Value::Array(list) if list.iter().any(Value::is_object) => {
            for (place, value) in list.iter().enumerate() {
                collect(format!("{key}[{place}]"), value, found);
            }
        }
        _ => found.push((key, value)),
    }
}

/// The value there, if there is one.
pub(super) fn at<'a>(value: &'a mut Value, steps: &[Step]) -> Option<&'a mut Value> {
    steps.iter().try_fold(value, |value, step| match step {
        Step::Key(key) => value.get_mut(key),
        Step::Place(place) => value.get_mut(*place),
    })
}

/// Takes a value out. False if there is none.
pub(super) fn remove(value: &mut Value, steps: &[Step]) -> bool {
    let Some((last, table)) = steps.split_last() else { return false };
    match (at(value, table), last) {
        (Some(Value::Object(table)), Step::Key(key)) => table.remove(key).is_some(),
        (Some(Value::Array(list)), Step::Place(place)) if *place < list.len() => {
            list.remove(*place);
            true
        }
        _ => false,
    }
}
