"""The strategies of `examples/`, one in each language, all at once, while bridge and NATS are killed under them."""

import re
import sys
import time

import pytest

from bridge import Rig
from conftest import seed
from processes import CHECKOUT, IBNATS, NODE, Process
from tap import PLACE_ORDER

EXAMPLES = CHECKOUT / "examples"
BUILT = CHECKOUT / ".tools/examples"
SOURCES = {
    "python": "python/strategy.py",
    "typescript": "typescript/strategy.ts",
    "go": "go/strategy.go",
    "java": "java/src/main/java/Strategy.java",
    "rust": "rust/strategy.rs",
}
COMMANDS = {
    "python": [sys.executable, EXAMPLES / "python/strategy.py"],
    "typescript": [NODE, EXAMPLES / "typescript/dist/strategy.js"],
    "go": [BUILT / "go-strategy"],
    "java": ["java", "-cp", f"{EXAMPLES}/java/target/classes:{EXAMPLES}/java/target/lib/*", "Strategy"],
    "rust": [IBNATS.removesuffix("ibnats") + "examples/strategy"],
}
ALWAYS_THERE = {"python", "rust"}
LIMIT_S = 45
LINES_MAX = 59


def is_built(language):
    return language in ALWAYS_THERE or (BUILT / f".{language}").exists()


class Market(Rig):
    """The product with strategies on it, whose bridge and NATS server can be killed and started again."""

    def __init__(self, folder, seed):
        super().__init__(folder, seed, "--speed", "4")
        self.strategies = {}

    def start_strategies(self):
        for language in filter(is_built, COMMANDS):
            command = [str(word) for word in COMMANDS[language]]
            self.strategies[language] = self._keep(Process(*command, env={"NATS_URL": self.url}))

    def wait_for(self, told):
        """Until every strategy has told this in a line of its output."""
        give_up = time.monotonic() + LIMIT_S
        while missing := [name for name, each in self.strategies.items() if not re.search(told, each.output())]:
            assert time.monotonic() < give_up, f"{missing} never told {told!r}:\n{self.outputs()}"
            time.sleep(0.05)

    def outputs(self):
        return "\n".join(f"--- {name}\n{each.output()}" for name, each in self.strategies.items())


@pytest.fixture(scope="module")
def market(tmp_path_factory):
    """All strategies, each through with its order and fills."""
    market = Market(tmp_path_factory.mktemp("examples"), seed())
    try:
        market.start_strategies()
        market.wait_for("leased")
        market.bridge.kill()
        market.restart_nats()
        market.start_bridge()
        market.wait_for(r"(?s)leased.*leased|order")
        market.tap.wait_for(PLACE_ORDER, len(market.strategies), LIMIT_S)
        # Replies and fills are on their way.
        market.bridge.kill()
        market.start_bridge()
        yield market
        print(market.bridge.output())
    finally:
        market.stop()


@pytest.mark.parametrize("language", COMMANDS)
def test_it_orders_once_and_hears_of_its_fills_whatever_is_killed(market, language):
    if not is_built(language):
        pytest.skip(f"no {language} on this machine: its example was not built (scripts/tools/examples)")
    strategy = market.strategies[language]
    assert strategy.code_within(LIMIT_S) == 0, market.outputs()
    assert "fill of" in strategy.output(), market.outputs()
    placed = market.tap.orders(f"{language}-strategy")
    assert len(placed) == 1, f"{len(placed)} orders went to the gateway:\n{market.outputs()}"


@pytest.mark.parametrize("language", SOURCES)
def test_it_is_short(language):
    """Code only: no imports, comments and blank lines."""
    text = (EXAMPLES / SOURCES[language]).read_text()
    text = re.sub(r"^(import \(.*?^\)|use .*?;|(import|from) .*?)$", "", text, flags=re.MULTILINE | re.DOTALL)
    lines = [line for line in text.splitlines() if line.strip() and not re.match(r'\s*(//|/?\*|#[^!\[]|""")', line)]
    assert len(lines) <= LINES_MAX, len(lines)
