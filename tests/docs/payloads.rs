//! The reference of payloads: events, requests by noun, and the types they are made of, all out of the schemas.

use std::{collections::BTreeMap, fmt::Write as _};

use ibnats::{nats::asyncapi, schema::ErrorCode};
use serde_json::Value;

use crate::{
    pages::keep,
    schema::{about, body, cell, fields, kind},
};

const GENERATED: &str =
    "This page is written from the code (`IBNATS_WRITE_DOCS=1 cargo test --test docs`); a test keeps it so.";

/// A description as paragraphs: no line of it may be taken for something else.
fn prose(schema: &Value) -> String {
    let text = schema["description"].as_str().unwrap_or_default();
    text.split("\n\n").map(cell).collect::<Vec<_>>().join("\n\n").replace("\\|", "|")
}

#[test]
fn the_page_of_events_is_what_is_published() {
    let document = asyncapi::document();
    let schemas = &document["components"]["schemas"];
    let mut page = format!(
        "# Events\n\n{GENERATED} The JSON Schemas themselves are in [`schemas/`](../../schemas/asyncapi.json).\n\n\
         A field without *always* is left out while it is not known. Readers must pass over fields they do not know: \
         events may grow some. [Concepts](../concepts.md) explains `seq`, `stale` and `after_gap`.\n"
    );
    for (name, channel) in document["channels"].as_object().expect("channels") {
        let event = format!("event.{name}");
        let Some(schema) = schemas.get(&event) else { continue };
        let address = channel["address"].as_str().expect("an address").replace('{', "<").replace('}', ">");
        let address = address.replace("<sec_type>.<local_symbol>.<exchange>.<currency>", "<inst>");
        let _ = writeln!(page, "\n## {name}\n\nSubject `{address}`.{}\n\n{}\n", kept(channel), prose(schema));
        page.push_str(&fields(schema, "types.md", "always"));
    }
    keep("docs/reference/events.md", &page);
}

fn kept(channel: &Value) -> String {
    let stream = channel["x-jetstream"].as_str().map(|name| format!(" Stored in the stream `{name}`."));
    let bucket = channel["x-kv-bucket"].as_str().map(|name| format!(" The last one is in the bucket `{name}`."));
    [stream, bucket].into_iter().flatten().collect()
}

/// What README.md says of each request.
fn told_by_readme() -> BTreeMap<String, String> {
    let readme = crate::pages::text("README.md");
    let (_, section) = readme.split_once("\n## Requests\n").expect("the heading");
    let section = section.split("\n## ").next().unwrap_or_default();
    let rows = section.lines().filter_map(|line| line.strip_prefix("| `")?.strip_suffix(" |")?.split_once("` | "));
    // Links lead from another folder here.
    let link = regex::Regex::new(r"\[([^\]]*)\]\(([^)]*)\)").expect("a pattern");
    rows.map(|(verb, what)| (verb.to_owned(), link.replace_all(what, "$1").into_owned())).collect()
}

/// With a capital and a full stop.
fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    let first: String = letters.next().map(|first| first.to_uppercase().collect()).unwrap_or_default();
    format!("{first}{}.", letters.as_str().trim_end_matches('.'))
}

/// Nouns of requests with what they are about.
const NOUNS: [(&str, &str); 15] = [
    ("md", "market data"),
    ("hist", "history"),
    ("contract", "contracts"),
    ("order", "orders"),
    ("account", "accounts"),
    ("risk", "limits and kill switch"),
    ("news", "news"),
    ("scan", "scanners"),
    ("option", "option calculator"),
    ("wsh", "corporate events"),
    ("reference", "tables of IB"),
    ("bridge", "the bridge itself"),
    ("pace", "pacing"),
    ("pool", "connections"),
    ("gateway", "the gateway program"),
];

