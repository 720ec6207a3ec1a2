"""Constitutions: the shipped ones, their arrays, and one exact line for every mistake a person can make."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from constitutions.constitution import Constitution, load_constitution, shipped
from constitutions.errors import InputError
from constitutions.principle import draw_phrasing

TWO_PRINCIPLES = """\
name: house
version: "1"
principles:
  - id: privacy
    statement: Keep secrets.
    critique_requests: [Name the secret.]
    revision_requests: [Leave the secret out.]
  - id: law
    statement: Keep the law.
    critique_requests: [Name the law.]
    revision_requests: [Stay within the law.]
"""

ACCEPTED_KEYS = (
    "id, statement, purpose, category, priority, weight, severity_scale, severity, "
    "critique_requests, revision_requests, examples, applies_when"
)


def complaint(path: Path, text: str) -> str:
    """What is said about `text` in a file, with the folder taken off."""
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InputError) as caught:
        load_constitution(path)
    return str(caught.value).replace(f"{path.parent}/", "")


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("weight: .nan", "weight: nan is not accepted; expected a finite number > 0"),
        ("weight: .inf", "weight: inf is not accepted; expected a finite number > 0"),
        ("weight: 0", "weight: 0 is not accepted; expected a finite number > 0"),
        ('weight: "2"', "weight: '2' is not accepted; expected a number"),
        ("weight: true", "weight: True is not accepted; expected a number"),
        ("priority: 0", "priority: 0 is not accepted; expected a number >= 1"),
        ("priority: 1.5", "priority: 1.5 is not accepted; expected a whole number"),
        ("severity: 1.5", "severity: 1.5 is not accepted; expected a number from 0 to 1"),
        (
            "severity_scale: {mild: 0.5, bad: 0.2}",
            "severity_scale: severities [0.5, 0.2] do not ascend; expected the mildest first",
        ),
        ("category: 3", "category: 3 is not accepted; expected text (put it in quotes)"),
        ("examples: {a: 1}", "examples: a mapping is not accepted; expected a list"),
        (
            "examples: [{request: a, response: b, violates: 1}]",
            "examples[0].violates: 1 is not accepted; expected true or false",
        ),
        ("statement: again", "statement: duplicate key; first given at house.yaml:9"),
        (
            "applies_when: {field: regio, op: eq, value: north}",
            "applies_when: no field 'regio'; accepted: region, role, tags; did you mean 'region'?",
        ),
        (
            "applies_when: {field: tags, op: eq, value: north}",
            "applies_when: field 'tags' is a set of tags: op 'eq' is not accepted; accepted: contains",
        ),
        (
            "applies_when: {all: [{not: {not: {field: region, op: eq}}}]}",
            "applies_when.all[0].not.not.value: this key is missing",
        ),
        ("applies_when: {any: []}", "applies_when.any: an empty list is not accepted; expected at least 1 in it"),
        ("applies_when: {field: region, op: in, value: north}", "applies_when.value: op 'in' takes a list"),
    ],
)
def test_a_bad_value_is_named_with_file_line_and_key(tmp_path: Path, line: str, expected: str) -> None:
    said = complaint(tmp_path / "house.yaml", f"{TWO_PRINCIPLES}    {line}\n")
    assert said == f"house.yaml:12: principles[1].{expected}"


@pytest.mark.parametrize("where", ["wieght: 1", "applies_when: {all: [{field: region, op: eq, value: a}], wieght: 1}"])
def test_an_unknown_key_is_named_with_the_accepted_ones(tmp_path: Path, where: str) -> None:
    said = complaint(tmp_path / "house.yaml", f"{TWO_PRINCIPLES}    {where}\n")
    inside = "principles[1].applies_when" if "applies_when" in where else "principles[1]"
    assert said.startswith(f"house.yaml:12: {inside}: unknown key 'wieght'; accepted: ")
    if inside == "principles[1]":
        assert said.endswith(f"{ACCEPTED_KEYS}; did you mean 'weight'?")


def test_a_duplicate_id_is_named_where_it_stands_the_second_time(tmp_path: Path) -> None:
    said = complaint(tmp_path / "house.yaml", TWO_PRINCIPLES.replace("id: law", "id: privacy"))
    assert said == "house.yaml:8: principles[1].id: duplicate id 'privacy'; principles[0] has it already"


def test_an_empty_statement_is_refused(tmp_path: Path) -> None:
    said = complaint(tmp_path / "house.yaml", TWO_PRINCIPLES.replace("Keep the law.", '"  "'))
    assert said == "house.yaml:9: principles[1].statement: '  ' is not accepted; expected text that is not empty"


def test_a_version_that_yaml_reads_as_a_number_is_told_to_be_quoted(tmp_path: Path) -> None:
    said = complaint(tmp_path / "house.yaml", TWO_PRINCIPLES.replace('"1"', "1.10"))
    assert said == "house.yaml:2: version: 1.1 is not accepted; expected text (put it in quotes)"


def test_a_name_that_is_neither_shipped_nor_a_file_is_answered_with_the_shipped_ones() -> None:
    with pytest.raises(InputError, match=r"no constitution 'generol'; accepted: general, .*did you mean 'general'\?"):
        load_constitution("generol")


@pytest.mark.parametrize(("name", "count"), [("general", 7), ("harmlessness", 16), ("microworld", 7)])
def test_shipped_constitutions_load_and_are_worded_several_ways(name: str, count: int) -> None:
    constitution = load_constitution(name)
    assert name in shipped()
    assert constitution.name == name
    assert len(constitution.principles) == count
    for principle in constitution.principles:
        assert len(set(principle.critique_requests)) >= 2
        assert len(set(principle.revision_requests)) >= 2


@pytest.fixture
def house(tmp_path: Path) -> Constitution:
    path = tmp_path / "house.yaml"
    path.write_text(
        TWO_PRINCIPLES + "    applies_when: {field: region, op: in, value: [north, east]}\n", encoding="utf-8"
    )
    return load_constitution(path)


def test_a_principle_applies_only_where_its_condition_holds(house: Constitution) -> None:
    applies_NP = house.applicable({"region": np.array(["north", "south", "east"])})
    assert applies_NP.tolist() == [[True, True], [True, False], [True, True]]


def test_a_subset_keeps_the_constitutions_own_order(house: Constitution) -> None:
    assert house.subset(["law", "privacy"]).ids == ("privacy", "law")
    assert house.subset(["law"]).ids == ("law",)
    with pytest.raises(InputError, match=r"no principle 'lae' in 'house'; accepted: privacy, law; did you mean 'law'"):
        house.subset(["lae"])


def test_the_text_numbers_the_statements_below_the_preamble(house: Constitution) -> None:
    assert house.text() == "1. Keep secrets.\n2. Keep the law."
    assert house.model_copy(update={"preamble": "Be kind."}).text().startswith("Be kind.\n\n1. Keep secrets.")


def test_a_severity_is_named_by_the_strongest_degree_it_reaches(house: Constitution) -> None:
    principle = house.principles[0]
    assert [principle.severity_name(s) for s in (0.0, 0.5, 0.74, 1.0)] == ["minor", "moderate", "moderate", "severe"]


def test_each_phrasing_is_drawn_equally_often() -> None:
    uniform_N = (np.arange(9000) + 0.5) / 9000
    assert np.bincount(draw_phrasing(3, uniform_N)).tolist() == [3000, 3000, 3000]
    assert draw_phrasing(7, np.array([0.0, np.nextafter(1.0, 0.0)])).tolist() == [0, 6]
    with pytest.raises(ValueError, match="at least one phrasing"):
        draw_phrasing(0, uniform_N)
