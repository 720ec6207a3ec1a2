"""The page of a sweep: self-contained, safe, and with the numbers of the sweep."""

from __future__ import annotations

import re
from pathlib import Path

from experiments.lab.plan import load_sweep
from experiments.lab.pooled import pooled, short
from experiments.lab.sweep import Sweeper
from tests.experiments.lab.test_sweep import SMALL, write


def page_of(folder: Path, text: str = SMALL) -> tuple[str, list[dict]]:
    path = write(folder, text)
    lines = Sweeper(load_sweep(path), folder, folder / "out").run()
    return (folder / "out" / "report.html").read_text(encoding="utf-8"), lines


def test_the_page_has_every_setting_with_its_interval_and_its_data(tmp_path: Path) -> None:
    page, lines = page_of(tmp_path)
    rows = pooled(lines)
    assert len(rows) == 4  # two settings, two arms, seeds pooled
    assert all(row.seeds == 2 for row in rows)
    for row in rows:
        share = row.shares["missed_violations"]
        assert share.n == 3000
        assert f"{share.count:,} / {share.n:,}" in page
    assert '<a href="results.csv">' in page
    assert page.count("<svg") >= 2


def test_pooled_counts_are_the_sums_over_seeds(tmp_path: Path) -> None:
    _, lines = page_of(tmp_path)
    for row in pooled(lines):
        counts = [line["arms"][row.arm]["missed_violations"]["count"] for line in lines if line["values"] == row.values]
        assert row.shares["missed_violations"].count == sum(counts)


def test_the_page_needs_no_network_and_runs_only_its_own_scripts(tmp_path: Path) -> None:
    page, _ = page_of(tmp_path)
    head = re.sub(r"<script.*?</script>", "", page, flags=re.S)
    assert "://" not in re.sub(r"http://www\.w3\.org/\d+/(svg|xlink)", "", head)
    assert "default-src 'none'" in head
    assert re.search(r"script-src 'sha256-[^']+' 'sha256-[^']+'", head)


def test_hostile_words_are_text(tmp_path: Path) -> None:
    page, _ = page_of(tmp_path, SMALL + 'question: "<img src=x onerror=alert(1)>\\u202e"\n')
    assert "<img src=x" not in page
    assert "&lt;img" in page
    assert "\u202e" not in page


def test_keys_that_move_together_are_named_once() -> None:
    assert short("agents.a.model.sensitivity, agents.b.model.sensitivity") == "model.sensitivity"
    assert short("auditor.budget, seed") == "auditor.budget / seed"
