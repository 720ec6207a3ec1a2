"""`oversight audit threshold` and `oversight audit staff` as a user runs them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from experiments.cli import app


def said(*words: str, expect: int = 0) -> Any:
    result = CliRunner().invoke(app, ["audit", *words])
    assert result.exit_code == expect, result.output
    if expect:
        assert len(result.stderr.splitlines()) == 1
        return result.stderr
    return json.loads(result.stdout) if "--json" in words else result.stdout


def calibration(path: Path) -> str:
    """Twenty cases of scores 0, .05, ... .95, of which four violate."""
    rows = (f"{i / 20},{'yes' if i in (5, 9, 14, 18) else 'no'}" for i in range(20))
    path.write_text("\n".join(["score,violates", *rows]) + "\n")
    return str(path)


def test_a_threshold_by_hand(tmp_path: Path) -> None:
    file = calibration(tmp_path / "c.csv")
    assert said("threshold", file, "--risk", "0.15", "--json") == {
        "threshold": 0.7,
        "released": 14,
        "escalated": 6,
        "missed": 2,
        "calibrated_on": 20,
        "guarantee": "expected risk at most 0.15",
    }
    # All four violating cases calibrate: (k + 1) / 5 <= 0.4 allows one.
    among = said("threshold", file, "--risk", "0.4", "--among", "violating", "--json")
    assert (among["threshold"], among["missed"], among["calibrated_on"], among["released"]) == (0.45, 1, 4, 9)
    free = said("threshold", file, "--risk", "0.3", "--json")
    assert (free["threshold"], free["escalated"]) == (None, 0)
    # 0.85^20 = 0.039 <= 0.05, with one miss 0.176: steps up to the first violating score.
    tested = said("threshold", file, "--risk", "0.15", "--method", "binomial", "--error", "0.05", "--json")
    assert (tested["threshold"], tested["missed"]) == (0.25, 0)
    assert "probability 0.95" in tested["guarantee"]
    assert "threshold: 0.700000" in said("threshold", file, "--risk", "0.15")


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (
            "--risk 0.04",
            "20 calibration cases are too few for a risk of 0.04; accepted: at least 1/risk - 1 = 24 cases",
        ),
        ("--risk 1", "risk is 1; accepted: (0, 1)"),
        ("--risk .2 --method guess", "--method is 'guess'; accepted: conformal, binomial, hoeffding_bentkus"),
        ("--risk .2 --among some", "--among is 'some'; accepted: all, violating"),
        ("--risk .15 --method binomial --error .01", "at least ln(error)/ln(1 - risk) = 29 cases"),
    ],
)
def test_a_mistaken_threshold_is_one_line(tmp_path: Path, words: str, says: str) -> None:
    assert says in said("threshold", calibration(tmp_path / "c.csv"), *words.split(), expect=2)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("score\n0.1\n", "no column 'violates'"),
        ("score,violates\nx,yes\n", "line 2: score is 'x'"),
        ("score,violates\n0.1,maybe\n", "line 2: violates is 'maybe'"),
    ],
)
def test_a_bad_file_is_one_line(tmp_path: Path, text: str, says: str) -> None:
    (tmp_path / "c.csv").write_text(text)
    assert says in said("threshold", str(tmp_path / "c.csv"), "--risk", "0.5", expect=2)


def test_staff_in_hours_and_minutes() -> None:
    words = "staff --arrival 30 --minutes 3 --due 20 --json"
    found = said(*words.split())
    assert (found["auditors"], found["needed"], found["enough"]) == (2, 2, True)
    assert found["busy"] == pytest.approx(0.75)
    assert found["late"] == pytest.approx(0.0455, abs=1e-4)
    played = said(*words.split(), "--simulate", "300000")["simulated"]["late"]
    assert abs(played["simulated"] - found["late"]) < 4 * played["standard_error"]
    few = said(*words.split(), "--auditors", "4", "--share", "0.99")
    assert (few["auditors"], few["needed"], few["enough"]) == (4, 3, True)
    sure = said(*words.replace("20", "90").split(), "--error", "0.1", "--target", "0.03")
    assert (sure["reviews_at_most"], sure["needed"]) == (3, 4)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ("--arrival -30 --minutes 3 --due 20", "--arrival is -30; accepted: (0, inf)"),
        ("--arrival 30 --minutes 0 --due 20", "--minutes is 0; accepted: (0, inf)"),
        ("--arrival 30 --minutes 3 --due 5", "accepted: (8.987, inf)"),
        ("--arrival 30 --minutes 3 --due 20 --auditors 1", "accepted: more than 1.5"),
        ("--arrival 30 --minutes 3 --due 20 --auditors 0", "--auditors is 0; accepted: [1, 1e+06]"),
        ("--arrival 30 --minutes 3 --due 20 --share 1", "--share is 1; accepted: (0, 1)"),
        ("--arrival 30 --minutes 3 --due 20 --error 0.6", "--error is 0.6; accepted: [0, 0.5)"),
        ("--arrival 30 --minutes 3 --due 20 --simulate 0", "--simulate is 0; accepted: [1, 1e+08]"),
    ],
)
def test_mistaken_staff_is_one_line(words: str, says: str) -> None:
    assert says in said("staff", *words.split(), expect=2)
