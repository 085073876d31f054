"""What goes over NATS. Written by generate.py from the JSON Schemas; do not edit."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Literal, TypeAlias

from typing_extensions import NotRequired, TypedDict

Quantity: TypeAlias = str | int | float | Decimal
"""A decimal quantity in a request. Answers and events have text with the gateway's own digits."""


class Account(TypedDict):
    """One account."""

    account: str
    """Account number."""
    base_currency: NotRequired[str]
    """Currency that sums are in; absent until it was told."""
    exchange_rates: NotRequired[dict[str, str]]
    """What one unit of each currency in use is worth in the base currency, as IB writes it."""
    followed: NotRequired[bool]
    """True if its values, positions and profit are followed."""
    models: NotRequired[list[str]]
    """Models of this account that are followed."""
    paper: bool
    """True for a paper account (IB numbers them with a leading `D`)."""
    ready: NotRequired[bool]
    """False while IB resets it: its figures are then the last ones from before. Absent until it was told."""


class AccountDay(TypedDict):
    """An account's day so far, as the limits see it."""

    daily_pnl: NotRequired[float]
    """Profit of the day in the account's base currency, negative for a loss; absent until IB told it."""
    efficiency_ratio: float
    """Order efficiency ratio: `messages / (executed + 1)`."""
    executed: int
    """Orders of which something was executed in that time."""
    messages: int
    """New orders, modifications and cancels of this bridge since the day began in New York, or since it started."""


class AccountQuery(TypedDict):
    """`account.summary`, `account.positions`: of one account, of an advisor's group, or of all; of whole accounts or of a model in them."""

    account: NotRequired[str]
    """Only this account."""
    group: NotRequired[str]
    """Only accounts of this group of an advisor; excludes `account`."""
    model: NotRequired[str]
    """Of this model instead of the whole account; needs `account`."""
    timeout_ms: NotRequired[int]
    """Give up after this many milliseconds."""


class AccountValueEvent(TypedDict):
    """One account value, on `ib.account.<account>.<tag>`; of a model on `ib.model.<account>.<model>.value.<tag>`. What IB tells while it resets an account (`AccountReady` is `false`) is not published."""

    account: str
    """Account number."""
    currency: NotRequired[str]
    """Currency of the value; `BASE` for the sum of all currencies in the account's base currency; absent for values without one."""
    model: NotRequired[str]
    """Model of an advisor that the value belongs to; absent for the whole account's."""
    recv_us: int
    """When the bytes arrived, microseconds UTC, our clock. IB sends changes at most every three minutes."""
    seq: int
    """Grows by one per subject."""
    tag: str
    """IB's tag, such as `NetLiquidation`. `ExchangeRate` is what one unit of `currency` is worth in the account's base currency."""
    value: str
    """Value as IB writes it; most are numbers, some are words."""


class Accounts(TypedDict):
    """Answer to `account.list`."""

    accounts: list[Account]
    """The accounts, as IB orders them."""


class Adjusted(TypedDict):
    """A stop order that turns into another one when a price is reached."""

    order_type: NotRequired[OrderType]
    """What it turns into: a stop or trailing type; required."""
    stop_limit_price: NotRequired[float]
    """Limit price afterwards, for stop-limit types."""
    stop_price: NotRequired[float]
    """Stop price afterwards."""
    trailing_amount: NotRequired[float]
    """Trailing distance afterwards, for trailing types."""
    trailing_unit: NotRequired[int]
    """Unit of the trailing distance as IB numbers it: 0 an amount."""
    trigger_price: NotRequired[float]
    """The price at which it turns; required."""


class Advisor(TypedDict):
    """How an adviser's order is shared between accounts."""

    group: NotRequired[str]
    """Name of the account group."""
    method: NotRequired[str]
    """Allocation method, as IB names it."""
    percentage: NotRequired[str]
    """Percentage, as decimal text, for methods that change positions by percent."""


AdvisorPart: TypeAlias = Literal["groups", "aliases"]
"""A part of an adviser's configuration."""


class AdvisorRequest(TypedDict):
    """`reference.advisor`: a part of an adviser's configuration. Other logins are refused by the gateway."""

    part: AdvisorPart
    """Which part."""
    timeout_ms: NotRequired[int]
    """Give up after this many milliseconds."""


class Algo(TypedDict):
    """One of IB's algorithms."""

    id: NotRequired[str]
    """Identifier that an algo of the customer's own travels under."""
    params: NotRequired[dict[str, str]]
    """Parameters of the strategy as IB names and writes them, such as `adaptivePriority`: `Normal`."""
    strategy: NotRequired[str]
    """IB's name of the strategy, such as `Adaptive`, `Twap`, `Vwap`, `ArrivalPx`."""


ApiError = TypedDict(
    "ApiError",
    {
        "candidates": 'NotRequired[list[str]]',
        "class": 'NotRequired[str]',
        "code": 'ErrorCode',
        "holders": 'NotRequired[list[Holder]]',
        "ib_code": 'NotRequired[int]',
        "message": 'str',
        "retry_after_ms": 'NotRequired[int]',
    },
)
"""The `error` part of a reply."""


class Article(TypedDict):
    """Answer to `news.article`."""

    article_id: str
    """The article's name."""
    format: ArticleFormat
    """How to read `text`."""
    provider: str
    """IB's code of the source."""
    text: str
    """The article: plain text or HTML, or a PDF in base64."""


ArticleFormat: TypeAlias = Literal["text", "pdf_base64", "other"]
"""How an article is written."""


class ArticleRequest(TypedDict):
    """`news.article`: the text of one article."""

    article_id: str
    """The article's name, from a headline."""
    provider: str
    """IB's code of the source."""
    timeout_ms: NotRequired[int]
    """Give up after this many milliseconds."""


class Attached(TypedDict):
    """Orders that the gateway attaches with prices of its own presets. Server version 218 or newer."""

    profit_taker: NotRequired[AttachedOrder]
    """The profit taker."""
    stop_loss: NotRequired[AttachedOrder]
    """The stop-loss."""


class AttachedOrder(TypedDict):
    """An order that the gateway attaches to another one."""

    key: OrderKey
    """Key under which the bridge tells of it. The gateway writes the parent's key into it."""
    order_type: NotRequired[str]
    """IB's order type text; `PRESET` takes the gateway's own."""


class AuditEvent(TypedDict):
    """One request that may change orders, on `ib.audit.<client>`."""

    client: NotRequired[str]
    """The client's name from the subject; absent if the subject had none."""
    code: NotRequired[ErrorCode]
    """Why it was refused."""
    decision: Decision
    """How it was decided."""
    key: NotRequired[OrderKey]
    """The order's key, if the request names one."""
    reason: NotRequired[str]
    """Why it was refused, for a person."""
    recv_us: int
    """When it was decided, microseconds UTC, our clock."""
    request: str
    """The request as it was understood, as JSON text."""
    seq: int
    """Grows by one per subject."""
    verb: str
    """What was asked, such as `order.place`."""


class Bar(TypedDict):
    """One bar, in history answers."""

    close: float
    """Last price."""
    count: NotRequired[int]
    """Number of trades; absent unless the bar is made of trades."""
    date: NotRequired[str]
    """Trading date `YYYYMMDD`, for bars of a day and longer."""
    high: float
    """Highest price."""
    low: float
    """Lowest price."""
    open: float
    """First price."""
    start_us: int
    """Start of the bar, microseconds UTC. For bars of a day and longer: midnight UTC of the trading date IB names."""
    volume: NotRequired[str]
    """Traded volume; absent unless the bar is made of trades."""
    wap: NotRequired[str]
    """Volume-weighted average price; absent unless the bar is made of trades."""


class BarEvent(TypedDict):
    """A live bar, on `ib.bar.<inst>.<size>`."""

    after_gap: NotRequired[bool]
    """True on the first event after an interruption; left out otherwise."""
    backfilled: NotRequired[bool]
    """True if all or part of it was fetched from history, after an interruption or because the stream began inside the bar, instead of seen live; left out otherwise."""
    close: float
    """Last price."""
    complete: bool
    """True when the bar is final; published once per bar. False on updates of the bar in progress, which carry what is known of it so far."""
    con_id: int
    """IB's contract id."""
    count: NotRequired[int]
    """Number of trades; absent unless the bar is made of trades."""
    date: NotRequired[str]
    """Trading date `YYYYMMDD`, for bars of a day and longer."""
    high: float
    """Highest price."""
    low: float
    """Lowest price."""
    open: float
    """First price."""
    partial: NotRequired[bool]
    """True if data of part of its time is missing; `ib.gap` says which. Left out otherwise."""
    recv_us: int
    """When the bytes arrived, microseconds UTC, our clock."""
    seq: int
    """Grows by one per subject."""
    size: BarSize
    """Bar size, as in the subject."""
    start_us: int
    """Start of the bar, microseconds UTC. For bars of a day and longer: midnight UTC of the trading date IB names."""
    volume: NotRequired[str]
    """Traded volume; absent unless the bar is made of trades."""
    wap: NotRequired[str]
    """Volume-weighted average price; absent unless the bar is made of trades."""


BarSize: TypeAlias = Literal["1s", "5s", "10s", "15s", "30s", "1m", "2m", "3m", "5m", "10m", "15m", "20m", "30m", "1h", "2h", "3h", "4h", "8h", "1d", "1w", "1mo"]
"""A bar size that IB offers."""


BarSource: TypeAlias = Literal["trades", "midpoint", "bid", "ask", "bid_ask", "agg_trades", "adjusted_last", "historical_volatility", "option_implied_volatility", "fee_rate", "yield_bid", "yield_ask", "yield_bid_ask", "yield_last"]
"""What a bar is made of."""


class BarsPage(TypedDict):
    """One page of the answer to `hist.bars`. Pages arrive in order on the reply inbox."""

    last: bool
    """True on the last page, which carries the manifest."""
    manifest: NotRequired[Manifest]
    """The summary; on the last page."""
    page: int
    """Page number from 0."""
    progress: NotRequired[Progress]
    """How far the answer has come; absent on a last page."""
    rows: list[Bar]
    """Bars of this page, oldest first. A page without bars before the last one says that the range is still worked on."""


class BarsRequest(TypedDict):
    """`hist.bars`: bars of any range. Give `start`, or `duration`, or both with `end` left out."""

    bar_size: BarSize
    """Bar size."""
    contract: ContractSpec
    """The instrument."""
    duration: NotRequired[str]
    """Length before `end` as number and unit: `3600s`, `2h`, `5d`, `3w`, `6mo`, `1y`. Instead of `start`."""
    end: NotRequired[TimePoint]
    """Moment before which the last bar starts; now if left out."""
    regular_hours: NotRequired[bool]
    """Regular trading hours only. Default false."""
    source: NotRequired[BarSource]
    """What the bars are made of; trades if left out (mid points for currency pairs)."""
    start: NotRequired[TimePoint]
    """First moment wanted."""
    timeout_ms: NotRequired[int]
    """Give up after this many milliseconds; the default grows with the range."""


class BatchEntry(TypedDict):
    """What came of one contract of a batch."""

    error: NotRequired[ApiError]
    """Why there is nothing, or nothing more; absent if all went well."""
    holes: list[Hole]
    """Parts of the range without rows."""
    instrument: NotRequired[Instrument]
    """The instrument; absent if there is an error."""
    requests: int
    """Upstream requests this took."""
    rows: int
    """Rows sent."""


class BatchManifest(TypedDict):
    """What a batch delivered, and what it could not."""

    contracts: list[BatchEntry]
    """One entry for each contract, in the order of the request."""
    pages: int
    """Pages sent."""
    requests: int
    """Upstream requests this took."""
    rows: int
    """Rows sent."""
    served: int
    """Contracts without an error."""


class BatchPage(TypedDict):
    """One page of the answer to `hist.batch`. Pages of different contracts may alternate; those of one are in order."""

    contract: NotRequired[int]
    """Whose bars or progress this is: place in the request's `contracts`, from 0. Absent on a last page without bars."""
    last: bool
    """True on the last page, which carries the manifest."""
    manifest: NotRequired[BatchManifest]
    """The summary; on the last page."""
    page: int
    """Page number from 0."""
    progress: NotRequired[Progress]
    """How far this contract's bars have come; absent on a last page."""
    rows: list[Bar]
    """Bars of this page, oldest first."""


class BatchRequest(TypedDict):
    """`hist.batch`: bars of many contracts, one range. What fails for one contract stops no other."""

    bar_size: BarSize
    """Bar size."""
    contracts: list[ContractSpec]
    """The instruments, 1 to 1000."""
    duration: NotRequired[str]
    """Length before `end`, as in `hist.bars`. Instead of `start`."""
    end: NotRequired[TimePoint]
    """Moment before which the last bar starts; now if left out."""
    regular_hours: NotRequired[bool]
    """Regular trading hours only. Default false."""
    source: NotRequired[BarSource]
    """What the bars are made of; trades if left out (mid points for currency pairs)."""
    start: NotRequired[TimePoint]
    """First moment wanted."""
    timeout_ms: NotRequired[int]
    """Give up after this many milliseconds; the default grows with the range and the contracts."""


class Book(TypedDict):
    """The whole book at one moment, in answers."""

    asks: list[BookRow]
    """Sellers, best first."""
    bids: list[BookRow]
    """Buyers, best first."""
    change: int
    """Number of the last change it contains: events on `ib.depth.<inst>` with a higher `change` are newer."""
    recv_us: int
    """When the last change arrived, microseconds UTC, our clock."""
    stale: bool
    """True while the book may be out of date. Always present."""


class BookRow(TypedDict):
    """One row of a book."""

    market_maker: NotRequired[str]
    """Market maker or exchange, in level-2 books."""
    price: NotRequired[float]
    """Price in the instrument's currency; absent if the gateway sent none."""
    size: NotRequired[str]
    """Size in the instrument's units."""


BookSide: TypeAlias = Literal["bid", "ask"]
"""A side of the book."""


class Bracket(TypedDict):
    """`order.bracket`: an order with children that wake when it fills. All are checked before the first is sent; the gateway holds them until the last has arrived."""

    children: NotRequired[list[PlaceOrder]]
    """Other children, hedges for instance. `parent_key` and `transmit` are set by the bridge."""
    parent: PlaceOrder
    """The entry. Its `wait_for` holds for the whole bracket."""
    stop_loss: NotRequired[StopLoss]
    """The exit with a loss: a stop order of the other side."""
    take_profit: NotRequired[TakeProfit]
    """The exit with a profit: a limit order of the other side."""
    timeout_ms: NotRequired[int]
    """Answer with what is known after this many milliseconds."""


class Breaker(TypedDict):
    """A kind of request, on `ib.bridge.breaker` after a change and in `pool.status` while it is not closed."""

    failures: int
    """Requests in a row that stayed unanswered."""
    kind: str
    """IB's name of the request, such as `ContractDataRequest`."""
    retry_after_ms: int
    """When the next trial may be made, in milliseconds from now; 0 if one may now."""
    state: BreakerState
    """Where it stands."""


BreakerState: TypeAlias = Literal["closed", "open", "half_open"]
"""Where the breaker of a kind of request stands."""


class BridgeEvent(TypedDict):
    """Something that happened to the bridge itself, on `ib.bridge.<event>`."""

    breaker: NotRequired[Breaker]
    """The kind of request that `breaker` is about."""
    event: str
    """`started`, `stopping`, `heartbeat`, `violation`, `watchdog_soft`, `watchdog_hard`, `shed`, `duplicate_order`, `mismatch`, `mismatch_over`, `account_reset`, `account_ready`, `accounts_not_followed`, `maintenance`, `watchdog_started`, `watchdog_stopped`, `watchdog_farm`, `watchdog_data_link`, `host_slept`, `clock_set_back`, `gateway_port`, `breaker`, `needs_person`, `needs_person_over`, `gateway_command`, `gateway_command_failed`, `reloaded`, `gateway_not_local`, `lists_missing`, `lists_complete`, `kill`, `resume`, `dead_man`, `risk_limits`, `limit_learned`, `lease_dropped`, `subscription_failed`, `not_kept`."""
    figures: NotRequired[dict[str, int]]
    """Figures that belong to the event. Of `shed`: `shed_events`, `shed_kept_events`, `dropped_offline`, and under their names the subjects that lost most, all since the start."""
    maintenance: NotRequired[Maintenance]
    """The window that `maintenance` is about."""
    message: NotRequired[str]
    """What happened, for a person; absent if the event says it all."""
    recv_us: int
    """When it happened, microseconds UTC, our clock."""
    seq: int
    """Grows by one per subject."""
    version: str
    """Version of this bridge."""


