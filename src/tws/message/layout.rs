//! What a message knows about itself: its field table and a readable dump.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

/// One row of a message's field table.
#[derive(Clone, Copy, Debug)]
pub struct Field {
    /// Field number on the wire.
    pub number: u32,
    /// IB's field name in snake case.
    pub name: &'static str,
    /// Type of the value.
    pub kind: Kind,
    /// True if the field holds any number of such values.
    pub repeated: bool,
}

/// Type of a field's value.
#[derive(Clone, Copy, Debug)]
pub enum Kind {
    /// `int32`.
    Int32,
    /// `int64`.
    Int64,
    /// `bool`.
    Bool,
    /// `double`.
    Double,
    /// UTF-8 text.
    Text,
    /// Map from text to text.
    TextMap,
    /// A message with these fields.
    Message(&'static [Field]),
}

/// A message that knows its name and its fields.
pub trait Layout {
    /// IB's name of the message.
    const NAME: &'static str;
    /// The fields, by ascending number.
    const FIELDS: &'static [Field];
    /// The fields that are present, by name. For logs, recordings and tests.
    fn to_json(&self) -> Value;
}

/// A field value that can be written into a [`Layout::to_json`] dump; absent values are left out.
pub trait Dump {
    /// Adds the value under `name` if it is present.
    fn dump(&self, name: &str, into: &mut Map<String, Value>);
}

/// A single value of a dump.
trait DumpValue {
    fn value(&self) -> Value;
}

macro_rules! dump_scalar {
    ($($scalar:ty),*) => { $(
        impl DumpValue for $scalar {
            fn value(&self) -> Value { Value::from(self.clone()) }
        }
    )* };
}
dump_scalar!(i32, i64, bool, f64, String);

impl<M: Layout> DumpValue for M {
    fn value(&self) -> Value {
        self.to_json()
    }
}

impl<T: DumpValue> Dump for Option<T> {
    fn dump(&self, name: &str, into: &mut Map<String, Value>) {
        if let Some(present) = self {
            into.insert(name.to_owned(), present.value());
        }
    }
}

impl<T: DumpValue> Dump for Vec<T> {
    fn dump(&self, name: &str, into: &mut Map<String, Value>) {
        if !self.is_empty() {
            into.insert(name.to_owned(), self.iter().map(DumpValue::value).collect());
        }
    }
}

impl Dump for BTreeMap<String, String> {
    fn dump(&self, name: &str, into: &mut Map<String, Value>) {
        if !self.is_empty() {
            let pairs = self.iter().map(|(key, value)| (key.clone(), Value::from(value.clone())));
            into.insert(name.to_owned(), Value::Object(pairs.collect()));
        }
    }
}
