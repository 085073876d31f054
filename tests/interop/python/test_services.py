"""The official client reads news, scanners, option calculations and the events calendar."""

import json
import xml.etree.ElementTree as xml

from ibapi.common import WshEventData
from ibapi.scanner import ScannerSubscription
from ibapi.tag_value import TagValue
from official import AAPL, contract

AAPL_ID = 265598
CUSTOM_OPTION = 53


def headlines(client, start="", end="", total=10, providers="BRFG+DJNL"):
    request = client.request_id()
    client.api.reqHistoricalNews(request, AAPL_ID, providers, start, end, total, [])
    return request


def test_providers_headlines_and_articles_are_told(client):
    client.api.reqNewsProviders()
    providers = client.expect("newsProviders").newsProviders
    assert [provider.code for provider in providers] == ["BRFG", "BRFUPDN", "DJNL"]

    request = headlines(client)
    assert client.expect("historicalNewsEnd", requestId=request).hasMore
    news = client.seen("historicalNews", requestId=request)
    times = [story.time for story in news]
    assert len(news) == 10 and times == sorted(times, reverse=True)

    article = client.request_id()
    client.api.reqNewsArticle(article, news[0].providerCode, news[0].articleId, [])
    told = client.expect("newsArticle", requestId=article)
    assert told.articleType == 0 and news[0].headline in told.articleText

    older = headlines(client, end=times[-1])
    client.expect("historicalNewsEnd", requestId=older)
    assert max(story.time for story in client.seen("historicalNews", requestId=older)) <= times[-1]


def test_bad_questions_about_news_get_the_gateways_errors(client):
    client.expect_error(10276, reqId=headlines(client, providers="NOSUCH"))
    client.expect_error(321, reqId=headlines(client, total=301))
    article = client.request_id()
    client.api.reqNewsArticle(article, "BRFG", "BRFG$none", [])
    client.expect_error(10172, reqId=article)


def test_a_broad_tape_brings_news_without_quotes(client):
    tape = contract("NEWS", "BRFG:BRFG_ALL", "BRFG", "")
    details = client.request_id()
    client.api.reqContractDetails(details, tape)
    assert client.expect("contractDetails", reqId=details).contractDetails.contract.symbol == "BRFG:BRFG_ALL"
    client.expect("contractDetailsEnd", reqId=details)
    request = client.request_id()
    client.api.reqMktData(request, tape, "mdoff,292", False, False, [])
    client.round_trip()
    client.api.cancelMktData(request)
    client.round_trip()
    assert not client.seen("error", reqId=request)
    assert not client.seen("tickPrice", reqId=request)


def scan(code="TOP_PERC_GAIN", rows=5):
    wanted = ScannerSubscription()
    wanted.instrument, wanted.locationCode, wanted.scanCode, wanted.numberOfRows = "STK", "STK.US.MAJOR", code, rows
    return wanted


def test_scanner_parameters_are_a_document(client):
    client.api.reqScannerParameters()
    root = xml.fromstring(client.expect("scannerParameters").xml)
    assert "TOP_PERC_GAIN" in [code.text for code in root.iter("scanCode")]


def test_a_scanner_ranks_stocks_and_is_cancelled(client):
    request = client.request_id()
    client.api.reqScannerSubscription(request, scan(), [], [])
    client.expect("scannerDataEnd", reqId=request)
    rows = client.seen("scannerData", reqId=request)
    assert [row.rank for row in rows] == list(range(5))
    assert all(row.contractDetails.contract.secType == "STK" for row in rows)
    client.api.cancelScannerSubscription(request)
    client.expect_error(162, reqId=request)


def test_a_filter_without_matches_brings_an_empty_result(client):
    request = client.request_id()
    client.api.reqScannerSubscription(request, scan(), [], [TagValue("priceAbove", "1000000")])
    client.expect_error(165, reqId=request)
    client.expect("scannerDataEnd", reqId=request)
    assert not client.seen("scannerData", reqId=request)


def test_an_eleventh_scanner_and_an_unknown_code_are_refused(client):
    refused = client.request_id()
    client.api.reqScannerSubscription(refused, scan("NOSUCH"), [], [])
    client.expect_error(162, reqId=refused)
    last = None
    for _ in range(11):
        last = client.request_id()
        client.api.reqScannerSubscription(last, scan("MOST_ACTIVE"), [], [])
    client.expect_error(322, reqId=last)


def option(client):
    request = client.request_id()
    wanted = contract("OPT", "AAPL", strike=250, right="C")
    client.api.reqContractDetails(request, wanted)
    client.expect("contractDetailsEnd", reqId=request)
    found = [event.contractDetails.contract for event in client.seen("contractDetails", reqId=request)]
    return max(found, key=lambda one: one.lastTradeDateOrContractMonth)


def test_an_option_price_and_its_volatility_are_inverse(client):
    wanted = option(client)
    request = client.request_id()
    client.api.calculateOptionPrice(request, wanted, 0.3, 260, [])
    priced = client.expect("tickOptionComputation", reqId=request, tickType=CUSTOM_OPTION)
    client.api.cancelCalculateOptionPrice(request)
    back = client.request_id()
    client.api.calculateImpliedVolatility(back, wanted, priced.optPrice, 260, [])
    found = client.expect("tickOptionComputation", reqId=back, tickType=CUSTOM_OPTION)
    client.api.cancelCalculateImpliedVolatility(back)
    assert abs(found.impliedVol - 0.3) < 1e-3

    wrong = client.request_id()
    client.api.calculateOptionPrice(wrong, AAPL, 0.3, 260, [])
    client.expect_error(321, reqId=wrong)


def events(client):
    request = client.request_id()
    wanted = WshEventData()
    wanted.conId, wanted.totalLimit = AAPL_ID, 3
    client.api.reqWshEventData(request, wanted)
    return request


def test_calendar_events_come_after_the_metadata(client):
    client.expect_error(10282, reqId=events(client))
    request = client.request_id()
    client.api.reqWshMetaData(request)
    meta = json.loads(client.expect("wshMetaData", reqId=request).dataJson)
    assert meta["meta_data"]["event_types"]
    told = json.loads(client.expect("wshEventData", reqId=events(client)).dataJson)
    assert 0 < len(told) <= 3 and str(AAPL_ID) in told[0]["conids"]
