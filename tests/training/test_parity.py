"""Our losses against TRL's own trainers, on the same model and the same rows, without training."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from agents.records import Settlement
from training.batching import Collator, UnpairedCollator, divide
from training.config import TrainSpec
from training.datasets import PreferenceRow, preference_rows, sft_rows
from training.encoding import Encoder
from training.objectives import StepObjective, objective_of
from training.reference import fill_reference
from training.unpaired import encode_unpaired, unpair

Corrected = Callable[[int], list[Settlement]]
ROWS = 6
PLAIN: dict[str, Any] = {
    "report_to": "none",
    "save_strategy": "no",
    "use_cpu": True,
    "bf16": False,
    "gradient_checkpointing": False,
    "per_device_train_batch_size": ROWS,
    "disable_tqdm": True,
}


@pytest.fixture(autouse=True)
def _trl_may_warn() -> Iterator[None]:
    """TRL and datasets use what their own dependencies have deprecated."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


CLOSING = (
    "{% for message in messages %}{{ '<' + message['role'] + '> ' + message['content'] + ' ' }}"
    "{% if message['role'] == 'assistant' %}{{ '<end>' }}{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<assistant> ' }}{% endif %}"
)


@pytest.fixture
def tokenizer(word_tokenizer: Callable[..., Any]) -> Any:
    """One whose template closes the answer: where it is left open, we add the end token and TRL does not."""
    made = word_tokenizer()
    made.chat_template = CLOSING
    return made


@pytest.fixture
def model(tiny: Path) -> Any:
    """The model to be trained: the reference of the tests, moved a little, so that no log-ratio is 0."""
    from transformers import AutoModelForCausalLM

    made: Any = AutoModelForCausalLM.from_pretrained(tiny, dtype=torch.float32)
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for weight in made.parameters():
            weight += 0.05 * torch.randn(weight.shape, generator=generator)
    return made.eval()


@pytest.fixture
def reference(tiny: Path) -> Any:
    from transformers import AutoModelForCausalLM

    return AutoModelForCausalLM.from_pretrained(tiny, dtype=torch.float32).eval()


@pytest.fixture
def pairs(corrected: Corrected) -> list[PreferenceRow]:
    """Pairs with weight 1 and hard labels, all that TRL knows."""
    return preference_rows([_sure(case) for case in corrected(ROWS)], "run")


def _sure(case: Settlement) -> Settlement:
    return case._replace(agreement=1.0)


def _dataset(rows: list[Any], *columns: str) -> Any:
    from datasets import Dataset

    return Dataset.from_list([{name: row.to_dict()[name] for name in columns} for row in rows])


def _theirs(trainer: Any, model: Any) -> torch.Tensor:
    batch = trainer.data_collator([trainer.train_dataset[i] for i in range(len(trainer.train_dataset))])
    loss: torch.Tensor = trainer.compute_loss(model, batch)
    return loss


def _gradients(model: Any, loss: torch.Tensor) -> list[torch.Tensor]:
    model.zero_grad()
    loss.backward()  # type: ignore[no-untyped-call]
    return [weight.grad.clone() for weight in model.parameters() if weight.grad is not None]


def _ours(spec: TrainSpec, model: Any, batch: dict[str, Any]) -> torch.Tensor:
    divide([batch])
    objective = objective_of(spec)
    if isinstance(objective, StepObjective):
        batch.update(objective.prepare(model, [batch]))
    loss, _ = objective(model, batch)
    return loss


def _assert_same(model: Any, ours: torch.Tensor, theirs: torch.Tensor) -> None:
    assert ours.item() == pytest.approx(theirs.item(), abs=1e-5)
    for one, other in zip(_gradients(model, ours), _gradients(model, theirs), strict=True):
        assert torch.allclose(one, other, atol=1e-5, rtol=1e-4)


