//! What a page holds: where it links to, where it can be linked to, what it sets as code.

use std::collections::{BTreeMap, BTreeSet};

use pulldown_cmark::{CodeBlockKind, Event, Options, Parser, Tag, TagEnd};

/// The parts of a page that tests look at.
#[derive(Debug, Default)]
pub(crate) struct Page {
    /// Targets of links and images, as written.
    pub(crate) links: Vec<String>,
    /// Anchors of its headings.
    pub(crate) anchors: BTreeSet<String>,
    /// Text in backticks.
    pub(crate) code: Vec<String>,
    /// Code blocks with their language, empty if none was given.
    pub(crate) blocks: Vec<(String, String)>,
}

/// Reads a page.
pub(crate) fn read(text: &str) -> Page {
    let mut page = Page::default();
    let mut repeats: BTreeMap<String, usize> = BTreeMap::new();
    let (mut heading, mut block): (Option<String>, Option<(String, String)>) = (None, None);
    for event in Parser::new_ext(text, Options::ENABLE_TABLES) {
        match event {
            Event::Start(Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. }) => {
                page.links.push(dest_url.into_string());
            }
            Event::Start(Tag::Heading { .. }) => heading = Some(String::new()),
            Event::End(TagEnd::Heading(_)) => {
                let anchor = slug(&heading.take().unwrap_or_default());
                let earlier = repeats.entry(anchor.clone()).or_default();
                page.anchors.insert(if *earlier == 0 { anchor } else { format!("{anchor}-{earlier}") });
                *earlier += 1;
            }
            Event::Start(Tag::CodeBlock(kind)) => {
                let language = match kind {
                    CodeBlockKind::Fenced(language) => language.into_string(),
                    CodeBlockKind::Indented => String::new(),
                };
                block = Some((language, String::new()));
            }
            Event::End(TagEnd::CodeBlock) => page.blocks.extend(block.take()),
            Event::Text(text) => {
                if let Some((_, code)) = &mut block {
                    code.push_str(&text);
                } else if let Some(heading) = &mut heading {
                    heading.push_str(&text);
                }
            }
            Event::Code(code) => {
                if let Some(heading) = &mut heading {
                    heading.push_str(&code);
                }
                page.code.push(code.into_string());
            }
            _ => {}
        }
    }
    page
}

/// The anchor of a heading, by the rule that the book and code hosts share.
pub(crate) fn slug(heading: &str) -> String {
    let kept = heading.trim().chars().filter_map(|c| match c {
        ' ' => Some('-'),
        c if c.is_alphanumeric() || c == '-' || c == '_' => Some(c),
        _ => None,
    });
    kept.flat_map(char::to_lowercase).collect()
}

#[test]
fn a_heading_with_signs_and_code_has_an_anchor_without_them() {
    assert_eq!(slug("Risk: what is refused, before `ib.req`"), "risk-what-is-refused-before-ibreq");
    let page = read("# A `b`\n\n# A b\n\n[x](y.md#z)\n");
    assert_eq!(page.anchors, BTreeSet::from(["a-b".to_owned(), "a-b-1".to_owned()]));
    assert_eq!(page.links, ["y.md#z"]);
}
