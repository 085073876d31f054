"""The notebooks run from top to bottom, and show what they say."""

import os
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

NOTEBOOKS = Path(__file__).resolve().parents[1] / "notebooks"
SOURCE = Path(__file__).resolve().parents[1] / "src"


def rendered(name: str, url: str, monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """Everything its cells put out."""
    monkeypatch.setenv("NATS_URL", url)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(SOURCE), os.environ.get("PYTHONPATH", "")]))
    notebook = nbformat.read(NOTEBOOKS / name, as_version=4)
    assert not any(cell.get("outputs") for cell in notebook.cells), f"{name} is kept without output"
    NotebookClient(notebook, timeout=60, kernel_name="python3").execute()
    return [output for cell in notebook.cells for output in cell.get("outputs", [])]


def kinds(outputs: list[dict[str, Any]]) -> set[str]:
    return {kind for output in outputs for kind in output.get("data", {})}


def test_quotes_and_history_end_in_a_frame_and_a_chart(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    outputs = rendered("quotes_and_history.ipynb", url, monkeypatch)
    assert {"text/html", "image/png"} <= kinds(outputs)
    assert "holes: []" in "".join(output.get("text", "") for output in outputs)


def test_an_order_is_placed_once_and_followed(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    outputs = rendered("placing_an_order.ipynb", url, monkeypatch)
    printed = "".join(output.get("text", "") for output in outputs)
    shown = [output.get("data", {}).get("text/plain", "") for output in outputs]
    assert " at " in printed
    assert "commission" in printed
    assert "unknown_contract" in printed
    assert any(text.endswith("False)") for text in shown)
    assert any(text.endswith("True)") for text in shown)
    assert "'filled'" in shown