class BridgeInfo(TypedDict):
    """Answer to `bridge.info`."""

    accounts: list[str]
    """Accounts of the login; empty while not connected."""
    allow_live: bool
    """True if live accounts are allowed by the configuration."""
    gateway: str
    """Gateway address."""
    prefix: str
    """Subject prefix."""
    server_version: NotRequired[int]
    """Protocol version agreed with the gateway; absent while not connected."""
    started_us: int
    """When it started, microseconds UTC, our clock."""
    version: str
    """Version of this bridge."""


class Buckets(TypedDict):
    """A histogram."""

    buckets: list[list[Any]]
    """Upper end in seconds and how many fell into the bucket alone; longer ones are in `count` only."""
    count: int
    """How many were measured."""
    sum: float
    """Their sum, in seconds."""


BulletinKind: TypeAlias = Literal["regular", "exchange_unavailable", "exchange_available", "other"]
"""What a bulletin is about."""


class Bulletins(TypedDict):
    """Answer to `news.bulletins`."""

    bulletins: list[NewsEvent]
    """What came since the bridge logged in, oldest first; the newest 200."""
    subject: str
    """Where new ones are published."""


class BulletinsRequest(TypedDict):
    """`news.bulletins`: IB's bulletins of today, as far as the gateway still knows them. They are also published as they come."""



class Calendar(TypedDict):
    """Answer to `wsh.meta` and `wsh.events`."""

    data: Any
    """What Wall Street Horizon says, as it says it; text if it is no JSON."""


class CancelAll(TypedDict):
    """`order.cancel_all`: cancel many orders."""

    account: NotRequired[str]
    """The account, for `account`."""
    scope: CancelScope
    """Which orders; must be said."""
    timeout_ms: NotRequired[int]
    """Answer with what is known after this many milliseconds."""


class CancelAllAnswer(TypedDict):
    """Answer to `order.cancel_all`, when all of them are over or the time is up."""

    done: bool
    """True if none of the orders can still fill."""
    left_alone: int
    """Open orders of the login that were left alone: outside the scope or owned by others."""
    orders: list[OrderAnswer]
    """The orders concerned, oldest first, as they stand now."""


class CancelOrder(TypedDict):
    """`order.cancel`: cancel one order. Exactly one of `key`, `order_id` and `perm_id`."""

    external_operator: NotRequired[str]
    """Person or system that entered the cancel, for reporting."""
    key: NotRequired[OrderKey]
    """The order's key."""
    manual_cancel_time: NotRequired[str]
    """When a person gave the cancel, for reporting."""
    manual_order_indicator: NotRequired[int]
    """IB's number for manual or automated entry."""
    order_id: NotRequired[int]
    """Order id of this bridge's trading client."""
    perm_id: NotRequired[int]
    """IB's account-wide order number."""
    timeout_ms: NotRequired[int]
    """Answer with what is known after this many milliseconds."""


CancelScope: TypeAlias = Literal["client", "account", "all", "global"]
"""Which orders to cancel."""


class ChainHole(TypedDict):
    """One expiry of a trading class and multiplier without rows."""

    expiry: str
    """Last trading day, `YYYYMMDD`."""
    ib_code: NotRequired[int]
    """IB's code, if one caused it."""
    multiplier: NotRequired[float]
    """Contract multiplier, if IB gives one."""
    reason: str
    """Why: `no_data` (none of its contracts is wanted or listed), `unknown_contract`, `timeout` (not answered, or not reached before the deadline), `not_ready` (the gateway lost IB), `too_large`, ..."""
    trading_class: str
    """Trading class."""


class ChainManifest(TypedDict):
    """What a chain request delivered, and what it could not."""

    holes: list[ChainHole]
    """Expiries that could not be looked up."""
    instrument: Instrument
    """The underlying."""
    pages: int
    """Pages sent."""
    requests: int
    """Upstream requests this took, without repeats; 0 if all was known."""
    rows: int
    """Rows sent."""


class ChainPage(TypedDict):
    """One page of the answer to `contract.chain`. Pages arrive in order on the reply inbox."""

    last: bool
    """True on the last page, which carries the manifest."""
    manifest: NotRequired[ChainManifest]
    """The summary; on the last page."""
    page: int
    """Page number from 0."""
    parameters: NotRequired[list[ChainParameters]]
    """What chains there are; if only this was asked for."""
    progress: NotRequired[ChainProgress]
    """How far the answer has come; absent on the last page."""
    rows: list[ChainRow]
    """Options of this page, of one expiry, trading class and multiplier, by strike and right."""


class ChainParameters(TypedDict):
    """The chain of one exchange and trading class. Not every strike is listed at every expiry."""

    exchange: str
    """Exchange."""
    expiries: list[str]
    """Last trading days, `YYYYMMDD`, first one first."""
    multiplier: NotRequired[float]
    """Contract multiplier, if IB gives one."""
    strikes: list[float]
    """Strikes, lowest first."""
    trading_class: str
    """Trading class."""


class ChainProgress(TypedDict):
    """How far the answer to `contract.chain` has come."""

    done: int
    """Lookups that are settled, one way or another."""
    rows: int
    """Rows so far, those of this page included."""
    total: int
    """Lookups that the chain takes: one for each expiry, trading class and multiplier."""


class ChainRequest(TypedDict):
    """`contract.chain`: the options on one underlying, or only the parameters that they are made of. Expiries must be narrowed, and a request for more than 2,000 contracts or 50 lookups (one for each expiry, trading class and multiplier) is refused. The answer is told expiry by expiry, as each is looked up; what could not be looked up within the deadline is a hole of the manifest."""

    around: NotRequired[float]
    """Price around which strikes are taken; with `strike_count`."""
    contract: ContractSpec
    """The underlying: a stock, a future or an index."""
    exchange: NotRequired[str]
    """Where the options trade; `SMART` if they do, else the underlying's exchange, if left out."""
    expiries: NotRequired[list[str]]
    """These expiries only, each `YYYYMMDD` or a month `YYYYMM`."""
    expiry_from: NotRequired[str]
    """First expiry, `YYYYMMDD`."""
    expiry_to: NotRequired[str]
    """Last expiry, `YYYYMMDD`."""
    multiplier: NotRequired[float]
    """Options of this contract multiplier only."""
    parameters_only: NotRequired[bool]
    """Only the parameters, in one message. Nothing needs to be narrowed for that."""
    right: NotRequired[str]
    """`C` or `P`; both if left out."""
    strike_count: NotRequired[int]
    """So many strikes of each expiry, those nearest to `around`."""
    strike_from: NotRequired[float]
    """Lowest strike."""
    strike_to: NotRequired[float]
    """Highest strike."""
    strikes: NotRequired[list[float]]
    """These strikes only."""
    timeout_ms: NotRequired[int]
    """Give up after this many milliseconds; 120,000 if left out."""
    trading_class: NotRequired[str]
    """Options of this trading class only."""


class ChainRow(TypedDict):
    """One option."""

    con_id: int
    """IB's contract id."""
    exchange: str
    """Where requests about it are routed."""
    expiry: str
    """Last trading day, `YYYYMMDD`."""
    instrument: str
    """Short text that names exactly this contract in a request."""
    multiplier: NotRequired[float]
    """Contract multiplier, if IB gives one."""
    right: str
    """`C` or `P`."""
    strike: float
    """Strike price."""
    trading_class: NotRequired[str]
    """Trading class, if IB gives one."""


ClassStats = TypedDict(
    "ClassStats",
    {
        "class": 'str',
        "dropped": 'int',
        "refused": 'int',
        "sent": 'int',
        "wait_p50_ms": 'NotRequired[int]',
        "wait_p95_ms": 'NotRequired[int]',
        "wait_p99_ms": 'NotRequired[int]',
    },
)
"""What became of the requests of one class."""


class Clearing(TypedDict):
    """Where an institution's order is cleared."""

    account: NotRequired[str]
    """Account at the true beneficiary."""
    intent: NotRequired[str]
    """`IB`, `Away` or `PTA`."""
    settling_firm: NotRequired[str]
    """Settling firm."""


class ClientPace(TypedDict):
    """One client's use of the gateway."""

    client: NotRequired[str]
    """Its name; absent for the bridge itself and for clients without one."""
    dropped: int
    """Requests given up before they were sent, since the start."""
    history_sent: int
    """Of those, for history."""
    longest_wait_ms: int
    """Longest wait since the start, in milliseconds."""
    refused: int
    """Requests refused since the start because they would have been too late or too many."""
    sent: int
    """Requests sent since the start."""
    waiting: int
    """Requests that wait now."""


class ComboLeg(TypedDict):
    """One leg of a combo."""

    action: str
    """`BUY` or `SELL` when the combo is bought."""
    con_id: int
    """Contract id of the leg."""
    designated_location: NotRequired[str]
    """Location of those shares, for slot 2."""
    exchange: str
    """Where the leg is routed."""
    exempt_code: NotRequired[int]
    """Exemption code of the short sale rule."""
    open_close: NotRequired[OpenClose]
    """Opens or closes a position, for institutions."""
    per_leg_price: NotRequired[float]
    """Price of this leg alone, in orders that are priced by leg."""
    ratio: int
    """How many of it in one combo, at least 1."""
    short_sale_slot: NotRequired[int]
    """Where the shares of a short sale come from as IB numbers it: 1 the broker, 2 elsewhere."""


class Component(TypedDict):
    """One exchange of a consolidated quote."""

    bit: int
    """Its bit in masks."""
    exchange: str
    """Its name."""
    letter: str
    """Its letter."""


class Components(TypedDict):
    """Answer to `reference.components`."""

    bbo_exchange: str
    """IB's code of the group of exchanges."""
    components: list[Component]
    """The exchanges behind the letters."""


class ComponentsRequest(TypedDict):
    """`reference.components`: which exchange each letter of a consolidated quote stands for. IB answers only while the exchange is open."""

    bbo_exchange: NotRequired[str]
    """IB's code of the group of exchanges, if it is known: instead of `contract`."""
    contract: NotRequired[ContractSpec]
    """An instrument whose quotes are consolidated. The bridge asks IB for its group of exchanges first."""
    timeout_ms: NotRequired[int]
    """Give up after this many milliseconds."""


class Computation(TypedDict):
    """Answer to `option.price` and `option.volatility`. What IB could not compute is left out."""

    delta: NotRequired[float]
    """Change of the price per unit of the underlying."""
    gamma: NotRequired[float]
    """Change of delta per unit of the underlying."""
    instrument: Instrument
    """The option."""
    price: NotRequired[float]
    """Price of the option."""
    pv_dividend: NotRequired[float]
    """Present value of the dividends until expiry."""
    theta: NotRequired[float]
    """Change of the price per day."""
    under_price: NotRequired[float]
    """Price of the underlying that was used."""
    vega: NotRequired[float]
    """Change of the price per percentage point of volatility."""
    volatility: NotRequired[float]
    """Volatility a year as a ratio."""


Condition: TypeAlias = "ConditionPrice | ConditionTime | ConditionMargin | ConditionExecution | ConditionVolume | ConditionPercentChange"
"""One condition."""


class ConditionExecution(TypedDict):
    """The account has an execution in a symbol."""

    exchange: str
    """Exchange, `SMART` for all."""
    join: NotRequired[Join]
    """How it is joined to the next condition."""
    kind: Literal["execution"]
    sec_type: str
    """Security type as IB writes it, such as `STK`."""
    symbol: str
    """Symbol."""


class ConditionMargin(TypedDict):
    """The account's margin cushion."""

    above: bool
    """True: at or above `percent`; false: at or below."""
    join: NotRequired[Join]
    """How it is joined to the next condition."""
    kind: Literal["margin"]
    percent: int
    """Cushion in percent of the equity."""


class ConditionPercentChange(TypedDict):
    """An instrument's change since yesterday's close."""

    above: bool
    """True: at or above `change_percent`; false: at or below."""
    change_percent: float
    """The change in percent."""
    con_id: int
    """IB's contract id of the instrument."""
    exchange: str
    """Exchange whose prices count, `SMART` for all."""
    join: NotRequired[Join]
    """How it is joined to the next condition."""
    kind: Literal["percent_change"]


class ConditionPrice(TypedDict):
    """An instrument trades at a price."""

    above: bool
    """True: at or above `price`; false: at or below."""
    con_id: int
    """IB's contract id of the instrument."""
    exchange: str
    """Exchange whose prices count, `SMART` for all."""
    join: NotRequired[Join]
    """How it is joined to the next condition."""
    kind: Literal["price"]
    price: float
    """The price, in the instrument's currency."""
    trigger_method: NotRequired[TriggerMethod]
    """Which price counts."""


class ConditionTime(TypedDict):
    """A moment has come."""

    after: bool
    """True: after `time`; false: before."""
    join: NotRequired[Join]
    """How it is joined to the next condition."""
    kind: Literal["time"]
    time: str
    """`20261218-21:00:00` is UTC, `20261218 16:00:00 US/Eastern` local."""


class ConditionVolume(TypedDict):
    """An instrument's volume of the day."""

    above: bool
    """True: at or above `volume`; false: at or below."""
    con_id: int
    """IB's contract id of the instrument."""
    exchange: str
    """Exchange whose volume counts, `SMART` for all."""
    join: NotRequired[Join]
    """How it is joined to the next condition."""
    kind: Literal["volume"]
    volume: int
    """The volume, in the instrument's units."""


class Conditions(TypedDict):
    """What an order waits for, or what cancels it."""

    cancel_order: NotRequired[bool]
    """True: the order works at once and is cancelled when they hold. Default: it waits for them."""
    ignore_regular_hours: NotRequired[bool]
    """True: they count outside regular trading hours as well."""
    include_overnight: NotRequired[bool]
    """True: they count in the overnight session as well. Server version 226 or newer."""
    list: list[Condition]
    """The conditions, joined one to the next from first to last. At least one."""


class ConfigAnswer(TypedDict):
    """Answer to `bridge.config`: the configuration in force, secrets masked."""

    config: Any
    """Section by section, as in the configuration file, defaults included."""


class ConnectionEvent(TypedDict):
    """Connection truth after a change, on `ib.conn.state`. The three facts are never mixed: sockets (`trading`, `data`), the gateway's link to IB (`ib_link`), farms (on `ib.conn.farm.<farm>`)."""

    data: LinkStatus
    """The socket for market data, history and contracts."""
    ib_code: NotRequired[int]
    """The gateway's code that told, if one did."""
    ib_link: IbLink
    """The gateway's link to IB."""
    ib_link_since_us: int
    """Since when, microseconds UTC, our clock."""
    maintenance: NotRequired[bool]
    """True while IB or the gateway is known to be away (`ib.bridge.maintenance`): what is lost now comes back by itself."""
    needs_person: NotRequired[str]
    """Why the login waits for a person, such as for a password or a second factor; absent if it does not, as far as is known. The gateway is dialled only now and then meanwhile."""
    ready: bool
    """True if both sockets are ready and the link to IB is not lost."""
    recv_us: int
    """When this was learned, microseconds UTC, our clock."""
    seq: int
    """Grows by one per subject."""
    trading: LinkStatus
    """The socket for orders and account data."""


class ContractDetails(TypedDict):
    """One contract with what IB says about it."""

    category: NotRequired[str]
    """Category, for stocks."""
    contract_month: NotRequired[str]
    """Contract month `YYYYMM`, for futures."""
    exchanges: list[str]
    """Exchanges it can be routed to."""
    industry: NotRequired[str]
    """Industry, for stocks."""
    instrument: Instrument
    """The instrument."""
    liquid_hours: NotRequired[list[Session]]
    """Liquid (regular) sessions of the next days; absent as for `trading_hours`."""
    long_name: NotRequired[str]
    """Company or contract name."""
    market_name: NotRequired[str]
    """IB's market name."""
    market_rules: list[int]
    """Market rule numbers, one for each exchange in the same order."""
    min_size: NotRequired[str]
    """Smallest order size."""
    order_types: list[str]
    """IB's order type codes accepted for it."""
    price_magnifier: NotRequired[int]
    """Divide prices by this to get the currency unit."""
    short: str
    """Short text that names exactly this contract in a request."""
    size_increment: NotRequired[str]
    """Step between order sizes."""
    stock_type: NotRequired[str]
    """IB's stock type such as `COMMON` or `ETF`."""
    time_zone: NotRequired[str]
    """Time zone of the exchange, IANA's name; absent if the gateway names none, or one that is unknown."""
    trading_hours: NotRequired[list[Session]]
    """Trading sessions of the next days; absent if the gateway tells none, or in an unknown zone."""
    underlying_con_id: NotRequired[int]
    """Contract id of the underlying, for derivatives."""


