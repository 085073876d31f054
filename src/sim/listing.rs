//! The instruments that exist by themselves: stocks, currency pairs, indices, crypto, a bond.

use chrono::NaiveDate;
use chrono_tz::Tz;

use super::instrument::{Instrument, Permission, Shape, SizeStep, Tick, Venue, Walk};
use crate::tws::message::contract::Contract;

/// Contract id that leads the walk of the S&P 500.
pub(super) const SPX: i32 = 416_904;
/// Contract id that leads the walk of the Nasdaq 100.
pub(super) const NDX: i32 = 416_843;

/// Regular session of the US stock exchanges, in minutes after local midnight.
const US_SESSION: (u16, u16) = (9 * 60 + 30, 16 * 60);

pub(super) const US_STOCK: Venue = Venue {
    exchanges: "SMART,AMEX,NYSE,CBOE,PHLX,ISE,CHX,ARCA,NASDAQ,DRCTEDGE,BEX,BATS,EDGEA,BYX,IEX,EDGX,FOXRIVER,PEARL,NYSENAT,LTSE,MEMX,IBEOS,OVERNIGHT,PSX",
    zone: Tz::US__Eastern,
    regular: Some(US_SESSION),
};
pub(super) const US_OPTION: Venue = Venue {
    exchanges: "SMART,AMEX,CBOE,PHLX,PSE,ISE,BOX,BATS,NASDAQOM,CBOE2,NASDAQBX,MIAX,GEMINI,EDGX,MERCURY,PEARL,EMERALD,MEMX",
    zone: Tz::US__Eastern,
    regular: Some(US_SESSION),
};

struct Stock {
    con_id: i32,
    symbol: &'static str,
    name: &'static str,
    primary: &'static str,
    class: &'static str,
    isin: &'static str,
    walk: (i32, f64, f64),
    daily: i64,
}

