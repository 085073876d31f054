"""The documentation site: it builds, and every link in it leads somewhere."""

import os
import subprocess
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from processes import CHECKOUT

MDBOOK = os.environ.get("MDBOOK", str(CHECKOUT / ".tools/bin/mdbook"))


class Anchors(HTMLParser):
    """Where a page links to, and what can be linked to in it."""

    def __init__(self, text):
        super().__init__()
        self.links, self.ids = [], set()
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        for name, value in attributes:
            if name in ("href", "src") and value:
                self.links.append(value)
            if name == "id":
                self.ids.add(value)


def target(site, page, link):
    """The file a web server would send, or None."""
    path = unquote(urlsplit(link).path)
    file = (page.parent / path).resolve() if path else page
    file = file / "index.html" if file.is_dir() else file
    return file if file.is_file() and file.is_relative_to(site) else None


def test_the_site_is_built_and_every_link_in_it_leads_somewhere(tmp_path):
    if not Path(MDBOOK).is_file():
        pytest.skip("no mdbook here (scripts/tools/mdbook, or set MDBOOK): the site is not built")
    env = {**os.environ, "CARGO_TARGET_DIR": str(tmp_path), "MDBOOK": MDBOOK}
    built = subprocess.run([CHECKOUT / "scripts/book"], env=env, capture_output=True, text=True, timeout=180)
    assert built.returncode == 0, built.stderr
    assert "WARN" not in built.stderr and "ERROR" not in built.stderr, built.stderr
    site = (tmp_path / "book/site").resolve()
    pages = {page: Anchors(page.read_text()) for page in site.rglob("*.html") if page.name not in ("print.html", "404.html")}
    assert len(pages) > 40
    faults = []
    for page, anchors in pages.items():
        for link in anchors.links:
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                continue
            file = target(site, page, link)
            known = file in pages and parts.fragment and unquote(parts.fragment) not in pages[file].ids
            if file is None or known:
                faults.append(f"{page.relative_to(site)}: {link}")
    assert faults == []
