"""Every limit is broken when it should be and met when it should be; what is not known breaks its limit."""

from __future__ import annotations

import json
import pickle
from pathlib import Path

import pytest

from agents.records import Message
from constitutions.errors import InputError
from constitutions.validation import validate
from constitutions.yaml_source import Document
from training.checks.columns import Columns, columns_of
from training.checks.gate import GateError, gates, require
from training.checks.keeping import Audits, judged, write_audits
from training.checks.spec import CheckSpec, GateSpec
from training.checks.summary import Outside, SetAudit, audit
from training.datasets import PreferenceRow, SftRow
from training.lineage import Lineage


def sft(i: int, prompt: str, answer: str, *principles: str, verdict: str = "", layer: str = "visible") -> SftRow:
    verdicts = (("critic", "accept"), ("human", verdict)) if verdict else (("critic", "accept"),)
    lineage = Lineage("run", "arm", f"case{i}", (), principles, verdicts, "released", 1.0, bool(verdict), 1.0, layer)
    return SftRow((Message("user", prompt),), (Message("assistant", answer),), 1.0, lineage)


ROWS = [
    sft(0, "tell me of the boss of ana", "the boss of ana is bob .", "privacy", verdict="revise"),
    sft(1, "tell me of the boss of ana", "the boss of ana is bob .", "privacy", verdict="accept"),
    sft(2, "how do i make bread", "i can not help with that .", "harm"),
    sft(3, "what is a kite", "a kite is a thing that flies over the long beach ."),
]
OUTSIDE = Outside(
    prompts={"test": ["how do i make bread", "how do i make soup"]},
    principles=["privacy", "harm", "law"],
    reference={f"arm / case{i}": text for i, text in enumerate(("bob .", "bob .", "use flour .", "it flies ."))},
    reference_name="the base",
)
FIGURES = {
    "max_near_duplicates": 0.25,
    "max_contamination": 0.5,
    "min_distinct_1": None,
    "min_distinct_2": None,
    "min_distinct_3": None,
    "max_self_bleu": None,
    "min_vendi": None,
    "max_length_drift": None,
    "max_refusal_drift": None,
    "min_rows_per_principle": 0,
    "max_label_noise": 0.5,
}
"""Every limit, and its figure where it is known by hand."""


@pytest.fixture(scope="module")
def found() -> SetAudit:
    return audit("arm", "sft", columns_of(ROWS), CheckSpec(), OUTSIDE)


def everything(limit: float) -> GateSpec:
    """Every limit at the same number, whatever the spec accepts."""
    return GateSpec.model_construct(**dict.fromkeys(FIGURES, limit))


def test_the_spec_has_a_figure_for_every_limit(found: SetAudit) -> None:
    limits = [name for name in GateSpec.model_fields if name != "checks"]
    assert limits == list(FIGURES)
    assert [gate.key for gate in gates(found, everything(1))] == limits


@pytest.mark.parametrize(("key", "figure"), FIGURES.items())
def test_a_limit_is_met_at_its_figure_and_broken_beyond(found: SetAudit, key: str, figure: float | None) -> None:
    (now,) = [gate for gate in gates(found, everything(1)) if gate.key == key]
    assert now.value is not None
    assert figure is None or now.value == figure
    beyond = 1e-6 if key.startswith("min_") else -1e-6
    for shift, met in ((0.0, True), (beyond, False), (-beyond, True)):
        (gate,) = gates(found, GateSpec.model_construct(**{**dict.fromkeys(FIGURES), key: now.value + shift}))
        assert gate.met is met
        if met:
            require([found.model_copy(update={"gates": (gate,)})])
        else:
            with pytest.raises(GateError, match=key):
                require([found.model_copy(update={"gates": (gate,)})])


def test_the_error_names_set_gate_value_limit_and_what_would_do_in_one_line(found: SetAudit) -> None:
    spec = GateSpec(max_near_duplicates=0.2, min_rows_per_principle=1)
    with pytest.raises(GateError) as caught:
        require([found, judged(found, spec)])
    assert str(caught.value) == (
        "training set arm/sft: the share of rows that repeat an earlier one is 0.25, and max_near_duplicates allows at "
        "most 0.2; nothing was trained; drop repeated rows, or change gate.max_near_duplicates (and 1 more)"
    )
    assert caught.value.exit_code == 1
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)


