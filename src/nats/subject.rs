//! Every subject is built and read in this file.

use std::{borrow::Cow, fmt::Write as _};

use crate::schema::{Instrument, market::TickByTickKind, request::market::Stream};

/// Longest token, so that a subject stays far below the server's limit of 4096 bytes.
const TOKEN_BYTES_MAX: usize = 200;

/// One token of a subject, safe to place between dots and as part of a KV key.
///
/// NATS gives `.`, `*`, `>` and white space a meaning, and IB symbols contain some of them
/// (`BRK B`, `EUR.USD`). Every byte outside `[A-Za-z0-9_-]` becomes `=` and two upper-case hex
/// digits, so distinct texts keep distinct tokens and the text can be read back. Empty text is `_`,
/// and the text `_` is `=5F`. A token above 200 bytes is cut and ends in `=X` and a hash: still
/// distinct, but no longer readable.
pub fn token(text: &str) -> Cow<'_, str> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
    match text {
        "" => return Cow::Borrowed("_"),
        "_" => return Cow::Borrowed("=5F"),
        plain if plain.len() <= TOKEN_BYTES_MAX && plain.bytes().all(is_plain) => return Cow::Borrowed(plain),
        _ => {}
    }
    let mut token = String::with_capacity(text.len() + 8);
    for byte in text.bytes() {
        if is_plain(byte) {
            token.push(char::from(byte));
        } else {
            let _ = write!(token, "={byte:02X}");
        }
    }
    if token.len() > TOKEN_BYTES_MAX {
        // FNV-1a, since the hash must be the same in every run and on every machine.
        let hash = text
            .bytes()
            .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
        token.truncate(TOKEN_BYTES_MAX - 18);
        let _ = write!(token, "=X{hash:016X}");
    }
    Cow::Owned(token)
}

/// The text a token was made from; `None` for what [`token`] cannot have made or has cut.
pub fn text_of(token: &str) -> Option<String> {
    if token == "_" {
        return Some(String::new());
    }
    let mut bytes = Vec::with_capacity(token.len());
    let mut rest = token.bytes();
    while let Some(byte) = rest.next() {
        match byte {
            b'=' => {
                let hex = [rest.next()?, rest.next()?];
                let hex = std::str::from_utf8(&hex).ok()?;
                bytes.push(u8::from_str_radix(hex, 16).ok()?);
            }
            plain => bytes.push(plain),
        }
    }
    let text = String::from_utf8(bytes).ok()?;
    (self::token(&text) == token).then_some(text)
}

/// What names an instrument in a subject: four tokens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inst<'a> {
    /// `STK`, `FUT`, ...
    pub sec_type: Cow<'a, str>,
    /// The exchange's own symbol.
    pub local_symbol: Cow<'a, str>,
    /// Where requests are routed.
    pub exchange: Cow<'a, str>,
    /// Trading currency.
    pub currency: Cow<'a, str>,
}

impl<'a> From<&'a Instrument> for Inst<'a> {
    fn from(instrument: &'a Instrument) -> Self {
        Self {
            sec_type: (&instrument.sec_type).into(),
            local_symbol: (&instrument.local_symbol).into(),
            exchange: (&instrument.exchange).into(),
            currency: (&instrument.currency).into(),
        }
    }
}