#[test]
fn the_pages_of_requests_are_what_is_answered() {
    let document = asyncapi::document();
    let schemas = &document["components"]["schemas"];
    let mut by_noun: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for name in schemas.as_object().expect("schemas").keys() {
        if let Some(verb) = name.strip_prefix("request.") {
            by_noun.entry(verb.split('.').next().unwrap_or_default()).or_default().push(verb);
        }
    }
    let told = told_by_readme();
    let known: Vec<&str> = NOUNS.iter().map(|(noun, _)| *noun).collect();
    assert!(by_noun.keys().all(|noun| known.contains(noun)), "name the new noun in tests/docs/payloads.rs");
    for (noun, what) in NOUNS.into_iter().filter(|(noun, _)| by_noun.contains_key(noun)) {
        let mut page = format!(
            "# Requests: {what} (`{noun}`)\n\n{GENERATED} [Any language](../howto/any-language.md) tells how to ask, \
             [errors](errors.md) what may come instead of an answer.\n"
        );
        for verb in &by_noun[noun] {
            let request = &schemas[format!("request.{verb}")];
            let reply = &schemas[format!("reply.{verb}")];
            let data = kind(&reply["properties"]["data"], "types.md");
            let _ = writeln!(
                page,
                "\n## {verb}\n\n{} Subject `ib.req.{verb}[.<client>]`. Answer: {data}.\n\n{}\n",
                sentence(&told[*verb]),
                prose(request)
            );
            page.push_str(&fields(request, "types.md", "required"));
        }
        keep(&format!("docs/reference/requests-{noun}.md"), &page);
    }
}

#[test]
fn the_page_of_types_is_what_payloads_are_made_of() {
    let document = asyncapi::document();
    let schemas = document["components"]["schemas"].as_object().expect("schemas");
    let mut page = format!(
        "# Types\n\n{GENERATED} What [events](events.md), requests and their answers are made of. In requests fields that are \
         not *always* there may be left out; in events and answers they are left out while they are not known.\n"
    );
    for (name, schema) in schemas {
        if ["request.", "reply.", "event."].iter().any(|kind| name.starts_with(kind)) && schema["title"].is_string() {
            continue;
        }
        let _ = writeln!(page, "\n## {name}\n\n{}\n\n{}", prose(schema), body(schema, "types.md").trim_end());
    }
    keep("docs/reference/types.md", &page.replace("](types.md#", "](#"));
}

#[test]
fn the_page_of_errors_is_what_replies_may_say() {
    let document = asyncapi::document();
    let schemas = &document["components"]["schemas"];
    let mut page = format!(
        "# Errors\n\n{GENERATED} Instead of an answer a reply may be `{{\"ok\":false,\"error\":{{...}}}}`. `code` is one of these stable \
         words; `message` is for people and may change. The same stands in the headers `Nats-Service-Error-Code` (the number) and \
         `Nats-Service-Error`.\n\n| code | number | what it means |\n|---|---|---|\n"
    );
    let variants = schemas["ErrorCode"]["oneOf"].as_array().expect("codes");
    assert_eq!(variants.len(), ErrorCode::ALL.len());
    for code in ErrorCode::ALL {
        let variant = variants.iter().find(|variant| variant["const"] == code.as_str()).expect("described");
        let _ = writeln!(page, "| `{}` | {} | {} |", code.as_str(), code.status(), about(variant));
    }
    page.push_str(
        "\nA program may ask again by itself after `not_ready`, `pacing_limited` (not before `retry_after_ms`), `busy` and \
         `timeout`; an order always with the same key. After `outcome_unknown` the same key tells more, and never a second order. All \
         others need a change of the request, of the account or of the configuration.\n\n## Fields of an error\n\n",
    );
    page.push_str(&fields(&schemas["ApiError"], "types.md", "always"));
    page.push_str("\nWhat the gateway's own codes mean is in [notices](../notices.md) and, for orders, in [order codes](../order-codes.md).\n");
    keep("docs/reference/errors.md", &page);
}
