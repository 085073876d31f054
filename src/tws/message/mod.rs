//! Every TWS message, defined once and used in both directions.
//!
//! A message is one block of `number name: type` lines. The `message!` macro turns it into a
//! `prost` struct, its published field table ([`Layout::FIELDS`]) and a readable dump
//! ([`Layout::to_json`]), so that the numbers the codec uses and the numbers the tests compare with
//! IB's table can never be two different things.
//!
//! Field names are IB's own in snake case. Every scalar tracks presence: `None` means that the
//! sender left the field out, which is not the same as zero. Quantities travel as decimal text and
//! are kept as text, digit for digit.

mod assign;
mod layout;

pub mod account;
pub mod contract;
pub mod depth;
pub mod display_group;
pub mod gateway_settings;
pub mod history;
pub mod login;
pub mod market_data;
pub mod news;
pub mod order;
pub mod order_flow;
pub mod scanner;
pub mod tick_by_tick;

pub use assign::{BadField, assign};
pub use layout::{Dump, Field, Kind, Layout};

/// Defines prost messages from `number name: type` lines.
///
/// Types: `int32`, `int64`, `bool`, `double`, `string`, a message name, `[T]` for repeated fields
/// and `{string}` for a map from text to text.
macro_rules! message {
    ($( $(#[$doc:meta])* $name:ident { $($body:tt)* } )*) => {
        $( message!(@munch [$(#[$doc])*] $name [] [] $($body)*); )*
    };

    (@munch [$($doc:tt)*] $name:ident [$($field:tt)*] [$(($number:literal $id:ident $repeated:literal $kind:expr))*]) => {
        $($doc)*
        #[derive(Clone, PartialEq, prost::Message)]
        #[allow(missing_docs, reason = "field names are IB's own; the field table in the docs lists them")]
        pub struct $name { $($field)* }

        impl $crate::tws::message::Layout for $name {
            const NAME: &'static str = stringify!($name);
            const FIELDS: &'static [$crate::tws::message::Field] = &[
                $( $crate::tws::message::Field {
                    number: $number, name: stringify!($id), kind: $kind, repeated: $repeated
                } ),*
            ];
            fn to_json(&self) -> serde_json::Value {
                #[allow(unused_mut, reason = "a message may have no fields")]
                let mut fields = serde_json::Map::new();
                $( $crate::tws::message::Dump::dump(&self.$id, stringify!($id), &mut fields); )*
                serde_json::Value::Object(fields)
            }
        }
    };

    (@munch $doc:tt $name:ident [$($f:tt)*] [$($t:tt)*] $n:literal $id:ident : int32, $($rest:tt)*) => {
        message!(@munch $doc $name
            [$($f)* #[prost(int32, optional, tag = $n)] pub $id: Option<i32>,]
            [$($t)* ($n $id false $crate::tws::message::Kind::Int32)] $($rest)*);
    };
    (@munch $doc:tt $name:ident [$($f:tt)*] [$($t:tt)*] $n:literal $id:ident : int64, $($rest:tt)*) => {
        message!(@munch $doc $name
            [$($f)* #[prost(int64, optional, tag = $n)] pub $id: Option<i64>,]
            [$($t)* ($n $id false $crate::tws::message::Kind::Int64)] $($rest)*);
    };
    (@munch $doc:tt $name:ident [$($f:tt)*] [$($t:tt)*] $n:literal $id:ident : bool, $($rest:tt)*) => {
        message!(@munch $doc $name
            [$($f)* #[prost(bool, optional, tag = $n)] pub $id: Option<bool>,]
            [$($t)* ($n $id false $crate::tws::message::Kind::Bool)] $($rest)*);
    };
    (@munch $doc:tt $name:ident [$($f:tt)*] [$($t:tt)*] $n:literal $id:ident : double, $($rest:tt)*) => {
        message!(@munch $doc $name
            [$($f)* #[prost(double, optional, tag = $n)] pub $id: Option<f64>,]
            [$($t)* ($n $id false $crate::tws::message::Kind::Double)] $($rest)*);
    };
    (@munch $doc:tt $name:ident [$($f:tt)*] [$($t:tt)*] $n:literal $id:ident : string, $($rest:tt)*) => {
        message!(@munch $doc $name
            [$($f)* #[prost(string, optional, tag = $n)] pub $id: Option<String>,]
            [$($t)* ($n $id false $crate::tws::message::Kind::Text)] $($rest)*);
    };
    (@munch $doc:tt $name:ident [$($f:tt)*] [$($t:tt)*] $n:literal $id:ident : {string}, $($rest:tt)*) => {
        message!(@munch $doc $name
            [$($f)* #[prost(btree_map = "string, string", tag = $n)]
                pub $id: std::collections::BTreeMap<String, String>,]
            [$($t)* ($n $id false $crate::tws::message::Kind::TextMap)] $($rest)*);
    };
    (@munch $doc:tt $name:ident [$($f:tt)*] [$($t:tt)*] $n:literal $id:ident : [int32], $($rest:tt)*) => {
        message!(@munch $doc $name
            [$($f)* #[prost(int32, repeated, tag = $n)] pub $id: Vec<i32>,]
            [$($t)* ($n $id true $crate::tws::message::Kind::Int32)] $($rest)*);
    };
    (@munch $doc:tt $name:ident [$($f:tt)*] [$($t:tt)*] $n:literal $id:ident : [double], $($rest:tt)*) => {
        message!(@munch $doc $name
            [$($f)* #[prost(double, repeated, tag = $n)] pub $id: Vec<f64>,]
            [$($t)* ($n $id true $crate::tws::message::Kind::Double)] $($rest)*);
    };
    (@munch $doc:tt $name:ident [$($f:tt)*] [$($t:tt)*] $n:literal $id:ident : [string], $($rest:tt)*) => {
        message!(@munch $doc $name
            [$($f)* #[prost(string, repeated, tag = $n)] pub $id: Vec<String>,]
            [$($t)* ($n $id true $crate::tws::message::Kind::Text)] $($rest)*);
    };
    (@munch $doc:tt $name:ident [$($f:tt)*] [$($t:tt)*] $n:literal $id:ident : [$msg:ident], $($rest:tt)*) => {
        message!(@munch $doc $name
            [$($f)* #[prost(message, repeated, tag = $n)] pub $id: Vec<$msg>,]
            [$($t)* ($n $id true $crate::tws::message::Kind::Message(
                <$msg as $crate::tws::message::Layout>::FIELDS))] $($rest)*);
    };
    (@munch $doc:tt $name:ident [$($f:tt)*] [$($t:tt)*] $n:literal $id:ident : $msg:ident, $($rest:tt)*) => {
        message!(@munch $doc $name
            [$($f)* #[prost(message, optional, tag = $n)] pub $id: Option<$msg>,]
            [$($t)* ($n $id false $crate::tws::message::Kind::Message(
                <$msg as $crate::tws::message::Layout>::FIELDS))] $($rest)*);
    };
}
use message;