class ContractQuery(TypedDict):
    """A contract as asked for. Fields left out may be filled by IB; if several contracts fit, the request is refused with the candidates."""

    con_id: NotRequired[int]
    """IB's contract id; enough on its own."""
    currency: NotRequired[str]
    """Trading currency. Default `USD` for everything but currency pairs named in short text."""
    exchange: NotRequired[str]
    """Where to route: `SMART` (the default for stocks and options) or an exchange."""
    expiry: NotRequired[str]
    """Expiry as `YYYYMM` or `YYYYMMDD`."""
    include_expired: NotRequired[bool]
    """Also look at expired futures."""
    legs: NotRequired[list[ComboLeg]]
    """Legs of a combo (`sec_type` `BAG`)."""
    local_symbol: NotRequired[str]
    """The exchange's own symbol, such as `ESZ6`."""
    multiplier: NotRequired[float]
    """Contract multiplier."""
    primary_exchange: NotRequired[str]
    """Listing exchange, to tell apart contracts that `SMART` reaches."""
    right: NotRequired[str]
    """`C` or `P`."""
    sec_id: NotRequired[str]
    """Identifier of the kind `sec_id_type`."""
    sec_id_type: NotRequired[str]
    """Kind of `sec_id`: `ISIN`, `CUSIP`, `FIGI`."""
    sec_type: NotRequired[str]
    """`STK`, `FUT`, `OPT`, `CASH`, `IND`, `CRYPTO`, `BOND`, `CFD`, `FOP`, `WAR`, `FUND`, `CMDTY`, `CONTFUT`, `BAG`, `NEWS` (a broad tape of headlines)."""
    strike: NotRequired[float]
    """Strike price."""
    symbol: NotRequired[str]
    """Symbol of the instrument or of its underlying. For a currency pair the base currency."""
    trading_class: NotRequired[str]
    """Trading class, such as `SPXW`."""


ContractSpec: TypeAlias = "str | ContractQuery"
"""A contract, as short text or as an object."""


class Counters(TypedDict):
    """Things that should stay zero, counted since the start."""

    dropped_offline: int
    """Market events dropped because NATS was away."""
    forgotten: int
    """Reports, finished orders and fills forgotten to stay within memory bounds."""
    late_answers: int
    """Answers for requests that are no longer waited for."""
    shed_events: int
    """Market events dropped because NATS was slower than the gateway."""
    shed_kept_events: int
    """Notices and account values shed because NATS was away for very long; never orders or fills."""
    stale_streams: NotRequired[int]
    """Streams that fell silent in an open market and were asked for again."""
    undecodable_messages: int
    """Frames whose body could not be decoded."""
    unkept: int
    """Changes of lasting leases that could not be written to the bridge's disk."""
    unknown_fields: int
    """Messages with fields we do not know."""
    unknown_messages: int
    """Frames with a message id we do not know."""


DataKind: TypeAlias = Literal["live", "frozen", "delayed", "delayed_frozen"]
"""How fresh the gateway says its data is."""


Decision: TypeAlias = Literal["accepted", "repeated", "refused"]
"""How a request that may change orders was decided."""


class DeltaNeutral(TypedDict):
    """The hedging order of a volatility order."""

    aux_price: NotRequired[float]
    """Price for types that need one."""
    clearing_account: NotRequired[str]
    """Clearing account of the hedge."""
    clearing_intent: NotRequired[str]
    """Clearing intent of the hedge: `IB`, `Away`, `PTA`."""
    con_id: NotRequired[int]
    """Contract id of the hedge."""
    designated_location: NotRequired[str]
    """Location of those shares, for `third_party`."""
    open_close: NotRequired[str]
    """IB's open/close letter."""
    order_type: NotRequired[str]
    """IB's order type text, such as `MKT`; required."""
    settling_firm: NotRequired[str]
    """Settling firm of the hedge."""
    short_sale: NotRequired[bool]
    """True if the hedge sells short."""
    short_sale_slot: NotRequired[ShortSaleSlot]
    """Where the shares of the hedge's short sale come from."""


DepthAction: TypeAlias = Literal["insert", "update", "delete", "reset"]
"""What a depth change does to the book."""


class DepthEvent(TypedDict):
    """One change of the book, on `ib.depth.<inst>`."""

    action: DepthAction
    """What happens."""
    after_gap: NotRequired[bool]
    """True on the first event after an interruption; left out otherwise."""
    change: int
    """Number of this change since the stream began: a [`Book`] with the same number contains it."""
    con_id: int
    """IB's contract id."""
    market_maker: NotRequired[str]
    """Market maker or exchange of the row, in level-2 books."""
    position: NotRequired[int]
    """Row from the top, 0 is the best."""
    price: NotRequired[float]
    """Price of the row."""
    recv_us: int
    """When the bytes arrived, microseconds UTC, our clock."""
    seq: int
    """Grows by one per subject."""
    side: NotRequired[BookSide]
    """On which side; absent for a reset."""
    size: NotRequired[str]
    """Size of the row."""


class DepthExchange(TypedDict):
    """Depth of one exchange for one kind of instrument."""

    exchange: str
    """The exchange."""
    group: NotRequired[int]
    """IB's number of a group of exchanges that are shown together."""
    listing_exchange: NotRequired[str]
    """Listing exchange, where it matters."""
    sec_type: str
    """Kind of instrument."""
    service: str
    """IB's name of the service: `Deep` (one row a level) or `Deep2` (with market makers)."""


class DepthExchanges(TypedDict):
    """Answer to `reference.depth_exchanges`."""

    exchanges: list[DepthExchange]
    """Who offers depth for what."""


class Details(TypedDict):
    """Answer to `contract.details`."""

    contracts: list[ContractDetails]
    """Every contract that fits."""


class DetailsRequest(TypedDict):
    """`contract.details`: all contracts that fit."""

    contract: ContractSpec
    """The description; several contracts may fit."""
    refresh: NotRequired[bool]
    """Ask the gateway even if the answer is known."""
    timeout_ms: NotRequired[int]
    """Give up after this many milliseconds."""


class Diagnosis(TypedDict):
    """Answer to `bridge.doctor`."""

    findings: list[Finding]
    """Everything that was looked at."""
    warnings: int
    """How many of them are a `warning`."""
    wrong: int
    """How many of them are `wrong`."""


class Doctor(TypedDict):
    """`bridge.doctor`: looks at everything the running bridge needs and says what is wrong and how to mend it. For administrators."""

    client_id: NotRequired[int]
    """Client id of the visit; must be in use by nobody. 997 if left out."""
    contract: NotRequired[ContractSpec]
    """What the visit asks a quote of; `STK:AAPL` if left out."""
    timeout_ms: NotRequired[int]
    """Give up after this many milliseconds."""
    visit: NotRequired[bool]
    """Also log in to the gateway for a moment under a client id of its own, to read its settings and ask for one quote. This takes some seconds, and its few messages pass beside the bridge's pacing."""


ErrorCode: TypeAlias = Literal["invalid_request", "not_ready", "unknown_contract", "ambiguous_contract", "no_data", "no_permission", "pacing_limited", "busy", "timeout", "rejected_by_gateway", "rejected_by_risk", "outcome_unknown", "unsupported", "too_large"]
"""Why a request was not served. Codes are public and stable; messages are for people and may change."""


class EventsRequest(TypedDict):
    """`wsh.events`: events of one company (`contract`), or by `filter`. The bridge asks for the metadata first if it has not been asked for on this connection."""

    contract: NotRequired[ContractSpec]
    """The company's stock. Not together with `filter`."""
    end: NotRequired[str]
    """Last day, `YYYY-MM-DD`."""
    fill_competitors: NotRequired[bool]
    """Also the companies' competitors. Default false."""
    fill_portfolio: NotRequired[bool]
    """Also the instruments of the login's portfolio. Default false."""
    fill_watchlist: NotRequired[bool]
    """Also the instruments of the login's watchlists. Default false."""
    filter: NotRequired[dict[str, Any]]
    """A filter as `wsh.meta` describes it, as an object."""
    limit: NotRequired[int]
    """At most so many events: 1 to 100."""
    start: NotRequired[str]
    """First day, `YYYY-MM-DD`."""
    timeout_ms: NotRequired[int]
    """Give up after this many milliseconds."""


class Executions(TypedDict):
    """Answer to `account.executions`."""

    fills: list[FillEvent]
    """The fills, oldest first, the newest version of each."""


class ExecutionsRequest(TypedDict):
    """`account.executions`: fills that IB still knows (the current trading day, as a rule)."""

    account: NotRequired[str]
    """Only this account."""
    group: NotRequired[str]
    """Only accounts of this group of an advisor; excludes `account`."""
    key: NotRequired[str]
    """Only this order."""
    model: NotRequired[str]
    """Only fills of this model."""
    timeout_ms: NotRequired[int]
    """Give up after this many milliseconds."""


class Families(TypedDict):
    """Answer to `reference.families`."""

    families: list[Family]
    """The login's accounts and their families."""


class Family(TypedDict):
    """One account and its family."""

    account: str
    """The account, or `*`."""
    family: NotRequired[str]
    """IB's code of the family; absent without one."""


class FarmEvent(TypedDict):
    """A farm after a change, on `ib.conn.farm.<farm>`."""

    farm: str
    """IB's farm name, such as `usfarm`."""
    ib_code: int
    """The gateway's code that told."""
    kind: FarmKind
    """What it serves."""
    recv_us: int
    """When this was learned, microseconds UTC, our clock."""
    seq: int
    """Grows by one per subject."""
    since_us: int
    """Since when, microseconds UTC, our clock."""
    state: FarmState
    """Where it stands."""


FarmKind: TypeAlias = Literal["market_data", "historical", "security_definition"]
"""What a farm serves."""


FarmState: TypeAlias = Literal["up", "down", "idle", "connecting"]
"""What a farm notice says."""


class FillEvent(TypedDict):
    """An execution, on `ib.fill.<account>.<key>`; published again when its commission is known."""

    account: str
    """Account number."""
    average_price: NotRequired[float]
    """Average price of the order so far."""
    client_id: NotRequired[int]
    """API client that owns the order."""
    combo_leg: NotRequired[bool]
    """True for one leg of a combo; the combo's own fill comes too. Left out otherwise."""
    commission: NotRequired[float]
    """Commission and fees; absent until IB reported them."""
    commission_currency: NotRequired[str]
    """Currency of the commission."""
    con_id: int
    """IB's contract id."""
    correction: NotRequired[bool]
    """True if this replaces an earlier version of the same fill; left out otherwise."""
    cumulative_quantity: NotRequired[str]
    """Quantity of the order filled so far."""
    event_us: NotRequired[int]
    """When it was executed, microseconds UTC, the gateway's clock in whole seconds; absent if unreadable."""
    exchange: NotRequired[str]
    """Exchange of the execution."""
    exec_id: str
    """IB's execution id. The part before the last dot names the fill, the last segment its version."""
    instrument: Instrument
    """What was traded."""
    key: OrderKey
    """The order's key."""
    liquidity: NotRequired[str]
    """IB's liquidity word: `added`, `removed`, `routed`."""
    model: NotRequired[str]
    """Model of an advisor that the fill belongs to; absent for none."""
    order_id: NotRequired[int]
    """Order id, valid together with the client id."""
    perm_id: NotRequired[int]
    """IB's account-wide order number."""
    price: float
    """Price of this execution."""
    quantity: str
    """Quantity of this execution."""
    realized_pnl: NotRequired[float]
    """Profit realized by this execution; absent if none."""
    recovered: NotRequired[bool]
    """True if learned by asking instead of live; left out otherwise."""
    recv_us: int
    """When this was learned, microseconds UTC, our clock."""
    seq: int
    """Grows by one per subject."""
    side: Side
    """Buy or sell."""


class Finding(TypedDict):
    """What a look at one thing found."""

    about: str
    """What was looked at."""
    found: str
    """What was found."""
    mend: NotRequired[str]
    """What to do about it; absent if nothing needs to be done."""
    verdict: Verdict
    """How bad it is."""


class Fundamentals(TypedDict):
    """There is no answer to `reference.fundamentals` but the error."""



class FundamentalsRequest(TypedDict):
    """`reference.fundamentals`: always answered `unsupported`, since IB removed these requests from the TWS API."""

    contract: NotRequired[ContractSpec]
    """The instrument."""
    report: NotRequired[str]
    """The report that was wanted."""


class GapEvent(TypedDict):
    """A gap in one stream, on `ib.gap.<inst>.<stream>`."""

    con_id: int
    """IB's contract id."""
    from_us: int
    """Last data before the gap, microseconds UTC, our clock."""
    missing: NotRequired[list[Hole]]
    """What is still missing and why, in the exchange's time; on the closing event of a bar stream. The reason `no_data` means that IB has no bars there: nothing was traded, as far as it knows."""
    reason: str
    """What caused it, one line."""
    recv_us: int
    """When this was learned, microseconds UTC, our clock."""
    repaired: NotRequired[RepairedBars]
    """Bars that were fetched and published, marked `backfilled`, before live ones went on; on the closing event of a bar stream. Absent if there was nothing to fetch or nothing could be."""
    seq: int
    """Grows by one per subject."""
    state: GapState
    """Opened or closed."""
    stream: str
    """Stream, as in a subscription: `quote`, `tbt.last`, `bar.5s`, ..."""
    to_us: NotRequired[int]
    """First data after the gap, microseconds UTC, our clock; absent while open."""


GapState: TypeAlias = Literal["opened", "closed"]
"""Whether a gap opens or closes."""


class GatewayAnswer(TypedDict):
    """Answer to `gateway.*`: the command was taken. What comes of it is told on `ib.conn.>`."""

    command: GatewayCommand
    """What was asked for."""
    message: str
    """IBC's words."""
    until_us: NotRequired[int]
    """Of a restart: when it should be over, microseconds UTC, our clock. New orders are refused until the gateway is back, and no longer than until then."""


GatewayCommand: TypeAlias = Literal["restart", "reconnect_data", "reconnect_account"]
"""What the gateway is to do."""


class GatewayRequest(TypedDict):
    """`gateway.restart`, `gateway.reconnect_data`, `gateway.reconnect_account`: needs `[ibc]` in the configuration."""

    reason: NotRequired[str]
    """Why, for those who read the events."""


class GatewayTime(TypedDict):
    """Answer to `reference.time`."""

    gateway_us: int
    """The gateway's clock, microseconds UTC, whole milliseconds."""
    recv_us: int
    """Our clock when its answer arrived, microseconds UTC."""


class GetOrder(TypedDict):
    """`order.get`: everything about one order. Exactly one of `key`, `order_id` and `perm_id`."""

    key: NotRequired[OrderKey]
    """The order's key."""
    order_id: NotRequired[int]
    """Order id of this bridge's trading client."""
    perm_id: NotRequired[int]
    """IB's account-wide order number."""


class Greeks(TypedDict):
    """An option computation. A value that the gateway could not compute is left out."""

    delta: NotRequired[float]
    """Delta."""
    gamma: NotRequired[float]
    """Gamma."""
    implied_vol: NotRequired[float]
    """Implied volatility, 0.25 = 25 % a year."""
    option_price: NotRequired[float]
    """Option price the computation used, in the option's currency."""
    pv_dividend: NotRequired[float]
    """Present value of dividends expected until expiry."""
    theta: NotRequired[float]
    """Theta, per day."""
    underlying_price: NotRequired[float]
    """Price of the underlying the computation used."""
    vega: NotRequired[float]
    """Vega, per volatility point."""


class GreeksEvent(TypedDict):
    """The option computations after a change, on `ib.greeks.<inst>`."""

    after_gap: NotRequired[bool]
    """True on the first event after an interruption; left out otherwise."""
    ask: NotRequired[Greeks]
    """From the ask."""
    bid: NotRequired[Greeks]
    """From the bid."""
    con_id: int
    """IB's contract id."""
    data_kind: DataKind
    """How fresh the gateway says the data is."""
    last: NotRequired[Greeks]
    """From the last trade."""
    model: NotRequired[Greeks]
    """From IB's model."""
    recv_us: int
    """When the last change arrived, microseconds UTC, our clock."""
    seq: int
    """Grows by one per subject."""
    stale: bool
    """True while the values may be out of date. Always present."""


