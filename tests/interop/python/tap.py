"""A wire tap between clients and gateway: counts what they really ask for, by message id, and keeps order messages."""

import socket
import struct
import threading
from collections import Counter, deque

REQUEST_MARKET_DATA, CANCEL_MARKET_DATA, PLACE_ORDER = 201, 202, 203
HELLO = b"API\0"


class Tap:
    """Listens on a port of its own and passes every connection on to the gateway."""

    def __init__(self, gateway_port):
        self._gateway_port = gateway_port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._sockets = []
        self._counts = Counter()
        self._orders = deque(maxlen=1000)
        self._changed = threading.Condition()
        threading.Thread(target=self._accept, daemon=True).start()

    def count(self, message_id):
        with self._changed:
            return self._counts[message_id]

    def wait_for(self, message_id, count, limit_s=15):
        with self._changed:
            reached = self._changed.wait_for(lambda: self._counts[message_id] >= count, limit_s)
            assert reached, f"message {message_id}: {self._counts[message_id]} of {count}; all: {dict(self._counts)}"

    def order(self, order_ref, limit_s=15):
        """The bytes of the newest order message with this reference."""
        wanted = order_ref.encode()

        def found():
            return next((body for body in reversed(self._orders) if wanted in body), None)

        with self._changed:
            assert self._changed.wait_for(found, limit_s), f"no order {order_ref}"
            return found()

    def orders(self, order_ref):
        """The bytes of every order message with this in its reference, oldest first."""
        with self._changed:
            return [body for body in self._orders if order_ref.encode() in body]

    def close(self):
        for each in [self._listener, *self._sockets]:
            try:
                each.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            each.close()

    def _accept(self):
        while True:
            try:
                client, _ = self._listener.accept()
                gateway = socket.create_connection(("127.0.0.1", self._gateway_port))
            except OSError:
                return
            self._sockets += [client, gateway]
            threading.Thread(target=_pass_on, args=(gateway, client, lambda _: None), daemon=True).start()
            threading.Thread(target=_pass_on, args=(client, gateway, self._counter()), daemon=True).start()

    def _counter(self):
        """Cuts one connection's requests into frames: the hello, the version range, then ids."""
        pending = bytearray()
        greeted = False
        versions = False

        def feed(data):
            nonlocal greeted, versions
            pending.extend(data)
            if not greeted and len(pending) >= len(HELLO):
                assert pending.startswith(HELLO)
                del pending[: len(HELLO)]
                greeted = True
            while greeted and len(pending) >= 4:
                (length,) = struct.unpack_from(">I", pending)
                if len(pending) < 4 + length:
                    return
                frame = bytes(pending[4 : 4 + length])
                del pending[: 4 + length]
                if versions:
                    with self._changed:
                        (message_id,) = struct.unpack_from(">I", frame)
                        self._counts[message_id] += 1
                        if message_id == PLACE_ORDER:
                            self._orders.append(frame[4:])
                        self._changed.notify_all()
                versions = True

        return feed


def _pass_on(source, target, feed):
    """One direction. Its end leaves the other one alone: what is on its way there still arrives."""
    try:
        while data := source.recv(65_536):
            feed(data)
            target.sendall(data)
    except OSError:
        pass
    finally:
        for each, direction in ((source, socket.SHUT_RD), (target, socket.SHUT_WR)):
            try:
                each.shutdown(direction)
            except OSError:
                pass
