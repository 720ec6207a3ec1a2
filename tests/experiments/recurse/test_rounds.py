"""The configs of rounds: who plays, which seeds, which prompts."""

from __future__ import annotations

from pathlib import Path

import pytest

from agents.spec import TransformersSpec
from constitutions.errors import InputError
from experiments.config import ExperimentSpec, WorldData
from experiments.recurse.rounds import Crew, Rounds
from experiments.recurse.spec import RecurseSpec, load_recurse
from tests.experiments.commands import CONFIGS

RECURSE = sorted((CONFIGS / "recurse").glob("*.yaml"))
NEW = Crew(Path("/new/base"), {"critic": Path("/new/critic")})


def weights(spec: ExperimentSpec, arm: str, agent: str) -> str:
    """The path of the weights that an agent of an arm plays with, as the run resolves it."""
    model = {**spec.agents, **spec.arms[arm].agents}[agent].model
    assert isinstance(model, TransformersSpec)
    return model.path


@pytest.fixture(scope="module")
def policy() -> RecurseSpec:
    return load_recurse(CONFIGS / "recurse" / "policy.yaml")


@pytest.mark.parametrize("path", RECURSE, ids=lambda path: path.stem)
def test_every_shipped_recursion_is_whole(path: Path, tmp_path: Path) -> None:
    spec = load_recurse(path)
    for arm in spec.run.arms:
        rounds = Rounds(spec, arm, tmp_path)
        crew = rounds.first()
        assert crew.base.is_dir()
        for made in (rounds.run(1, crew), rounds.evaluation(0, crew)):
            # What is written into a run directory is read back as what was meant.
            assert ExperimentSpec.model_validate(made.model_dump(by_alias=True)) == made


def test_on_policy_the_newest_base_writes_and_off_policy_it_only_learns(policy: RecurseSpec, tmp_path: Path) -> None:
    own, first = (Rounds(policy, arm, tmp_path).run(2, NEW) for arm in ("own", "first"))
    for spec, arm, writes in ((own, "own", "/new/base"), (first, "first", "world:base")):
        assert weights(spec, arm, "base") == writes
        assert weights(spec, arm, "reviser") == writes
        learner = spec.agents["base"].model
        assert isinstance(learner, TransformersSpec)
        assert learner.path == "/new/base"


def test_a_new_base_is_evaluated_whoever_wrote_what_it_learnt(policy: RecurseSpec, tmp_path: Path) -> None:
    spec = Rounds(policy, "first", tmp_path).evaluation(2, NEW)
    assert weights(spec, "first", "base") == "/new/base"
    assert weights(spec, "first", "reviser") == "world:base"
    assert spec.dataset == WorldData(split="test", size=policy.measure.prompts)
    assert not spec.training
    assert spec.evaluation is None


def test_rounds_have_new_prompts_and_bases_are_evaluated_on_the_same(policy: RecurseSpec, tmp_path: Path) -> None:
    own, first = (Rounds(policy, arm, tmp_path) for arm in ("own", "first"))
    crew = own.first()
    assert len({own.run(number, crew).seed for number in range(1, 6)}) == 5
    assert [own.run(n, crew).seed for n in (1, 2)] == [first.run(n, crew).seed for n in (1, 2)]
    assert own.evaluation(0, crew).seed == own.evaluation(3, crew).seed == first.evaluation(1, crew).seed
    assert len({own.run(n, crew).training[0].train.seed for n in (1, 2, 3)}) == 3


