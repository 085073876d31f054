//! The whole interface as one AsyncAPI 3 document, made from the same registry as the JSON Schemas.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::{service::QUEUE_GROUP, streams::Names};
use crate::schema::registry::{self, Entry};

/// The version of the AsyncAPI specification that the document follows.
const ASYNCAPI: &str = "3.1.0";
/// The prefix when none is configured.
const PREFIX: &str = "ib";
/// What stands for an instrument in the registry, token by token.
const INST: &str = "<sec_type>.<local_symbol>.<exchange>.<currency>";
/// Families of events whose last value is kept, and whether that is in the bucket for accounts.
const LAST_VALUES: &[(&str, bool)] = &[
    ("quote", false),
    ("greeks", false),
    ("bar", false),
    ("conn.state", false),
    ("conn.farm", false),
    ("position", true),
    ("account", true),
    ("pnl", true),
    ("model", true),
];

/// The document. Channels are subjects; operations are the bridge's own: it sends events and receives requests.
pub fn document() -> Value {
    let mut parts = Parts::default();
    for entry in registry::all() {
        if let Some(event) = entry.name.strip_prefix("event.") {
            parts.event(event, &entry);
        } else if let Some(verb) = entry.name.strip_prefix("request.") {
            parts.request(verb, &entry);
        } else {
            parts.message(&entry);
        }
    }
    json!({
        "asyncapi": ASYNCAPI,
        "info": {
            "title": "ibnats",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "Interactive Brokers on NATS. Subjects begin with the configured prefix, `ib` by default. Tokens keep \
                `A-Z a-z 0-9 _ -`; other bytes are `=` and two hex digits. Payloads are JSON, or MessagePack of the same shape.",
            "license": { "name": "MIT OR Apache-2.0" },
        },
        "defaultContentType": "application/json",
        "servers": { "nats": { "host": "127.0.0.1:4222", "protocol": "nats" } },
        "channels": parts.channels,
        "operations": parts.operations,
        "components": { "messages": parts.messages, "schemas": parts.schemas },
    })
}

/// What has been collected so far.
#[derive(Default)]
struct Parts {
    channels: Map<String, Value>,
    operations: Map<String, Value>,
    messages: Map<String, Value>,
    schemas: BTreeMap<String, Value>,
}

impl Parts {
    /// A subject the bridge publishes on.
    fn event(&mut self, name: &str, entry: &Entry) {
        self.message(entry);
        let mut channel = channel(&format!("{PREFIX}.{}", entry.subject), &text(entry, "description"), entry.name);
        let names = Names::of(PREFIX);
        let stream = match entry.subject.split('.').next() {
            Some("order" | "fill") => Some(names.orders),
            Some("conn" | "gap" | "bridge") => Some(names.connection),
            Some("audit") => Some(names.audit),
            _ => None,
        };
        let kept = LAST_VALUES.iter().find(|(family, _)| entry.subject.starts_with(family));
        let bucket = kept.map(|&(_, is_account)| if is_account { names.account } else { names.last });
        insert(&mut channel, "x-jetstream", stream.map(Value::from));
        insert(&mut channel, "x-kv-bucket", bucket.map(Value::from));
        self.channels.insert(name.to_owned(), channel);
        let operation =
            json!({ "action": "send", "channel": channel_ref(name), "messages": [message_ref(name, entry.name)] });
        self.operations.insert(format!("publish.{name}"), operation);
    }

    /// A request, on its subject without and with the client's name.
    fn request(&mut self, verb: &str, entry: &Entry) {
        self.message(entry);
        let what = text(entry, "description");
        let replies = format!("{verb}.reply");
        let answer = format!("reply.{verb}");
        self.channels.insert(replies.clone(), reply_channel(verb, &answer));
        for (name, subject) in [
            (verb.to_owned(), format!("{PREFIX}.{}", entry.subject)),
            (format!("{verb}.client"), format!("{PREFIX}.{}.<client>", entry.subject)),
        ] {
            self.channels.insert(name.clone(), channel(&subject, &what, entry.name));
            let operation = json!({
                "action": "receive",
                "channel": channel_ref(&name),
                "messages": [message_ref(&name, entry.name)],
                "bindings": { "nats": { "queue": QUEUE_GROUP } },
                "reply": {
                    "address": { "location": "$message.header#/reply", "description": "The reply subject of the request." },
                    "channel": channel_ref(&replies),
                    "messages": [message_ref(&replies, &answer)],
                },
            });
            self.operations.insert(name, operation);
        }
    }

