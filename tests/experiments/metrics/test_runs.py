"""The measures of real runs, through the command line, against what can be counted by hand."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from experiments.credit.keep import kept_credit
from experiments.folder import RunFolder
from experiments.results.run import RunResults, read_results
from tests.experiments.commands import CONFIGS, invoke

GRAPH = """
name: two
steps:
  - {id: draft, role: base, agent: base, route: fan_out}
  - {id: strict, role: critic, agent: strict}
  - {id: lenient, role: critic, agent: lenient}
  - {id: vote, role: consensus, members: [strict, lenient], rule: {kind: unanimous}}
edges:
  - {from: draft, to: [strict, lenient]}
  - {from: strict, to: vote}
  - {from: lenient, to: vote}
  - {from: vote, to: release, when: {field: verdict, op: eq, value: accept}}
"""
CONSTITUTION = """
name: one
version: "1"
principles:
  - {id: kind, statement: Be kind., critique_requests: ["Is it kind?"], revision_requests: [Make it kind.]}
"""
CONFIG = """
name: scripted
question: Do two scripted critics agree?
dataset: {kind: file, path: CASES}
constitution: ONE
agents:
  base: {model: {kind: scripted, generate: "SCRIPTS:answer"}}
  strict: {model: {kind: scripted, generate: "SCRIPTS:answer", score: "SCRIPTS:strict"}}
  lenient: {model: {kind: scripted, generate: "SCRIPTS:answer", score: "SCRIPTS:lenient"}}
