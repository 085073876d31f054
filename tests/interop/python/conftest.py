"""Fixtures: a simulated gateway per file, clients that log out at the end."""

import itertools
import os

import pytest

from bridge import Rig
from official import Client
from processes import start_simulator

_client_ids = itertools.count(11)


def pytest_report_header():
    return f"simulator seed: {seed()} (set IBNATS_SEED to repeat another)"


def seed():
    return int(os.environ.get("IBNATS_SEED", "7"))


@pytest.fixture(scope="module")
def gateway():
    simulator = start_simulator(seed())
    yield simulator
    simulator.stop()


@pytest.fixture
def connect(gateway):
    """Connects a client without waiting for its login; closed after the test."""
    clients = []

    def make(client_id=None):
        clients.append(Client(gateway.port, next(_client_ids) if client_id is None else client_id))
        return clients[-1]

    yield make
    for client in clients:
        client.close()


@pytest.fixture
def client(connect):
    return connect().log_in()


@pytest.fixture
def rig(tmp_path):
    rig = Rig(tmp_path, seed())
    yield rig
    # Shown with a failed test only.
    print(rig.bridge.output())
    rig.stop()
