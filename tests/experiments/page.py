"""Reading a report: the cells by key, and the numbers in them."""

from __future__ import annotations

import re
from html.parser import HTMLParser


class Page(HTMLParser):
    """Text of cells by data-key, every attribute, every tag, and the text of scripts and styles."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.cells: dict[str, str] = {}
        self.attributes: list[tuple[str, str, str]] = []
        self.tags: list[str] = []
        self.raw: dict[str, list[str]] = {"script": [], "style": []}
        self.text = ""
        self._key = None
        self._within = ""
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self._within = tag
        self.attributes += [(tag, name, value or "") for name, value in attrs]
        if tag == "td":
            self._key = dict(attrs).get("data-key")
            if self._key:
                assert self._key not in self.cells, f"{self._key} is shown twice"
                self.cells[self._key] = ""
        elif self._key:
            self.cells[self._key] += " "

    def handle_endtag(self, tag):
        self._within = ""
        if tag == "td":
            self._key = None

    def handle_data(self, data):
        if self._within in self.raw:
            self.raw[self._within].append(data)
        else:
            self.text += data
            if self._key:
                self.cells[self._key] += data


def numbers(text):
    """The numbers of a cell, in order."""
    return [float(n.replace(",", "").replace("−", "-")) for n in re.findall(r"[−+]?\d[\d,]*\.?\d*", text)]