class Halt(TypedDict):
    """`risk.halt`: the kill switch. New orders and modifications are refused from this moment, over restarts, until `risk.resume`."""

    cancel: NotRequired[Sweep]
    """Which open orders to cancel; those of this bridge if left out."""
    reason: NotRequired[str]
    """Why, for those who find it halted."""


class HaltAnswer(TypedDict):
    """Answer to `risk.halt`."""

    cancels: int
    """Cancels on their way to the gateway. If the trading link is down they follow when it is ready again."""
    halted: Halted
    """The kill switch as it stands."""
    kept: bool
    """False if it could not be written down yet: it is in force, and a restart of the bridge would undo it. The bridge goes on trying, and takes no orders meanwhile."""
    waits_for_link: bool
    """True if cancels wait for the trading link."""
    withdrawn: int
    """Orders withdrawn before a byte of them was sent."""


class Halted(TypedDict):
    """The kill switch, thrown."""

    by: str
    """Client that asked, or `@file`, `@signal`."""
    cancel: Sweep
    """What is cancelled while it lasts."""
    reason: NotRequired[str]
    """Why, if that was said."""
    since_us: int
    """Since when, microseconds UTC, our clock."""


class Head(TypedDict):
    """Answer to `hist.head`."""

    head_us: int
    """Earliest data, microseconds UTC."""
    instrument: Instrument
    """The instrument."""


class HeadRequest(TypedDict):
    """`hist.head`: when the earliest data of an instrument begins."""

    contract: ContractSpec
    """The instrument."""
    regular_hours: NotRequired[bool]
    """Regular trading hours only. Default false."""
    source: NotRequired[BarSource]
    """Which data; trades if left out (mid points for currency pairs)."""
    timeout_ms: NotRequired[int]
    """Give up after this many milliseconds."""


class Headline(TypedDict):
    """One past headline."""

    article_id: str
    """Names the article for `news.article`."""
    event_us: NotRequired[int]
    """When it was published, microseconds UTC. Absent if IB's text was no time."""
    headline: str
    """The headline."""
    provider: str
    """IB's code of the source."""


class HeadlinesManifest(TypedDict):
    """What the pages held."""

    holes: list[Hole]
    """Parts of the range for which something may be missing."""
    instrument: Instrument
    """The instrument."""
    more: bool
    """True if older headlines of the range exist beyond `limit`."""
    pages: int
    """Pages sent."""
    providers: list[str]
    """The sources asked."""
    requests: int
    """Requests made to IB."""
    rows: int
    """Headlines on all pages."""


class HeadlinesPage(TypedDict):
    """One page of the answer to `news.headlines`. Pages arrive in order on the reply inbox."""

    last: bool
    """True on the last page, which carries the manifest."""
    manifest: NotRequired[HeadlinesManifest]
    """The summary; on the last page."""
    page: int
    """Page number from 0."""
    rows: list[Headline]
    """Headlines of this page, oldest first."""


class HeadlinesRequest(TypedDict):
    """`news.headlines`: past headlines about one instrument."""

    contract: ContractSpec
    """The instrument."""
    end: NotRequired[TimePoint]
    """Last moment wanted; now if left out."""
    limit: NotRequired[int]
    """At most so many headlines, the newest of the range: 1 to 20000. Default 300, one request to IB."""
    providers: NotRequired[list[str]]
    """Codes of the sources; all that the login may use if left out."""
    start: NotRequired[TimePoint]
    """First moment wanted. Without it the newest `limit` headlines before `end`."""
    timeout_ms: NotRequired[int]
    """Give up after this many milliseconds."""


class Health(TypedDict):
    """Answer to `bridge.health`: what can be used now."""

    counters: Counters
    """Wire surprises and losses since the start."""
    data: bool
    """Streaming data can be had."""
    history: bool
    """History can be had."""
    journal: JournalStatus
    """The order journal on the bridge's disk."""
    maintenance: NotRequired[list[Maintenance]]
    """When IB or the gateway will be away, or is, as far as it is announced."""
    ok: bool
    """True if everything below is."""
    orders: bool
    """New orders are accepted."""
    reasons: list[str]
    """Why something is not, one line each."""
    uses: NotRequired[Uses]
    """The same, by what it is needed for. That a person has halted orders is told here alone: nothing is broken then."""


class Heartbeat(TypedDict):
    """`risk.heartbeat`: this client promises to ask again within `ttl_s`; if it does not, its open orders are cancelled and new ones refused until it does. Needs a client's name in the subject."""

    ttl_s: int
    """Longest silence in seconds, 1 to 86400; 0 takes the promise back."""


class HeartbeatAnswer(TypedDict):
    """Answer to `risk.heartbeat`."""

    until_us: NotRequired[int]
    """By when to ask again, microseconds UTC, our clock; absent if the promise was taken back."""
    was_silent: bool
    """True if the client had been silent for too long before this."""


class HeartbeatState(TypedDict):
    """A client's promise to send heartbeats."""

    silent: bool
    """True if the client was silent for longer: its orders were cancelled and new ones are refused."""
    ttl_s: int
    """Longest silence, in seconds."""


class Hedge(TypedDict):
    """A child order that hedges what its parent fills; needs `parent_key`."""

    keep_price: NotRequired[bool]
    """True: keep the given price instead of the price IB would choose."""
    kind: NotRequired[HedgeKind]
    """How; required."""
    max_size: NotRequired[int]
    """Largest size of the hedge. Server version 223 or newer."""
    param: NotRequired[str]
    """Beta or ratio, as decimal text; for `beta` and `pair`."""


HedgeKind: TypeAlias = Literal["delta", "beta", "fx", "pair"]
"""How a child order follows what its parent filled."""


class Histogram(TypedDict):
    """Answer to `hist.histogram`."""

    instrument: Instrument
    """The instrument."""
    rows: list[PriceLevel]
    """Lowest price first."""


class HistogramRequest(TypedDict):
    """`hist.histogram`: traded quantity by price over a period that ends now."""

    contract: ContractSpec
    """The instrument."""
    period: str
    """Period as number and unit: `3600s`, `5d`, `3w`, `6mo`, `1y`."""
    regular_hours: NotRequired[bool]
    """Regular trading hours only. Default true."""
    timeout_ms: NotRequired[int]
    """Give up after this many milliseconds."""


class Holder(TypedDict):
    """A client that holds part of a limit."""

    client: NotRequired[str]
    """Its name; absent for those who gave none, and for the bridge's own."""
    count: int
    """Lines or slots it shares in. One that several clients share counts for each."""


class Hole(TypedDict):
    """Part of a range that is missing."""

    from_us: int
    """From, microseconds UTC."""
    ib_code: NotRequired[int]
    """IB's code, if one caused it."""
    reason: str
    """Why. Nothing is wrong with `no_data` (no trading, as far as IB knows), `before_first_data`, `small_bars_too_old`, `expired` and `no_daily_bars`; `no_schedule` says that IB names no sessions after the last ticks found; others are the code of the error: `timeout`, `no_permission`, `rejected_by_gateway`, ..."""
    to_us: int
    """To, microseconds UTC."""


class HoursAnswer(TypedDict):
    """Answer to `contract.hours`. What the gateway does not tell, or tells in an unknown zone, is absent."""

    closes_us: NotRequired[int]
    """When trading ends, while it is open, microseconds UTC."""
    instrument: Instrument
    """The instrument."""
    is_liquid: NotRequired[bool]
    """True within liquid (regular) hours."""
    is_open: NotRequired[bool]
    """True while it trades; absent if the gateway tells nothing about this moment."""
    liquid: NotRequired[list[Session]]
    """Liquid (regular) sessions, oldest first."""
    opens_us: NotRequired[int]
    """When the next session begins, microseconds UTC."""
    time_zone: NotRequired[str]
    """Time zone of the exchange, IANA's name."""
    told_until_us: NotRequired[int]
    """Nothing is told about the time from here on, microseconds UTC."""
    trading: NotRequired[list[Session]]
    """Trading sessions, oldest first; days without one are closed."""


class HoursRequest(TypedDict):
    """`contract.hours`: when one contract trades."""

    contract: ContractSpec
    """The description; exactly one contract must fit."""
    timeout_ms: NotRequired[int]
    """Give up after this many milliseconds."""


IbLink: TypeAlias = Literal["unknown", "up", "lost"]
"""The gateway's own link to IB, as its notices tell."""


class Instrument(TypedDict):
    """A resolved contract: what subjects and events name."""

    con_id: int
    """IB's contract id. Changes on some corporate actions."""
    currency: str
    """Trading currency."""
    exchange: str
    """Where requests are routed: `SMART` or an exchange."""
    expiry: NotRequired[str]
    """Expiry or last trading day as `YYYYMMDD`, for derivatives."""
    local_symbol: str
    """The exchange's own symbol, such as `ESZ6`; the symbol where IB gives none."""
    min_tick: NotRequired[float]
    """Smallest price step in the instrument's currency, if known."""
    multiplier: NotRequired[float]
    """Contract multiplier, if IB gives one."""
    primary_exchange: NotRequired[str]
    """Listing exchange, if IB names one."""
    right: NotRequired[str]
    """`C` or `P`, for options."""
    sec_type: str
    """`STK`, `FUT`, `OPT`, `CASH`, `IND`, `CRYPTO`, `BOND`, `BAG`, ... as IB writes it."""
    strike: NotRequired[float]
    """Strike price, for options."""
    symbol: str
    """Symbol of the instrument or of its underlying."""
    trading_class: NotRequired[str]
    """Trading class, if IB gives one."""


InstrumentRule: TypeAlias = "str"
"""A security type (STK), one symbol of it (FUT:ES) or one contract (CONID:265598)."""


Join: TypeAlias = Literal["and", "or"]
"""How a condition is joined to the next one."""


class JournalStatus(TypedDict):
    """How the order journal is doing."""

    bytes: int
    """Size on the disk in bytes, its log included."""
    lost: int
    """Entries lost since the start because the disk took nothing for too long."""
    unpublished: int
    """Order and fill events that JetStream has not acknowledged yet."""
    waiting: int
    """Entries that wait for the disk."""


class LastNotice(TypedDict):
    """A notice that names no request."""

    ib_code: int
    """IB's code."""
    message: str
    """The gateway's text, one line."""
    recv_us: int
    """When it came, microseconds UTC, our clock."""


class Lease(TypedDict):
    """A lease as held."""

    book: NotRequired[Book]
    """The whole book, if `depth` is held and one is known."""
    client: NotRequired[str]
    """Client that holds it; absent for requests without a client token."""
    expires_us: NotRequired[int]
    """When it ends unless renewed, microseconds UTC, our clock; absent if it does not end."""
    instrument: Instrument
    """The instrument."""
    lease: str
    """Name of the lease, for `renew` and `unsubscribe`."""
    quote: NotRequired[QuoteEvent]
    """The last quote, if one is known; late joiners need not wait."""
    streams: list[LeasedStream]
    """The streams held."""
    ttl_s: int
    """Seconds granted at each renewal; 0 = until unsubscribed."""


class LeasedStream(TypedDict):
    """One stream of a lease."""

    holders: int
    """How many leases share the stream, this one included."""
    queue_position: NotRequired[int]
    """Place in the queue for a line or slot, from 1; only while queued."""
    reason: NotRequired[str]
    """Why it does not stream, for a person; only if something is wrong."""
    state: StreamState
    """Where it stands."""
    stream: Stream
    """The stream."""
    subject: str
    """Where its events are published; ticks have one more token."""


class Leases(TypedDict):
    """Answer to `md.list`."""

    depth: Usage
    """Depth subscriptions in use and allowed."""
    kept_bars: NotRequired[Usage]
    """Historical requests kept up to date for live bars, in use and allowed; absent unless `bars.feed` asks for them."""
    leases: list[Lease]
    """Leases in the order they were taken; no more than asked for."""
    leases_total: int
    """How many leases fit the question, listed or not."""
    lines: Usage
    """Market data lines in use and allowed."""
    queued: int
    """Streams that wait for a line or slot."""
    tick_by_tick: Usage
    """Tick-by-tick subscriptions in use and allowed."""
    upstream: list[Upstream]
    """Upstream requests."""


class Limits(TypedDict):
    """Limits on new and modified orders. A limit that is left out does not apply. Those of a client apply beside the global ones: an order has to keep both."""

    accounts: NotRequired[list[str]]
    """Accounts that may be traded."""
    blocked_instruments: NotRequired[list[InstrumentRule]]
    """What may not be traded, written the same way; it outranks `instruments`."""
    daily_loss: NotRequired[float]
    """Loss of the day, in the account's base currency and as a positive number, from which only orders that reduce a position are taken."""
    efficiency_ratio: NotRequired[float]
    """Highest order efficiency ratio of an account's day (New York): (new orders + modifications + cancels) / (executed orders + 1). IB calls more than 20 excessive. Counted by this bridge, over its restarts."""
    instruments: NotRequired[list[InstrumentRule]]
    """What may be traded: `STK`, `FUT:ES` or `CONID:265598`."""
    open_orders: NotRequired[int]
    """Most open orders for one account, contract (or combo) and side. IB's own limit is 15 or 20."""
    order_notional: NotRequired[float]
    """Largest value of one order: quantity times price times multiplier, in the base currency of the order's account or, with `risk.notional_currency`, in the instrument's. The price is the limit price, else the stop price, else the quote an order of this side would meet. A combo's multiplier is the largest of its legs', which have to have been looked up; an order of which IB derives the quantity is refused."""
    order_quantity: NotRequired[float]
    """Largest quantity of one order, in the instrument's units. Of an order sized in money it is the money over the price; an order of which IB derives the quantity (hedges, advisors' percentages) is refused."""
    order_types: NotRequired[list[OrderType]]
    """Order types that may be used, also by attached orders."""
    orders_per_minute: NotRequired[int]
    """Most new orders and modifications in any 60 seconds."""
    price_collar_percent: NotRequired[float]
    """Farthest a limit or stop price may lie from the last quote, in percent of it, on the side that costs money: a buy above it, a sell below it. The limit price of a stop order is measured from its stop price."""
    read_only: NotRequired[bool]
    """True refuses every order; cancels still go."""


class LimitsInForce(TypedDict):
    """Limits and what they measure."""

    heartbeat: NotRequired[HeartbeatState]
    """Heartbeats promised by this client; absent if none are."""
    limits: Limits
    """The limits."""
    orders_last_minute: int
    """New orders and modifications in the last 60 seconds."""
    source: LimitsSource
    """Where they come from."""


class LimitsRequest(TypedDict):
    """`risk.limits`: the limits that apply and how much of them is used."""



LimitsSource: TypeAlias = Literal["configuration", "request"]
"""Where limits come from."""


LinkName: TypeAlias = Literal["trading", "data"]
"""Which of the two sockets."""


LinkPhase: TypeAlias = Literal["down", "dialing", "greeting", "starting", "syncing", "ready", "draining"]
"""Where one socket to the gateway stands."""


class LinkStatus(TypedDict):
    """One socket to the gateway, with the evidence for its phase."""

    attempts: int
    """Attempts since the link was last ready."""
    client_id: int
    """API client id in use."""
    gateway_zone: NotRequired[str]
    """Time zone of the gateway's host, IANA's name; absent if it is unknown."""
    generation: int
    """Grows by one with every socket opened."""
    greeted_us: NotRequired[int]
    """The gateway's clock when it greeted, microseconds UTC, whole seconds; absent if its zone is unknown."""
    last_error: NotRequired[str]
    """Why the link last went down."""
    last_notice: NotRequired[LastNotice]
    """The last notice about everything that came on it."""
    last_probe_us: NotRequired[int]
    """When the last probe was answered, microseconds UTC, our clock."""
    last_receive_us: NotRequired[int]
    """When the last byte arrived, microseconds UTC, our clock."""
    phase: LinkPhase
    """Where it stands."""
    retry_us: NotRequired[int]
    """When the next attempt is made, microseconds UTC, our clock; only while down."""
    round_trip_us: NotRequired[int]
    """Round-trip time of that probe, in microseconds."""
    server_version: NotRequired[int]
    """Protocol version agreed with the gateway."""
    since_us: int
    """Since when, microseconds UTC, our clock."""


