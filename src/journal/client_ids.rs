//! Which API client ids the bridges of one gateway use: a small file that they share, so that no two take the same.
//!
//! The file is read, changed and replaced as a whole under a lock of its own, so that a crash leaves the file of
//! before or of after. An entry whose owner has gone is free: the process is known to have ended, or it has not
//! renewed the entry for [`STALE_US`].

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write as _},
    ops::Range,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};
use tracing::warn;

/// An entry that was not renewed for this long belongs to nobody, in microseconds.
pub const STALE_US: i64 = 60_000_000;

/// What a client id is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Purpose {
    /// Orders and account data: the id owns the open orders.
    Trading,
    /// Market data, history and contracts.
    Data,
}

/// Who uses an id.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Owner {
    /// Process id.
    pub pid: u32,
    /// Where that process id means something: one boot of one host. Empty if it is not known.
    pub host: String,
}

impl Owner {
    /// This process.
    pub fn this() -> Self {
        let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
        let space = fs::read_link("/proc/self/ns/pid").unwrap_or_default();
        let host = if boot.is_empty() { String::new() } else { format!("{} {}", boot.trim(), space.display()) };
        Self { pid: std::process::id(), host }
    }

    /// True if this process, asked by its own kernel, knows that the owner has ended.
    fn has_ended(&self, asker: &Self) -> bool {
        !self.host.is_empty() && self.host == asker.host && !Path::new("/proc").join(self.pid.to_string()).exists()
    }
}

/// An id in use.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Entry {
    /// `host:port`.
    gateway: String,
    id: i32,
    purpose: Purpose,
    owner: Owner,
    /// When the owner said last that it lives, microseconds UTC.
    seen_us: i64,
}

#[derive(Debug, Default, Serialize, Deserialize)]
struct Book {
    entries: Vec<Entry>,
}

/// The shared file.
#[derive(Clone, Debug)]
pub struct ClientIds {
    path: PathBuf,
}

impl ClientIds {
    /// The file in this folder, which is made if it is missing.
    pub fn in_folder(folder: &Path) -> Self {
        Self { path: folder.join("client-ids.json") }
    }

    /// Takes the first id of the range that no living process uses; one that this owner has already comes first.
    /// `None` if all are in use.
    ///
    /// # Errors
    ///
    /// If the file cannot be read or written. A damaged file is set aside, told, and begun anew.
    pub fn claim(
        &self,
        gateway: &str,
        purpose: Purpose,
        range: Range<i32>,
        owner: &Owner,
        now_us: i64,
    ) -> io::Result<Option<i32>> {
        self.change(|book| {
            book.entries.retain(|entry| !is_stale(entry, owner, now_us));
            let is_ours = |entry: &&Entry| {
                entry.gateway == gateway
                    && entry.owner == *owner
                    && entry.purpose == purpose
                    && range.contains(&entry.id)
            };
            if let Some(id) = book.entries.iter().find(is_ours).map(|entry| entry.id) {
                return Some(id);
            }
            let is_used = |id: &i32| book.entries.iter().any(|entry| entry.gateway == gateway && entry.id == *id);
            let id = range.clone().find(|id| !is_used(id))?;
            let (gateway, owner) = (gateway.to_owned(), owner.clone());
            book.entries.push(Entry { gateway, id, purpose, owner, seen_us: now_us });
            Some(id)
        })
    }

    /// Takes the id after `in_use`, which the gateway says somebody has, or the next that nobody has written down; after
    /// the last comes the first. `None` if all others are in use: what the owner has stays his, since whoever is let in
    /// with it writes it down himself.
    ///
    /// # Errors
    ///
    /// As [`Self::claim`].
    pub fn claim_next(
        &self,
        gateway: &str,
        purpose: Purpose,
        range: Range<i32>,
        owner: &Owner,
        now_us: i64,
        in_use: i32,
    ) -> io::Result<Option<i32>> {
        self.change(|book| {
            book.entries.retain(|entry| !is_stale(entry, owner, now_us));
            let is_own = |entry: &Entry| entry.gateway == gateway && entry.owner == *owner && entry.purpose == purpose;
            let is_others = |id: &i32| {
                book.entries.iter().any(|entry| entry.gateway == gateway && entry.id == *id && !is_own(entry))
            };
            let later = (in_use.saturating_add(1)).max(range.start)..range.end;
            let earlier = range.start..in_use.min(range.end);
            let id = later.chain(earlier).find(|id| !is_others(id))?;
            book.entries.retain(|entry| !is_own(entry));
            let (gateway, owner) = (gateway.to_owned(), owner.clone());
            book.entries.push(Entry { gateway, id, purpose, owner, seen_us: now_us });
            Some(id)
        })
    }

