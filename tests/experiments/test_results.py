"""Results survive writing and reading exactly, and a reader never finds half a file."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from agents.figures import Proportion
from constitutions.errors import InputError
from experiments.results.figures import Difference
from experiments.results.labels import LabelRates
from experiments.results.run import RunResults, read_results, write_results
from experiments.statistics import compare, proportion


def _results() -> RunResults:
    comparison = compare("panel against layers", ("panel", "layers"), "missed_violations", [1, 0, 1, 1], [0, 0, 1, 0])
    return RunResults(
        name="demo",
        question="Which?",
        seed=7,
        command="oversight run demo.yaml",
        config_yaml="seed: 7\n",
        versions={"python": "3.11"},
        started="2026-01-01T00:00:00+00:00",
        seconds=1 / 3,
        comparisons=(comparison,),
        label_rates=(LabelRates(model="m", source="human", prompts="safe", rates={"refusal": proportion(1, 3)}),),
        notes=("zero\u200bwidth",),
    )


def test_round_trip_is_exact(tmp_path):
    results = _results()
    write_results(results, tmp_path)
    assert read_results(tmp_path) == results
    assert read_results(tmp_path).model_dump_json() == results.model_dump_json()


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch):
    path = write_results(_results(), tmp_path)
    old = path.read_bytes()

    def full_disk(*_):
        raise OSError("no space left on device")

    monkeypatch.setattr("os.fsync", full_disk)
    with pytest.raises(OSError, match="no space"):
        write_results(_results().model_copy(update={"name": "other"}), tmp_path)
    assert path.read_bytes() == old
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


def test_records_are_frozen_and_refuse_unknown_keys_and_nan():
    with pytest.raises(ValidationError):
        _results().seed = 8
    with pytest.raises(ValidationError):
        Difference(value=float("nan"), low=None, high=None)
    with pytest.raises(ValidationError):
        Proportion(count=0, n=0, low=0, high=1, share=0)


def test_a_folder_without_results_is_the_users_mistake(tmp_path):
    with pytest.raises(InputError, match=r"no results\.json here; give the directory of a finished run"):
        read_results(tmp_path)


@pytest.mark.parametrize("text", ["{", '{"name": 1}', "[]"])
def test_results_of_another_version_are_named_in_one_line(tmp_path, text):
    (tmp_path / "results.json").write_text(text)
    with pytest.raises(InputError, match=r"results\.json: ") as caught:
        read_results(tmp_path)
    assert "\n" not in str(caught.value)


def test_bytes_that_are_not_utf8_are_the_users_mistake(tmp_path):
    (tmp_path / "results.json").write_bytes(b'{"name": "\xff"}')
    with pytest.raises(InputError, match="not UTF-8"):
        read_results(tmp_path)
