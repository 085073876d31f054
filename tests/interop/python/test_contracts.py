"""The official client looks up contracts."""

from official import AAPL, EURUSD, UNKNOWN, contract


def details(client, wanted):
    request = client.request_id()
    client.api.reqContractDetails(request, wanted)
    client.expect("contractDetailsEnd", reqId=request)
    return [event.contractDetails for event in client.seen("contractDetails", reqId=request)]


def test_a_stock_has_its_id_name_and_hours(client):
    (apple,) = details(client, AAPL)
    assert (apple.contract.conId, apple.contract.primaryExchange) == (265598, "NASDAQ")
    assert "APPLE" in apple.longName
    assert apple.minTick == 0.01
    assert "SMART" in apple.validExchanges
    assert apple.timeZoneId and apple.tradingHours and apple.liquidHours


def test_a_contract_id_alone_finds_the_contract(client):
    (apple,) = details(client, contract("", "", "", "", conId=265598))
    assert apple.contract.symbol == "AAPL"


def test_a_future_without_expiry_brings_its_months(client):
    months = details(client, contract("FUT", "ES", "CME"))
    assert len(months) > 1
    expiries = [month.contract.lastTradeDateOrContractMonth for month in months]
    assert len(set(expiries)) == len(expiries)
    assert all(month.contract.multiplier == "50" for month in months)


def test_a_currency_pair_is_found(client):
    (pair,) = details(client, EURUSD)
    assert (pair.contract.secType, pair.contract.localSymbol) == ("CASH", "EUR.USD")


def test_an_option_of_the_chain_is_found(client):
    request = client.request_id()
    client.api.reqSecDefOptParams(request, "AAPL", "", "STK", 265598)
    client.expect("securityDefinitionOptionParameterEnd", reqId=request)
    chain = client.seen("securityDefinitionOptionParameter", reqId=request)[0]
    expiry, strike = sorted(chain.expirations)[1], sorted(chain.strikes)[len(chain.strikes) // 2]
    wanted = contract("OPT", "AAPL", lastTradeDateOrContractMonth=expiry, strike=strike, right="C")
    (option,) = details(client, wanted)
    assert (option.contract.strike, option.contract.right, option.contract.multiplier) == (strike, "C", "100")


def test_symbols_are_searched(client):
    request = client.request_id()
    client.api.reqMatchingSymbols(request, "AAP")
    found = client.expect("symbolSamples", reqId=request).contractDescriptions
    assert any(description.contract.symbol == "AAPL" for description in found)


def test_an_unknown_contract_is_answered_with_200(client):
    request = client.request_id()
    client.api.reqContractDetails(request, UNKNOWN)
    client.expect_error(200, reqId=request)
    assert not client.seen("contractDetails", reqId=request)
