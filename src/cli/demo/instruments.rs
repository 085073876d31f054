//! The four instruments of the demo, subscribed the way any client would.

use std::time::Duration;

use chrono::{Datelike, NaiveDate};

use crate::{
    cli::{Failure, bridge::RunningBridge},
    gateway::clock,
    schema::{
        Instrument,
        contract::{ContractQuery, ContractSpec},
        request::{
            contract::DetailsRequest,
            market::{Snapshot, Stream, Subscribe},
        },
    },
    session::{Answer, Ask},
};

const DEADLINE: Duration = Duration::from_secs(15);

/// Subscribes a stock, a future, a currency pair and an option. Returns the option as short text.
pub(super) async fn subscribe(bridge: &RunningBridge) -> Result<String, Failure> {
    let today = chrono::DateTime::from_timestamp_micros(clock::now().us).unwrap_or_default().date_naive();
    for contract in ["STK:AAPL".to_owned(), front_future(today), "CASH:EUR.USD".to_owned()] {
        lease(bridge, contract.parse()?).await?;
    }
    let option = option_at_the_money(bridge, today).await?;
    lease(
        bridge,
        ContractQuery { con_id: Some(option.con_id), exchange: Some(option.exchange), ..ContractQuery::default() },
    )
    .await?;
    Ok(format!("CONID:{}", option.con_id))
}

async fn lease(bridge: &RunningBridge, query: ContractQuery) -> Result<(), Failure> {
    // For as long as the demo may be left running; nothing of it stays on disk.
    let ask = Subscribe { ttl_s: 7 * 86_400, ..Subscribe::new(ContractSpec(query), vec![Stream::Quote]) };
    bridge.ask(DEADLINE, Ask::Subscribe(Box::new(ask))).await?;
    Ok(())
}

/// The next quarterly month that does not expire within a few days.
fn front_future(today: NaiveDate) -> String {
    let soon = today + chrono::Days::new(20);
    let month = soon.month().div_ceil(3) * 3;
    format!("FUT:ES:{:04}{month:02}@CME", soon.year())
}

/// The call nearest to the stock's price that expires next month.
async fn option_at_the_money(bridge: &RunningBridge, today: NaiveDate) -> Result<Instrument, Failure> {
    let snapshot = Snapshot { contract: ContractSpec("STK:AAPL".parse()?), regulatory: false, timeout_ms: None };
    let price = match bridge.ask(DEADLINE, Ask::Snapshot(Box::new(snapshot))).await? {
        Answer::Snapshot(answer) => answer.quote.last.or(answer.quote.close).unwrap_or_default(),
        _ => 0.0,
    };
    let next_month = today.with_day(1).unwrap_or(today) + chrono::Months::new(1);
    let query = ContractQuery {
        sec_type: Some("OPT".to_owned()),
        symbol: Some("AAPL".to_owned()),
        expiry: Some(next_month.format("%Y%m").to_string()),
        right: Some("C".to_owned()),
        ..ContractQuery::default()
    };
    let ask = DetailsRequest { contract: ContractSpec(query), refresh: false, timeout_ms: None };
    let Answer::Details(details) = bridge.ask(DEADLINE, Ask::Details(Box::new(ask))).await? else {
        return Err("contract details gave something else".into());
    };
    let distance = |instrument: &Instrument| (instrument.strike.unwrap_or_default() - price).abs();
    let instruments = details.contracts.into_iter().map(|contract| contract.instrument);
    instruments.min_by(|a, b| distance(a).total_cmp(&distance(b))).ok_or_else(|| "no option was found".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(today: &str, expected: &str) {
        assert_eq!(front_future(today.parse().expect("a date")), expected);
    }

    #[test]
    fn the_front_future_is_the_next_quarter_with_time_left() {
        check("2026-11-21", "FUT:ES:202612@CME");
        check("2026-12-15", "FUT:ES:202703@CME");
        check("2027-01-02", "FUT:ES:202703@CME");
    }
}
