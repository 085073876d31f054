//! Files of the checkout, and pages that the code writes.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

/// A path inside the checkout.
pub(crate) fn checkout(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// The text of a file of the checkout.
pub(crate) fn text(path: &str) -> String {
    fs::read_to_string(checkout(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// A page is what the code says; with `IBNATS_WRITE_DOCS` it is made so.
#[track_caller]
pub(crate) fn keep(path: &str, page: &str) {
    let page = format!("{}\n", page.trim_end());
    if std::env::var_os("IBNATS_WRITE_DOCS").is_some() {
        let file = checkout(path);
        fs::create_dir_all(file.parent().expect("a folder")).expect("made");
        // At once, since other tests read it.
        let draft = file.with_extension("new");
        fs::write(&draft, &page).expect("written");
        fs::rename(draft, file).expect("put in place");
    }
    let found = fs::read_to_string(checkout(path)).unwrap_or_default();
    assert!(found == page, "{path} is stale; run IBNATS_WRITE_DOCS=1 cargo test --test docs");
}

/// Every page that people read, by its path in the checkout.
pub(crate) fn all() -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    for path in ["README.md", "ARCHITECTURE.md", "CHANGELOG.md"] {
        found.insert(path.to_owned(), text(path));
    }
    for folder in ["docs", "deploy", "examples", "clients"] {
        collect(&checkout(folder), &mut found);
    }
    found
}

fn collect(folder: &Path, into: &mut BTreeMap<String, String>) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        let name = path.file_name().expect("a name").to_string_lossy().into_owned();
        if path.is_dir() {
            // What package managers put there.
            if !["node_modules", "target", "dist", ".venv"].contains(&name.as_str()) && !name.ends_with(".egg-info") {
                collect(&path, into);
            }
        } else if path.extension().is_some_and(|extension| extension == "md") {
            let inside = path.strip_prefix(env!("CARGO_MANIFEST_DIR")).expect("inside");
            into.insert(inside.to_string_lossy().into_owned(), fs::read_to_string(&path).expect("text"));
        }
    }
}
