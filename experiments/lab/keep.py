"""The folder of a comparison: what was asked, what every span came to, and its records as Parquet parts.

A span's parts are written and renamed first, then its line in `spans.jsonl` is synced: the line is the commit. A span
without a line is done again, and gives the same bytes.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
from pydantic import TypeAdapter

from constitutions.errors import InputError
from constitutions.files import read_text, write_atomically
from experiments.lab.claim import claim, graphs_text
from experiments.lab.tally import Tally
from experiments.lab.worker import Discordance, Done, Records, Span
from experiments.results.figures import CreditResult
from hierarchy.latent.records import digest, steps_table, write_part
from hierarchy.plan import Plan

ASKED, GRAPHS, CREDIT = "asked.yaml", "graphs.json", "credit.json"
_CREDITS = TypeAdapter(tuple[CreditResult, ...])


@dataclass(frozen=True)
class Keep:
    """Keeps a simulation in `folder`, with `records` of every case or visit."""

    folder: Path
    records: Records = "none"

    def claim(self, asked: str, plans: Mapping[str, Plan]) -> None:
        """Take the folder for a question, or go on with it. Raises InputError where it holds another."""
        graphs = graphs_text({name: plan.graph for name, plan in plans.items()})
        claim(self.folder, {ASKED: asked, GRAPHS: graphs}, "comparison")
        for name, plan in plans.items():
            home = self.home(name)
            home.mkdir(parents=True, exist_ok=True)
            pq.write_table(steps_table(plan), home / "steps.parquet")

    @property
    def page(self) -> Path:
        """The page a browser opens."""
        return self.folder / "report.html"

    def asked(self) -> str:
        """What the folder answers, as it was claimed. Raises InputError where it holds no comparison."""
        path = self.folder / ASKED
        if not path.is_file():
            raise InputError(f"{self.folder}: no {ASKED} here; give the folder of `oversight compare --out`")
        return read_text(path)

    def credit(self) -> tuple[CreditResult, ...]:
        """What was computed of its arms' overseers."""
        path = self.folder / CREDIT
        return _CREDITS.validate_json(read_text(path)) if path.is_file() else ()

    def add_credit(self, found: Sequence[CreditResult]) -> None:
        """Keep credit, in place of what is there for the same arms and metrics."""
        merged = {(one.arm, one.metric): one for one in (*self.credit(), *found)}
        write_atomically(self.folder / CREDIT, _CREDITS.dump_json(tuple(merged.values()), indent=1).decode())

    def home(self, arm: str) -> Path:
        """Where an arm's records are; arms may be named by builders and their parameters."""
        return self.folder / "records" / re.sub(r"[^\w.=-]+", "_", arm)

    def commit(self, done: Done) -> None:
        """Keep a span."""
        for (arm, kind), data in done.parts.items():
            write_part(self.home(arm) / f"{kind}-{done.span[0]:012d}.parquet", data)
        with (self.folder / "spans.jsonl").open("a", encoding="utf-8") as file:
            file.write(json.dumps(_plain(done)) + "\n")
            file.flush()
            os.fsync(file.fileno())

    def known(self) -> dict[Span, Done]:
        """The spans kept before; a last line that was cut off does not count, and is removed."""
        path = self.folder / "spans.jsonl"
        if not path.is_file():
            return {}
        whole = [line for line in read_text(path).splitlines(keepends=True) if line.endswith("\n")]
        path.write_text("".join(whole), encoding="utf-8")
        found = [_done(json.loads(line)) for line in whole]
        return {done.span: done for done in found}

    def digest(self, arm: str, kind: str) -> str:
        """Hash of an arm's records, whatever the blocks they came in."""
        return digest(sorted(self.home(arm).glob(f"{kind}-*.parquet")))


def _plain(done: Done) -> dict[str, Any]:
    pairs = [[*key, *vars(counts).values()] for key, counts in done.discordance.items()]
    return {"span": done.span, "arms": {name: t.plain() for name, t in done.tallies.items()}, "pairs": pairs}


def _done(line: dict[str, Any]) -> Done:
    first, count = line["span"]
    tallies = {name: Tally(**counts) for name, counts in line["arms"].items()}
    pairs = {(a, b, metric): Discordance(*counts) for a, b, metric, *counts in line["pairs"]}
    return Done((first, count), tallies, pairs)