/// What a subject says. Field values are plain text; tokens are made on the way out.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the table in `nats` says what travels on each")]
pub enum Topic<'a> {
    Tick { inst: Inst<'a>, name: Cow<'a, str> },
    Quote { inst: Inst<'a> },
    TickByTick { inst: Inst<'a>, kind: Cow<'a, str> },
    Bar { inst: Inst<'a>, size: Cow<'a, str> },
    Depth { inst: Inst<'a> },
    Greeks { inst: Inst<'a> },
    Order { account: Cow<'a, str>, key: Cow<'a, str> },
    Fill { account: Cow<'a, str>, key: Cow<'a, str> },
    Position { account: Cow<'a, str>, inst: Inst<'a> },
    AccountValue { account: Cow<'a, str>, tag: Cow<'a, str> },
    Pnl { account: Cow<'a, str> },
    PositionPnl { account: Cow<'a, str>, con_id: Cow<'a, str> },
    ModelPosition { account: Cow<'a, str>, model: Cow<'a, str>, inst: Inst<'a> },
    ModelValue { account: Cow<'a, str>, model: Cow<'a, str>, tag: Cow<'a, str> },
    ModelPnl { account: Cow<'a, str>, model: Cow<'a, str> },
    ConnectionState,
    Farm { farm: Cow<'a, str> },
    Notice,
    Gap { inst: Inst<'a>, stream: Cow<'a, str> },
    Bridge { event: Cow<'a, str> },
    News { provider: Cow<'a, str> },
    Scan { id: Cow<'a, str> },
    Audit { client: Cow<'a, str> },
    Request { noun: Cow<'a, str>, verb: Cow<'a, str>, client: Option<Cow<'a, str>> },
}

impl Topic<'_> {
    /// The subject below `prefix`.
    pub fn subject(&self, prefix: &str) -> String {
        format!("{prefix}.{}", self.key())
    }

    /// The subject without its prefix, which is also the key of a last value.
    pub fn key(&self) -> String {
        let (family, values): (&str, Vec<&str>) = match self {
            Self::Tick { inst, name } => ("tick", tokens(&[], Some(inst), &[name])),
            Self::Quote { inst } => ("quote", tokens(&[], Some(inst), &[])),
            Self::TickByTick { inst, kind } => ("tbt", tokens(&[], Some(inst), &[kind])),
            Self::Bar { inst, size } => ("bar", tokens(&[], Some(inst), &[size])),
            Self::Depth { inst } => ("depth", tokens(&[], Some(inst), &[])),
            Self::Greeks { inst } => ("greeks", tokens(&[], Some(inst), &[])),
            Self::Order { account, key } => ("order", tokens(&[account, key], None, &[])),
            Self::Fill { account, key } => ("fill", tokens(&[account, key], None, &[])),
            Self::Position { account, inst } => ("position", tokens(&[account], Some(inst), &[])),
            Self::AccountValue { account, tag } => ("account", tokens(&[account, tag], None, &[])),
            Self::Pnl { account } => ("pnl", tokens(&[account], None, &[])),
            Self::PositionPnl { account, con_id } => ("pnl", tokens(&[account, con_id], None, &[])),
            Self::ModelPosition { account, model, inst } => {
                ("model", tokens(&[account, model, "position"], Some(inst), &[]))
            }
            Self::ModelValue { account, model, tag } => ("model", tokens(&[account, model, "value", tag], None, &[])),
            Self::ModelPnl { account, model } => ("model", tokens(&[account, model, "pnl"], None, &[])),
            Self::ConnectionState => ("conn.state", Vec::new()),
            Self::Farm { farm } => ("conn.farm", tokens(&[farm], None, &[])),
            Self::Notice => ("conn.notice", Vec::new()),
            Self::Gap { inst, stream } => ("gap", tokens(&[], Some(inst), &[stream])),
            Self::Bridge { event } => ("bridge", tokens(&[event], None, &[])),
            Self::News { provider } => ("news", tokens(&[provider], None, &[])),
            Self::Scan { id } => ("scan", tokens(&[id], None, &[])),
            Self::Audit { client } => ("audit", tokens(&[client], None, &[])),
            Self::Request { noun, verb, client } => ("req", tokens(&[noun, verb], None, client.as_deref().as_slice())),
        };
        let mut key = String::with_capacity(64);
        key.push_str(family);
        for value in values {
            key.push('.');
            key.push_str(&token(value));
        }
        key
    }

    /// Reads a subject below `prefix` back; `None` if it is none of ours.
    pub fn parse(prefix: &str, subject: &str) -> Option<Topic<'static>> {
        let (family, rest) = subject.strip_prefix(prefix)?.strip_prefix('.')?.split_once('.')?;
        let texts = rest.split('.').map(|token| text_of(token).map(Cow::Owned)).collect::<Option<Vec<_>>>()?;
        let mut texts = texts.into_iter();
        let mut next = || texts.next();
        let topic = match family {
            "tick" => Topic::Tick { inst: inst(&mut next)?, name: next()? },
            "quote" => Topic::Quote { inst: inst(&mut next)? },
            "tbt" => Topic::TickByTick { inst: inst(&mut next)?, kind: next()? },
            "bar" => Topic::Bar { inst: inst(&mut next)?, size: next()? },
            "depth" => Topic::Depth { inst: inst(&mut next)? },
            "greeks" => Topic::Greeks { inst: inst(&mut next)? },
            "order" => Topic::Order { account: next()?, key: next()? },
            "fill" => Topic::Fill { account: next()?, key: next()? },
            "position" => Topic::Position { account: next()?, inst: inst(&mut next)? },
            "account" => Topic::AccountValue { account: next()?, tag: next()? },
            "pnl" => match (next()?, next()) {
                (account, None) => Topic::Pnl { account },
                (account, Some(con_id)) => Topic::PositionPnl { account, con_id },
            },
            "model" => match (next()?, next()?, &*next()?) {
                (account, model, "position") => Topic::ModelPosition { account, model, inst: inst(&mut next)? },
                (account, model, "value") => Topic::ModelValue { account, model, tag: next()? },
                (account, model, "pnl") => Topic::ModelPnl { account, model },
                _ => return None,
            },
            "conn" => match &*next()? {
                "state" => Topic::ConnectionState,
                "farm" => Topic::Farm { farm: next()? },
                "notice" => Topic::Notice,
                _ => return None,
            },
            "gap" => Topic::Gap { inst: inst(&mut next)?, stream: next()? },
            "bridge" => Topic::Bridge { event: next()? },
            "news" => Topic::News { provider: next()? },
            "scan" => Topic::Scan { id: next()? },
            "audit" => Topic::Audit { client: next()? },
            "req" => Topic::Request { noun: next()?, verb: next()?, client: next() },
            _ => return None,
        };
        next().is_none().then_some(topic)
    }
}

fn tokens<'a>(before: &[&'a str], inst: Option<&'a Inst<'_>>, after: &[&'a str]) -> Vec<&'a str> {
    let inst = inst.map(|inst| [&*inst.sec_type, &*inst.local_symbol, &*inst.exchange, &*inst.currency]);
    [before, inst.as_ref().map_or(&[][..], |inst| &inst[..]), after].concat()
}

fn inst(next: &mut impl FnMut() -> Option<Cow<'static, str>>) -> Option<Inst<'static>> {
    Some(Inst { sec_type: next()?, local_symbol: next()?, exchange: next()?, currency: next()? })
}

/// Where the events of a leased stream are published. Ticks have one more token.
pub fn stream_subject(prefix: &str, instrument: &Instrument, stream: Stream) -> String {
    let inst = Inst::from(instrument);
    match stream {
        Stream::Quote => Topic::Quote { inst }.subject(prefix),
        Stream::Depth => Topic::Depth { inst }.subject(prefix),
        Stream::Greeks => Topic::Greeks { inst }.subject(prefix),
        // Headlines come by provider, whatever the instrument.
        Stream::News => format!("{prefix}.news.*"),
        Stream::Bar(size) => Topic::Bar { inst, size: size.name().into() }.subject(prefix),
        Stream::TickByTick(kind) => Topic::TickByTick { inst, kind: kind_name(kind).into() }.subject(prefix),
        Stream::Tick => {
            let every = Topic::Tick { inst, name: "*".into() }.subject(prefix);
            every.strip_suffix(&*token("*")).map_or(every.clone(), |stem| format!("{stem}*"))
        }
    }
}

/// The last token of a tick-by-tick subject.
pub fn kind_name(kind: TickByTickKind) -> &'static str {
    match kind {
        TickByTickKind::Last => "last",
        TickByTickKind::AllLast => "all_last",
        TickByTickKind::BidAsk => "bid_ask",
        TickByTickKind::MidPoint => "mid_point",
    }
}

/// The subjects of one verb: without and with a client's name.
pub fn request_subjects(prefix: &str, noun: &str, verb: &str) -> [String; 2] {
    let plain = Topic::Request { noun: noun.into(), verb: verb.into(), client: None }.subject(prefix);
    let named = format!("{plain}.*");
    [plain, named]
}

/// Everything below `prefix` of one family, such as `order`.
pub fn family(prefix: &str, family: &str) -> String {
    format!("{prefix}.{family}.>")
}

/// Where a raw publish writes `key` of a bucket.
pub fn bucket_subject(bucket: &str, key: &str) -> String {
    format!("$KV.{bucket}.{key}")
}

#[cfg(test)]
#[path = "subject_tests.rs"]
mod tests;