const fn stock(
    con_id: i32,
    symbol: &'static str,
    name: &'static str,
    (primary, class, isin): (&'static str, &'static str, &'static str),
    walk: (i32, f64, f64),
    daily: i64,
) -> Stock {
    Stock { con_id, symbol, name, primary, class, isin, walk, daily }
}

/// Stocks in US dollars with live data.
const US_STOCKS: &[Stock] = &[
    stock(265_598, "AAPL", "APPLE INC", ("NASDAQ", "NMS", "US0378331005"), (265_598, 270.0, 0.26), 48_000_000),
    stock(272_093, "MSFT", "MICROSOFT CORP", ("NASDAQ", "NMS", "US5949181045"), (272_093, 510.0, 0.22), 20_000_000),
    stock(
        8_314,
        "IBM",
        "INTL BUSINESS MACHINES CORP",
        ("NYSE", "IBM", "US4592001014"),
        (8_314, 300.0, 0.25),
        4_000_000,
    ),
    stock(76_792_991, "TSLA", "TESLA INC", ("NASDAQ", "NMS", "US88160R1014"), (76_792_991, 430.0, 0.55), 80_000_000),
    stock(4_815_747, "NVDA", "NVIDIA CORP", ("NASDAQ", "NMS", "US67066G1040"), (4_815_747, 185.0, 0.4), 180_000_000),
    stock(3_691_937, "AMZN", "AMAZON.COM INC", ("NASDAQ", "NMS", "US0231351067"), (3_691_937, 230.0, 0.3), 40_000_000),
    stock(
        208_813_719,
        "GOOGL",
        "ALPHABET INC-CL A",
        ("NASDAQ", "NMS", "US02079K3059"),
        (208_813_719, 280.0, 0.28),
        35_000_000,
    ),
    stock(
        107_113_386,
        "META",
        "META PLATFORMS INC-CLASS A",
        ("NASDAQ", "NMS", "US30303M1027"),
        (107_113_386, 640.0, 0.32),
        14_000_000,
    ),
    stock(
        1_520_593,
        "JPM",
        "JPMORGAN CHASE & CO",
        ("NYSE", "JPM", "US46625H1005"),
        (1_520_593, 305.0, 0.22),
        9_000_000,
    ),
    stock(8_894, "KO", "COCA-COLA CO/THE", ("NYSE", "KO", "US1912161007"), (8_894, 71.0, 0.15), 15_000_000),
    stock(
        72_063_691,
        "BRK B",
        "BERKSHIRE HATHAWAY INC-CL B",
        ("NYSE", "BRK B", "US0846707026"),
        (72_063_691, 500.0, 0.17),
        4_500_000,
    ),
    stock(
        195_014_116,
        "SHOP",
        "SHOPIFY INC - CLASS A",
        ("NASDAQ", "NMS", "CA82509L1076"),
        (195_014_116, 155.0, 0.5),
        8_000_000,
    ),
    stock(
        756_733,
        "SPY",
        "SS SPDR S&P 500 ETF TRUST-US",
        ("ARCA", "SPY", "US78462F1030"),
        (SPX, 670.0, 0.16),
        70_000_000,
    ),
    stock(
        320_227_571,
        "QQQ",
        "INVESCO QQQ TRUST SERIES 1",
        ("NASDAQ", "NMS", "US46090E1038"),
        (NDX, 600.0, 0.2),
        50_000_000,
    ),
];

/// Every instrument that is not computed from a calendar.
pub(super) fn fixed() -> Vec<Instrument> {
    let mut all: Vec<Instrument> = US_STOCKS.iter().map(us_stock).collect();
    all.extend(foreign_stocks());
    all.extend(currency_pairs());
    all.extend(indices());
    all.extend(crypto());
    all.push(bond());
    all.extend(contracts_for_difference());
    all
}

fn us_stock(row: &Stock) -> Instrument {
    let contract = Contract {
        con_id: Some(row.con_id),
        primary_exch: text(row.primary),
        ..contract("STK", row.symbol, "SMART", "USD", row.symbol, row.class)
    };
    let (leader, base, volatility) = row.walk;
    Instrument {
        isin: row.isin,
        ..spot(contract, row.name, Tick::CENT, Walk { leader, base, volatility }, row.daily, US_STOCK)
    }
}

/// Stocks elsewhere: one that makes a symbol ambiguous, the others without live data.
fn foreign_stocks() -> Vec<Instrument> {
    let toronto =
        Venue { exchanges: "SMART,TSE,ALPHATSX,CHIX-CA,OMEGA", zone: Tz::US__Eastern, regular: Some(US_SESSION) };
    let london =
        Venue { exchanges: "SMART,LSE,CHIXEN,BATEEN,TRQXEN", zone: Tz::Europe__London, regular: Some((480, 990)) };
    let xetra =
        Venue { exchanges: "SMART,IBIS,FWB,CHIXDE,BATEDE,TGATE", zone: Tz::Europe__Berlin, regular: Some((540, 1050)) };
    let tokyo = Venue { exchanges: "SMART,TSEJ,JPNNEXT,CHIXJ", zone: Tz::Asia__Tokyo, regular: Some((540, 930)) };
    let row = |con_id, symbol: &str, primary: &str, currency: &str, class: &str| Contract {
        con_id: Some(con_id),
        primary_exch: text(primary),
        ..contract("STK", symbol, "SMART", currency, symbol, class)
    };
    let walk = |leader, base, volatility| Walk { leader, base, volatility };
    vec![
        Instrument {
            isin: "CA82509L1076",
            ..spot(
                row(195_014_117, "SHOP", "TSE", "CAD", "SHOP"),
                "SHOPIFY INC - CLASS A",
                Tick::CENT,
                walk(195_014_116, 217.0, 0.5),
                1_500_000,
                toronto,
            )
        },
        Instrument {
            isin: "GB00BH4HKS39",
            permission: Permission::Delayed,
            ..spot(
                row(149_197_220, "VOD", "LSE", "GBP", "SET0"),
                "VODAFONE GROUP PLC",
                Tick::CENT,
                walk(149_197_220, 90.0, 0.25),
                60_000_000,
                london,
            )
        },
        Instrument {
            isin: "DE0007164600",
            permission: Permission::DelayedForApi,
            ..spot(
                row(14_204, "SAP", "IBIS", "EUR", "XETRA"),
                "SAP SE",
                Tick { num: 1, den: 20 },
                walk(14_204, 210.0, 0.26),
                2_000_000,
                xetra,
            )
        },
        Instrument {
            isin: "JP3633400001",
            permission: Permission::Nothing,
            ..spot(
                row(13_905_344, "7203", "TSEJ", "JPY", "7203"),
                "TOYOTA MOTOR CORP",
                Tick { num: 1, den: 2 },
                walk(13_905_344, 3100.0, 0.26),
                20_000_000,
                tokyo,
            )
        },
    ]
}

fn currency_pairs() -> Vec<Instrument> {
    let idealpro = Venue { exchanges: "IDEALPRO", zone: Tz::US__Eastern, regular: None };
    let pair = |con_id, base: &str, quote: &str, name, price, volatility, tick| {
        let local = format!("{base}.{quote}");
        let contract = Contract { con_id: Some(con_id), ..contract("CASH", base, "IDEALPRO", quote, &local, &local) };
        Instrument {
            size: SizeStep { unit: 500_000, decimals: 0 },
            ..spot(contract, name, tick, Walk { leader: con_id, base: price, volatility }, 40_000, idealpro)
        }
    };
    let fine = Tick { num: 1, den: 20_000 };
    vec![
        pair(12_087_792, "EUR", "USD", "European Monetary Union Euro", 1.16, 0.07, fine),
        pair(12_087_797, "GBP", "USD", "British pound", 1.32, 0.08, fine),
        pair(14_433_401, "AUD", "USD", "Australian dollar", 0.655, 0.1, fine),
        pair(15_016_059, "USD", "JPY", "United States dollar", 155.0, 0.1, Tick { num: 1, den: 200 }),
        pair(15_016_062, "USD", "CAD", "United States dollar", 1.4, 0.06, fine),
        pair(12_087_820, "USD", "CHF", "United States dollar", 0.8, 0.08, fine),
        pair(12_087_807, "EUR", "GBP", "European Monetary Union Euro", 0.88, 0.05, fine),
    ]
}

fn indices() -> Vec<Instrument> {
    let cboe = Venue { exchanges: "CBOE", zone: Tz::US__Central, regular: Some((510, 915)) };
    let nasdaq = Venue { exchanges: "NASDAQ", zone: Tz::US__Eastern, regular: Some(US_SESSION) };
    let index = |con_id, symbol, name, base, volatility, venue: Venue| {
        let contract =
            Contract { con_id: Some(con_id), ..contract("IND", symbol, venue.exchanges, "USD", symbol, symbol) };
        spot(contract, name, Tick::CENT, Walk { leader: con_id, base, volatility }, 0, venue)
    };
    vec![
        index(SPX, "SPX", "S&P 500 Stock Index", 6700.0, 0.16, cboe),
        index(NDX, "NDX", "NASDAQ 100 Stock Index", 24_500.0, 0.2, nasdaq),
        index(13_455_763, "VIX", "CBOE Volatility Index", 18.0, 0.9, cboe),
    ]
}

fn crypto() -> Vec<Instrument> {
    let coin = |con_id, symbol: &str, exchange: &'static str, name, leader, base, volatility| {
        let venue = Venue { exchanges: exchange, zone: Tz::US__Eastern, regular: None };
        let local = format!("{symbol}.USD");
        let contract = Contract { con_id: Some(con_id), ..contract("CRYPTO", symbol, exchange, "USD", &local, symbol) };
        Instrument {
            size: SizeStep { unit: 1, decimals: 4 },
            ..spot(contract, name, Tick { num: 1, den: 4 }, Walk { leader, base, volatility }, 90_000_000, venue)
        }
    };
    vec![
        coin(479_624_278, "BTC", "PAXOS", "Bitcoin cryptocurrency", 479_624_278, 95_000.0, 0.5),
        coin(495_759_171, "ETH", "PAXOS", "Ethereum cryptocurrency", 495_759_171, 3200.0, 0.65),
        coin(698_803_009, "BTC", "ZEROHASH", "Bitcoin cryptocurrency", 479_624_278, 95_000.0, 0.5),
        coin(698_803_012, "ETH", "ZEROHASH", "Ethereum cryptocurrency", 495_759_171, 3200.0, 0.65),
    ]
}