class ListAccounts(TypedDict):
    """`account.list`: accounts of the login."""



class ListLeases(TypedDict):
    """`md.list`: leases and the upstream requests behind them."""

    client: NotRequired[str]
    """Only leases of this client."""
    con_id: NotRequired[int]
    """Only this contract."""
    limit: NotRequired[int]
    """Leases to list at most; default 500, at most 2,000."""


class ListOrders(TypedDict):
    """`order.list`: orders of the account, wherever they were placed."""

    account: NotRequired[str]
    """Only this account."""
    client: NotRequired[str]
    """Only orders placed by this client of the bridge."""
    con_id: NotRequired[int]
    """Only this instrument, by IB's contract id."""
    filter: NotRequired[OrderFilter]
    """Which; open ones if left out."""


class ListScans(TypedDict):
    """`scan.list`: all leases on scanners."""



class LogLevel(TypedDict):
    """`bridge.log_level`: tells the log filter, or changes it until the bridge ends. For administrators."""

    filter: NotRequired[str]
    """The new filter, such as `info` or `ibnats=debug,async_nats=warn`; only told if it is left out."""


class LogLevelAnswer(TypedDict):
    """Answer to `bridge.log_level`."""

    filter: str
    """The filter in force now."""
    previous: str
    """The filter before this request."""


LongShortSale: TypeAlias = Literal["short", "long"]
"""The account segment of an institutional long/short account that is sold from."""


class Maintenance(TypedDict):
    """One window, on `ib.bridge.maintenance` and in `bridge.health`."""

    end_us: int
    """When it should be over, microseconds UTC."""
    kind: MaintenanceKind
    """Why."""
    start_us: int
    """When it begins, microseconds UTC."""
    state: MaintenanceState
    """Where it stands."""


MaintenanceKind: TypeAlias = Literal["nightly_reset", "weekend_reset", "gateway_restart", "weekly_login"]
"""Why it will be away."""


MaintenanceState: TypeAlias = Literal["announced", "started", "over"]
"""Where a window stands."""


class Manifest(TypedDict):
    """What a range request delivered, and what it could not. A request whose deadline comes, or which can no longer be served before it, ends with what it has: its rows end where its last hole begins, whose reason is `timeout` or `pacing_limited`. Without any row the answer is that error."""

    holes: list[Hole]
    """Parts of the range without rows that the request could not fill."""
    instrument: Instrument
    """The instrument."""
    pages: int
    """Pages sent."""
    requests: int
    """Upstream requests this took; 0 if served from an answer kept."""
    rows: int
    """Rows sent."""


class Margin(TypedDict):
    """One margin figure around the order. What IB does not name is absent."""

    after: NotRequired[float]
    """After the order."""
    before: NotRequired[float]
    """Now."""
    change: NotRequired[float]
    """By how much the order changes it."""


MarketDataPolicy: TypeAlias = Literal["live_only", "live_else_frozen", "live_else_delayed", "any"]
"""Which kinds of market data are accepted."""


class MetaRequest(TypedDict):
    """`wsh.meta`: which kinds of events and filters exist."""

    timeout_ms: NotRequired[int]
    """Give up after this many milliseconds."""


class Metric(TypedDict):
    """One metric with its present values."""

    help: str
    """What it says, for a person."""
    kind: MetricKind
    """What it is."""
    name: str
    """Its name, as Prometheus shows it."""
    samples: list[Sample]
    """A value for each combination of labels there is."""


MetricKind: TypeAlias = Literal["counter", "gauge", "histogram"]
"""What a metric is."""


class Metrics(TypedDict):
    """Answer to `pool.metrics`: the figures of the Prometheus endpoint at one moment."""

    at_us: int
    """When they were taken, microseconds UTC, our clock."""
    metrics: list[Metric]
    """Every metric, by name."""


class Mifid(TypedDict):
    """Who decided and who executed, for `MiFID` II reporting."""

    decision_algo: NotRequired[str]
    """Algorithm that decided."""
    decision_maker: NotRequired[str]
    """Person who decided."""
    execution_algo: NotRequired[str]
    """Algorithm that executes."""
    execution_trader: NotRequired[str]
    """Person who executes."""


class MissingPnl(TypedDict):
    """Profit and loss that is not known."""

    account: str
    """Account number."""
    con_id: NotRequired[int]
    """IB's contract id; absent if it is the account's that is missing."""
    reason: str
    """Why it is not known."""


Modification: TypeAlias = Literal["accepted", "unchanged", "pending", "too_late"]
"""What became of a modification. One that the gateway refuses is answered as an error; the order goes on unchanged."""


class ModifyOrder(TypedDict):
    """`order.modify`: change what may be changed; all else needs a new order. What is left out stays as it is. A request that asks for what the order is already sends nothing, so that repeating it is safe; `modify_id` makes a repeat safe even after a later change."""

    expected_revision: NotRequired[int]
    """Refuse unless the order's `revision` is this one."""
    good_till: NotRequired[str]
    """New end of a `gtd` order."""
    key: OrderKey
    """The order's key."""
    limit_offset: NotRequired[float]
    """New distance of the limit from the trailing stop."""
    limit_price: NotRequired[float]
    """New limit price."""
    modify_id: NotRequired[OrderKey]
    """Idempotency key of this change within the order. The same id again returns the first outcome."""
    offset: NotRequired[float]
    """New distance from the price that a relative, pegged or snap order follows."""
    quantity: NotRequired[Quantity]
    """New quantity of the whole order, what is filled included."""
    stop_price: NotRequired[float]
    """New stop or trigger price."""
    tif: NotRequired[TimeInForce]
    """New time in force."""
    timeout_ms: NotRequired[int]
    """Answer with what is known after this many milliseconds."""
    trailing_amount: NotRequired[float]
    """New distance of a trailing stop in price units."""
    trailing_percent: NotRequired[float]
    """New distance of a trailing stop in percent."""
    transmit: NotRequired[bool]
    """True sends an order on its way that was placed with `transmit` false."""


class NewsEvent(TypedDict):
    """One headline, or one bulletin of IB (`ib.news.bulletin`)."""

    article_id: str
    """Names the article for `news.article`. For a bulletin its number."""
    bulletin: NotRequired[BulletinKind]
    """What kind of bulletin it is; absent for headlines."""
    event_us: NotRequired[int]
    """When the provider says it was published: microseconds UTC. Absent for bulletins."""
    exchange: NotRequired[str]
    """The exchange a bulletin is about."""
    extra: NotRequired[str]
    """What the provider adds, as IB sends it."""
    headline: str
    """The headline, or the whole text of a bulletin."""
    instrument: NotRequired[Instrument]
    """The stream it came on: an instrument, or the broad tape of a provider (`NEWS`). Absent for bulletins."""
    provider: str
    """IB's code of the provider, such as `BRFG`; `bulletin` for IB's own bulletins."""
    recv_us: int
    """When the gateway's bytes arrived: microseconds UTC, our clock."""
    seq: int
    """Grows by one per subject; a jump means loss or a restart."""


class NoFields(TypedDict):
    """A request without fields."""



NoticeEvent = TypedDict(
    "NoticeEvent",
    {
        "advanced_reject": 'NotRequired[str]',
        "class": 'str',
        "event_us": 'NotRequired[int]',
        "ib_code": 'NotRequired[int]',
        "id": 'NotRequired[int]',
        "link": 'LinkName',
        "message": 'str',
        "recv_us": 'int',
        "seq": 'int',
        "severity": 'str',
    },
)
"""A gateway notice, or something on the wire this bridge could not use, on `ib.conn.notice`."""


class Oca(TypedDict):
    """`order.oca`: orders of which one fill cancels or reduces the others. All are checked before the first is sent."""

    group: str
    """Name of the group, new for each use."""
    oca_type: NotRequired[OcaType]
    """What a fill does to the others; cancels them if left out."""
    orders: list[PlaceOrder]
    """The orders, at least two. `oca_group` and `oca_type` are set by the bridge; the first one's `wait_for` holds for all."""
    timeout_ms: NotRequired[int]
    """Answer with what is known after this many milliseconds."""


OcaType: TypeAlias = Literal["cancel_with_block", "reduce_with_block", "reduce_non_block"]
"""What a fill of one order does to the others of its OCA group."""


OnLimit: TypeAlias = Literal["queue", "refuse"]
"""What to do when all scanners of the login are taken."""


OpenClose: TypeAlias = Literal["open", "close"]
"""Whether an institutional customer opens or closes a position."""


class OptionGreeks(TypedDict):
    """The four option computations of a quote."""

    ask: NotRequired[Greeks]
    """From the ask."""
    bid: NotRequired[Greeks]
    """From the bid."""
    last: NotRequired[Greeks]
    """From the last trade."""
    model: NotRequired[Greeks]
    """From IB's model."""


class OrderAnswer(TypedDict):
    """Answer to `order.place`, `order.modify` and `order.cancel`: what is known now."""

    modification: NotRequired[Modification]
    """What became of the modification; only in answers to `order.modify`."""
    order: OrderEvent
    """The order. Without `seq`: this is no event."""
    repeated: bool
    """True if the request was known already and nothing was sent."""
    state: OrderState
    """Where the order stands."""


class OrderAnswers(TypedDict):
    """Answer to `order.bracket` and `order.oca`."""

    orders: list[OrderAnswer]
    """The orders as they were asked for: parent, take profit, stop loss, children."""


class OrderCheck(TypedDict):
    """Answer to `order.check`: the order passed every check, and IB's estimate. Nothing was placed."""

    account: str
    """The account it would be for."""
    commission: NotRequired[float]
    """Commission and fees, if IB names one figure."""
    commission_currency: NotRequired[str]
    """Currency of the commission."""
    equity_with_loan: NotRequired[Margin]
    """Equity with loan value."""
    initial_margin: NotRequired[Margin]
    """Initial margin."""
    key: OrderKey
    """The key of the request. It is not used up."""
    key_in_use: bool
    """True if an order of this key exists: placing it would send nothing."""
    maintenance_margin: NotRequired[Margin]
    """Maintenance margin."""
    margin_currency: NotRequired[str]
    """Currency of the margins."""
    max_commission: NotRequired[float]
    """The most they may be."""
    min_commission: NotRequired[float]
    """The least they may be."""
    suggested_size: NotRequired[str]
    """Size that IB suggests instead."""
    warning: NotRequired[str]
    """IB's warning."""


class OrderDetails(TypedDict):
    """Answer to `order.get`."""

    asked: NotRequired[PlaceOrder]
    """The request it was placed with; absent for orders placed elsewhere or in an earlier run."""
    client: NotRequired[str]
    """Client of the bridge that placed it."""
    order: OrderEvent
    """Where it stands."""
    reported: NotRequired[dict[str, Any]]
    """The same report field by field, by IB's names in snake case; absent once it is final."""
    terms: NotRequired[PlaceOrder]
    """The order as the gateway reports it, in the words of a request; absent once it is final, and for order types this release has no word for."""


class OrderEvent(TypedDict):
    """An order's state after a real change, on `ib.order.<account>.<key>`."""

    account: str
    """Account number."""
    advanced_reject: NotRequired[str]
    """What IB's advanced rejects say of the same, JSON as IB sends it: for `advanced_error_override` of another try."""
    after_gap: NotRequired[bool]
    """True on the first event after an interruption; left out otherwise."""
    average_price: NotRequired[float]
    """Average price of what is filled."""
    cancel_waits: NotRequired[bool]
    """True while a cancel that was asked for waits for the link to the gateway: it is sent when that is back, unless the order is over by then. Left out otherwise."""
    changed_us: NotRequired[int]
    """When the last change of the order was learned; microseconds UTC, our clock. Answers have it as well."""
    client_id: NotRequired[int]
    """API client that owns the order."""
    con_id: NotRequired[int]
    """IB's contract id; absent until resolved."""
    duplicate_of: NotRequired[OrderKey]
    """The key that IB shows for this order as well as for another one: a cancel of the key reaches both."""
    filled: str
    """Filled so far."""
    held: NotRequired[bool]
    """True while the gateway holds the order back (`transmit` false): it does not work until it is transmitted."""
    ib_code: NotRequired[int]
    """IB's code, if a notice caused this change."""
    ib_status: NotRequired[str]
    """IB's status word, verbatim."""
    instrument: NotRequired[Instrument]
    """What is traded; absent until known."""
    key: OrderKey
    """The caller's key, or `perm-<perm_id>` for an order placed elsewhere."""
    limit_price: NotRequired[float]
    """Limit price, for types that have one."""
    order_id: NotRequired[int]
    """Order id, valid together with the client id."""
    order_type: NotRequired[str]
    """IB's order type text."""
    origin: str
    """Where it came from: `bridge`, `client-<id>` for another API client, `tws` for one typed in by hand, `unknown` for one that was over before anything told who placed it."""
    parent_id: NotRequired[int]
    """Parent's order id, for attached orders."""
    perm_id: NotRequired[int]
    """IB's account-wide order number; absent until IB gave one."""
    placed_us: NotRequired[int]
    """When the bridge wrote the order down to be placed, or first heard of it; microseconds UTC, our clock."""
    quantity: NotRequired[str]
    """Ordered quantity."""
    reason: NotRequired[str]
    """Text of a reject, hold or warning."""
    recv_us: int
    """When this was learned, microseconds UTC, our clock. In answers: when they were given."""
    remaining: NotRequired[str]
    """Still open; absent if unknown."""
    revision: NotRequired[int]
    """Counts the changes of price, size and time in force, from 1; for `expected_revision` of a modification."""
    seq: NotRequired[int]
    """Grows by one per subject. Only events have it: it is left out of answers."""
    side: NotRequired[Side]
    """Buy or sell."""
    state: OrderState
    """Where the order stands."""
    stop_price: NotRequired[float]
    """Stop or trigger price, for types that have one."""
    tif: NotRequired[str]
    """Time in force as IB writes it."""
    why_held: NotRequired[str]
    """Why IB holds it, such as `locate`."""


OrderFilter: TypeAlias = Literal["open", "final", "all"]
"""Which orders to list."""


OrderKey: TypeAlias = "str"
"""The caller's idempotency key."""


OrderOrigin: TypeAlias = Literal["customer", "firm"]
"""Who an institutional order is for."""


OrderState: TypeAlias = Literal["journaled", "sent", "working", "partially_filled", "cancel_pending", "filled", "rejected", "cancelled", "inactive", "outcome_unknown"]
"""Where an order stands, in words a trader knows."""


OrderType: TypeAlias = Literal["market", "limit", "stop", "stop_limit", "trailing_stop", "trailing_stop_limit", "market_if_touched", "limit_if_touched", "market_on_close", "limit_on_close", "market_to_limit", "market_with_protection", "stop_with_protection", "trailing_market_if_touched", "trailing_limit_if_touched", "midprice", "relative", "passive_relative", "pegged_to_primary", "pegged_to_market", "pegged_to_midpoint", "pegged_to_best", "pegged_to_benchmark", "pegged_to_stock", "snap_to_market", "snap_to_midpoint", "snap_to_primary", "volatility", "box_top", "limit_plus_market", "relative_plus_limit", "relative_plus_market"]
"""Order types."""


class Orders(TypedDict):
    """Answer to `order.list`."""

    orders: list[OrderEvent]
    """The orders, oldest first. Without `seq`: these are no events."""


class PaceCheck(TypedDict):
    """`pace.check`: could this be asked now, and if not, when? Nothing is sent."""

    bar_size: NotRequired[BarSize]
    """Size of the bars; needed for `bars`."""
    count: NotRequired[int]
    """How many of them; 1 if left out. Each chunk of a range counts by itself."""
    duration: NotRequired[str]
    """Length of the range, such as `1d`."""
    end: NotRequired[TimePoint]
    """End of the range."""
    kind: PaceKind
    """What would be asked."""
    source: NotRequired[BarSource]
    """Kind of bars or ticks; `bid_ask` counts twice. Trades if left out."""
    start: NotRequired[TimePoint]
    """For `bars`: the range, as in `hist.bars`; one chunk if left out."""
    timeout_ms: NotRequired[int]
    """How long the caller would wait, in milliseconds; the kind's own deadline if left out."""