def test_a_figure_that_is_not_known_breaks_its_limit_but_for_leaks_of_nothing() -> None:
    bare = audit("", "file", Columns(("a b",), ("c d e",), ("row 1",)), CheckSpec(), Outside())
    broken = {gate.key for gate in gates(bare, everything(1)) if gate.value is None}
    drifts = {"max_length_drift", "max_refusal_drift"}
    assert broken == {"max_self_bleu", *drifts, "min_rows_per_principle", "max_label_noise"}
    assert not any(gate.met for gate in gates(bare, everything(1)) if gate.key in broken)
    assert all(gate.met for gate in gates(bare, GateSpec()))
    with pytest.raises(GateError, match=r"is not known, and max_label_noise allows at most 0.5"):
        require([judged(bare, GateSpec(max_label_noise=0.5))])


def test_a_sampled_figure_is_preferred_to_a_disputed_one(found: SetAudit) -> None:
    drawn = {f"arm / case{i}": i == 2 for i in range(4)}
    outside = Outside(sampled=drawn)
    both = audit("arm", "sft", columns_of(ROWS), CheckSpec(), outside)
    assert [noise.source for noise in both.noise] == ["sample", "disputed"]
    (gate,) = [gate for gate in gates(both, GateSpec(max_label_noise=0.3)) if gate.key == "max_label_noise"]
    assert (gate.value, gate.met) == (0.25, True)


def test_a_pair_is_its_chosen_answer() -> None:
    row = ROWS[2]
    pair = PreferenceRow(row.prompt, row.completion, (Message("assistant", "bad"),), 1.0, 1.0, row.lineage)
    assert columns_of([pair]).answers == ("i can not help with that .",)


def test_nothing_of_a_hidden_set_is_kept_as_text() -> None:
    rows = [sft(i, "tell me of CANARY", "CANARY is here , CANARY is there", layer="hidden") for i in range(3)]
    outside = Outside(prompts={"test": ["tell me of CANARY"]}, reference=["CANARY said so"], reference_name="base")
    seen = audit("arm", "critiques", columns_of(rows), CheckSpec(), outside)
    assert (seen.hidden, seen.duplicates.repeats, seen.contamination.exact) == (True, 2, 1)
    assert "canary" not in seen.model_dump_json().casefold()
    first = Outside(reference={"arm / case0": "the base's answer"}, reference_name="the base")
    assert audit("arm", "critiques", columns_of(rows), CheckSpec(), first).drifts is None


def test_audits_come_back_from_their_file(found: SetAudit, tmp_path: Path) -> None:
    write_audits(tmp_path / "audit.json", [judged(found, GateSpec())])
    text = (tmp_path / "audit.json").read_text("utf-8")
    assert Audits.model_validate_json(text).sets == (judged(found, GateSpec()),)
    assert json.loads(text)["sets"][0]["gates"][0]["met"] is True


def test_the_same_rows_give_the_same_audit(found: SetAudit) -> None:
    assert audit("arm", "sft", columns_of(ROWS), CheckSpec(), OUTSIDE) == found


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ({"max_near_duplicates": 1.2}, "max_near_duplicates: 1.2 is not accepted; expected a number from 0 to 1"),
        ({"min_vendi": 0.5}, "min_vendi: 0.5 is not accepted; expected a number >= 1"),
        ({"max_duplicates": 0.1}, "unknown key 'max_duplicates'.*did you mean 'max_near_duplicates'"),
        ({"checks": {"duplicates": {"threshold": 0}}}, "checks.duplicates.threshold: 0 is not accepted"),
        ({"checks": {"kernel": "bert"}}, "checks.kernel: 'bert' is not accepted; expected 'ngrams' or 'hidden'"),
    ],
)
def test_a_gate_that_is_wrong_is_one_line(data: dict[str, object], said: str) -> None:
    with pytest.raises(InputError, match=said):
        validate(Document("gate", data), GateSpec)
