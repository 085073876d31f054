"""The package is as the schemas say, and as its checkers want it."""

import subprocess
import sys
from pathlib import Path

import pytest

import generate

PACKAGE = Path(__file__).resolve().parents[1]


def test_types_and_nouns_are_as_generated() -> None:
    for path, text in generate.generated().items():
        assert path.read_text() == text, f"{path.name} is not as the schemas say: run clients/python/generate.py"


@pytest.mark.parametrize("command", ["mypy", "ruff check", "ruff format --check"])
def test_it_is_clean(command: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", *command.split()], cwd=PACKAGE, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