PaceChecked = TypedDict(
    "PaceChecked",
    {
        "accepted": 'bool',
        "class": 'str',
        "error": 'NotRequired[ApiError]',
        "first_ms": 'int',
        "last_ms": 'int',
        "units": 'int',
    },
)
"""Answer to `pace.check`."""


PaceKind: TypeAlias = Literal["cancel", "order", "quotes", "tick_by_tick", "depth", "real_time_bars", "question", "bars", "ticks", "head"]
"""What `pace.check` is about."""


class PaceStats(TypedDict):
    """Answer to `pace.stats`."""

    stretches: list[PaceStretch]
    """The last minute, ten minutes and hour, to the minute, then everything since the start."""


class PaceStatus(TypedDict):
    """Answer to `pace.status`: headroom and queues."""

    clients: list[ClientPace]
    """Clients by what waits for them, then by what was sent; 50 at most."""
    data_messages: Usage
    """The part of them that the data link may use."""
    depth: Usage
    """Depth subscriptions in use and allowed."""
    history_10_min: Usage
    """Cost of small-bar history in the last ten minutes and allowed."""
    history_long_2_s: Usage
    """Requests for bars of a minute and more in the last two seconds and allowed."""
    history_long_open: Usage
    """Open requests for bars of a minute and more and allowed."""
    history_open: Usage
    """Open history requests and allowed."""
    kept_bars: Usage
    """Bars kept up to date in use and allowed."""
    market_data_lines: Usage
    """Market data lines in use and allowed."""
    messages_per_second: Usage
    """Messages sent in the last second and allowed: of the login, or of the busier link if each has its own."""
    queues: list[QueueStatus]
    """Waiting requests by class, most urgent class first."""
    scanners: Usage
    """Scanners in use and allowed."""
    slowed: list[SlowedLimit]
    """Limits that are lower than configured since the gateway complained."""
    tick_by_tick: Usage
    """Tick-by-tick subscriptions in use and allowed."""
    trading_messages: Usage
    """The part of them that anything but cancels of orders may use on the trading link."""
    violations: int
    """Pacing violations the gateway reported since the start."""


class PaceStretch(TypedDict):
    """What became of requests in a stretch of time."""

    classes: list[ClassStats]
    """By class, most urgent first."""
    minutes: NotRequired[int]
    """Its length; absent for everything since the start."""
    violations: int
    """Pacing violations the gateway reported."""


ParameterPart: TypeAlias = Literal["instruments", "locations", "scan_codes", "filters", "raw"]
"""A part of the scanner parameters."""


class Parameters(TypedDict):
    """Answer to `scan.parameters`: one page of the part asked for."""

    filters: NotRequired[list[ScanFilter]]
    """Filters."""
    instruments: NotRequired[list[ScanInstrument]]
    """Kinds of instruments."""
    locations: NotRequired[list[ScanLocation]]
    """Places."""
    page: int
    """This page, from 0."""
    pages: int
    """How many pages the part has."""
    raw: NotRequired[str]
    """A piece of the XML document; the pieces of all pages in order are the document."""
    scan_codes: NotRequired[list[ScanCode]]
    """Scan codes."""


class ParametersRequest(TypedDict):
    """`scan.parameters`: which codes a scan may name. The document is large, so ask part by part."""

    instrument: NotRequired[str]
    """Only what goes with this kind of instrument, such as `STK`."""
    page: NotRequired[int]
    """Page number from 0; see `pages` in the answer."""
    part: NotRequired[ParameterPart]
    """Which part. Default `instruments`."""
    timeout_ms: NotRequired[int]
    """Give up after this many milliseconds."""


class PastTick(TypedDict):
    """One past tick: a trade, a quote or a mid point."""

    ask: NotRequired[float]
    """Ask price; absent if nobody offered."""
    ask_size: NotRequired[str]
    """Ask size; absent without an ask."""
    bid: NotRequired[float]
    """Bid price; absent if nobody bid."""
    bid_size: NotRequired[str]
    """Bid size; absent without a bid."""
    conditions: NotRequired[str]
    """Conditions of a trade as the exchange codes them."""
    event_us: int
    """The exchange's time, microseconds UTC, whole seconds: several ticks share one and are in order."""
    exchange: NotRequired[str]
    """Exchange of a trade."""
    past_limit: NotRequired[bool]
    """True if the price is outside the day's limits; left out when false."""
    price: NotRequired[float]
    """Trade price or mid point."""
    size: NotRequired[str]
    """Trade size."""
    unreported: NotRequired[bool]
    """True for a trade not reported to the tape; left out when false."""


PastTickKind: TypeAlias = Literal["last", "bid_ask", "mid_point"]
"""Which ticks `hist.ticks` fetches."""


class Pegged(TypedDict):
    """What a pegged order follows."""

    change_amount: NotRequired[float]
    """Change of the order's price for each `reference_change_amount`."""
    change_is_decrease: NotRequired[bool]
    """True: the order's price falls when the benchmark rises."""
    compete_against_best_offset: NotRequired[float]
    """How far to better the best price, for pegged-to-best."""
    delta: NotRequired[float]
    """Change of the option's price per change of the stock, in percent, for pegged-to-stock."""
    mid_offset_at_half: NotRequired[float]
    """Offset from the middle where the spread is not."""
    mid_offset_at_whole: NotRequired[float]
    """Offset from the middle where the spread is a whole number of ticks."""
    min_compete_size: NotRequired[int]
    """Smallest size to compete with, for pegged-to-best."""
    reference_change_amount: NotRequired[float]
    """Change of the benchmark that moves the order's price."""
    reference_con_id: NotRequired[int]
    """Contract id of the benchmark, for pegged-to-benchmark."""
    reference_exchange: NotRequired[str]
    """Exchange of the benchmark."""
    starting_price: NotRequired[float]
    """First price of a pegged-to-benchmark, pegged-to-stock or box order."""
    stock_range_lower: NotRequired[float]
    """The order is cancelled if the underlying falls below."""
    stock_range_upper: NotRequired[float]
    """The order is cancelled if the underlying rises above."""
    stock_reference_price: NotRequired[float]
    """The underlying's price that belongs to `starting_price`."""


class PlaceOrder(TypedDict):
    """`order.place`: place an order, at most once per key. Fields of `false` or nothing are left out of the order. What does not belong to the order type is refused, never ignored."""

    account: NotRequired[str]
    """Account; may be left out if the login has only one."""
    adjusted: NotRequired[Adjusted]
    """Adjustment of a stop order."""
    advanced_error_override: NotRequired[str]
    """Override tags of an earlier structured refusal."""
    advisor: NotRequired[Advisor]
    """Allocation of an adviser."""
    algo: NotRequired[Algo]
    """Algorithm and its parameters."""
    all_or_none: NotRequired[bool]
    """Fill all at once or nothing."""
    allow_pre_open: NotRequired[bool]
    """Accept before the opening. Server version 216 or newer."""
    attached: NotRequired[Attached]
    """Orders that the gateway attaches."""
    auto_cancel_parent: NotRequired[bool]
    """Cancel the parent with this order."""
    block: NotRequired[bool]
    """A block order, for option exchanges; at least 50."""
    cash_quantity: NotRequired[float]
    """Money to spend or to raise instead of `quantity`, in the instrument's currency."""
    clearing: NotRequired[Clearing]
    """Clearing."""
    conditions: NotRequired[Conditions]
    """Conditions."""
    contract: ContractSpec
    """What to trade. A combo is an object with `sec_type` `BAG` and its `legs`."""
    customer_account: NotRequired[str]
    """The customer's account at the firm."""
    deactivate: NotRequired[bool]
    """Place it switched off. Server version 216 or newer."""
    discretionary_amount: NotRequired[float]
    """How much worse than the limit price is acceptable."""
    discretionary_up_to_limit: NotRequired[bool]
    """Discretion reaches up to the limit price."""
    display_size: NotRequired[int]
    """Show only so much at a time (iceberg)."""
    duration: NotRequired[int]
    """Seconds the order stays."""
    external_operator: NotRequired[str]
    """Person or system that entered the order, for reporting."""
    extra: NotRequired[dict[str, Any]]
    """Fields of IB's order message that have no field here, by their name in snake case, such as `what_if_type`. Name and type are checked."""
    good_after: NotRequired[str]
    """The order does not work before, written the same way."""
    good_till: NotRequired[str]
    """End of a `gtd` order, as IB writes times: `20261218-21:00:00` is UTC."""
    hedge: NotRequired[Hedge]
    """Hedge of a parent."""
    hidden: NotRequired[bool]
    """Not shown in the book."""
    ignore_open_auction: NotRequired[bool]
    """Stay out of the opening auction. Server version 216 or newer."""
    imbalance_only: NotRequired[bool]
    """Only against an auction's imbalance."""
    include_overnight: NotRequired[bool]
    """Also work in the overnight session."""
    key: OrderKey
    """The caller's idempotency key. The same key again returns the first outcome and sends nothing."""
    limit_offset: NotRequired[float]
    """Distance of the limit from the trailing stop, for `trailing_stop_limit` and `trailing_limit_if_touched`."""
    limit_price: NotRequired[float]
    """Limit price; required for limit types, refused for types that have none."""
    manual_order_indicator: NotRequired[int]
    """IB's number for manual or automated entry."""
    manual_order_time: NotRequired[str]
    """When a person gave the order, for reporting."""
    mifid: NotRequired[Mifid]
    """`MiFID` II."""
    min_quantity: NotRequired[int]
    """Fill at least so much at first."""
    min_trade_quantity: NotRequired[int]
    """Fill at least so much each time, where the venue offers it."""
    misc_options: NotRequired[dict[str, str]]
    """Options that IB defines from case to case."""
    model: NotRequired[str]
    """Model portfolio."""
    not_held: NotRequired[bool]
    """The broker may use discretion."""
    oca_group: NotRequired[str]
    """Group of orders of which one fill cancels or reduces the others."""
    oca_type: NotRequired[OcaType]
    """What a fill does to the others of `oca_group`; cancels them if left out."""
    offset: NotRequired[float]
    """Distance from the price that a relative, pegged or snap order follows."""
    oms_container: NotRequired[bool]
    """A container of an order management system."""
    open_close: NotRequired[OpenClose]
    """Opens or closes a position, for institutions."""
    opt_out_smart_routing: NotRequired[bool]
    """Do not route through SMART."""
    order_type: OrderType
    """Order type."""
    origin: NotRequired[OrderOrigin]
    """Who the order is for, for institutions."""
    outside_regular_hours: NotRequired[bool]
    """Also work outside regular trading hours. Default false."""
    override_price_constraints: NotRequired[bool]
    """Go beyond the price limits of the gateway's precautions."""
    parent_key: NotRequired[OrderKey]
    """Key of the parent order: this one wakes when the parent fills."""
    pegged: NotRequired[Pegged]
    """What a pegged order follows."""
    percent_offset: NotRequired[float]
    """The same distance as a share of the price, for relative orders: 0.01 is one percent."""
    post_only: NotRequired[bool]
    """Only add liquidity. Server version 216 or newer."""
    post_to_ats: NotRequired[int]
    """Seconds to stay at IB's own venue before going elsewhere."""
    professional_customer: NotRequired[bool]
    """The customer is a professional."""
    quantity: NotRequired[Quantity]
    """How much, above zero. Left out with `cash_quantity`, and where a hedge or an allocation derives it."""
    randomize_price: NotRequired[bool]
    """Vary the price at random."""
    randomize_size: NotRequired[bool]
    """Vary the size at random."""
    route_marketable_to_bbo: NotRequired[bool]
    """Route marketable orders to the venue with the best price. Server version 217 or newer."""
    rule_80a: NotRequired[str]
    """IB's letter for rule 80A."""
    scale: NotRequired[Scale]
    """Scale."""
    seek_price_improvement: NotRequired[bool]
    """Seek a price better than the best. Server version 217 or newer."""
    short_sale: NotRequired[ShortSale]
    """Short sale."""
    side: Side
    """Buy or sell."""
    smart_combo_routing: NotRequired[dict[str, str]]
    """Routing of a combo, such as `NonGuaranteed`: `1`."""
    soft_dollar: NotRequired[SoftDollar]
    """Soft dollar tier."""
    solicited: NotRequired[bool]
    """The order was solicited by the broker."""
    stop_price: NotRequired[float]
    """Stop or trigger price; required for stop and touched types, refused for others. For trailing types the first stop."""
    sweep_to_fill: NotRequired[bool]
    """Take the best price at every exchange at once."""
    tif: NotRequired[TimeInForce]
    """How long the order stays; the day if left out."""
    timeout_ms: NotRequired[int]
    """Answer with what is known after this many milliseconds."""
    trailing_amount: NotRequired[float]
    """Distance of a trailing stop in price units."""
    trailing_percent: NotRequired[float]
    """Distance of a trailing stop in percent."""
    transmit: NotRequired[bool]
    """False holds the order at the gateway until a later order of the same family is sent, or it is modified with `transmit`. Held orders die with the gateway's session. Default true."""
    trigger_method: NotRequired[TriggerMethod]
    """Which price triggers a stop or touched order."""
    use_price_management: NotRequired[bool]
    """Let IB manage the price of marketable limit orders."""
    volatility: NotRequired[Volatility]
    """Volatility."""
    wait_for: NotRequired[WaitFor]
    """What to wait for before answering."""


class Pnl(TypedDict):
    """Answer to `account.pnl`. It comes at once, with what is known."""

    accounts: list[PnlEvent]
    """By account."""
    missing: list[MissingPnl]
    """What was asked for and is not known."""
    positions: list[PositionPnlEvent]
    """By position; empty unless asked for."""


class PnlEvent(TypedDict):
    """Profit and loss of an account, on `ib.pnl.<account>`; of a model on `ib.model.<account>.<model>.pnl`. A value that IB has not computed is left out."""

    account: str
    """Account number."""
    daily: NotRequired[float]
    """Profit since the day began (by the gateway's setting), in the account's base currency."""
    model: NotRequired[str]
    """Model of an advisor that the figures are of; absent for the whole account's."""
    realized: NotRequired[float]
    """Realized profit of the day, in the account's base currency."""
    recv_us: int
    """When the bytes arrived, microseconds UTC, our clock."""
    seq: int
    """Grows by one per subject."""
    unrealized: NotRequired[float]
    """Unrealized profit, in the account's base currency."""


class PnlQuery(TypedDict):
    """`account.pnl`: profit and loss last told by IB, of accounts and, if asked for, of their positions."""

    account: NotRequired[str]
    """Only this account."""
    con_id: NotRequired[int]
    """Also of the position in this contract."""
    group: NotRequired[str]
    """Only accounts of this group of an advisor; excludes `account`."""
    model: NotRequired[str]
    """Of this model instead of the whole account; needs `account`."""
    positions: NotRequired[bool]
    """Also of every open position."""
    timeout_ms: NotRequired[int]
    """Give up after this many milliseconds."""


class PoolStatus(TypedDict):
    """Answer to `pool.status`: the sockets and farms."""

    breakers: NotRequired[list[Breaker]]
    """Kinds of requests that are refused for a while, because the gateway does not answer them."""
    connection: ConnectionEvent
    """Sockets and the link to IB."""
    farms: list[FarmEvent]
    """Every farm heard of on this connection."""
    in_flight: int
    """Requests waiting for an answer from the gateway."""


class PositionEvent(TypedDict):
    """A position after a change, on `ib.position.<account>.<inst>`; of a model on `ib.model.<account>.<model>.position.<inst>`."""

    account: str
    """Account number."""
    average_cost: NotRequired[float]
    """Average cost, multiplier and commission included, in the instrument's currency."""
    con_id: int
    """IB's contract id."""
    instrument: Instrument
    """What is held."""
    market_price: NotRequired[float]
    """IB's price when the gateway last valued the account: with several accounts one after the other is."""
    market_value: NotRequired[float]
    """Position times price, in the instrument's currency."""
    model: NotRequired[str]
    """Model of an advisor that the position belongs to; absent for the whole account's, which holds its models' too."""
    position: str
    """Quantity held, negative when short, `0` once when closed."""
    realized_pnl: NotRequired[float]
    """Realized profit of the day, in the instrument's currency."""
    recv_us: int
    """When the bytes arrived, microseconds UTC, our clock."""
    seq: int
    """Grows by one per subject."""
    unrealized_pnl: NotRequired[float]
    """Unrealized profit, in the instrument's currency."""


