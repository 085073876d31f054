//! The tables of the order journal, for this program and for a person with `sqlite3`.
//!
//! Times are integers in microseconds UTC, quantities text with the gateway's digits.

use super::{Durability, Layout};

/// The order journal.
pub const JOURNAL: Layout = Layout {
    what: "order journal",
    file: "journal.sqlite",
    // "ibnj"
    application_id: 0x6962_6e6a,
    steps: &[FIRST, SECOND, THIRD],
    durability: Durability::Full,
};

const FIRST: &str = "
-- One row for each start of the bridge.
CREATE TABLE runs (
    run INTEGER PRIMARY KEY, started_us INTEGER NOT NULL, version TEXT NOT NULL
) STRICT;

-- Every order heard of, as it is now. `event` is what was published last, `ask` the request that placed it, `facts`
-- what is proven; all three are JSON.
CREATE TABLE orders (
    number INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE, account TEXT NOT NULL, state TEXT NOT NULL,
    side TEXT, order_type TEXT, quantity TEXT, filled TEXT NOT NULL, limit_price REAL, stop_price REAL, tif TEXT,
    instrument TEXT, con_id INTEGER, order_id INTEGER, perm_id INTEGER, client_id INTEGER, origin TEXT NOT NULL,
    client TEXT, reason TEXT, ib_code INTEGER,
    first_us INTEGER NOT NULL, changed_us INTEGER NOT NULL, final_us INTEGER,
    event TEXT NOT NULL, ask TEXT, facts TEXT NOT NULL
) STRICT;
CREATE INDEX orders_final ON orders (final_us);

-- What the gateway said, word for word, as JSON with IB's field names. Repeats are left out.
CREATE TABLE evidence (
    number INTEGER PRIMARY KEY, at_us INTEGER NOT NULL, kind TEXT NOT NULL, key TEXT,
    client_id INTEGER, order_id INTEGER, perm_id INTEGER, exec_id TEXT, ib_code INTEGER, message TEXT NOT NULL
) STRICT;
CREATE INDEX evidence_key ON evidence (key);
CREATE INDEX evidence_at ON evidence (at_us);

-- What clients asked for beside placing: cancels, changes.
CREATE TABLE requests (
    number INTEGER PRIMARY KEY, at_us INTEGER NOT NULL, verb TEXT NOT NULL, key TEXT NOT NULL, client TEXT,
    request TEXT NOT NULL
) STRICT;
CREATE INDEX requests_key ON requests (key);

-- The newest version of every execution. `fill` is the execution id without its version.
CREATE TABLE fills (
    number INTEGER PRIMARY KEY, fill TEXT NOT NULL UNIQUE, exec_id TEXT NOT NULL, key TEXT NOT NULL, account TEXT NOT NULL,
    side TEXT NOT NULL, quantity TEXT NOT NULL, price REAL NOT NULL, executed_us INTEGER, commission REAL,
    commission_currency TEXT, realized_pnl REAL, learned_us INTEGER NOT NULL, event TEXT NOT NULL
) STRICT;
CREATE INDEX fills_key ON fills (key);

-- What is published on order and fill subjects, in order. Without `published_us` JetStream has not acknowledged it.
CREATE TABLE events (
    number INTEGER PRIMARY KEY, kind TEXT NOT NULL, account TEXT NOT NULL, key TEXT NOT NULL, seq INTEGER NOT NULL,
    message_id TEXT NOT NULL, event TEXT NOT NULL, written_us INTEGER NOT NULL, published_us INTEGER
) STRICT;
CREATE INDEX events_unpublished ON events (number) WHERE published_us IS NULL;
CREATE INDEX events_key ON events (key);

-- The last number given on each subject.
CREATE TABLE subjects (
    kind TEXT NOT NULL, account TEXT NOT NULL, key TEXT NOT NULL, seq INTEGER NOT NULL, PRIMARY KEY (kind, account, key)
) STRICT, WITHOUT ROWID;

-- Lowest order id never used, by client id.
CREATE TABLE order_ids (client_id INTEGER PRIMARY KEY, next_order_id INTEGER NOT NULL) STRICT;

-- The same with times that a person can read.
CREATE VIEW readable_orders AS SELECT
    strftime('%Y-%m-%d %H:%M:%f', first_us / 1e6, 'unixepoch') AS first, key, account, state, side, order_type, quantity,
    filled, limit_price, instrument, order_id, perm_id, origin, client, reason,
    strftime('%Y-%m-%d %H:%M:%f', changed_us / 1e6, 'unixepoch') AS changed
FROM orders ORDER BY number;
CREATE VIEW readable_fills AS SELECT
    strftime('%Y-%m-%d %H:%M:%S', executed_us / 1e6, 'unixepoch') AS executed, key, account, side, quantity, price,
    commission, commission_currency, realized_pnl, exec_id
FROM fills ORDER BY number;
";

const SECOND: &str = "
-- What was held when positions were compared with fills last, as JSON, and the number of the last fill known then.
-- One row.
CREATE TABLE compared (
    one INTEGER PRIMARY KEY CHECK (one = 1), at_us INTEGER NOT NULL, last_fill INTEGER NOT NULL, positions TEXT NOT NULL
) STRICT;
";

const THIRD: &str = "
-- Orders forgotten after `keep_days`: a key stands for its order for ever. Columns as in `orders`.
CREATE TABLE archive (
    key TEXT PRIMARY KEY, account TEXT NOT NULL, state TEXT NOT NULL, side TEXT, order_type TEXT, quantity TEXT,
    filled TEXT NOT NULL, instrument TEXT, client TEXT, first_us INTEGER NOT NULL, final_us INTEGER,
    event TEXT NOT NULL, ask TEXT
) STRICT, WITHOUT ROWID;
";
