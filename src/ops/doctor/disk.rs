//! The state folder and the order journal.

use crate::{config::Config, journal::reader::Reader, schema::request::doctor::Finding};

/// With less than this the journal may stop taking orders soon.
const FREE_BYTES_MIN: u64 = 1 << 30;

/// Can the journal be written, and is it whole?
pub fn look(config: &Config) -> Vec<Finding> {
    let folder = &config.state.dir;
    let name = folder.display();
    if !folder.exists() {
        // The bridge makes it; what can go wrong is its parent.
        let parent = folder.parent().filter(|parent| !parent.as_os_str().is_empty());
        let parent = parent.unwrap_or_else(|| std::path::Path::new("."));
        return match tempfile::Builder::new().prefix(".ibnats-check").tempfile_in(parent) {
            Ok(_) => vec![Finding::note("state folder", format!("{name} does not exist yet; the bridge will make it"))],
            Err(error) => {
                let mend = "make the folder and give it to the bridge's user, or set [state] dir";
                vec![Finding::wrong("state folder", format!("{name} cannot be made: {error}"), mend)]
            }
        };
    }
    let mut findings = vec![match tempfile::Builder::new().prefix(".ibnats-check").tempfile_in(folder) {
        Ok(_) => Finding::good("state folder", format!("{name} can be written")),
        Err(error) => {
            let mend = "no order is taken without it: give the folder to the bridge's user, or set [state] dir";
            Finding::wrong("state folder", format!("{name} cannot be written: {error}"), mend)
        }
    }];
    if let Ok(space) = rustix::fs::statvfs(folder) {
        let free = space.f_bavail.saturating_mul(space.f_frsize);
        let text = format!("{} MiB free", free >> 20);
        findings.push(if free < FREE_BYTES_MIN {
            Finding::warning("disk", text, "make room: orders are refused when the journal cannot be written")
        } else {
            Finding::good("disk", text)
        });
    }
    if folder.join("journal.sqlite").exists() {
        findings.push(journal(config));
    }
    findings
}

fn journal(config: &Config) -> Finding {
    let mend = "the bridge will not start with it: keep the file, and read what README says about the journal";
    let reader = match Reader::open(&config.state.dir) {
        Ok(reader) => reader,
        Err(error) => return Finding::wrong("journal", error.to_string(), mend),
    };
    match reader.check(&config.state.dir) {
        Ok(found) if found.faults.is_empty() => {
            let orders: i64 = found.orders.iter().map(|(_, count)| *count).sum();
            Finding::good("journal", format!("whole: {orders} orders, {} fills", found.fills))
        }
        Ok(found) => Finding::wrong("journal", found.faults.join("; "), mend),
        Err(error) => Finding::wrong("journal", error.to_string(), mend),
    }
}

/// The highest order id this bridge has used, if the journal knows one.
pub fn highest_order_id(config: &Config) -> Option<i64> {
    Reader::open(&config.state.dir).ok()?.highest_order_id().ok()?
}