/// One on a share, whose data is the share's own, and one on an index, which has its own.
fn contracts_for_difference() -> Vec<Instrument> {
    let venue = Venue { exchanges: "SMART,IBCFD", zone: Tz::US__Eastern, regular: Some(US_SESSION) };
    let cfd = |con_id, symbol: &str, name, walk| {
        let contract = Contract { con_id: Some(con_id), ..contract("CFD", symbol, "SMART", "USD", symbol, symbol) };
        spot(contract, name, Tick::CENT, walk, 1_000_000, venue)
    };
    let walk = |leader, base, volatility| Walk { leader, base, volatility };
    vec![
        Instrument { under: Some(265_598), ..cfd(120_549_942, "AAPL", "APPLE INC", walk(265_598, 270.0, 0.26)) },
        cfd(111_767_871, "IBUS500", "US 500", walk(SPX, 6700.0, 0.16)),
    ]
}

fn bond() -> Instrument {
    let venue = Venue { exchanges: "SMART,BONDDESK,TMC,TRADEWEBG", zone: Tz::US__Eastern, regular: Some((480, 1020)) };
    let contract = Contract {
        con_id: Some(107_399_571),
        last_trade_date_or_contract_month: text("20420620"),
        multiplier: Some(1.0),
        ..contract("BOND", "IBM", "SMART", "USD", "IBM 4 06/20/42", "IBM")
    };
    Instrument {
        isin: "US459200HF10",
        expiry: NaiveDate::from_ymd_opt(2042, 6, 20),
        under: Some(8_314),
        ..spot(
            contract,
            "INTL BUSINESS MACHINES CORP",
            Tick { num: 1, den: 1000 },
            Walk { leader: 107_399_571, base: 86.0, volatility: 0.06 },
            5_000_000,
            venue,
        )
    }
}

fn spot(contract: Contract, name: &'static str, tick: Tick, walk: Walk, daily_volume: i64, venue: Venue) -> Instrument {
    Instrument {
        contract,
        name,
        isin: "",
        tick,
        size: SizeStep::ONE,
        walk,
        shape: Shape::Spot,
        daily_volume,
        spread: 1,
        venue,
        under: None,
        legs: Vec::new(),
        expiry: None,
        permission: Permission::Live,
    }
}

/// The text fields every contract has.
pub(super) fn contract(
    sec_type: &str,
    symbol: &str,
    exchange: &str,
    currency: &str,
    local_symbol: &str,
    trading_class: &str,
) -> Contract {
    Contract {
        symbol: text(symbol),
        sec_type: text(sec_type),
        exchange: text(exchange),
        currency: text(currency),
        local_symbol: text(local_symbol),
        trading_class: text(trading_class),
        ..Contract::default()
    }
}

/// A text field with a value.
#[expect(clippy::unnecessary_wraps, reason = "message fields are optional; this makes a present one")]
pub(super) fn text(value: &str) -> Option<String> {
    Some(value.to_owned())
}
