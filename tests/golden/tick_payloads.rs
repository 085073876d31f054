//! Every tick type, from bytes made by IB's published field numbers to the subject and the payload on NATS.
//!
//! What is fed comes from `fields.md`, `message-ids.md` and `tick-types.md`; the tables of the code are not asked.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use bytes::{BufMut, Bytes, BytesMut};
use ibnats::{
    config::Config,
    nats::{
        encoding::Encoding,
        subject::{Inst, Topic},
    },
    schema::connection::LinkName,
    session::{Answer, Ask, Command, Event, Now, Output, Session, Token},
    tws::{
        Request, Response, ServerVersion,
        frame::{Envelope, FRAME_BYTES_MAX, next_frame, open},
        handshake::put_greeting,
        message::{
            contract::{Contract, ContractData, ContractDataEnd},
            login::{ManagedAccounts, NextValidId},
        },
    },
};
use serde_json::{Value, json};

/// Ids of protobuf messages are those of the text protocol plus this.
const PROTOBUF_OFFSET: u32 = 200;
const NOW_US: i64 = 1_800_000_000_000_000;

/// A field as the wire carries it.
enum Wire<'a> {
    Int(i32),
    Double(f64),
    Text(&'a str),
}

/// A row of `tick-types.md`.
struct TickType {
    id: i32,
    constant: &'static str,
    callback: &'static str,
}

fn tick_types() -> Vec<TickType> {
    let rows = include_str!("tws/tick-types.md").lines().skip(2);
    let read = |line: &'static str| {
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        TickType { id: cells[1].parse().expect("a number"), constant: cells[2], callback: cells[3] }
    };
    rows.filter(|line| line.starts_with('|')).map(read).collect()
}

/// Field numbers of a message by name, from `fields.md`.
fn fields(message: &str) -> BTreeMap<&'static str, u64> {
    let start = format!("* **{message}**: ");
    let line = include_str!("tws/fields.md").lines().find_map(|line| line.strip_prefix(&start)).expect("a message");
    let words = |field: &'static str| field.split(' ').collect::<Vec<_>>();
    line.split(", ").map(words).map(|words| (words[1], words[0].parse().expect("a number"))).collect()
}

/// Number of an incoming message by its constant, from `message-ids.md`.
fn message_id(constant: &str) -> u32 {
    let table = include_str!("tws/message-ids.md").lines().skip_while(|line| !line.contains("incoming message"));
    let rows = table.map(|line| line.split('|').map(str::trim).collect::<Vec<_>>());
    let id = rows.filter(|cells| cells.len() > 2).find(|cells| cells[2] == constant);
    id.expect("a message")[1].parse().expect("a number")
}

fn put_varint(out: &mut BytesMut, mut value: u64) {
    while value >= 0x80 {
        out.put_u8(u8::try_from(value & 0x7f).expect("seven bits") | 0x80);
        value >>= 7;
    }
    out.put_u8(u8::try_from(value).expect("seven bits"));
}

