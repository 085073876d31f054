//! Each order row of the code tables, for a new, a working and a modified order: the state that
//! `docs/order-codes.md` states for it.

use super::*;
use crate::{
    schema::request::order::{ModifyOrder, OrderAnswer},
    tws::notice::{Category, Scope, classify},
};

const DOCUMENTED: &str = include_str!("../../../../docs/order-codes.md");
const CODES: &str = include_str!("../../../tws/notice/codes.csv");

/// The row of a code and text: state of a new, a working and a modified order, and what becomes of the modification.
fn documented(code: i32, text: &str) -> [String; 4] {
    let cells = |line: &str| line.split('|').map(|cell| cell.trim().to_owned()).collect::<Vec<_>>();
    let rows = DOCUMENTED.lines().map(cells);
    let row = rows
        .into_iter()
        .find(|row| row.get(1) == Some(&code.to_string()) && row.get(2).is_some_and(|cell| cell == text));
    let row = row.unwrap_or_else(|| panic!("{code} {text:?} is not documented"));
    [3, 4, 5, 6].map(|place| row[place].clone())
}

/// How the order stands, in the word of the documentation.
fn stands(rig: &Rig) -> String {
    let state = serde_json::to_value(state_of(rig, "k1").expect("an order")).expect("a word");
    state.as_str().expect("text").to_owned()
}

fn placed_order() -> Rig {
    let mut rig = Rig::ready();
    place(&mut rig, ask("k1", ""));
    rig
}

fn working_order() -> Rig {
    let mut rig = placed_order();
    rig.receive(TRADING, open_order(gateway_order(1, 1, PERM, "k1"), "Submitted"));
    assert_eq!(stands(&rig), "working");
    rig
}