    /// Says that the owner lives and is logged in with these ids. What it has claimed for a purpose with which it is not
    /// logged in stays claimed.
    ///
    /// # Errors
    ///
    /// As [`Self::claim`].
    pub fn renew(&self, gateway: &str, logged_in: &[(Purpose, i32)], owner: &Owner, now_us: i64) -> io::Result<()> {
        self.change(|book| {
            let is_replaced = |entry: &Entry| logged_in.iter().any(|(purpose, _)| *purpose == entry.purpose);
            let is_own = |entry: &Entry| entry.gateway == gateway && entry.owner == *owner;
            book.entries.retain(|entry| !is_stale(entry, owner, now_us) || is_own(entry));
            book.entries.retain(|entry| !(is_own(entry) && is_replaced(entry)));
            for entry in book.entries.iter_mut().filter(|entry| is_own(entry)) {
                entry.seen_us = now_us;
            }
            for (purpose, id) in logged_in {
                // The gateway has let us in with this id: whoever is written down for it is wrong.
                book.entries.retain(|entry| entry.gateway != gateway || entry.id != *id);
                let (gateway, owner) = (gateway.to_owned(), owner.clone());
                book.entries.push(Entry { gateway, id: *id, purpose: *purpose, owner, seen_us: now_us });
            }
        })
    }

    /// The owner ends: its ids are free.
    ///
    /// # Errors
    ///
    /// As [`Self::claim`].
    pub fn release(&self, owner: &Owner) -> io::Result<()> {
        self.change(|book| book.entries.retain(|entry| entry.owner != *owner))
    }

    fn change<T>(&self, act: impl FnOnce(&mut Book) -> T) -> io::Result<T> {
        if let Some(folder) = self.path.parent() {
            fs::create_dir_all(folder)?;
        }
        let lock = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(self.path.with_extension("lock"))?;
        // Held for a few milliseconds by each; the system gives it back if its holder dies.
        lock.lock()?;
        let mut book = self.read()?;
        let outcome = act(&mut book);
        self.write(&book)?;
        Ok(outcome)
    }

    fn read(&self) -> io::Result<Book> {
        let bytes = match fs::read(&self.path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Book::default()),
            read => read?,
        };
        match serde_json::from_slice(&bytes) {
            Ok(book) => Ok(book),
            Err(error) => {
                let aside = self.path.with_extension("aside");
                fs::rename(&self.path, &aside)?;
                warn!(
                    file = %self.path.display(), aside = %aside.display(), %error,
                    "the register of client ids is damaged; it was set aside and is begun anew: an id that another \
                     bridge uses is told by the gateway (326)"
                );
                Ok(Book::default())
            }
        }
    }

    fn write(&self, book: &Book) -> io::Result<()> {
        let fresh = self.path.with_extension("new");
        let mut file = File::create(&fresh)?;
        file.write_all(&serde_json::to_vec_pretty(book)?)?;
        file.sync_data()?;
        fs::rename(&fresh, &self.path)
    }
}