class PositionPnlEvent(TypedDict):
    """Profit and loss of one open position, on `ib.pnl.<account>.<con_id>`. IB computes it about once a second. A value that IB has not computed is left out. Position `0` comes once, when the position is closed."""

    account: str
    """Account number."""
    con_id: int
    """IB's contract id."""
    daily: NotRequired[float]
    """Profit since the day began (by the gateway's setting), as IB computes it."""
    position: NotRequired[str]
    """Quantity the figures are of, negative when short; absent if IB does not say."""
    realized: NotRequired[float]
    """Realized profit of the day."""
    recv_us: int
    """When the bytes arrived, microseconds UTC, our clock."""
    seq: int
    """Grows by one per subject."""
    unrealized: NotRequired[float]
    """Unrealized profit."""
    value: NotRequired[float]
    """Value of the position."""


class Positions(TypedDict):
    """Answer to `account.positions`."""

    positions: list[PositionEvent]
    """Open positions."""


class PriceLevel(TypedDict):
    """Quantity traded at one price."""

    price: float
    """The price."""
    size: str
    """Quantity, in the instrument's units."""


class PriceRequest(TypedDict):
    """`option.price`: what an option would be worth at a volatility."""

    contract: ContractSpec
    """The option."""
    timeout_ms: NotRequired[int]
    """Give up after this many milliseconds."""
    under_price: float
    """Price of the underlying."""
    volatility: float
    """Volatility a year as a ratio: 0.25 is 25 %."""


PriceStep = TypedDict(
    "PriceStep",
    {
        "from": 'float',
        "step": 'float',
    },
)
"""The step between prices from some price on."""


class Progress(TypedDict):
    """How far a long answer has come."""

    done: int
    """Parts of the range that are settled, one way or another."""
    rows: int
    """Rows so far, those of this page included."""
    through_us: int
    """Every row that starts before this moment has been sent; microseconds UTC."""
    total: NotRequired[int]
    """Parts the range is cut into; absent while that is not known (ticks)."""


class Provider(TypedDict):
    """One news source."""

    code: str
    """IB's code, such as `BRFG`; also the last token of `ib.news.<provider>`."""
    name: str
    """Its name."""


class Providers(TypedDict):
    """Answer to `news.providers`."""

    providers: list[Provider]
    """The sources."""


class ProvidersRequest(TypedDict):
    """`news.providers`: the news sources the login may use through the API."""

    timeout_ms: NotRequired[int]
    """Give up after this many milliseconds."""


QueueStatus = TypedDict(
    "QueueStatus",
    {
        "class": 'str',
        "longest_wait_ms": 'int',
        "oldest_ms": 'int',
        "sent": 'int',
        "waiting": 'int',
    },
)
"""Queue of one class."""


class QuoteEvent(TypedDict):
    """The level-1 picture after a change, on `ib.quote.<inst>`. A side without a quote is left out."""

    after_gap: NotRequired[bool]
    """True on the first event after an interruption; left out otherwise."""
    ask: NotRequired[float]
    """Best ask in the instrument's currency."""
    ask_size: NotRequired[str]
    """Size at the best ask."""
    bid: NotRequired[float]
    """Best bid in the instrument's currency."""
    bid_size: NotRequired[str]
    """Size at the best bid."""
    close: NotRequired[float]
    """Previous close, adjusted."""
    con_id: int
    """IB's contract id."""
    data_kind: DataKind
    """How fresh the gateway says the data is."""
    greeks: NotRequired[OptionGreeks]
    """Option computations, for options."""
    halted: NotRequired[bool]
    """True while trading is halted. Absent means not told, which is not "not halted"."""
    high: NotRequired[float]
    """Highest price of the day."""
    last: NotRequired[float]
    """Last trade's price."""
    last_size: NotRequired[str]
    """Last trade's size."""
    last_us: NotRequired[int]
    """Time of the last trade, microseconds UTC, the gateway's, whole seconds. Absent if not sent."""
    low: NotRequired[float]
    """Lowest price of the day."""
    mark: NotRequired[float]
    """IB's calculated mark price, if asked for."""
    open: NotRequired[float]
    """First price of the day; before the open that of the previous day."""
    recv_us: int
    """When the last change arrived, microseconds UTC, our clock."""
    seq: int
    """Grows by one per subject."""
    stale: bool
    """True while the picture may be out of date (link or farm down, no data). Always present."""
    volume: NotRequired[str]
    """Volume of the day."""


class ReferenceAdvisor(TypedDict):
    """Answer to `reference.advisor`."""

    part: AdvisorPart
    """Which part."""
    xml: str
    """The configuration, as the XML that IB writes."""


ReferencePrice: TypeAlias = Literal["average", "bid_or_ask"]
"""The underlying's price that a volatility order is computed from."""


class ReferenceRequest(TypedDict):
    """A request of this family without fields of its own."""

    timeout_ms: NotRequired[int]
    """Give up after this many milliseconds."""


class Reload(TypedDict):
    """`bridge.reload`: reads file, environment and flags again, and takes up what can change while the bridge runs: risk limits, pacing limits, log filter, subscriptions. If anything else has changed, or something is wrong, nothing is changed and the error says why. For administrators; SIGHUP does the same."""

    check_only: NotRequired[bool]
    """True tells what would change, and changes nothing."""


class ReloadAnswer(TypedDict):
    """Answer to `bridge.reload`."""

    applied: bool
    """False if this was only asked."""
    changed: list[str]
    """Settings that have changed, or would, such as `risk.limits.open_orders`; empty if there is nothing new."""
    outranked: list[str]
    """Settings of those that have no effect yet, because a request (`risk.set_limits`) outranks them."""


class Renew(TypedDict):
    """`md.renew`: keep a lease."""

    lease: str
    """The lease."""


class RenewScan(TypedDict):
    """`scan.renew`: keep a lease."""

    lease: str
    """The lease."""


class RepairedBars(TypedDict):
    """Bars fetched for a stream that was interrupted."""

    fetched: int
    """How many of 5 s (for sizes below a minute) or of 1 m (for the others) were fetched."""
    from_us: int
    """Start of the first, microseconds UTC, the exchange's time."""
    to_us: int
    """End of the last, microseconds UTC, the exchange's time."""


class Resume(TypedDict):
    """`risk.resume`: orders are taken again."""



class Resumed(TypedDict):
    """Answer to `risk.resume`."""

    was_halted: bool
    """False if it was not halted."""


RiskState = TypedDict(
    "RiskState",
    {
        "accounts": 'dict[str, AccountDay]',
        "clients": 'dict[str, LimitsInForce]',
        "global": 'LimitsInForce',
        "halted": 'NotRequired[Halted]',
    },
)
"""Answer to `risk.limits` and `risk.set_limits`."""


class Rule(TypedDict):
    """A market rule and where it counts."""

    exchanges: list[str]
    """Exchanges at which orders for the instrument follow it."""
    rule: int
    """IB's number of it."""
    steps: list[PriceStep]
    """Price steps, lowest price first."""


class RulesAnswer(TypedDict):
    """Answer to `contract.rules`."""

    instrument: Instrument
    """The instrument."""
    rules: list[Rule]
    """Its market rules."""


class RulesRequest(TypedDict):
    """`contract.rules`: the price steps of one contract at each of its exchanges."""

    contract: ContractSpec
    """The description; exactly one contract must fit."""
    timeout_ms: NotRequired[int]
    """Give up after this many milliseconds."""


class RunScan(TypedDict):
    """`scan.run`: the present result, once."""

    on_limit: NotRequired[OnLimit]
    """When all scanners are taken: `queue` (the default) or `refuse`."""
    scan: Scan
    """What to scan for."""
    timeout_ms: NotRequired[int]
    """Give up after this many milliseconds."""


class Sample(TypedDict):
    """A value and its labels."""

    histogram: NotRequired[Buckets]
    """The value of a histogram."""
    labels: NotRequired[dict[str, str]]
    """Labels; left out if there are none."""
    value: NotRequired[float]
    """The value of a counter or level."""


class Scale(TypedDict):
    """A large order worked in parts at changing prices."""

    active_start: NotRequired[str]
    """When to start, `20261218-14:30:00` for UTC."""
    active_stop: NotRequired[str]
    """When to stop, written the same way."""
    auto_reset: NotRequired[bool]
    """True: parts closed with a profit are worked again."""
    initial_fill_quantity: NotRequired[int]
    """Quantity of the present part that counts as filled."""
    initial_position: NotRequired[int]
    """Position held before the order starts."""
    initial_size: NotRequired[int]
    """Size of the first part."""
    price_adjust_interval_s: NotRequired[int]
    """Seconds between price adjustments."""
    price_adjust_value: NotRequired[float]
    """Amount by which prices are adjusted after `price_adjust_interval_s`."""
    price_increment: NotRequired[float]
    """Price distance between parts, above zero."""
    profit_offset: NotRequired[float]
    """Distance at which a filled part is closed with a profit."""
    random_percent: NotRequired[bool]
    """True: part sizes vary at random."""
    subsequent_size: NotRequired[int]
    """Size of each later part; the first part's if left out."""
    table: NotRequired[str]
    """IB's table of parts as text, instead of sizes and increments."""


class Scan(TypedDict):
    """What is scanned for. Codes are those of `scan.parameters`."""

    above_price: NotRequired[float]
    """Only above this price."""
    above_volume: NotRequired[int]
    """Only above this volume."""
    average_option_volume_above: NotRequired[int]
    """Only above this average option volume."""
    below_price: NotRequired[float]
    """Only below this price."""
    coupon_above: NotRequired[float]
    """For bonds: coupon at least, in percent."""
    coupon_below: NotRequired[float]
    """For bonds: coupon at most, in percent."""
    exclude_convertible: NotRequired[bool]
    """For bonds: leave out convertible ones."""
    filters: NotRequired[dict[str, str]]
    """Further filters by IB's code, such as `{"priceAbove":"5"}`."""
    instrument: str
    """Kind of instrument, such as `STK`."""
    location: str
    """Where, such as `STK.US.MAJOR`."""
    market_cap_above: NotRequired[float]
    """Only above this market capitalisation."""
    market_cap_below: NotRequired[float]
    """Only below this market capitalisation."""
    maturity_after: NotRequired[str]
    """For bonds: maturity after this date, `YYYYMMDD`."""
    maturity_before: NotRequired[str]
    """For bonds: maturity before this date, `YYYYMMDD`."""
    moody_rating_above: NotRequired[str]
    """For bonds: Moody's rating at least."""
    moody_rating_below: NotRequired[str]
    """For bonds: Moody's rating at most."""
    rows: NotRequired[int]
    """Rows wanted: 1 to 50. Default 50."""
    scan_code: str
    """What for, such as `TOP_PERC_GAIN`."""
    settings: NotRequired[str]
    """Settings of the scan code as IB writes them, such as `Annual,true`."""
    sp_rating_above: NotRequired[str]
    """For bonds: S&P rating at least."""
    sp_rating_below: NotRequired[str]
    """For bonds: S&P rating at most."""
    stock_type: NotRequired[str]
    """`ALL`, `STOCK`, `ETF` or what else IB knows."""


class ScanCode(TypedDict):
    """What can be scanned for."""

    code: str
    """Code for `scan_code`."""
    instruments: list[str]
    """Kinds of instruments it goes with."""
    name: str
    """Its name."""


class ScanEvent(TypedDict):
    """One complete result; it replaces the one before."""

    after_gap: NotRequired[bool]
    """True on the first result after an interruption."""
    id: str
    """Names what is scanned for: the same question has the same id in every run."""
    recv_us: int
    """When the gateway's bytes arrived: microseconds UTC, our clock."""
    rows: list[ScanRow]
    """Best first; empty if nothing fits now."""
    seq: int
    """Grows by one per subject; a jump means loss or a restart."""


class ScanField(TypedDict):
    """One value of a filter."""

    code: str
    """Code for `filters`."""
    name: str
    """Its name."""


class ScanFilter(TypedDict):
    """One filter."""

    category: NotRequired[str]
    """Group it is shown in."""
    fields: list[ScanField]
    """Codes for `filters`, one for each bound or value."""
    id: str
    """IB's name of the filter."""


class ScanInstrument(TypedDict):
    """A kind of instrument that can be scanned."""

    code: str
    """Code for `instrument`."""
    filters: list[str]
    """Codes of the filters that go with it."""
    name: str
    """Its name."""


class ScanLease(TypedDict):
    """A lease on a scanner."""

    client: NotRequired[str]
    """Client that holds it; absent for requests without a client token."""
    expires_us: NotRequired[int]
    """When it ends unless renewed, microseconds UTC, our clock; absent if it does not end."""
    holders: int
    """How many leases share it, this one included."""
    id: str
    """Names what is scanned for: the same question has the same id."""
    last: NotRequired[ScanEvent]
    """The last result, if there is one."""
    lease: str
    """Name of the lease, for `scan.renew` and `scan.unsubscribe`."""
    scan: Scan
    """What is scanned for."""
    state: ScanState
    """Where the scanner stands."""
    subject: str
    """Where its results are published."""
    trouble: NotRequired[str]
    """Why the gateway does not scan at present; it is asked again."""
    ttl_s: int
    """Seconds granted at each renewal; 0 = until unsubscribed."""


class ScanLocation(TypedDict):
    """A place that can be scanned."""

    code: str
    """Code for `location`."""
    instruments: list[str]
    """Kinds of instruments that can be scanned there."""
    name: str
    """Its name."""
    parent: NotRequired[str]
    """The place it is a part of."""


class ScanRow(TypedDict):
    """One row of a scanner's result. IB sends no prices with it."""

    benchmark: NotRequired[str]
    """Scanner-dependent text of IB."""
    con_id: int
    """IB's contract id."""
    currency: NotRequired[str]
    """Trading currency."""
    distance: NotRequired[str]
    """Scanner-dependent text of IB."""
    exchange: NotRequired[str]
    """Where it was found."""
    expiry: NotRequired[str]
    """Expiry as IB writes it, for derivatives."""
    legs: NotRequired[str]
    """Legs of a combo as IB writes them."""
    local_symbol: NotRequired[str]
    """The exchange's own symbol."""
    market_name: NotRequired[str]
    """IB's market name."""
    projection: NotRequired[str]
    """Scanner-dependent text of IB."""
    rank: int
    """Place from 0."""
    right: NotRequired[str]
    """`C` or `P`, for options."""
    sec_type: str
    """Security type."""
    strike: NotRequired[float]
    """Strike, for options."""
    symbol: str
    """Symbol."""
    trading_class: NotRequired[str]
    """Trading class."""


ScanState: TypeAlias = Literal["waiting", "asked", "running"]
"""Where a scanner stands."""


class Scans(TypedDict):
    """Answer to `scan.list`."""

    leases: list[ScanLease]
    """Leases in the order they were taken."""
    scanners: Usage
    """Scanners in use and allowed."""


class Schedule(TypedDict):
    """Answer to `hist.schedule`."""

    instrument: Instrument
    """The instrument."""
    sessions: list[TradingSession]
    """Sessions that overlap the range, oldest first."""
    time_zone: str
    """Time zone of the exchange, as the gateway names it."""


class ScheduleRequest(TypedDict):
    """`hist.schedule`: past trading sessions, holidays and early closes included."""

    contract: ContractSpec
    """The instrument."""
    duration: NotRequired[str]
    """Length before `end`, as in `hist.bars`. Instead of `start`."""
    end: NotRequired[TimePoint]
    """Moment before which the last session starts; now if left out."""
    regular_hours: NotRequired[bool]
    """Regular trading hours only. Default true."""
    start: NotRequired[TimePoint]
    """First moment wanted."""
    timeout_ms: NotRequired[int]
    """Give up after this many milliseconds."""


class SearchAnswer(TypedDict):
    """Answer to `contract.search`."""

    matches: list[SearchMatch]
    """What fits, as IB orders it."""


class SearchMatch(TypedDict):
    """One match of a search."""

    con_id: int
    """IB's contract id."""
    currency: str
    """Trading currency."""
    derivatives: list[str]
    """Kinds of derivatives on it: `OPT`, `FUT`, ..."""
    description: NotRequired[str]
    """Name of the company or contract."""
    primary_exchange: NotRequired[str]
    """Listing exchange."""
    sec_type: str
    """Security type."""
    symbol: str
    """Symbol."""


class SearchRequest(TypedDict):
    """`contract.search`: stocks and their derivatives by symbol or name."""

    pattern: str
    """Beginning of a symbol, or part of a name."""
    timeout_ms: NotRequired[int]
    """Give up after this many milliseconds."""