arms: {two: {graph: GRAPH}}
prices: {agents: {base: {per_call: 1}, strict: {per_call: 0.1}, lenient: {per_call: 0.01}}}
latency: {base: 2, critic: 1.5}
"""


def scripted(folder: Path, prompts: list[str]) -> tuple[str, Path]:
    """A run of these prompts past two scripted critics: (what it printed, its folder)."""
    rows = [json.dumps({"id": str(n), "prompt": prompt}) for n, prompt in enumerate(prompts)]
    (folder / "cases.jsonl").write_text("\n".join(rows) + "\n")
    (folder / "graph.yaml").write_text(GRAPH)
    (folder / "one.yaml").write_text(CONSTITUTION)
    config, run = folder / "config.yaml", folder / "run"
    text = CONFIG.replace("CASES", str(folder / "cases.jsonl")).replace("ONE", str(folder / "one.yaml"))
    text = text.replace("GRAPH", str(folder / "graph.yaml")).replace("SCRIPTS", "tests.experiments.metrics.scripts")
    config.write_text(text)
    return invoke("run", config, "--out", run).stdout, run


def test_samples_of_one_prompt_are_not_independent(tmp_path: Path) -> None:
    """Eight prompts asked five times each, with the same answer every time, are worth eight cases and no more."""
    found = []
    for times in (1, 5):
        folder = tmp_path / str(times)
        folder.mkdir()
        _, run = scripted(folder, [f"question {n % 8}" for n in range(8 * times)])
        found.append(read_results(run).arms[0])
    one, five = found
    assert (one.n, five.n) == (8, 40)
    for name in ("released", "refused"):
        a, b = one.outcomes[name], five.outcomes[name]
        assert a.value == b.value
        assert (b.low, b.high) == pytest.approx((a.low, a.high), abs=0.05)
        assert b.high - b.low >= a.high - a.low, "the design effect is itself uncertain"
    assert one.agreement is not None
    assert five.agreement is not None
    assert five.agreement.alpha.low == pytest.approx(one.agreement.alpha.low, abs=0.1)


def test_scripted_critics_are_measured_as_counted_by_hand(tmp_path: Path) -> None:
    """Eight cases; one critic flags four of them, the other three of these."""
    printed, run = scripted(tmp_path, [f"question {n}" for n in range(8)])
    arm = read_results(run).arms[0]
    # An answer; and of each critic a critique and a verdict.
    by_hand = {"human_minutes": 0, "calls": 5, "cost": 1 + 2 * 0.1 + 2 * 0.01, "latency": 2 + 1.5}
    for end in ("low", "value", "high"):  # the same in every case
        assert {name: getattr(one, end) for name, one in arm.per_case.items()} == pytest.approx(by_hand)
    assert arm.agreement is not None
    # 16 labels, 7 of them violated; one of eight units differs.
    assert arm.agreement.alpha.value == pytest.approx(1 - 2 / (2 * 7 * 9 / 15))
    chance = (7 / 16) ** 2 + (9 / 16) ** 2
    assert arm.agreement.fleiss.value == pytest.approx((7 / 8 - chance) / (1 - chance))
    assert "0.762" in printed
    assert 'data-key="arms.two.alpha"' in (run / "report.html").read_text(encoding="utf-8")


def test_recorded_raters_agree_as_counted_in_the_authors_files(shared_data: Path, recorded: Path) -> None:
    folder = shared_data / "xstest"
    arm = next(arm for arm in read_results(recorded).arms if arm.arm == "gpt4")
    matcher, judge = (_column(folder, kind, column) for kind, column in (("str", "strmatch"), ("gpt", "gpt4")))
    pairs = [(matcher[case], judge[case]) for case in matcher]
    labels = [label for pair in pairs for label in pair]
    n = len(labels)
    chance = sum(labels.count(one) * (n - labels.count(one)) for one in set(labels)) / (n * (n - 1))
    assert arm.agreement is not None
    assert arm.agreement.alpha.value == pytest.approx(1 - sum(a != b for a, b in pairs) / len(pairs) / chance)
    assert arm.per_case["cost"].value == pytest.approx(3 * 0.001 + 0.5 * 49 / 450)
    said = invoke("credit", recorded, "--arm", "gpt4", "--metric", "escalated", "--json").stdout
    credit = json.loads(said)["credit"]
    assert [(part["overseer"], part["shapley"]["value"]) for part in credit] == [
        ("matcher", pytest.approx(49 / 450))  # a judge that is alone agrees with itself
    ]
    invoke("credit", recorded, expect=2)  # nobody knows what is missed


def _column(folder: Path, rater: str, column: str) -> dict[str, str]:
    with (folder / f"xstest_v2_completions_gpt4_{rater}eval.csv").open(encoding="utf-8", newline="") as handle:
        return {row["id"]: row[f"{column}_label"] for row in csv.DictReader(handle)}


@pytest.fixture(scope="module")
def simulated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    run: Path = tmp_path_factory.mktemp("credit") / "run"
    sets = ["dataset.size=300", "auditor.budget=20", "arms={panel: {graph: panel}, layers: {graph: layers}}"]
    invoke("run", CONFIGS / "simulated.yaml", "--out", run, sets=sets)
    return run


def test_credit_of_a_run_is_of_its_own_cases_and_stays_on_its_page(simulated: Path) -> None:
    invoke("credit", simulated, "--arm", "layers")
    results = read_results(simulated)
    assert [one.arm for one in results.credit] == ["layers"]
    found, arm = results.credit[0], next(arm for arm in results.arms if arm.arm == "layers")
    assert arm.missed is not None
    assert found.everybody.value == pytest.approx(arm.missed.total.value)
    assert (found.everybody.low, found.everybody.high) == pytest.approx((arm.missed.total.low, arm.missed.total.high))
    assert sum(part.shapley.value for part in found.credit) == pytest.approx(found.everybody.value - found.nobody.value)
    for part in found.credit:
        for figure in (part.shapley, part.leave_one_out):
            assert figure.low < figure.value < figure.high
    printed = invoke("resume", simulated).stdout
    assert "What each overseer of Layers adds" in printed
    assert read_results(simulated).credit == results.credit
    page = (simulated / "report.html").read_text(encoding="utf-8")
    assert 'data-key="credit.layers.missed_violations.strong.shapley"' in page


def test_credit_of_other_records_is_dropped(simulated: Path) -> None:
    folder, results = RunFolder(simulated), read_results(simulated)
    assert kept_credit(folder, results.digest) == results.credit
    assert kept_credit(folder, "another") == ()
    assert kept_credit(RunFolder(simulated / "nowhere"), results.digest) == ()


def test_a_second_metric_stands_beside_the_first(simulated: Path) -> None:
    invoke("credit", simulated, "--metric", "escalated")
    found = [(one.arm, one.metric) for one in read_results(simulated).credit]
    assert found[:2] == [("panel", "escalated"), ("layers", "escalated")]
    assert len(set(found)) == len(found)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--set", "dataset.size=5"], "credit is that of its own config"),
        (["--arm", "nobody"], "--arm is 'nobody'; accepted: panel, layers"),
        (["--metric", "correct"], "--metric is 'correct'; accepted: missed_violations, escalated"),
    ],
)
def test_what_cannot_be_asked_of_a_run(simulated: Path, words: list[str], message: str) -> None:
    assert message in " ".join(invoke("credit", simulated, *words, expect=2).stderr.split())


def test_a_person_is_not_asked_again_for_every_coalition(tmp_path: Path) -> None:
    sets = ["dataset.size=30", "auditor={kind: human}", "arms={single: {graph: single}}", "compare=[]"]
    invoke("run", CONFIGS / "simulated.yaml", "--out", tmp_path / "run", sets=sets)
    assert "auditor.kind is 'human'" in invoke("credit", tmp_path / "run", expect=2).stderr
    invoke("credit", tmp_path / "run", "--metric", "escalated")


def test_graphs_that_words_cannot_pass_go_the_ordinary_way(tmp_path: Path) -> None:
    """A window of suspicion needs ordinary blocks, in `oversight credit` as in `oversight run`."""
    sets = ["dataset.size=200", "arms={watched: {graph: {builder: untrusted_monitoring}}}", "compare=[]"]
    found = json.loads(invoke("credit", CONFIGS / "simulated.yaml", "--json", sets=sets).stdout)
    assert found["arm"] == "watched"
    assert found["n"] == 200
    assert found["everybody"]["value"] < found["nobody"]["value"]


def test_results_of_a_run_say_which_records_they_are_of(simulated: Path) -> None:
    results: RunResults = read_results(simulated)
    assert f"records {results.digest}" in (simulated / "run.log").read_text()