/// A message as a gateway writes it, without the length prefix.
fn frame(constant: &str, message: &str, values: &[(&str, Wire<'_>)]) -> Bytes {
    let numbers = fields(message);
    let mut out = BytesMut::new();
    out.put_u32(message_id(constant) + PROTOBUF_OFFSET);
    for (name, value) in values {
        let number = numbers[name] << 3;
        match value {
            Wire::Int(int) => {
                put_varint(&mut out, number);
                // Negative numbers are sign-extended to ten bytes.
                put_varint(&mut out, i64::from(*int).cast_unsigned());
            }
            Wire::Double(double) => {
                put_varint(&mut out, number | 1);
                out.put_f64_le(*double);
            }
            Wire::Text(text) => {
                put_varint(&mut out, number | 2);
                put_varint(&mut out, text.len() as u64);
                out.put_slice(text.as_bytes());
            }
        }
    }
    out.freeze()
}

/// A session that streams the ticks and the quote of one instrument.
struct Desk {
    session: Session,
    now: Now,
    req_id: i32,
    outputs: Vec<Output>,
}

impl Desk {
    fn new() -> Self {
        let now = Now { at: ibnats::gateway::clock::now().at, us: NOW_US };
        let mut config = Config::default();
        config.gateway.market_data = ibnats::config::MarketDataPreference::Any;
        let session = Session::new(Arc::new(config), Vec::new(), 7, now);
        let mut desk = Self { session, now, req_id: 0, outputs: Vec::new() };
        desk.session.on_timer(now);
        let dialled = desk.outputs().into_iter().find_map(|output| match output {
            Output::Dial { link: LinkName::Data, generation } => Some(generation),
            _ => None,
        });
        desk.session.on_opened(now, LinkName::Data, dialled.expect("a dial"));
        let mut greeting = BytesMut::new();
        put_greeting(&mut greeting, ServerVersion::MAX, "20270115 08:00:00 UTC");
        desk.hear(greeting.split_off(4).freeze());
        desk.answer(&Response::NextValidId(NextValidId { order_id: Some(1) }));
        desk.answer(&Response::ManagedAccounts(ManagedAccounts { accounts_list: Some("DU1".to_owned()) }));
        desk.subscribe();
        desk
    }

    fn subscribe(&mut self) {
        let ask = json!({ "contract": "STK:BRK B", "streams": ["tick", "quote"], "ttl_s": 0 });
        let ask = Ask::Subscribe(Box::new(serde_json::from_value(ask).expect("a request")));
        let deadline = self.now.at + Duration::from_secs(30);
        self.session.on_command(self.now, Command { token: Token(1), client: None, deadline, ask });
        let lookup = self.sent().into_iter().find_map(|request| match request {
            Request::ContractDataRequest(ask) => ask.req_id,
            _ => None,
        });
        let text = |text: &str| Some(text.to_owned());
        let contract = Contract {
            con_id: Some(72_063_691),
            symbol: text("BRK B"),
            sec_type: text("STK"),
            exchange: text("SMART"),
            currency: text("USD"),
            local_symbol: text("BRK B"),
            ..Contract::default()
        };
        let data = ContractData { req_id: lookup, contract: Some(contract), contract_details: None };
        self.answer(&Response::ContractData(Box::new(data)));
        self.answer(&Response::ContractDataEnd(ContractDataEnd { req_id: lookup }));
        let outputs = self.outputs();
        assert!(outputs.iter().any(|output| matches!(output, Output::Reply { outcome: Ok(Answer::Lease(_)), .. })));
        self.outputs = outputs;
        let stream = self.sent().into_iter().find_map(|request| match request {
            Request::MarketDataRequest(ask) => ask.req_id,
            _ => None,
        });
        self.req_id = stream.expect("a request for the stream");
    }

    fn hear(&mut self, frame: Bytes) {
        self.session.on_frame(self.now, LinkName::Data, frame);
    }

    fn answer(&mut self, response: &Response) {
        let mut frame = BytesMut::new();
        response.put(&mut frame);
        self.hear(frame.split_off(4).freeze());
    }

    fn outputs(&mut self) -> Vec<Output> {
        let mut outputs = std::mem::take(&mut self.outputs);
        outputs.extend(std::iter::from_fn(|| self.session.next_output()));
        outputs
    }

    fn sent(&mut self) -> Vec<Request> {
        let mut sent = Vec::new();
        for output in self.outputs() {
            let Output::Send { link: LinkName::Data, frames } = output else { continue };
            let mut buffer = BytesMut::from(&frames.bytes()[..]);
            while let Ok(Some(frame)) = next_frame(&mut buffer, FRAME_BYTES_MAX) {
                let Envelope::Protobuf { id, body } = open(frame) else { continue };
                sent.extend(Request::decode(id, body));
            }
        }
        sent
    }

    /// What the gateway says of the stream.
    fn tell(&mut self, constant: &str, message: &str, values: Vec<(&str, Wire<'_>)>) {
        let mut all = vec![("reqId", Wire::Int(self.req_id))];
        all.extend(values);
        self.hear(frame(constant, message, &all));
    }

    fn price(&mut self, tick_type: i32, price: f64, size: &str) {
        let values = vec![
            ("tickType", Wire::Int(tick_type)),
            ("price", Wire::Double(price)),
            ("size", Wire::Text(size)),
            ("attrMask", Wire::Int(0)),
        ];
        self.tell("TICK_PRICE", "TickPrice", values);
    }

    fn size(&mut self, tick_type: i32, size: &str) {
        let values = vec![("tickType", Wire::Int(tick_type)), ("size", Wire::Text(size))];
        self.tell("TICK_SIZE", "TickSize", values);
    }

    fn generic(&mut self, tick_type: i32, value: f64) {
        let values = vec![("tickType", Wire::Int(tick_type)), ("value", Wire::Double(value))];
        self.tell("TICK_GENERIC", "TickGeneric", values);
    }

    fn text(&mut self, tick_type: i32, value: &str) {
        let values = vec![("tickType", Wire::Int(tick_type)), ("value", Wire::Text(value))];
        self.tell("TICK_STRING", "TickString", values);
    }

    fn option(&mut self, tick_type: i32, values: [f64; 8]) {
        let names = ["impliedVol", "delta", "optPrice", "pvDividend", "gamma", "vega", "theta", "undPrice"];
        let mut all = vec![("tickType", Wire::Int(tick_type)), ("tickAttrib", Wire::Int(1))];
        all.extend(names.into_iter().zip(values).map(|(name, value)| (name, Wire::Double(value))));
        self.tell("TICK_OPTION_COMPUTATION", "TickOptionComputation", all);
    }

    fn kind(&mut self, number: i32) {
        self.tell("MARKET_DATA_TYPE", "MarketDataType", vec![("marketDataType", Wire::Int(number))]);
    }

    /// Subjects and payloads since last looked, as they go to NATS; MessagePack says the same as JSON.
    fn published(&mut self) -> Vec<(String, String)> {
        let mut published = Vec::new();
        for output in self.outputs() {
            let Output::Event(event) = output else { continue };
            let (topic, bytes, packed) = match &event {
                Event::Tick(listing, tick) => {
                    let topic = Topic::Tick { inst: Inst::from(&listing.instrument), name: tick.name.clone() };
                    (topic.subject("ib"), Encoding::Json.bytes(tick), Encoding::MessagePack.bytes(tick))
                }
                Event::Quote(listing, quote) => {
                    let topic = Topic::Quote { inst: Inst::from(&listing.instrument) };
                    (topic.subject("ib"), Encoding::Json.bytes(quote), Encoding::MessagePack.bytes(quote))
                }
                _ => continue,
            };
            let json = String::from_utf8(bytes.expect("bytes").to_vec()).expect("text");
            let said: Value = rmp_serde::from_slice(&packed.expect("bytes")).expect("MessagePack");
            assert_eq!(said, serde_json::from_str::<Value>(&json).expect("JSON"), "both encodings say the same");
            published.push((topic, json));
        }
        published
    }

    /// The ticks among what was published.
    fn ticks(&mut self) -> Vec<(String, String)> {
        self.published().into_iter().filter(|(subject, _)| subject.starts_with("ib.tick.")).collect()
    }

    /// The newest quote.
    fn quote(&mut self) -> Value {
        let mut quotes = self.published().into_iter();
        quotes
            .rfind(|(subject, _)| subject == "ib.quote.STK.BRK=20B.SMART.USD")
            .map_or(Value::Null, |(_, json)| serde_json::from_str(&json).expect("JSON"))
    }
}

fn subject(name: &str) -> String {
    format!("ib.tick.STK.BRK=20B.SMART.USD.{name}")
}

/// The payload of a tick, with its content.
fn payload(name: &str, tick_type: i32, kind: &str, content: &[(&str, Value)]) -> Value {
    let mut whole = json!({
        "con_id": 72_063_691, "seq": 0, "recv_us": NOW_US, "name": name, "tick_type": tick_type, "data_kind": kind,
    });
    for (field, value) in content {
        whole[*field] = value.clone();
    }
    whole
}

#[track_caller]
fn check(told: &(String, String), name: &str, tick_type: i32, kind: &str, content: &[(&str, Value)]) {
    assert_eq!(told.0, subject(name));
    let said: Value = serde_json::from_str(&told.1).expect("JSON");
    assert_eq!(said, payload(name, tick_type, kind, content));
}

/// The size tick that comes with a price tick, by IB's constants: `BID` has `BID_SIZE`.
fn paired(all: &[TickType], price: &TickType) -> Option<(i32, String)> {
    let is_top = ["BID", "ASK", "LAST", "DELAYED_BID", "DELAYED_ASK", "DELAYED_LAST"].contains(&price.constant);
    let name = format!("{}_SIZE", price.constant);
    let size = all.iter().find(|other| is_top && other.constant == name)?;
    Some((size.id, name.to_lowercase()))
}

#[test]
fn every_tick_type_is_published_under_its_name_with_its_digits_in_all_four_kinds_of_data() {
    let all = tick_types();
    assert_eq!(all.iter().map(|tick| tick.id).collect::<Vec<_>>(), (0..=110).collect::<Vec<_>>());
    let greeks = json!({
        "implied_vol": 0.25, "delta": -0.5, "gamma": 0.0125, "vega": 0.5, "theta": -0.03,
        "option_price": 12.5, "pv_dividend": 0.25, "underlying_price": 270.13,
    });
    let mut fed = 0;
    for (number, kind) in [(1, "live"), (2, "frozen"), (3, "delayed"), (4, "delayed_frozen")] {
        let mut desk = Desk::new();
        desk.kind(number);
        desk.published();
        for tick in &all {
            let (id, name) = (tick.id, tick.constant.to_lowercase());
            match tick.callback {
                "tickPrice" => {
                    desk.price(id, 101.1, "0.00010000");
                    let ticks = desk.ticks();
                    let size = ("size", json!("0.00010000"));
                    let content = [("price", json!(101.1)), size.clone(), ("can_auto_execute", json!(false))];
                    check(&ticks[0], &name, id, kind, &content);
                    assert!(ticks[0].1.contains(r#""price":101.1,"#), "{}", ticks[0].1);
                    let pair = paired(&all, tick);
                    assert_eq!(ticks.len(), 1 + usize::from(pair.is_some()), "{name}");
                    if let Some((size_id, size_name)) = pair {
                        check(&ticks[1], &size_name, size_id, kind, &[size]);
                    }
                }
                "tickSize" => {
                    desk.size(id, "12345678901234567890.50");
                    check(&desk.ticks()[0], &name, id, kind, &[("size", json!("12345678901234567890.50"))]);
                }
                "tickGeneric" => {
                    desk.generic(id, -1.5);
                    check(&desk.ticks()[0], &name, id, kind, &[("value", json!(-1.5))]);
                }
                "tickString" => {
                    desk.text(id, "701.28;1;1348075471534;67854;701.46918464;true");
                    let text = json!("701.28;1;1348075471534;67854;701.46918464;true");
                    let mut content = vec![("text", text)];
                    // Trades carry their own time, in the third place; it is read where this text is one.
                    if [48, 77].contains(&id) {
                        content.push(("event_us", json!(1_348_075_471_534_000_i64)));
                    }
                    check(&desk.ticks()[0], &name, id, kind, &content);
                }
                "tickOptionComputation" => {
                    desk.option(id, [0.25, -0.5, 12.5, 0.25, 0.0125, 0.5, -0.03, 270.13]);
                    check(&desk.ticks()[0], &name, id, kind, &[("greeks", greeks.clone())]);
                }
                // It exists in the text protocol only: there is nothing to feed.
                "tickEFP" => continue,
                // IB names the type and not its message: the name holds whatever carries it.
                _ => {
                    desk.price(id, 101.1, "0");
                    desk.size(id, "7");
                    desk.generic(id, 0.5);
                    desk.text(id, "told");
                    let ticks = desk.ticks();
                    let price = [("price", json!(101.1)), ("size", json!("0")), ("can_auto_execute", json!(false))];
                    check(&ticks[0], &name, id, kind, &price);
                    check(&ticks[1], &name, id, kind, &[("size", json!("7"))]);
                    check(&ticks[2], &name, id, kind, &[("value", json!(0.5))]);
                    check(&ticks[3], &name, id, kind, &[("text", json!("told"))]);
                }
            }
            fed += 1;
        }
    }
    assert_eq!(fed, 4 * (111 - 7), "all but the seven of exchange for physical");
}

#[test]
fn no_data_is_never_a_price_and_a_negative_price_is_kept() {
    for tick in tick_types().iter().filter(|tick| tick.callback == "tickPrice") {
        let mut desk = Desk::new();
        let (id, name) = (tick.id, tick.constant.to_lowercase());
        for (price, size) in [(-1.0, "0"), (0.0, "0"), (-1.0, ""), (0.0, "0.000"), (f64::MAX, "5"), (f64::NAN, "5")] {
            desk.price(id, price, size);
            let published = desk.published();
            assert!(!published.is_empty(), "{name}");
            for (subject, json) in published {
                let said: Value = serde_json::from_str(&json).expect("JSON");
                let prices = ["price", "bid", "ask", "last", "high", "low", "open", "close", "mark"];
                let told = prices.iter().find(|field| said.get(**field).is_some());
                assert_eq!(told, None, "{subject} after {price} with size {size:?}: {json}");
            }
        }
        for (price, size) in [(-37.63, "100"), (-1.0, "2"), (0.0, "5"), (-0.25, "0")] {
            desk.price(id, price, size);
            let (_, json) = &desk.ticks()[0];
            assert_eq!(serde_json::from_str::<Value>(json).expect("JSON")["price"], json!(price), "{name}");
        }
    }
}

#[test]
fn an_unknown_tick_type_is_published_by_its_number() {
    let mut desk = Desk::new();
    for id in [111, 250, 9_999, -7] {
        let name = format!("tick_{id}");
        desk.price(id, -2.5, "3");
        desk.size(id, "0.10");
        desk.generic(id, 3.0);
        desk.text(id, "new");
        desk.option(id, [0.25, -2.0, -1.0, -1.0, -2.0, -2.0, -2.0, -1.0]);
        let ticks = desk.ticks();
        let price = [("price", json!(-2.5)), ("size", json!("3")), ("can_auto_execute", json!(false))];
        check(&ticks[0], &name, id, "live", &price);
        check(&ticks[1], &name, id, "live", &[("size", json!("0.10"))]);
        check(&ticks[2], &name, id, "live", &[("value", json!(3.0))]);
        check(&ticks[3], &name, id, "live", &[("text", json!("new"))]);
        check(&ticks[4], &name, id, "live", &[("greeks", json!({ "implied_vol": 0.25 }))]);
        assert_eq!(ticks.len(), 5);
    }
}

/// `ib-behaviour` section 7: delayed ticks have ids of their own and say the same.
#[test]
fn delayed_ticks_fill_the_same_fields_of_a_quote_and_say_so() {
    let ids = |names: [&str; 12]| {
        let all = tick_types();
        names.map(|name| all.iter().find(|tick| tick.constant == name).expect("a tick type").id)
    };
    let live = ["BID", "ASK", "LAST", "HIGH", "LOW", "OPEN", "CLOSE", "VOLUME", "LAST_TIMESTAMP", "HALTED"];
    let live = ids([
        live[0],
        live[1],
        live[2],
        live[3],
        live[4],
        live[5],
        live[6],
        live[7],
        live[8],
        live[9],
        "BID_SIZE",
        "MODEL_OPTION",
    ]);
    let delayed = ids([
        "DELAYED_BID",
        "DELAYED_ASK",
        "DELAYED_LAST",
        "DELAYED_HIGH",
        "DELAYED_LOW",
        "DELAYED_OPEN",
        "DELAYED_CLOSE",
        "DELAYED_VOLUME",
        "DELAYED_LAST_TIMESTAMP",
        "DELAYED_HALTED",
        "DELAYED_BID_SIZE",
        "DELAYED_MODEL_OPTION",
    ]);
    for (number, kind, ids) in
        [(1, "live", live), (2, "frozen", live), (3, "delayed", delayed), (4, "delayed_frozen", delayed)]
    {
        let mut desk = Desk::new();
        desk.kind(number);
        for (place, price) in [(0, 10.0), (1, 10.5), (2, 10.25)] {
            desk.price(ids[place], price, "3");
        }
        for (place, price) in [(3, 11.0), (4, 9.0), (5, 9.5), (6, -0.75)] {
            desk.price(ids[place], price, "0");
        }
        desk.size(ids[7], "1200.5");
        desk.text(ids[8], "1800000000");
        desk.generic(ids[9], 2.0);
        desk.size(ids[10], "4");
        desk.option(ids[11], [0.25, -2.0, -1.0, -1.0, -2.0, -2.0, -2.0, -1.0]);
        let expected = json!({
            "con_id": 72_063_691, "seq": 0, "recv_us": NOW_US, "last_us": 1_800_000_000_000_000_i64, "data_kind": kind,
            "stale": false, "bid": 10.0, "bid_size": "4", "ask": 10.5, "ask_size": "3", "last": 10.25, "last_size": "3",
            "volume": "1200.5", "high": 11.0, "low": 9.0, "open": 9.5, "close": -0.75, "halted": true,
            "greeks": { "model": { "implied_vol": 0.25 } },
        });
        assert_eq!(desk.quote(), expected);
        // Nobody bids any more: neither a price nor a size is left.
        desk.price(ids[0], -1.0, "0");
        desk.generic(ids[9], -1.0);
        let quote = desk.quote();
        assert_eq!((quote.get("bid"), quote.get("bid_size"), quote.get("halted")), (None, None, None), "{quote}");
    }
}
