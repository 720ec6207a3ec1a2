"""The recipe: it runs from nothing, repeats itself, and its checkpoints are ordinary Hugging Face models."""

from __future__ import annotations

from pathlib import Path

import pytest

from constitutions.errors import InputError
from experiments.world.recipe import Progress, train_world
from experiments.world.roster import ROSTER


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[Path], list[Progress]]:
    seen: list[Progress] = []
    folder = tmp_path_factory.mktemp("world")
    return train_world(folder, ["critic_a", "judge"], steps_scale=0.003, progress=seen.append), seen


def test_a_shortened_recipe_makes_loadable_models(trained: tuple[list[Path], list[Progress]]) -> None:
    from transformers import AutoModelForCausalLM, AutoTokenizer

    folders, seen = trained
    assert [folder.name for folder in folders] == ["critic_a", "judge"]
    for folder in folders:
        made = AutoModelForCausalLM.from_pretrained(folder, dtype="float32")
        assert made.config.vocab_size == len(AutoTokenizer.from_pretrained(folder))
    assert {step.name for step in seen} == {"critic_a", "judge"}
    assert all(step.loss > 0 for step in seen)


def test_the_same_seed_gives_the_same_weights(trained: tuple[list[Path], list[Progress]], tmp_path: Path) -> None:
    (again,) = train_world(tmp_path, ["critic_a"], steps_scale=0.003)
    assert (again / "model.safetensors").read_bytes() == (trained[0][0] / "model.safetensors").read_bytes()


def test_relatives_share_their_data_and_strangers_do_not() -> None:
    a, b, d = (ROSTER[name] for name in ("critic_a", "critic_b", "critic_d"))
    assert (a.draw, a.data_seed) != (d.draw, d.data_seed)
    assert a.data_seed == b.data_seed
    assert a.seed != b.seed


def test_an_unknown_model_is_a_clear_mistake(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="critic_strong"):
        train_world(tmp_path, ["critic_z"])
    assert not list(tmp_path.iterdir())


def test_the_reader_repeats_itself_on_one_thread_and_shares_its_embeddings(tmp_path: Path) -> None:
    """Its recipe is one sitting: the same bytes whatever number of threads the caller has, who keeps it."""
    import torch
    from transformers import AutoModelForCausalLM

    before = torch.get_num_threads()
    made = []
    try:
        for threads in (1, 2):
            torch.set_num_threads(threads)
            (folder,) = train_world(tmp_path / str(threads), ["reader"], steps_scale=0.004)
            assert torch.get_num_threads() == threads
            made.append((folder / "model.safetensors").read_bytes())
    finally:
        torch.set_num_threads(before)
    assert made[0] == made[1]
    reader = AutoModelForCausalLM.from_pretrained(folder, dtype="float32")
    assert reader.model.embed_tokens.weight is reader.lm_head.weight


def test_lessons_come_in_order() -> None:
    from experiments.world.reading import conversation, early_sample, reading_sample

    reader = ROSTER["reader"]
    assert [reader.lesson(share) for share in (0.0, 0.2, 0.8)] == [early_sample, reading_sample, conversation]
    assert ROSTER["base"].lesson(0.0) is ROSTER["base"].draw