    /// The message and every type it is made of.
    fn message(&mut self, entry: &Entry) {
        let mut schema = entry.schema.clone().to_value();
        let mut renamed = BTreeMap::new();
        let defs = schema.get_mut("$defs").map(Value::take);
        for (name, body) in defs.as_ref().and_then(Value::as_object).into_iter().flatten() {
            renamed.insert(name.clone(), self.free_name(name, body, entry.name));
        }
        if let Some(Value::Object(defs)) = defs {
            for (name, mut body) in defs {
                point_to_components(&mut body, &renamed);
                self.schemas.insert(renamed.get(&name).cloned().unwrap_or(name), body);
            }
        }
        point_to_components(&mut schema, &renamed);
        if let Some(root) = schema.as_object_mut() {
            for key in ["$schema", "$defs", "x-subject"] {
                root.remove(key);
            }
        }
        self.schemas.insert(entry.name.to_owned(), schema);
        let payload = json!({ "$ref": format!("#/components/schemas/{}", entry.name) });
        let message = json!({ "name": entry.name, "title": text(entry, "title"), "payload": payload });
        self.messages.insert(entry.name.to_owned(), message);
    }

    /// The type's own name, with that of its first message before it if another type has it already.
    fn free_name(&self, name: &str, body: &Value, message: &str) -> String {
        let mut body = body.clone();
        point_to_components(&mut body, &BTreeMap::new());
        match self.schemas.get(name) {
            Some(other) if *other != body => format!("{message}.{name}"),
            _ => name.to_owned(),
        }
    }
}

/// A channel with the parameters of its subject.
fn channel(subject: &str, description: &str, message: &str) -> Value {
    let subject = subject.replace("<inst>", INST);
    let names: Vec<&str> = subject.split('.').filter_map(|token| token.strip_prefix('<')?.strip_suffix('>')).collect();
    let parameters: Map<String, Value> = names.iter().map(|name| ((*name).to_owned(), parameter(name))).collect();
    let mut channel = json!({
        "address": subject.replace('<', "{").replace('>', "}"),
        "description": description,
        "messages": { message: { "$ref": format!("#/components/messages/{message}") } },
    });
    insert(&mut channel, "parameters", (!parameters.is_empty()).then_some(Value::Object(parameters)));
    channel
}

/// Where answers go: to the inbox that the caller names.
fn reply_channel(verb: &str, answer: &str) -> Value {
    json!({
        "address": null,
        "description": format!("The caller's inbox, with the answer to `{verb}`; an answer with `page` and `last` comes in several messages."),
        "messages": { answer: { "$ref": format!("#/components/messages/{answer}") } },
    })
}

fn parameter(name: &str) -> Value {
    let description = match name {
        "sec_type" => "Kind of instrument, such as `STK`.",
        "local_symbol" => "The exchange's own symbol, such as `ESZ6`.",
        "exchange" => "Where it is routed: `SMART` or an exchange.",
        "currency" => "Trading currency.",
        "account" => "Account number.",
        "key" => "The order's key.",
        "client" => "The caller's name; NATS permissions make it trustworthy.",
        "con_id" => "IB's contract id.",
        _ => return json!({}),
    };
    json!({ "description": description })
}

fn channel_ref(channel: &str) -> Value {
    json!({ "$ref": format!("#/channels/{channel}") })
}

/// An operation names its messages by way of its channel.
fn message_ref(channel: &str, message: &str) -> Value {
    json!({ "$ref": format!("#/channels/{channel}/messages/{message}") })
}

fn text(entry: &Entry, key: &str) -> String {
    entry.schema.get(key).and_then(Value::as_str).unwrap_or_default().to_owned()
}

fn insert(object: &mut Value, key: &str, value: Option<Value>) {
    if let (Some(object), Some(value)) = (object.as_object_mut(), value) {
        object.insert(key.to_owned(), value);
    }
}

/// Lets references to a schema's own types point to the document's.
fn point_to_components(schema: &mut Value, renamed: &BTreeMap<String, String>) {
    match schema {
        Value::Object(object) => {
            for (key, value) in object {
                match value.as_str().and_then(|target| target.strip_prefix("#/$defs/")) {
                    Some(name) if key == "$ref" => {
                        let name = renamed.get(name).map_or(name, String::as_str);
                        *value = format!("#/components/schemas/{name}").into();
                    }
                    _ => point_to_components(value, renamed),
                }
            }
        }
        Value::Array(values) => values.iter_mut().for_each(|value| point_to_components(value, renamed)),
        _ => {}
    }
}