def test_sft(model: Any, corrected: Corrected, tokenizer: Any, tmp_path: Path) -> None:
    from trl import SFTConfig, SFTTrainer

    rows = sft_rows([_sure(case) for case in corrected(ROWS)], "run")
    trainer = SFTTrainer(
        model=model,
        args=SFTConfig(output_dir=str(tmp_path), **PLAIN),
        train_dataset=_dataset(rows, "prompt", "completion"),
        processing_class=tokenizer,
    )
    batch = Collator(0)(list(enumerate(Encoder(tokenizer, 64).encode(rows).examples)))
    _assert_same(model, _ours(TrainSpec(), model, batch), _theirs(trainer, model))


@pytest.mark.parametrize(("method", "theirs"), [("dpo", "sigmoid"), ("ipo", "ipo")])
def test_dpo_and_ipo(
    method: Any,
    theirs: str,
    model: Any,
    reference: Any,
    pairs: list[PreferenceRow],
    tokenizer: Any,
    tmp_path: Path,
) -> None:
    from trl import DPOConfig, DPOTrainer

    trainer = DPOTrainer(
        model=model,
        ref_model=reference,
        args=DPOConfig(output_dir=str(tmp_path), beta=0.2, loss_type=[theirs], **PLAIN),
        train_dataset=_dataset(pairs, "prompt", "chosen", "rejected"),
        processing_class=tokenizer,
    )
    examples = Encoder(tokenizer, 64).encode(pairs).examples
    fill_reference(reference, examples, 0, 4)
    spec = TrainSpec(method=method, beta=0.2, sft_weight=0)
    loss = _ours(spec, model, Collator(0)(list(enumerate(examples))))
    assert abs(loss.item() - 0.6931) > 1e-3  # the model is not its reference
    _assert_same(model, loss, _theirs(trainer, model))


def test_kto(model: Any, reference: Any, pairs: list[PreferenceRow], tokenizer: Any, tmp_path: Path) -> None:
    """Good and bad answers in one order, and the answer before each as its mismatched one, as TRL pairs them.

    The moved model is the reference here: the other one finds mismatched answers likelier, so that z0 is above 0.
    """
    from trl import KTOConfig, KTOTrainer

    rows = [row for index, row in enumerate(unpair(pairs)) if index % 4 in (0, 3)]
    trainer = KTOTrainer(
        model=reference,
        ref_model=model,
        args=KTOConfig(output_dir=str(tmp_path), beta=0.2, desirable_weight=1.5, undesirable_weight=0.5, **PLAIN),
        train_dataset=_dataset(rows, "prompt", "completion", "label"),
        processing_class=tokenizer,
    )
    encoded, _ = encode_unpaired(Encoder(tokenizer, 64), rows)
    fill_reference(model, encoded, 0, 4)
    spec = TrainSpec(method="kto", beta=0.2, desirable_weight=1.5, undesirable_weight=0.5)
    batch = UnpairedCollator(0)(list(enumerate(encoded)))
    _assert_same(reference, _ours(spec, reference, batch), _theirs(trainer, reference))
    assert batch["divergence"] > 0  # the reference point is in the comparison


@pytest.mark.parametrize("centring", [None, 0.1])
def test_reward(centring: float | None, tiny: Path, pairs: list[PreferenceRow], tokenizer: Any, tmp_path: Path) -> None:
    from transformers import AutoModelForSequenceClassification
    from trl import RewardConfig, RewardTrainer

    torch.manual_seed(0)
    model: Any = AutoModelForSequenceClassification.from_pretrained(tiny, num_labels=1, dtype=torch.float32)
    trainer = RewardTrainer(
        model=model,
        args=RewardConfig(output_dir=str(tmp_path), center_rewards_coefficient=centring, **PLAIN),
        train_dataset=_dataset(pairs, "prompt", "chosen", "rejected"),
        processing_class=tokenizer,
    )
    batch = Collator(0)(list(enumerate(Encoder(tokenizer, 64).encode(pairs).examples)))
    ours = _ours(TrainSpec(method="reward", centring=centring or 0.0), model, batch)
    _assert_same(model, ours, _theirs(trainer, model))
