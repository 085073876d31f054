"""A class for each noun, a method for each verb. Written by generate.py from the schemas; do not edit."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import Any, Protocol

from typing_extensions import Unpack

from . import types


class Desk(Protocol):
    """Who carries requests."""

    async def ask(self, verb: str, request: Mapping[str, Any]) -> Any:
        """The answer to `noun.verb`."""
        ...

    def pages(self, verb: str, request: Mapping[str, Any]) -> AsyncIterator[Any]:
        """The pages of the answer to `noun.verb`."""
        ...


class Account:
    """`ib.req.account.*`"""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def executions(self, **request: Unpack[types.ExecutionsRequest]) -> types.Executions:
        """Fills that IB still knows (the current trading day, as a rule)."""
        answer: types.Executions = await self._desk.ask("account.executions", request)
        return answer

    async def list(self, **request: Unpack[types.ListAccounts]) -> types.Accounts:
        """Accounts of the login."""
        answer: types.Accounts = await self._desk.ask("account.list", request)
        return answer

    async def pnl(self, **request: Unpack[types.PnlQuery]) -> types.Pnl:
        """Profit and loss last told by IB, of accounts and, if asked for, of their positions."""
        answer: types.Pnl = await self._desk.ask("account.pnl", request)
        return answer

    async def positions(self, **request: Unpack[types.AccountQuery]) -> types.Positions:
        """Of one account, of an advisor's group, or of all; of whole accounts or of a model in them."""
        answer: types.Positions = await self._desk.ask("account.positions", request)
        return answer

    async def summary(self, **request: Unpack[types.AccountQuery]) -> types.Summary:
        """Of one account, of an advisor's group, or of all; of whole accounts or of a model in them."""
        answer: types.Summary = await self._desk.ask("account.summary", request)
        return answer


class Bridge:
    """`ib.req.bridge.*`"""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def config(self, **request: Unpack[types.NoFields]) -> types.ConfigAnswer:
        """Asks `bridge.config`."""
        answer: types.ConfigAnswer = await self._desk.ask("bridge.config", request)
        return answer

    async def doctor(self, **request: Unpack[types.Doctor]) -> types.Diagnosis:
        """Looks at everything the running bridge needs and says what is wrong and how to mend it. For administrators."""
        answer: types.Diagnosis = await self._desk.ask("bridge.doctor", request)
        return answer

    async def health(self, **request: Unpack[types.NoFields]) -> types.Health:
        """Asks `bridge.health`."""
        answer: types.Health = await self._desk.ask("bridge.health", request)
        return answer

    async def info(self, **request: Unpack[types.NoFields]) -> types.BridgeInfo:
        """Asks `bridge.info`."""
        answer: types.BridgeInfo = await self._desk.ask("bridge.info", request)
        return answer

    async def log_level(self, **request: Unpack[types.LogLevel]) -> types.LogLevelAnswer:
        """Tells the log filter, or changes it until the bridge ends. For administrators."""
        answer: types.LogLevelAnswer = await self._desk.ask("bridge.log_level", request)
        return answer

    async def reload(self, **request: Unpack[types.Reload]) -> types.ReloadAnswer:
        """Reads file, environment and flags again, and takes up what can change while the bridge runs: risk limits, pacing limits, log filter, subscriptions. If anything else has changed, or something is wrong, nothing is changed and the error says why. For administrators; SIGHUP does the same."""
        answer: types.ReloadAnswer = await self._desk.ask("bridge.reload", request)
        return answer