def test_overseers_that_learn_play_with_their_newest_weights(tmp_path: Path) -> None:
    spec = load_recurse(CONFIGS / "recurse" / "learning.yaml")
    rounds = Rounds(spec, "learning", tmp_path)
    assert weights(rounds.run(2, NEW), "learning", "critic") == "/new/critic"
    assert weights(rounds.evaluation(2, NEW), "learning", "critic") == "/new/critic"
    # One that learnt nothing from a round is as it was.
    (tmp_path / "learning" / "round-02" / "overseers" / "monitor").mkdir(parents=True)
    left = rounds.learnt(2, Crew(Path("/new/base"), {"critic": Path("/old/critic"), "monitor": Path("/old/monitor")}))
    assert left.overseers["critic"] == Path("/old/critic")
    assert left.overseers["monitor"] == (tmp_path / "learning" / "round-02" / "overseers" / "monitor").resolve()
    assert left.base == (tmp_path / "learning" / "round-02" / "checkpoints" / "learning-sft").resolve()


def test_a_base_that_learnt_from_rationales_is_asked_with_empty_tags(tmp_path: Path) -> None:
    spec = load_recurse(CONFIGS / "recurse" / "rationale.yaml")
    rounds = Rounds(spec, "guided_3", tmp_path)
    first = rounds.first()
    after = rounds.learnt(1, first)
    for made, prefix in (
        (rounds.run(1, first), ""),
        (rounds.evaluation(0, first), ""),
        (rounds.evaluation(1, after), "critique answer"),
        (rounds.run(2, after), "critique answer"),
    ):
        model = made.arms["guided_3"].agents["base"].model
        assert isinstance(model, TransformersSpec)
        assert model.prefix == prefix


def test_a_smaller_share_of_the_cases_is_part_of_a_larger() -> None:
    arms = load_recurse(CONFIGS / "recurse" / "rationale.yaml")
    cases = [f"case-{n}" for n in range(3000)]
    all_, third, tenth = (
        {case for case in cases if arms.training(arm)[0].learns(case)} for arm in ("plain_1", "guided_3", "plain_10")
    )
    assert len(all_) == len(cases)
    assert tenth < third < all_
    assert len(third) / len(cases) == pytest.approx(1 / 3, abs=0.03)
    assert len(tenth) / len(cases) == pytest.approx(1 / 10, abs=0.02)


def test_matched_arms_see_as_many_answers_after_empty_tags_as_plain_ones_see_answers() -> None:
    """Half of the rows with reasons begin with empty tags, so that twice the steps of equal size are needed."""
    arms = load_recurse(CONFIGS / "recurse" / "rationale.yaml")
    for share in ("1", "3", "10"):
        (plain,), (matched,) = (arms.training(f"{name}_{share}") for name in ("plain", "matched"))
        assert (plain.data, matched.data, matched.share) == ("sft", "rationales", plain.share)
        assert plain.train.max_steps is not None
        assert matched.train == plain.train.model_copy(update={"max_steps": 2 * plain.train.max_steps})


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ("run.auditor={kind: human}", "arm 'own' would wait for a person"),
        ("run.training=[]", "a round needs `training` and `evaluation`"),
        ("run.dataset={kind: simulated}", "kind: world"),
        ("arms={other: {learn: [critic]}}", "'other' is no arm; accepted: own, first"),
        ("arms={own: {learn: [critics]}}", "'critics' is no agent with weights"),
        ("compare=[{a: own, b: third, metric: correct}]", "'third' is no arm"),
        ("rounds=0", "rounds"),
    ],
)
def test_a_config_that_cannot_go_round_is_refused(change: str, words: str) -> None:
    with pytest.raises(InputError, match=words):
        load_recurse(CONFIGS / "recurse" / "policy.yaml", [change])


def test_the_weights_of_the_first_base_are_missed_before_anything_is_written(
    policy: RecurseSpec, tmp_path: Path
) -> None:
    base = policy.run.agents["base"]
    gone = base.model_copy(update={"model": base.model.model_copy(update={"path": str(tmp_path / "none")})})
    spec = policy.model_copy(
        update={"run": policy.run.model_copy(update={"agents": {**policy.run.agents, "base": gone}})}
    )
    with pytest.raises(InputError, match="is no folder; expected a checkpoint"):
        Rounds(spec, "own", tmp_path / "run").first()
    assert not (tmp_path / "run").exists()