/// A time ahead of ours is as suspicious as one long past.
fn is_stale(entry: &Entry, asker: &Owner, now_us: i64) -> bool {
    entry.owner.has_ended(asker) || now_us.saturating_sub(entry.seen_us).saturating_abs() > STALE_US
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    const GATEWAY: &str = "127.0.0.1:4002";

    /// An owner on another host: only time can tell that it has gone.
    fn owner(number: u32) -> Owner {
        Owner { pid: number, host: format!("host {number}") }
    }

    fn registry() -> (tempfile::TempDir, ClientIds) {
        let folder = tempfile::tempdir().expect("a folder");
        let ids = ClientIds::in_folder(&folder.path().join("state"));
        (folder, ids)
    }

    fn claim(ids: &ClientIds, number: u32, now_us: i64) -> Option<i32> {
        ids.claim(GATEWAY, Purpose::Data, 101..104, &owner(number), now_us).expect("the file")
    }

    #[test]
    fn each_owner_gets_an_id_of_its_own_and_keeps_it() {
        let (_folder, ids) = registry();
        assert_eq!([1, 2, 3, 4].map(|number| claim(&ids, number, 0)), [Some(101), Some(102), Some(103), None]);
        assert_eq!(claim(&ids, 2, 10), Some(102));
        let other = ids.claim("10.0.0.1:4001", Purpose::Data, 101..104, &owner(9), 0).expect("the file");
        assert_eq!(other, Some(101), "another gateway has ids of its own");
    }

    #[test]
    fn ids_of_owners_that_have_gone_are_given_again() {
        let (_folder, ids) = registry();
        claim(&ids, 1, 0);
        claim(&ids, 2, 0);
        ids.renew(GATEWAY, &[(Purpose::Data, 102)], &owner(2), STALE_US).expect("the file");
        assert_eq!(claim(&ids, 3, STALE_US), Some(103), "a minute is not yet stale");
        assert_eq!(claim(&ids, 4, STALE_US + 1), Some(101));
        ids.release(&owner(2)).expect("the file");
        assert_eq!(claim(&ids, 5, STALE_US + 1), Some(102));
    }

    #[test]
    fn a_process_that_has_ended_here_is_known_to_have_gone() {
        let (_folder, ids) = registry();
        let us = Owner::this();
        if us.host.is_empty() {
            return;
        }
        // No process has this number: it is above the highest that the system gives.
        let ended = Owner { pid: u32::MAX, host: us.host.clone() };
        let claim = |owner: &Owner| ids.claim(GATEWAY, Purpose::Trading, 1..2, owner, 0).expect("the file");
        assert_eq!(claim(&ended), Some(1));
        assert_eq!(claim(&us), Some(1));
        assert_eq!(claim(&owner(7)), None, "this process lives");
    }

    #[test]
    fn what_the_gateway_let_in_is_what_is_written_down() {
        let (_folder, ids) = registry();
        claim(&ids, 1, 0);
        ids.renew(GATEWAY, &[(Purpose::Data, 103), (Purpose::Trading, 1)], &owner(1), 0).expect("the file");
        assert_eq!([2, 3, 4].map(|number| claim(&ids, number, 0)), [Some(101), Some(102), None]);
    }

    #[test]
    fn who_waits_for_an_id_neither_takes_it_from_its_owner_nor_frees_it() {
        let (_folder, ids) = registry();
        let trading =
            |number, now_us| ids.claim(GATEWAY, Purpose::Trading, 1..2, &owner(number), now_us).expect("the file");
        assert_eq!((trading(1, 0), trading(2, 0)), (Some(1), None));
        claim(&ids, 2, 0);
        for round in 1..=10 {
            let now_us = round * STALE_US / 2;
            ids.renew(GATEWAY, &[(Purpose::Trading, 1)], &owner(1), now_us).expect("the file");
            // Logged in with nothing: the gateway says 326 to the one, and takes no connection of the other.
            ids.renew(GATEWAY, &[], &owner(2), now_us).expect("the file");
            assert_eq!(trading(3, now_us), None, "round {round}");
        }
        assert_eq!(claim(&ids, 3, 5 * STALE_US), Some(102), "what it claimed stays claimed while it waits");
        ids.release(&owner(2)).expect("the file");
        assert_eq!(trading(3, 5 * STALE_US), None, "the id lives on");
        ids.release(&owner(1)).expect("the file");
        assert_eq!(trading(3, 5 * STALE_US), Some(1));
    }

    #[test]
    fn an_id_that_the_gateway_says_is_taken_is_followed_by_one_that_nobody_has() {
        let (_folder, ids) = registry();
        assert_eq!([1, 2].map(|number| claim(&ids, number, 0)), [Some(101), Some(102)]);
        let next = |number, in_use| {
            let owner = owner(number);
            ids.claim_next(GATEWAY, Purpose::Data, 101..104, &owner, 0, in_use).expect("the file")
        };
        assert_eq!(next(1, 101), Some(103), "102 is another's");
        assert_eq!(claim(&ids, 3, 0), Some(101), "given up with the claim of the next");
        assert_eq!(next(1, 103), None, "all others are in use");
        assert_eq!(claim(&ids, 1, 0), Some(103), "so it waits for its own");
    }

    #[test]
    fn bridges_that_move_on_at_once_never_claim_the_same() {
        let (_folder, ids) = registry();
        std::thread::scope(|scope| {
            for number in 1..=2_u32 {
                let ids = ids.clone();
                scope.spawn(move || {
                    let owner = owner(number);
                    let mut id =
                        ids.claim(GATEWAY, Purpose::Data, 101..105, &owner, 0).expect("the file").expect("an id");
                    for _ in 0..100 {
                        let next = ids.claim_next(GATEWAY, Purpose::Data, 101..105, &owner, 0, id).expect("the file");
                        id = next.unwrap_or(id);
                        let book = ids.read().expect("readable");
                        let holders = book.entries.iter().filter(|entry| entry.id == id);
                        let holders: Vec<u32> = holders.map(|entry| entry.owner.pid).collect();
                        assert_eq!(holders, [number]);
                    }
                });
            }
        });
    }

    #[test]
    fn a_damaged_file_is_set_aside_and_begun_anew() {
        let (_folder, ids) = registry();
        claim(&ids, 1, 0);
        for damage in [&b"{\"entries\":[{\"gateway\":"[..], b"", b"\x00\xff"] {
            fs::write(&ids.path, damage).expect("written");
            assert_eq!(claim(&ids, 2, 0), Some(101));
            assert_eq!(fs::read(ids.path.with_extension("aside")).expect("kept to look at"), damage);
        }
    }

    #[test]
    fn a_thousand_claims_at_once_get_a_thousand_ids() {
        let (_folder, ids) = registry();
        let given: Vec<i32> = std::thread::scope(|scope| {
            let claims: Vec<_> = (0..20_u32)
                .map(|thread| {
                    let ids = ids.clone();
                    scope.spawn(move || {
                        let claim = |number| {
                            let owner = owner(thread * 50 + number);
                            ids.claim(GATEWAY, Purpose::Data, 1..1_001, &owner, 0).expect("the file").expect("an id")
                        };
                        (0..50).map(claim).collect::<Vec<i32>>()
                    })
                })
                .collect();
            claims.into_iter().flat_map(|claims| claims.join().expect("no panic")).collect()
        });
        let distinct: BTreeSet<i32> = given.iter().copied().collect();
        assert_eq!((given.len(), distinct.len()), (1_000, 1_000));
        let late = ids.claim(GATEWAY, Purpose::Data, 1..1_001, &owner(5_000), 0).expect("the file");
        assert_eq!(late, None);
    }
}