class Contract:
    """`ib.req.contract.*`"""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def chain(self, **request: Unpack[types.ChainRequest]) -> AsyncIterator[types.ChainPage]:
        """The options on one underlying, or only the parameters that they are made of. Expiries must be narrowed, and a request for more than 2,000 contracts or 50 lookups (one for each expiry, trading class and multiplier) is refused. The answer is told expiry by expiry, as each is looked up; what could not be looked up within the deadline is a hole of the manifest."""
        return self._desk.pages("contract.chain", request)

    async def details(self, **request: Unpack[types.DetailsRequest]) -> types.Details:
        """All contracts that fit."""
        answer: types.Details = await self._desk.ask("contract.details", request)
        return answer

    async def hours(self, **request: Unpack[types.HoursRequest]) -> types.HoursAnswer:
        """When one contract trades."""
        answer: types.HoursAnswer = await self._desk.ask("contract.hours", request)
        return answer

    async def rules(self, **request: Unpack[types.RulesRequest]) -> types.RulesAnswer:
        """The price steps of one contract at each of its exchanges."""
        answer: types.RulesAnswer = await self._desk.ask("contract.rules", request)
        return answer

    async def search(self, **request: Unpack[types.SearchRequest]) -> types.SearchAnswer:
        """Stocks and their derivatives by symbol or name."""
        answer: types.SearchAnswer = await self._desk.ask("contract.search", request)
        return answer

    async def validate(self, **request: Unpack[types.ValidateRequest]) -> types.Validated:
        """Does each description fit exactly one contract?"""
        answer: types.Validated = await self._desk.ask("contract.validate", request)
        return answer


class Gateway:
    """`ib.req.gateway.*`"""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def reconnect_account(self, **request: Unpack[types.GatewayRequest]) -> types.GatewayAnswer:
        """Needs `[ibc]` in the configuration."""
        answer: types.GatewayAnswer = await self._desk.ask("gateway.reconnect_account", request)
        return answer

    async def reconnect_data(self, **request: Unpack[types.GatewayRequest]) -> types.GatewayAnswer:
        """Needs `[ibc]` in the configuration."""
        answer: types.GatewayAnswer = await self._desk.ask("gateway.reconnect_data", request)
        return answer

    async def restart(self, **request: Unpack[types.GatewayRequest]) -> types.GatewayAnswer:
        """Needs `[ibc]` in the configuration."""
        answer: types.GatewayAnswer = await self._desk.ask("gateway.restart", request)
        return answer


class Hist:
    """`ib.req.hist.*`"""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def bars(self, **request: Unpack[types.BarsRequest]) -> AsyncIterator[types.BarsPage]:
        """Bars of any range. Give `start`, or `duration`, or both with `end` left out."""
        return self._desk.pages("hist.bars", request)

    def batch(self, **request: Unpack[types.BatchRequest]) -> AsyncIterator[types.BatchPage]:
        """Bars of many contracts, one range. What fails for one contract stops no other."""
        return self._desk.pages("hist.batch", request)

    async def head(self, **request: Unpack[types.HeadRequest]) -> types.Head:
        """When the earliest data of an instrument begins."""
        answer: types.Head = await self._desk.ask("hist.head", request)
        return answer

    async def histogram(self, **request: Unpack[types.HistogramRequest]) -> types.Histogram:
        """Traded quantity by price over a period that ends now."""
        answer: types.Histogram = await self._desk.ask("hist.histogram", request)
        return answer

    async def schedule(self, **request: Unpack[types.ScheduleRequest]) -> types.Schedule:
        """Past trading sessions, holidays and early closes included."""
        answer: types.Schedule = await self._desk.ask("hist.schedule", request)
        return answer

    def ticks(self, **request: Unpack[types.TicksRequest]) -> AsyncIterator[types.TicksPage]:
        """Every past tick of a range, however long."""
        return self._desk.pages("hist.ticks", request)


class Md:
    """`ib.req.md.*`"""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def list(self, **request: Unpack[types.ListLeases]) -> types.Leases:
        """Leases and the upstream requests behind them."""
        answer: types.Leases = await self._desk.ask("md.list", request)
        return answer

    async def renew(self, **request: Unpack[types.Renew]) -> types.Lease:
        """Keep a lease."""
        answer: types.Lease = await self._desk.ask("md.renew", request)
        return answer

    async def snapshot(self, **request: Unpack[types.Snapshot]) -> types.SnapshotAnswer:
        """The present level-1 picture, once."""
        answer: types.SnapshotAnswer = await self._desk.ask("md.snapshot", request)
        return answer

    async def subscribe(self, **request: Unpack[types.Subscribe]) -> types.Lease:
        """Take a lease on streams of one instrument."""
        answer: types.Lease = await self._desk.ask("md.subscribe", request)
        return answer

    async def unsubscribe(self, **request: Unpack[types.Unsubscribe]) -> types.Unsubscribed:
        """Give a lease back."""
        answer: types.Unsubscribed = await self._desk.ask("md.unsubscribe", request)
        return answer


