"""A run that has trained, and people who decide afterwards: what is resumed has learnt what is known now."""

from __future__ import annotations

from pathlib import Path

import pytest

from agents.vocabulary import Verdict
from experiments.audit.run_queue import existing_queue
from experiments.config import StageSpec, load_experiment
from experiments.folder import RunFolder, open_folder
from experiments.run import resume_run, run_experiment
from experiments.stages.trained import folder_for, newest
from hierarchy.audit.decision import Decision
from hierarchy.audit.records import State
from tests.experiments.commands import CONFIGS
from training.config import TrainSpec
from training.output import training_key, write_manifest

SMALL = (
    "execution={executor: local}",
    "arms={single: {graph: single}}",
    "ladder=null",
    "compare=[]",
    "dataset.size=40",
    "auditor={kind: human}",
    "evaluation={agent: base, validation: 4, test: 4}",
    "training=[{name: sft, data: sft, train: {method: sft, max_steps: 2, batch_size: 4}}]",
)


@pytest.mark.slow
def test_a_decision_after_the_training_is_learnt_on_resume(tmp_path: Path) -> None:
    path = tmp_path / "run"
    before = run_experiment(load_experiment(CONFIGS / "demo.yaml", SMALL), path)
    assert before.waiting > 0
    with existing_queue(path) as queue:
        item = queue.list_items("single", State.OPEN)[0]
        queue.decide(item.key, Decision(Verdict.REVISE, "ann", "i can not share that ."), 1.0)
    after = resume_run(path)
    folder = RunFolder(path)
    assert newest(folder.checkpoints, "single", "sft").name == "single-sft.2"
    assert (folder.checkpoints / "single-sft" / "model.safetensors").is_file(), "what came before stays"
    assert [one.rows for one in after.results.training] == [before.results.training[0].rows + 1]
    assert "single-sft learnt from other data" in folder.log.read_text("utf-8")


def test_where_a_training_goes(tmp_path: Path) -> None:
    folder = open_folder(tmp_path / "run", load_experiment(CONFIGS / "demo.yaml", SMALL))
    stage = StageSpec(name="sft", data="sft", train=TrainSpec(method="sft", max_steps=2))
    base, tuned = tmp_path / "base", tmp_path / "tuned"
    for model in (base, tuned):
        model.mkdir()
        (model / "weights").write_text(model.name)

    def place(model: Path = base, first: bool = True, of: StageSpec = stage) -> str:
        return folder_for(folder, "single", of, [], model, first=first).name

    def hold(name: str, data: str | None = None, **other: str) -> None:
        (folder.checkpoints / name).mkdir(parents=True)
        key = training_key(stage.train, [], [], base)
        write_manifest(folder.checkpoints / name, {"key": key | ({"data": data} if data else {}) | other})

    assert place() == "single-sft"
    hold("single-sft")
    assert place() == "single-sft", "the same training goes on where it is"
    assert place(tuned) == "single-sft", "another base is refused there"
    assert place(tuned, first=False) == "single-sft.2", "a later stage follows the stage before it"
    other = stage.model_copy(update={"train": TrainSpec(method="sft", max_steps=3)})
    assert place(of=other) == "single-sft", "another spec is refused there"
    hold("single-sft.2.partial", "what was there for a while")
    assert place() == "single-sft.3", "one that was cut short is not gone on with"
    assert newest(folder.checkpoints, "single", "sft-2").name == "single-sft-2"