#[track_caller]
fn check(code: i32, text: &str) {
    let [new, working, modified, modification] = documented(code, text);
    let mut rig = placed_order();
    rig.notice(TRADING, 1, code, text);
    assert_eq!(stands(&rig), new, "new");

    let mut rig = working_order();
    rig.notice(TRADING, 1, code, text);
    assert_eq!(stands(&rig), working, "working");

    let mut rig = working_order();
    let change: ModifyOrder = serde_json::from_str(r#"{"key":"k1","limit_price":181.5}"#).expect("a request");
    let token = rig.ask(Ask::ModifyOrder(Box::new(change)));
    rig.notice(TRADING, 1, code, text);
    assert_eq!(stands(&rig), modified, "modified");
    let outcome = match rig.reply(token) {
        None => "goes on",
        Some(Err(error)) if error.ib_code == Some(code) => "refused",
        Some(Ok(Answer::Order(answer))) => {
            let OrderAnswer { modification, .. } = *answer;
            assert_eq!(modification, Some(crate::schema::request::order::Modification::TooLate));
            "final"
        }
        other => panic!("{other:?}"),
    };
    assert_eq!(outcome, modification, "modification");
    if outcome == "refused" {
        // The next report shows the order as it was, and the next modification is free to go.
        rig.receive(TRADING, open_order(gateway_order(1, 1, PERM, "k1"), "Submitted"));
        assert_eq!(stands(&rig), "working");
        rig.forget();
        let again: ModifyOrder = serde_json::from_str(r#"{"key":"k1","limit_price":182.5}"#).expect("a request");
        rig.ask(Ask::ModifyOrder(Box::new(again)));
        assert_eq!(placed(&mut rig), [(1, "k1".to_owned())], "under its number");
    }
}

#[test]
fn every_order_row_of_the_code_table_has_a_test() {
    for line in CODES.lines().skip(1) {
        let code: i32 = line.split(',').next().and_then(|code| code.parse().ok()).expect("a code");
        let meaning = classify(code, "");
        let is_order = meaning.scope == Scope::Order
            || matches!(meaning.category, Category::OrderReject | Category::OrderWarning | Category::OrderCancelled);
        assert!(!is_order || TESTED.iter().any(|(tested, _)| *tested == code), "{code}");
    }
}

macro_rules! each {
    ($($name:ident: $code:literal $text:literal,)*) => {
        const TESTED: &[(i32, &str)] = &[$(($code, $text)),*];
        $( #[test] fn $name() { check($code, $text); } )*
    };
}

each! {
    code_103: 103 "",
    code_104: 104 "",
    code_105: 105 "",
    code_106: 106 "",
    code_107: 107 "",
    code_109: 109 "",
    code_110: 110 "",
    code_111: 111 "",
    code_113: 113 "",
    code_114: 114 "",
    code_115: 115 "",
    code_116: 116 "",
    code_117: 117 "",
    code_118: 118 "",
    code_119: 119 "",
    code_120: 120 "",
    code_121: 121 "",
    code_122: 122 "",
    code_123: 123 "",
    code_124: 124 "",
    code_125: 125 "",
    code_126: 126 "",
    code_127: 127 "",
    code_128: 128 "",
    code_129: 129 "",
    code_131: 131 "",
    code_132: 132 "",
    code_133: 133 "",
    code_134: 134 "",
    code_135: 135 "",
    code_136: 136 "",
    code_137: 137 "",
    code_140: 140 "",
    code_141: 141 "",
    code_142: 142 "",
    code_144: 144 "",
    code_145: 145 "",
    code_146: 146 "",
    code_147: 147 "",
    code_148: 148 "",
    code_151: 151 "",
    code_152: 152 "",
    code_153: 153 "",
    code_154: 154 "",
    code_155: 155 "",
    code_156: 156 "",
    code_157: 157 "",
    code_158: 158 "",
    code_159: 159 "",
    code_160: 160 "",
    code_161: 161 "",
    code_163: 163 "",
    code_164: 164 "",
    code_167: 167 "",
    code_168: 168 "",
    code_201: 201 "",
    code_201_available_funds_are_insufficient: 201 "available funds are insufficient",
    code_201_margin: 201 "margin",
    code_201_equity_with_loan_value: 201 "equity with loan value",
    code_201_no_trading_permission: 201 "no trading permission",
    code_201_ineligib: 201 "ineligib",
    code_201_oca_group_is_already_filled: 201 "OCA group is already filled",
    code_201_near_expiration: 201 "near-expiration",
    code_201_large_limit_order: 201 "large limit order",
    code_201_orders_working_on_either_the_buy_or_sell_side: 201 "orders working on either the buy or sell side",
    code_201_riskless_combination: 201 "riskless combination",
    code_201_exchange_is_closed: 201 "exchange is closed",
    code_202: 202 "",
    code_202_order_canceled_reason: 202 "Order Canceled - reason:",
    code_202_order_canceled_reason_too_far_from_the_market: 202 "Order Canceled - reason:too far from the market",
    code_202_outside_price_limits: 202 "outside price limits",
    code_303: 303 "",
    code_311: 311 "",
    code_312: 312 "",
    code_313: 313 "",
    code_314: 314 "",
    code_315: 315 "",
    code_321_missing_order_exchange: 321 "missing order exchange",
    code_321_invalid_side: 321 "invalid side",
    code_321_order_type_can_t_be_changed: 321 "Order Type can't be changed",
    code_322_exercise: 322 "exercise",
    code_325: 325 "",
    code_328: 328 "",
    code_329: 329 "",
    code_332: 332 "",
    code_333: 333 "",
    code_334: 334 "",
    code_335: 335 "",
    code_336: 336 "",
    code_337: 337 "",
    code_338: 338 "",
    code_339: 339 "",
    code_340: 340 "",
    code_341: 341 "",
    code_342: 342 "",
    code_343: 343 "",
    code_345: 345 "",
    code_347: 347 "",
    code_348: 348 "",
    code_349: 349 "",
    code_350: 350 "",
    code_351: 351 "",
    code_352: 352 "",
    code_353: 353 "",
    code_355: 355 "",
    code_356: 356 "",
    code_358: 358 "",
    code_359: 359 "",
    code_360: 360 "",
    code_361: 361 "",
    code_362: 362 "",
    code_363: 363 "",
    code_364: 364 "",
    code_367: 367 "",
    code_368: 368 "",
    code_369: 369 "",
    code_370: 370 "",
    code_371: 371 "",
    code_372: 372 "",
    code_373: 373 "",
    code_374: 374 "",
    code_375: 375 "",
    code_376: 376 "",
    code_377: 377 "",
    code_378: 378 "",
    code_379: 379 "",
    code_380: 380 "",
    code_382: 382 "",
    code_383: 383 "",
    code_387: 387 "",
    code_388: 388 "",
    code_389: 389 "",
    code_390: 390 "",
    code_391: 391 "",
    code_392: 392 "",
    code_393: 393 "",
    code_394: 394 "",
    code_395: 395 "",
    code_396: 396 "",
    code_397: 397 "",
    code_398: 398 "",
    code_399: 399 "",
    code_399_will_not_be_placed_at_the_exchange_until: 399 "will not be placed at the exchange until",
    code_399_order_size: 399 "order size",
    code_400: 400 "",
    code_401: 401 "",
    code_402: 402 "",
    code_403: 403 "",
    code_404: 404 "",
    code_405: 405 "",
    code_406: 406 "",
    code_407: 407 "",
    code_408: 408 "",
    code_409: 409 "",
    code_410: 410 "",
    code_411: 411 "",
    code_412: 412 "",
    code_413: 413 "",
    code_415: 415 "",
    code_416: 416 "",
    code_417: 417 "",
    code_418: 418 "",
    code_419: 419 "",
    code_422: 422 "",
    code_423: 423 "",
    code_424: 424 "",
    code_425: 425 "",
    code_426: 426 "",
    code_427: 427 "",
    code_428: 428 "",
    code_429: 429 "",
    code_432: 432 "",
    code_433: 433 "",
    code_434: 434 "",
    code_436: 436 "",
    code_437: 437 "",
    code_439: 439 "",
    code_440: 440 "",
    code_441: 441 "",
    code_442: 442 "",
    code_443: 443 "",
    code_444: 444 "",
    code_445: 445 "",
    code_446: 446 "",
    code_447: 447 "",
    code_448: 448 "",
    code_449: 449 "",
    code_460: 460 "",
    code_463: 463 "",
    code_481: 481 "",
    code_512: 512 "",
    code_515: 515 "",
    code_2102: 2102 "",
    code_2109: 2109 "",
    code_2111: 2111 "",
    code_2130: 2130 "",
    code_2137: 2137 "",
    code_2148: 2148 "",
    code_2161: 2161 "",
    code_2168: 2168 "",
    code_2169: 2169 "",
    code_10000: 10000 "",
    code_10001: 10001 "",
    code_10002: 10002 "",
    code_10003: 10003 "",
    code_10005: 10005 "",
    code_10006: 10006 "",
    code_10007: 10007 "",
    code_10008: 10008 "",
    code_10009: 10009 "",
    code_10010: 10010 "",
    code_10011: 10011 "",
    code_10012: 10012 "",
    code_10013: 10013 "",
    code_10014: 10014 "",
    code_10015: 10015 "",
    code_10016: 10016 "",
    code_10017: 10017 "",
    code_10018: 10018 "",
    code_10019: 10019 "",
    code_10020: 10020 "",
    code_10021: 10021 "",
    code_10022: 10022 "",
    code_10023: 10023 "",
    code_10024: 10024 "",
    code_10025: 10025 "",
    code_10026: 10026 "",
    code_10027: 10027 "",
    code_10052: 10052 "",
    code_10058: 10058 "",
    code_10063: 10063 "",
    code_10147: 10147 "",
    code_10148: 10148 "",
    code_10148_state_filled: 10148 "state: Filled.",
    code_10148_state_pendingcancel: 10148 "state: PendingCancel.",
    code_10148_state_cancelled: 10148 "state: Cancelled.",
    code_10149: 10149 "",
    code_10233: 10233 "",
    code_10234: 10234 "",
    code_10235: 10235 "",
    code_10236: 10236 "",
    code_10237: 10237 "",
    code_10239: 10239 "",
    code_10240: 10240 "",
    code_10241: 10241 "",
    code_10242: 10242 "",
    code_10243: 10243 "",
    code_10244: 10244 "",
    code_10245: 10245 "",
    code_10246: 10246 "",
    code_10247: 10247 "",
    code_10248: 10248 "",
    code_10249: 10249 "",
    code_10250: 10250 "",
    code_10251: 10251 "",
    code_10252: 10252 "",
    code_10253: 10253 "",
    code_10254: 10254 "",
    code_10255: 10255 "",
    code_10268: 10268 "",
    code_10269: 10269 "",
    code_10270: 10270 "",
    code_10286: 10286 "",
    code_10287: 10287 "",
    code_10288: 10288 "",
    code_10289: 10289 "",
    code_10290: 10290 "",
    code_10291: 10291 "",
    code_10292: 10292 "",
    code_10293: 10293 "",
    code_10294: 10294 "",
    code_10296: 10296 "",
    code_10297: 10297 "",
    code_10298: 10298 "",
    code_10302: 10302 "",
    code_10303: 10303 "",
    code_10304: 10304 "",
    code_10305: 10305 "",
    code_10306: 10306 "",
    code_10307: 10307 "",
    code_10308: 10308 "",
    code_10310: 10310 "",
    code_10311: 10311 "",
    code_10312: 10312 "",
    code_10316: 10316 "",
    code_10317: 10317 "",
    code_10318: 10318 "",
    code_10319: 10319 "",
    code_10321: 10321 "",
    code_10324: 10324 "",
    code_10325: 10325 "",
    code_10326: 10326 "",
    code_10327: 10327 "",
    code_10328: 10328 "",
    code_10329: 10329 "",
    code_10331: 10331 "",
    code_10332: 10332 "",
    code_10333: 10333 "",
    code_10334: 10334 "",
    code_10335: 10335 "",
    code_10336: 10336 "",
    code_10340: 10340 "",
    code_10341: 10341 "",
    code_10342: 10342 "",
    code_10343: 10343 "",
    code_10344: 10344 "",
    code_10345: 10345 "",
    code_10347: 10347 "",
    code_10349: 10349 "",
}

#[test]
fn an_advanced_reject_comes_with_the_order_so_that_another_try_can_override_it() {
    let mut rig = Rig::ready();
    let json = r#"[{"id":"1","override":"8229"}]"#;
    let refuse = |rig: &mut Rig, id: i32| {
        let message = crate::tws::message::login::ErrorMessage {
            id: Some(id),
            error_code: Some(201),
            error_msg: Some("Order rejected - reason:too far from the market".to_owned()),
            advanced_order_reject_json: Some(json.to_owned()),
            ..Default::default()
        };
        rig.receive(TRADING, Response::ErrorMessage(message));
    };
    let token = place(&mut rig, ask("k1", ""));
    refuse(&mut rig, 1);
    let answer = answered(rig.reply(token));
    assert_eq!((answer.state, answer.order.advanced_reject.as_deref()), (OrderState::Rejected, Some(json)));
    assert_eq!(told(&mut rig).0.last().and_then(|order| order.advanced_reject.clone()).as_deref(), Some(json));
    let noted = rig.entries.iter().any(|entry| match &entry.fact {
        crate::session::durable::Fact::Evidence(evidence) => evidence.text.contains("8229"),
        _ => false,
    });
    assert!(noted, "it is written down");

    place(&mut rig, ask("k2", ""));
    refuse(&mut rig, 2);
    rig.receive(TRADING, execution(-1, 2, "k2", "0001.01.01.01", "60", "60"));
    let order = told(&mut rig).0.pop().expect("told");
    assert_eq!((order.key.as_str(), order.state), ("k2", OrderState::Cancelled), "of what did not fill");
    assert_eq!(order.advanced_reject.as_deref(), Some(json));
    rig.receive(TRADING, execution(-1, 2, "k2", "0001.01.02.01", "40", "100"));
    let order = told(&mut rig).0.pop().expect("told");
    assert_eq!((order.state, order.advanced_reject), (OrderState::Filled, None), "nothing was refused after all");
}