class News:
    """`ib.req.news.*`"""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def article(self, **request: Unpack[types.ArticleRequest]) -> types.Article:
        """The text of one article."""
        answer: types.Article = await self._desk.ask("news.article", request)
        return answer

    async def bulletins(self, **request: Unpack[types.BulletinsRequest]) -> types.Bulletins:
        """IB's bulletins of today, as far as the gateway still knows them. They are also published as they come."""
        answer: types.Bulletins = await self._desk.ask("news.bulletins", request)
        return answer

    def headlines(self, **request: Unpack[types.HeadlinesRequest]) -> AsyncIterator[types.HeadlinesPage]:
        """Past headlines about one instrument."""
        return self._desk.pages("news.headlines", request)

    async def providers(self, **request: Unpack[types.ProvidersRequest]) -> types.Providers:
        """The news sources the login may use through the API."""
        answer: types.Providers = await self._desk.ask("news.providers", request)
        return answer


class Option:
    """`ib.req.option.*`"""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def price(self, **request: Unpack[types.PriceRequest]) -> types.Computation:
        """What an option would be worth at a volatility."""
        answer: types.Computation = await self._desk.ask("option.price", request)
        return answer

    async def volatility(self, **request: Unpack[types.VolatilityRequest]) -> types.Computation:
        """The volatility at which an option is worth a price."""
        answer: types.Computation = await self._desk.ask("option.volatility", request)
        return answer


class Order:
    """`ib.req.order.*`"""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def bracket(self, **request: Unpack[types.Bracket]) -> types.OrderAnswers:
        """An order with children that wake when it fills. All are checked before the first is sent; the gateway holds them until the last has arrived."""
        answer: types.OrderAnswers = await self._desk.ask("order.bracket", request)
        return answer

    async def cancel(self, **request: Unpack[types.CancelOrder]) -> types.OrderAnswer:
        """Cancel one order. Exactly one of `key`, `order_id` and `perm_id`."""
        answer: types.OrderAnswer = await self._desk.ask("order.cancel", request)
        return answer

    async def cancel_all(self, **request: Unpack[types.CancelAll]) -> types.CancelAllAnswer:
        """Cancel many orders."""
        answer: types.CancelAllAnswer = await self._desk.ask("order.cancel_all", request)
        return answer

    async def check(self, **request: Unpack[types.PlaceOrder]) -> types.OrderCheck:
        """Place an order, at most once per key. Fields of `false` or nothing are left out of the order. What does not belong to the order type is refused, never ignored."""
        answer: types.OrderCheck = await self._desk.ask("order.check", request)
        return answer

    async def get(self, **request: Unpack[types.GetOrder]) -> types.OrderDetails:
        """Everything about one order. Exactly one of `key`, `order_id` and `perm_id`."""
        answer: types.OrderDetails = await self._desk.ask("order.get", request)
        return answer

    async def list(self, **request: Unpack[types.ListOrders]) -> types.Orders:
        """Orders of the account, wherever they were placed."""
        answer: types.Orders = await self._desk.ask("order.list", request)
        return answer

    async def modify(self, **request: Unpack[types.ModifyOrder]) -> types.OrderAnswer:
        """Change what may be changed; all else needs a new order. What is left out stays as it is. A request that asks for what the order is already sends nothing, so that repeating it is safe; `modify_id` makes a repeat safe even after a later change."""
        answer: types.OrderAnswer = await self._desk.ask("order.modify", request)
        return answer

    async def oca(self, **request: Unpack[types.Oca]) -> types.OrderAnswers:
        """Orders of which one fill cancels or reduces the others. All are checked before the first is sent."""
        answer: types.OrderAnswers = await self._desk.ask("order.oca", request)
        return answer

    async def place(self, **request: Unpack[types.PlaceOrder]) -> types.OrderAnswer:
        """Place an order, at most once per key. Fields of `false` or nothing are left out of the order. What does not belong to the order type is refused, never ignored."""
        answer: types.OrderAnswer = await self._desk.ask("order.place", request)
        return answer

    async def settle(self, **request: Unpack[types.SettleOrder]) -> types.OrderAnswer:
        """Says how an order in doubt (`outcome_unknown`) ended, where IB no longer tells. Nothing is sent; the verdict and its reason are written down. A later sign of the order overturns it. For administrators: a permission of its own subject."""
        answer: types.OrderAnswer = await self._desk.ask("order.settle", request)
        return answer