class Session(TypedDict):
    """A trading session."""

    end_us: int
    """First moment after it, microseconds UTC."""
    start_us: int
    """First moment, microseconds UTC."""


class SetLimits(TypedDict):
    """`risk.set_limits`: replaces limits while the bridge runs, restarts included. For administrators: a permission of its own subject."""

    limits: NotRequired[Limits]
    """All of the new limits: what is left out does not apply any more. The configuration's again if this is left out."""
    name: NotRequired[str]
    """Whose; the global ones if left out."""


class SettleOrder(TypedDict):
    """`order.settle`: says how an order in doubt (`outcome_unknown`) ended, where IB no longer tells. Nothing is sent; the verdict and its reason are written down. A later sign of the order overturns it. For administrators: a permission of its own subject."""

    filled: NotRequired[Quantity]
    """Filled in all, if more than the known fills make; only for `cancelled`. `filled` means the whole quantity."""
    key: OrderKey
    """The order's key."""
    reason: str
    """Why, for those who read the journal. Not empty."""
    state: SettledState
    """How it ended."""


SettledState: TypeAlias = Literal["filled", "cancelled", "rejected"]
"""How an order ended."""


class ShortSale(TypedDict):
    """Details of a short sale by an institution."""

    designated_location: NotRequired[str]
    """Location of the shares, for `third_party`."""
    exempt_code: NotRequired[int]
    """Exemption code of the short sale rule."""
    segment: NotRequired[LongShortSale]
    """Segment that is sold from."""
    slot: NotRequired[ShortSaleSlot]
    """Where the shares come from."""


ShortSaleSlot: TypeAlias = Literal["broker", "third_party"]
"""Where the shares of a short sale come from."""


Side: TypeAlias = Literal["buy", "sell"]
"""Buy or sell."""


class SlowedLimit(TypedDict):
    """A limit that the gateway's complaints have lowered."""

    allowed: int
    """What is used now."""
    configured: int
    """What the configuration allows."""
    held_ms: int
    """Nothing of it is sent for so long, in milliseconds; 0 if something is."""
    limit: str
    """Its key in `[pacing]`."""
    restored_ms: int
    """Until all of it is given back if the gateway does not complain again, in milliseconds."""


class Snapshot(TypedDict):
    """`md.snapshot`: the present level-1 picture, once."""

    contract: ContractSpec
    """The instrument."""
    regulatory: NotRequired[bool]
    """Ask for a regulatory snapshot. IB charges 0.01 USD for each, on paper accounts too: refused unless `gateway.regulatory_snapshots` is true in the configuration."""
    timeout_ms: NotRequired[int]
    """Give up after this many milliseconds. The gateway itself may take 11 s."""


class SnapshotAnswer(TypedDict):
    """Answer to `md.snapshot`."""

    bars: NotRequired[list[BarEvent]]
    """The last bar of each size that streams."""
    book: NotRequired[Book]
    """The whole book, if somebody's `depth` stream runs."""
    instrument: Instrument
    """The instrument."""
    quote: QuoteEvent
    """The picture."""
    regulatory: NotRequired[bool]
    """True if it was a regulatory snapshot, which IB charges for."""
    shared: bool
    """True if it came from a running subscription instead of a request of its own."""


class SoftDollar(TypedDict):
    """An arrangement for paying research out of commissions."""

    display_name: NotRequired[str]
    """Name for people."""
    name: NotRequired[str]
    """Name of the tier."""
    value: NotRequired[str]
    """Value of the tier."""


class SoftDollarTiers(TypedDict):
    """Answer to `reference.soft_dollar_tiers`."""

    tiers: list[Tier]
    """The tiers the login may name in orders."""


class StopLoss(TypedDict):
    """The losing exit of a bracket."""

    key: NotRequired[OrderKey]
    """Its key; the parent's with `-sl` if left out."""
    limit_price: NotRequired[float]
    """Makes it a stop-limit order."""
    stop_price: NotRequired[float]
    """Stop price; for a trailing stop its first stop."""
    tif: NotRequired[TimeInForce]
    """How long it stays; the parent's if left out."""
    trailing_amount: NotRequired[float]
    """Makes it a trailing stop, distance in price units."""
    trailing_percent: NotRequired[float]
    """Makes it a trailing stop, distance in percent."""


Stream: TypeAlias = "str"
"""A stream of one instrument."""


StreamState: TypeAlias = Literal["streaming", "asked", "waiting", "queued", "refused"]
"""Where a stream stands."""


class Subscribe(TypedDict):
    """`md.subscribe`: take a lease on streams of one instrument."""

    contract: ContractSpec
    """The instrument."""
    depth_rows: NotRequired[int]
    """Rows of depth; default 10."""
    generic_ticks: NotRequired[list[int]]
    """IB's generic tick numbers to ask for beside the default ticks."""
    market_data: NotRequired[MarketDataPolicy]
    """Which kinds of market data are accepted; the configured `gateway.market_data` if left out. It is a wish for the shared request: the widest of its holders counts, and every event says its `data_kind`."""
    news_providers: NotRequired[list[str]]
    """Providers of `news`, such as `BRFG`; all that the login may use if left out."""
    smart_depth: NotRequired[bool]
    """Gather the books of all exchanges into one; default true for instruments routed by `SMART`, else false."""
    streams: NotRequired[list[Stream]]
    """Which streams; `quote` if left out."""
    timeout_ms: NotRequired[int]
    """Give up after this many milliseconds."""
    ttl_s: NotRequired[int]
    """Seconds until the lease ends unless renewed; 0 = until unsubscribed. Default 60."""
    when_full: NotRequired[WhenFull]
    """What to do when lines or slots have run out; refuse if left out."""


class SubscribeScan(TypedDict):
    """`scan.subscribe`: take a lease on a scanner; results are published on `ib.scan.<id>`."""

    on_limit: NotRequired[OnLimit]
    """When all scanners are taken: `queue` (the default) or `refuse`."""
    scan: Scan
    """What to scan for."""
    timeout_ms: NotRequired[int]
    """Give up after this many milliseconds."""
    ttl_s: NotRequired[int]
    """Seconds until the lease ends unless renewed; 0 = until unsubscribed, also over restarts of the bridge. Default 60."""


class Summary(TypedDict):
    """Answer to `account.summary`: the values last sent by IB."""

    unsettled: NotRequired[list[Unsettled]]
    """Accounts whose values are incomplete or not the newest, and why."""
    values: list[AccountValueEvent]
    """The values, by account and tag."""


Sweep: TypeAlias = Literal["none", "bridge", "account"]
"""Which open orders a halt or a silent client's switch cancels."""


class TakeProfit(TypedDict):
    """The profitable exit of a bracket."""

    key: NotRequired[OrderKey]
    """Its key; the parent's with `-tp` if left out."""
    limit_price: float
    """Limit price."""
    tif: NotRequired[TimeInForce]
    """How long it stays; the parent's if left out."""


class TickByTickEvent(TypedDict):
    """One tick-by-tick event, on `ib.tbt.<inst>.<kind>`."""

    after_gap: NotRequired[bool]
    """True on the first event after an interruption; left out otherwise."""
    ask: NotRequired[float]
    """Ask price."""
    ask_size: NotRequired[str]
    """Ask size."""
    bid: NotRequired[float]
    """Bid price."""
    bid_size: NotRequired[str]
    """Bid size."""
    con_id: int
    """IB's contract id."""
    conditions: NotRequired[str]
    """Conditions of a trade as the exchange codes them."""
    event_us: NotRequired[int]
    """The exchange's time, microseconds UTC, whole seconds: several ticks share one."""
    exchange: NotRequired[str]
    """Exchange of a trade."""
    past_limit: NotRequired[bool]
    """True if the price is outside the day's limits; with price and size zero it marks a halt. Left out when false."""
    price: NotRequired[float]
    """Trade price or mid point."""
    recv_us: int
    """When the bytes arrived, microseconds UTC, our clock."""
    seq: int
    """Grows by one per subject."""
    size: NotRequired[str]
    """Trade size."""
    unreported: NotRequired[bool]
    """True for a trade not reported to the tape; left out when false."""


class TickEvent(TypedDict):
    """One gateway tick, on `ib.tick.<inst>.<name>`. Exactly one of `price`, `size`, `value`, `text` and `greeks` is the tick's content; a price tick may carry its paired size as well."""

    after_gap: NotRequired[bool]
    """True on the first event after an interruption; left out otherwise."""
    can_auto_execute: NotRequired[bool]
    """True if the quote can be executed electronically; on price ticks only."""
    con_id: int
    """IB's contract id."""
    data_kind: DataKind
    """How fresh the gateway says the data is."""
    event_us: NotRequired[int]
    """The time that the tick's `text` tells, microseconds UTC: of the last trade in `last_timestamp` and `delayed_last_timestamp` (whole seconds) and `last_reg_time`, of the trade in `rt_volume` and `rt_trd_volume`. Absent in others, and if it cannot be read."""
    greeks: NotRequired[Greeks]
    """Option computation."""
    name: str
    """Tick name, as in the subject: `bid`, `ask_size`, `model_option`, ...; `tick_<number>` if IB's number is new to us."""
    past_limit: NotRequired[bool]
    """True if the price is outside the day's limits; left out when false."""
    pre_open: NotRequired[bool]
    """True before the open; left out when false."""
    price: NotRequired[float]
    """Price in the instrument's currency. Absent when the gateway says "no quote"."""
    recv_us: int
    """When the bytes arrived, microseconds UTC, our clock. Level-1 ticks carry no exchange time."""
    seq: int
    """Grows by one per subject."""
    size: NotRequired[str]
    """Size in the instrument's units."""
    text: NotRequired[str]
    """Text of a string tick, as IB wrote it."""
    tick_type: int
    """IB's tick type number; delayed ticks have numbers of their own."""
    value: NotRequired[float]
    """Number of a generic tick."""


class TicksPage(TypedDict):
    """One page of the answer to `hist.ticks`. Pages arrive in order on the reply inbox."""

    last: bool
    """True on the last page, which carries the manifest."""
    manifest: NotRequired[Manifest]
    """The summary; on the last page."""
    page: int
    """Page number from 0."""
    progress: NotRequired[Progress]
    """How far the answer has come; absent on a last page."""
    rows: list[PastTick]
    """Ticks of this page, oldest first."""


class TicksRequest(TypedDict):
    """`hist.ticks`: every past tick of a range, however long."""

    contract: ContractSpec
    """The instrument."""
    end: NotRequired[TimePoint]
    """Moment before which the last tick lies; now if left out."""
    ignore_size: NotRequired[bool]
    """Leave out quotes that only change a size; for `bid_ask`. Default false."""
    kind: PastTickKind
    """Which ticks."""
    regular_hours: NotRequired[bool]
    """Regular trading hours only. Default false."""
    start: TimePoint
    """First moment wanted; a whole second, fractions are cut off."""
    timeout_ms: NotRequired[int]
    """Give up after this many milliseconds; one hour if left out."""


class Tier(TypedDict):
    """One soft dollar tier."""

    display: str
    """What TWS shows."""
    name: str
    """Its name."""
    value: str
    """Its value."""


TimeInForce: TypeAlias = Literal["day", "gtc", "ioc", "fok", "gtd", "opg", "dtc", "auc"]
"""How long an order stays."""


TimePoint: TypeAlias = "int | str"
"""Microseconds since the epoch, or RFC 3339 text, or a date (midnight UTC)."""


class TradingSession(TypedDict):
    """One past trading session."""

    date: str
    """Trading date `YYYYMMDD`."""
    end_us: int
    """First moment after it, microseconds UTC."""
    start_us: int
    """First moment, microseconds UTC."""


TriggerMethod: TypeAlias = Literal["default", "double_bid_ask", "last", "double_last", "bid_ask", "last_or_bid_ask", "mid_point"]
"""Which price triggers stop, touched and conditional orders."""


class Unsettled(TypedDict):
    """Account whose figures are not complete or not the newest."""

    account: str
    """Account number."""
    reason: str
    """Why."""


class Unsubscribe(TypedDict):
    """`md.unsubscribe`: give a lease back."""

    lease: str
    """The lease."""


class UnsubscribeScan(TypedDict):
    """`scan.unsubscribe`: give a lease back."""

    lease: str
    """The lease."""


class Unsubscribed(TypedDict):
    """Answer to `md.unsubscribe`."""

    cancelled: int
    """Upstream requests that were cancelled because nobody else needs them."""
    lease: str
    """The lease that ended."""


class UnsubscribedScan(TypedDict):
    """Answer to `scan.unsubscribe`."""

    cancelled: bool
    """True if nobody else needs the scanner, so that it was ended."""
    lease: str
    """The lease that ended."""


class Upstream(TypedDict):
    """One subscription at the gateway."""

    clients: list[str]
    """Clients that hold it, most leases first, at most 20; absent clients count as `(unnamed)`."""
    con_id: int
    """IB's contract id."""
    data_kind: NotRequired[DataKind]
    """How fresh the gateway says the data is; level 1 only."""
    depth_rows: NotRequired[int]
    """Rows of depth asked for."""
    generic_ticks: NotRequired[list[str]]
    """Generic ticks and news sources of the running request, as IB writes them."""
    holders: int
    """Leases that need it."""
    last_us: NotRequired[int]
    """Last data, microseconds UTC, our clock."""
    queue_position: NotRequired[int]
    """Place in the queue for a line or slot, from 1; only while queued."""
    reason: NotRequired[str]
    """Why it does not stream, for a person; only if something is wrong."""
    req_id: NotRequired[int]
    """Request id at the gateway; absent while waiting to be sent."""
    stale: bool
    """True while no data may be flowing."""
    state: StreamState
    """Where it stands."""
    stream: Stream
    """Stream; `quote` stands for quote and tick together."""


class Usage(TypedDict):
    """How much of a limit is used."""

    max: int
    """Allowed."""
    used: int
    """In use."""


class Use(TypedDict):
    """Whether one thing can be used."""

    ok: bool
    """Yes or no."""
    reasons: list[str]
    """Why not, one line each."""


class User(TypedDict):
    """Answer to `reference.user`."""

    white_branding_id: NotRequired[str]
    """The white branding id; absent if the login has none."""


class Uses(TypedDict):
    """What the bridge is needed for."""

    account: Use
    """Account values, positions, profit, executions."""
    data: Use
    """Streaming data."""
    history: Use
    """History."""
    orders: Use
    """New orders."""


class ValidateRequest(TypedDict):
    """`contract.validate`: does each description fit exactly one contract?"""

    contracts: list[ContractSpec]
    """1 to 100 descriptions."""
    timeout_ms: NotRequired[int]
    """Give up after this many milliseconds."""


class Validated(TypedDict):
    """Answer to `contract.validate`: one result for each description, in order."""

    results: list[Validation]
    """The results."""


class Validation(TypedDict):
    """Result for one description."""

    error: NotRequired[ApiError]
    """Why there is none."""
    instrument: NotRequired[Instrument]
    """The contract that fits."""
    ok: bool
    """True if exactly one contract fits."""


Verdict: TypeAlias = Literal["good", "note", "warning", "wrong"]
"""How bad a finding is."""


class Volatility(TypedDict):
    """A price stated as volatility; for `volatility` orders on options."""

    continuous_update: NotRequired[bool]
    """True: the price follows the underlying."""
    delta_neutral: NotRequired[DeltaNeutral]
    """The order that hedges the delta of what fills."""
    period: NotRequired[VolatilityPeriod]
    """What period it is stated for; required."""
    reference_price: NotRequired[ReferencePrice]
    """Which price of the underlying counts."""
    value: NotRequired[float]
    """Volatility in percent, above zero; required."""


VolatilityPeriod: TypeAlias = Literal["daily", "annual"]
"""The period that a volatility is stated for."""


class VolatilityRequest(TypedDict):
    """`option.volatility`: the volatility at which an option is worth a price."""

    contract: ContractSpec
    """The option."""
    price: float
    """Price of the option."""
    timeout_ms: NotRequired[int]
    """Give up after this many milliseconds."""
    under_price: float
    """Price of the underlying."""


WaitFor: TypeAlias = Literal["journaled", "sent", "working", "first_fill", "final"]
"""What a caller wants to wait for. A final state ends every wait."""


WhenFull: TypeAlias = Literal["refuse", "queue"]
"""What happens to a subscription that finds no free line or slot."""
