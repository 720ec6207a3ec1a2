"""Strict configuration: broken files, overrides, and what a schema of nested models says of its keys."""

from __future__ import annotations

import math
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
from pydantic import Field, field_validator

from constitutions.errors import InputError
from constitutions.files import read_text
from constitutions.strict import Strict
from constitutions.validation import load_model, validate
from constitutions.yaml_source import Document, apply_overrides, load_yaml, parse_yaml


class Colour(StrEnum):
    RED = "red"
    GREEN = "green"


class Dog(Strict):
    kind: Literal["dog"]
    tricks: tuple[str, ...] = ()


class Fish(Strict):
    kind: Literal["fish"]
    litres: float = 1.0


Pet = Annotated[Dog | Fish, Field(discriminator="kind")]


class Dose(Strict):
    """Numbers with two ends."""

    share: float = Field(0.5, ge=0, le=1)
    correlation: Annotated[float, Field(ge=0, lt=1)] = 0.0
    level: float | None = Field(None, gt=0, lt=1)
    rounds: tuple[Annotated[int, Field(ge=1, le=9)], ...] = ()


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"share": 1.5}, "share: 1.5 is not accepted; expected a number from 0 to 1"),
        ({"share": -0.1}, "share: -0.1 is not accepted; expected a number from 0 to 1"),
        ({"correlation": 1.0}, "correlation: 1.0 is not accepted; expected a number from 0 to 1, 1 itself excluded"),
        ({"level": 0.0}, "expected a number from 0 to 1, 0 itself excluded, 1 itself excluded"),
        ({"rounds": [3, 10]}, "rounds[1]: 10 is not accepted; expected a number from 1 to 9"),
        ({"share": math.nan}, "share: nan is not accepted; expected a finite number"),
        ({"rounds": [True]}, "rounds[0]: True is not accepted; expected a whole number"),
    ],
)
def test_a_number_out_of_a_range_is_answered_with_both_ends(value: dict[str, Any], expected: str) -> None:
    with pytest.raises(InputError) as caught:
        validate(Document("dose.yaml", value), Dose)
    assert expected in str(caught.value)


def test_the_ends_of_a_range_are_in_it() -> None:
    ends = {"share": 1.0, "correlation": 0.0, "level": 0.999, "rounds": [1, 9]}
    assert validate(Document("dose.yaml", ends), Dose).rounds == (1, 9)


class Home(Strict):
    pets: list[Pet] = Field(default_factory=list)
    colours: dict[str, Colour] = Field(default_factory=dict)
    budget: int | None = None
    share: float = 0.5
    plan: Path | None = None
    guest: Pet | None = None
    names: tuple[str, ...] = ()

    @field_validator("names", mode="before")
    @classmethod
    def _one_name_is_a_list(cls, raw: Any) -> Any:
        return [raw] if isinstance(raw, str) else raw


def said(text: str, overrides: tuple[str, ...] = ()) -> str:
    with pytest.raises(InputError) as caught:
        validate(apply_overrides(parse_yaml(text, "home.yaml"), overrides), Home)
    return str(caught.value)


def read(text: str, overrides: tuple[str, ...] = ()) -> Home:
    return validate(apply_overrides(parse_yaml(text, "home.yaml"), overrides), Home)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", "home.yaml: the file is empty; expected a mapping of keys"),
        (b"# nothing\n", "home.yaml: the file is empty; expected a mapping of keys"),
        (b"budget: 1\nnote: caf\xe9\n", "home.yaml:2: byte 0xe9 is not UTF-8; expected UTF-8 text"),
        (b"budget: 1\nshare: \x07\n", "home.yaml:2: character 7 is not accepted in YAML"),
        (b"budget: 1\nbudget: 2\n", "home.yaml:2: budget: duplicate key; first given at home.yaml:1"),
        (b"budget: 1: 2\n", "home.yaml:1: not valid YAML: mapping values are not allowed here"),
        (b"budget: 1\n---\nbudget: 2\n", "home.yaml:2: not valid YAML: expected a single document in the stream, but"),
        (b"names: &a [*a]\n", "home.yaml:1: names[0]: refers to itself"),
        (b"[1]: 2\n", "home.yaml:1: keys must be text"),
        (b"plan: !!python/name:os.system\n", "home.yaml:1: plan: tag 'tag:yaml.org,2002:python/name:os.system' is not"),
        (b"a: " + b"[" * 5000, "home.yaml: nested too deeply to be read"),
    ],
)
def test_a_broken_file_is_told_in_one_line(tmp_path: Path, content: bytes, expected: str) -> None:
    path = tmp_path / "home.yaml"
    path.write_bytes(content)
    with pytest.raises(InputError) as caught:
        load_yaml(path)
    assert str(caught.value).replace(f"{tmp_path}/", "").startswith(expected)
    assert "\n" not in str(caught.value)


def test_a_missing_file_and_a_folder_are_told_apart(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"absent\.yaml: no such file; expected the path of an existing file"):
        load_model(tmp_path / "absent.yaml", Home)
    with pytest.raises(InputError, match="is a folder; expected the path of a file"):
        read_text(tmp_path)