class Pace:
    """`ib.req.pace.*`"""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def check(self, **request: Unpack[types.PaceCheck]) -> types.PaceChecked:
        """Could this be asked now, and if not, when? Nothing is sent."""
        answer: types.PaceChecked = await self._desk.ask("pace.check", request)
        return answer

    async def stats(self, **request: Unpack[types.NoFields]) -> types.PaceStats:
        """Asks `pace.stats`."""
        answer: types.PaceStats = await self._desk.ask("pace.stats", request)
        return answer

    async def status(self, **request: Unpack[types.NoFields]) -> types.PaceStatus:
        """Asks `pace.status`."""
        answer: types.PaceStatus = await self._desk.ask("pace.status", request)
        return answer


class Pool:
    """`ib.req.pool.*`"""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def metrics(self, **request: Unpack[types.NoFields]) -> types.Metrics:
        """Asks `pool.metrics`."""
        answer: types.Metrics = await self._desk.ask("pool.metrics", request)
        return answer

    async def status(self, **request: Unpack[types.NoFields]) -> types.PoolStatus:
        """Asks `pool.status`."""
        answer: types.PoolStatus = await self._desk.ask("pool.status", request)
        return answer


class Reference:
    """`ib.req.reference.*`"""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def advisor(self, **request: Unpack[types.AdvisorRequest]) -> types.ReferenceAdvisor:
        """A part of an adviser's configuration. Other logins are refused by the gateway."""
        answer: types.ReferenceAdvisor = await self._desk.ask("reference.advisor", request)
        return answer

    async def components(self, **request: Unpack[types.ComponentsRequest]) -> types.Components:
        """Which exchange each letter of a consolidated quote stands for. IB answers only while the exchange is open."""
        answer: types.Components = await self._desk.ask("reference.components", request)
        return answer

    async def depth_exchanges(self, **request: Unpack[types.ReferenceRequest]) -> types.DepthExchanges:
        """Asks `reference.depth_exchanges`."""
        answer: types.DepthExchanges = await self._desk.ask("reference.depth_exchanges", request)
        return answer

    async def families(self, **request: Unpack[types.ReferenceRequest]) -> types.Families:
        """Asks `reference.families`."""
        answer: types.Families = await self._desk.ask("reference.families", request)
        return answer

    async def fundamentals(self, **request: Unpack[types.FundamentalsRequest]) -> types.Fundamentals:
        """Always answered `unsupported`, since IB removed these requests from the TWS API."""
        answer: types.Fundamentals = await self._desk.ask("reference.fundamentals", request)
        return answer

    async def soft_dollar_tiers(self, **request: Unpack[types.ReferenceRequest]) -> types.SoftDollarTiers:
        """Asks `reference.soft_dollar_tiers`."""
        answer: types.SoftDollarTiers = await self._desk.ask("reference.soft_dollar_tiers", request)
        return answer

    async def time(self, **request: Unpack[types.ReferenceRequest]) -> types.GatewayTime:
        """Asks `reference.time`."""
        answer: types.GatewayTime = await self._desk.ask("reference.time", request)
        return answer

    async def user(self, **request: Unpack[types.ReferenceRequest]) -> types.User:
        """Asks `reference.user`."""
        answer: types.User = await self._desk.ask("reference.user", request)
        return answer


