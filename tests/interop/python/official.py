"""The official client behind its public EClient and EWrapper, with every callback kept as an event."""

import inspect
import threading
from types import SimpleNamespace

from ibapi.client import EClient
from ibapi.contract import Contract
from ibapi.order import Order
from ibapi.wrapper import EWrapper

LIMIT_S = 15


def _callbacks():
    for name, method in inspect.getmembers(EWrapper, inspect.isfunction):
        if not name.startswith("_") and not name.endswith("ProtoBuf") and name != "logAnswer":
            yield name, inspect.signature(method)


def _keeper(name, signature):
    def keep(self, *args, **kwargs):
        bound = signature.bind(self, *args, **kwargs)
        bound.apply_defaults()
        arguments = dict(bound.arguments)
        arguments.pop("self")
        self._keep(SimpleNamespace(name=name, **arguments))

    return keep


class _Events(EWrapper):
    """Every callback in the order of arrival."""

    def __init__(self):
        super().__init__()
        self.all = []
        self.changed = threading.Condition()

    def _keep(self, event):
        with self.changed:
            self.all.append(event)
            self.changed.notify_all()


for _name, _signature in _callbacks():
    setattr(_Events, _name, _keeper(_name, _signature))


class Client:
    """One logged-in session. `api` is the official EClient; `expect` waits for callbacks."""

    def __init__(self, port, client_id):
        self.events = _Events()
        self.api = EClient(self.events)
        self.client_id = client_id
        self._request_id = 1000
        self._order_id = None
        self.api.connect("127.0.0.1", port, client_id)
        self._loop = threading.Thread(target=self.api.run, name=f"official client {client_id}", daemon=True)
        self._loop.start()

    def log_in(self):
        self._order_id = self.expect("nextValidId").orderId
        return self

    def close(self):
        self.api.disconnect()
        self._loop.join(timeout=5)

    def request_id(self):
        self._request_id += 1
        return self._request_id

    def order_id(self):
        self._order_id += 1
        return self._order_id - 1

    def mark(self):
        """The number of events so far: pass it as `since` to look only at later ones."""
        with self.events.changed:
            return len(self.events.all)

    def seen(self, name, since=0, **fields):
        with self.events.changed:
            return [event for event in self.events.all[since:] if _fits(event, name, fields)]

    def expect(self, name, since=0, where=lambda event: True, count=1, **fields):
        """Waits for the `count`-th event that fits and returns it."""

        def fitting():
            return [event for event in self.events.all[since:] if _fits(event, name, fields) and where(event)]

        with self.events.changed:
            if not self.events.changed.wait_for(lambda: len(fitting()) >= count, LIMIT_S):
                tail = "\n".join(str(vars(event)) for event in self.events.all[-15:])
                raise AssertionError(f"no {name} {fields} ({len(fitting())} of {count}); the last events:\n{tail}")
            return fitting()[count - 1]

    def expect_any(self, *names):
        """Waits for the first event of one of these names."""

        def fitting():
            return next((event for event in self.events.all if event.name in names), None)

        with self.events.changed:
            assert self.events.changed.wait_for(fitting, LIMIT_S), f"none of {names}"
            return fitting()

    def expect_error(self, code, since=0, **fields):
        return self.expect("error", since=since, errorCode=code, **fields)

    def round_trip(self):
        """Returns once the gateway has answered everything sent before."""
        since = self.mark()
        self.api.reqCurrentTime()
        return self.expect("currentTime", since=since)


def _fits(event, name, fields):
    return event.name == name and all(getattr(event, field) == value for field, value in fields.items())


def contract(sec_type, symbol, exchange="SMART", currency="USD", **more):
    made = Contract()
    made.secType, made.symbol, made.exchange, made.currency = sec_type, symbol, exchange, currency
    for field, value in more.items():
        setattr(made, field, value)
    return made


AAPL = contract("STK", "AAPL")
MSFT = contract("STK", "MSFT")
EURUSD = contract("CASH", "EUR", "IDEALPRO")
UNKNOWN = contract("STK", "NOSUCHTHING")


def order(action, quantity, order_type="MKT", **more):
    made = Order()
    made.action, made.totalQuantity, made.orderType = action, quantity, order_type
    for field, value in more.items():
        setattr(made, field, value)
    return made
