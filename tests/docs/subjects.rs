//! The index of subjects, and the streams and buckets that keep what passes on them.

use std::fmt::Write as _;

use ibnats::{
    config::Nats,
    nats::streams::{bucket_configs, stream_configs},
    schema::registry,
};

use crate::{markdown::slug, pages::keep};

#[test]
fn the_index_of_subjects_is_the_published_one() {
    let mut page = "# Subjects\n\nThis page is written from the code (`IBNATS_WRITE_DOCS=1 cargo test --test docs`); a test keeps it so. `ib` is the \
        default of `nats.prefix`. `<inst>` is `<sec_type>.<local_symbol>.<exchange>.<currency>`; bytes of a token other than `A-Z a-z 0-9 _ -` \
        become `=` and two hex digits.\n\n## Events\n\n| subject | payload |\n|---|---|\n"
        .to_owned();
    let entries = registry::all();
    for entry in &entries {
        if let Some(name) = entry.name.strip_prefix("event.") {
            let _ = writeln!(page, "| `ib.{}` | [{name}](events.md#{}) |", entry.subject, slug(name));
        }
    }
    page.push_str(
        "\n## Requests\n\nEach also with the caller's name as a last token, such as `ib.req.md.subscribe.alpha`: NATS permissions then \
         tell clients apart.\n\n| subject | payload |\n|---|---|\n",
    );
    for entry in &entries {
        if let Some(verb) = entry.name.strip_prefix("request.") {
            let noun = verb.split('.').next().unwrap_or_default();
            let _ = writeln!(page, "| `ib.{}` | [{verb}](requests-{noun}.md#{}) |", entry.subject, slug(verb));
        }
    }
    page.push_str("\n## Streams\n\nFile storage; the oldest messages go first.\n\n| stream | subjects | days | bytes | what |\n|---|---|---|---|---|\n");
    let nats = Nats::default();
    for stream in stream_configs(&nats) {
        let subjects: Vec<String> = stream.subjects.iter().map(|subject| format!("`{subject}`")).collect();
        let _ = writeln!(
            page,
            "| `{}` | {} | {} | {} | {} |",
            stream.name,
            subjects.join(", "),
            stream.max_age.as_secs() / 86_400,
            stream.max_bytes,
            stream.description.unwrap_or_default()
        );
    }
    page.push_str(
        "\nThe sizes are those of the default configuration. A key of a bucket is its subject without the prefix, such as \
         `quote.STK.AAPL.SMART.USD`.\n\n## Buckets\n\nIn memory: the bridge writes again what it needs.\n\n| bucket | what |\n|---|---|\n",
    );
    for bucket in bucket_configs(&nats) {
        let _ = writeln!(page, "| `{}` | {} |", bucket.bucket, bucket.description);
    }
    keep("docs/reference/subjects.md", &page);
}