class Risk:
    """`ib.req.risk.*`"""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def halt(self, **request: Unpack[types.Halt]) -> types.HaltAnswer:
        """The kill switch. New orders and modifications are refused from this moment, over restarts, until `risk.resume`."""
        answer: types.HaltAnswer = await self._desk.ask("risk.halt", request)
        return answer

    async def heartbeat(self, **request: Unpack[types.Heartbeat]) -> types.HeartbeatAnswer:
        """This client promises to ask again within `ttl_s`; if it does not, its open orders are cancelled and new ones refused until it does. Needs a client's name in the subject."""
        answer: types.HeartbeatAnswer = await self._desk.ask("risk.heartbeat", request)
        return answer

    async def limits(self, **request: Unpack[types.LimitsRequest]) -> types.RiskState:
        """The limits that apply and how much of them is used."""
        answer: types.RiskState = await self._desk.ask("risk.limits", request)
        return answer

    async def resume(self, **request: Unpack[types.Resume]) -> types.Resumed:
        """Orders are taken again."""
        answer: types.Resumed = await self._desk.ask("risk.resume", request)
        return answer

    async def set_limits(self, **request: Unpack[types.SetLimits]) -> types.RiskState:
        """Replaces limits while the bridge runs, restarts included. For administrators: a permission of its own subject."""
        answer: types.RiskState = await self._desk.ask("risk.set_limits", request)
        return answer


class Scan:
    """`ib.req.scan.*`"""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def list(self, **request: Unpack[types.ListScans]) -> types.Scans:
        """All leases on scanners."""
        answer: types.Scans = await self._desk.ask("scan.list", request)
        return answer

    async def parameters(self, **request: Unpack[types.ParametersRequest]) -> types.Parameters:
        """Which codes a scan may name. The document is large, so ask part by part."""
        answer: types.Parameters = await self._desk.ask("scan.parameters", request)
        return answer

    async def renew(self, **request: Unpack[types.RenewScan]) -> types.ScanLease:
        """Keep a lease."""
        answer: types.ScanLease = await self._desk.ask("scan.renew", request)
        return answer

    async def run(self, **request: Unpack[types.RunScan]) -> types.ScanEvent:
        """The present result, once."""
        answer: types.ScanEvent = await self._desk.ask("scan.run", request)
        return answer

    async def subscribe(self, **request: Unpack[types.SubscribeScan]) -> types.ScanLease:
        """Take a lease on a scanner; results are published on `ib.scan.<id>`."""
        answer: types.ScanLease = await self._desk.ask("scan.subscribe", request)
        return answer

    async def unsubscribe(self, **request: Unpack[types.UnsubscribeScan]) -> types.UnsubscribedScan:
        """Give a lease back."""
        answer: types.UnsubscribedScan = await self._desk.ask("scan.unsubscribe", request)
        return answer


class Wsh:
    """`ib.req.wsh.*`"""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def events(self, **request: Unpack[types.EventsRequest]) -> types.Calendar:
        """Events of one company (`contract`), or by `filter`. The bridge asks for the metadata first if it has not been asked for on this connection."""
        answer: types.Calendar = await self._desk.ask("wsh.events", request)
        return answer

    async def meta(self, **request: Unpack[types.MetaRequest]) -> types.Calendar:
        """Which kinds of events and filters exist."""
        answer: types.Calendar = await self._desk.ask("wsh.meta", request)
        return answer


class Nouns:
    """All of them."""

    def __init__(self, desk: Desk) -> None:
        self.account = Account(desk)
        self.bridge = Bridge(desk)
        self.contract = Contract(desk)
        self.gateway = Gateway(desk)
        self.hist = Hist(desk)
        self.md = Md(desk)
        self.news = News(desk)
        self.option = Option(desk)
        self.order = Order(desk)
        self.pace = Pace(desk)
        self.pool = Pool(desk)
        self.reference = Reference(desk)
        self.risk = Risk(desk)
        self.scan = Scan(desk)
        self.wsh = Wsh(desk)