def test_scalars_are_read_as_yaml_1_2_reads_them() -> None:
    data = parse_yaml("{a: no, b: 1e-3, c: 0x1F, d: 12:30, e: 010, f: ~, g: True, h: -.inf, i: .5}", "x").data
    assert data.pop("h") == -math.inf
    assert data == {"a": "no", "b": 0.001, "c": "0x1F", "d": "12:30", "e": 10, "f": None, "g": True, "i": 0.5}


def test_lists_become_tuples_and_text_becomes_enums_and_paths() -> None:
    home = read("pets: [{kind: dog, tricks: [sit]}]\ncolours: {door: red}\nplan: a/b\nnames: ana\nshare: 1")
    assert home.pets == [Dog(kind="dog", tricks=("sit",))]
    assert home.colours == {"door": Colour.RED}
    assert (home.plan, home.names, home.share) == (Path("a/b"), ("ana",), 1.0)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("budget: '2'", "home.yaml:1: budget: '2' is not accepted; expected a whole number"),
        ("share: true", "home.yaml:1: share: True is not accepted; expected a number"),
        ("share: .nan", "home.yaml:1: share: nan is not accepted; expected a finite number"),
        ("[1, 2]", "home.yaml:1: a list is not accepted; expected a mapping of keys to values"),
        (
            "colours:\n  door: gren",
            "home.yaml:2: colours.door: 'gren' is not accepted; expected 'red' or 'green'; did you mean 'green'?",
        ),
        ("pets:\n- kind: cat", "home.yaml:2: pets[0]: 'cat' is not accepted; expected one of 'dog', 'fish'"),
        (
            "pets:\n- tricks: []",
            "home.yaml:2: pets[0]: the key 'kind' is missing, which says what kind this is",
        ),
        ("pets:\n- kind: dog\n  litres: 3", "home.yaml:3: pets[0]: unknown key 'litres'; accepted: kind, tricks"),
        (
            "guest:\n  kind: fish\n  liters: 3",
            "home.yaml:3: guest: unknown key 'liters'; accepted: kind, litres; did you mean 'litres'?",
        ),
        ("budget: 1.5\nshare: x", "home.yaml:1: budget: 1.5 is not accepted; expected a whole number (and 1 more)"),
    ],
)
def test_what_does_not_fit_the_schema_is_told_with_what_would(text: str, expected: str) -> None:
    assert said(text) == expected


def test_overrides_replace_add_and_count_from_zero() -> None:
    text = "budget: 1\npets: [{kind: dog}, {kind: fish}]\n"
    home = read(text, ("budget=40", "pets.1.litres=2.5", "colours.door=green", "names=[ana, bo]", "plan=null"))
    assert home == Home(
        budget=40,
        pets=[Dog(kind="dog"), Fish(kind="fish", litres=2.5)],
        colours={"door": Colour.GREEN},
        names=("ana", "bo"),
    )


def test_an_override_leaves_the_document_it_was_put_on_alone() -> None:
    document = parse_yaml("pets: [{kind: dog}]", "home.yaml")
    apply_overrides(document, ["pets.0.kind=fish"])
    assert document.data == {"pets": [{"kind": "dog"}]}


@pytest.mark.parametrize(
    ("override", "expected"),
    [
        (
            "budgt=1",
            "--set budgt=1: unknown key 'budgt'; accepted: pets, colours, budget, share, plan, guest, names; did",
        ),
        ("budget=x", "--set budget=x: budget: 'x' is not accepted; expected a whole number"),
        ("pets.1.kind=dog", "--set pets.1.kind=dog: pets is a list, '1' is not in it; accepted: a number from 0 to 0"),
        ("pets.kind=dog", "--set pets.kind=dog: pets is a list, 'kind' is not in it; accepted: a number from 0 to 0"),
        ("budget.x=1", "--set budget.x=1: budget is 1, which has no keys below it"),
        ("budget", "--set budget: expected key.sub=value, for example --set audit.budget=40"),
        ("a..b=1", "--set a..b=1: expected key.sub=value, for example --set audit.budget=40"),
        ("names=[", "--set names=[:1: not valid YAML"),
    ],
)
def test_an_override_that_does_not_fit_is_named_as_such(override: str, expected: str) -> None:
    assert said("budget: 1\npets: [{kind: dog}]", (override,)).startswith(expected)


def test_a_document_made_in_python_is_checked_the_same_way() -> None:
    with pytest.raises(InputError, match=r"^notebook: budget: 'x' is not accepted; expected a whole number$"):
        validate(Document("notebook", {"budget": "x"}), Home)


def test_reading_a_text_again_is_not_changed_by_overrides(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_text("outer: {inner: 1}\nlist: [1, 2]\n", encoding="utf-8")
    changed = load_yaml(path, ["outer.inner=5", "list.0=7"])
    assert (changed.data["outer"]["inner"], changed.data["list"]) == (5, [7, 2])
    assert load_yaml(path).data == {"outer": {"inner": 1}, "list": [1, 2]}
