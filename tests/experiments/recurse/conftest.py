"""A recursion of two rounds on the microworld, in this process, made once for all tests."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from experiments.recurse.results import RecursionResults
from tests.experiments.commands import CONFIGS, invoke

ARM = "learning"
SMALL = {
    "seeds": [],
    "seed": 7,
    "rounds": 3,
    "run.dataset.size": 18,
    "run.training.0.train.max_steps": 6,
    "run.training.0.train.batch_size": 16,
    "run.evaluation.validation": 4,
    "run.evaluation.test": 8,
    "run.auditor.budget": 6,
    "overseers.max_steps": 2,
    "overseers.batch_size": 16,
    "measure.prompts": 20,
    "measure.drawn": 8,
    "measure.budget": 25,
}
TRIPS = {"metric": "kl_exact", "rose": 0.0, "rule": "point", "against": "previous"}
"""A base that learns moves away from the first one in its first round, so this wire trips at once."""


def small(path: Path, **changes: object) -> Path:
    """The shipped config in which overseers learn too, small, without its other arm; `a__b` is the key a.b."""
    config = yaml.safe_load((CONFIGS / "recurse" / "learning.yaml").read_text())
    del config["run"]["arms"]["layers"]
    config["compare"] = []
    for key, value in {**SMALL, **{key.replace("__", "."): value for key, value in changes.items()}}.items():
        *where, last = key.split(".")
        place = config
        for part in where:
            place = place[int(part) if isinstance(place, list) else part]
        place[last] = value
    path.write_text(yaml.safe_dump(config))
    return path


@dataclass(frozen=True)
class Made:
    """A recursion in its folder, with what the command said."""

    config: Path
    folder: Path
    said: str

    @property
    def results(self) -> RecursionResults:
        """As written."""
        return RecursionResults.model_validate_json((self.folder / "results.json").read_text())


@pytest.fixture(scope="session")
def two_rounds(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """Two rounds of layers in which a critic and the safety model learn too."""
    place = tmp_path_factory.mktemp("recurse")
    config = small(place / "small.yaml")
    said = invoke("recurse", config, "--rounds", "2", "--out", place / "run")
    return Made(config, place / "run", said.stdout)
