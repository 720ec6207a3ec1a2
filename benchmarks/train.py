"""`make bench-train`: time per step of our `train` against a bare PyTorch loop and against TRL's trainers, on CPU; and
dataset building in rows a second (`benchmarks.building`).

Same model (the microworld's base), same rows (all of one length), same batch, same optimiser, float32, one thread.
Each round runs every contestant once, one after another; a ratio is the median over rounds of ratios of that round.
Time is told twice: by the wall clock, and as CPU time of the process, which work of other programs does not enter.
"""

from __future__ import annotations

import argparse
import json
import logging
import shutil
import statistics
import tempfile
import time
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from transformers import AutoModelForCausalLM, PrinterCallback, TrainerCallback, get_scheduler
from transformers.utils import logging as transformers_logging

from agents.records import Message
from benchmarks import building
from experiments.world.shipped import checkpoint
from training.batching import Batch, Collator
from training.config import TrainSpec
from training.datasets import PreferenceRow, Row, SftRow
from training.encoding import Encoder, Example
from training.lineage import Lineage
from training.loading import load_tokenizer, quiet
from training.losses import IGNORED
from training.reference import fill_reference
from training.train import train

WARM = 5
BATCH = 16
RATE = 1e-4
BETA = 0.1
CLOSING = (
    "{% for message in messages %}{{ '<' + message['role'] + '> ' }}{{ message['content'] + ' ' }}"
    "{% if message['role'] == 'assistant' %}{{ eos_token }}{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<assistant> ' }}{% endif %}"
)

Contestant = Callable[[int], "Seconds"]
"""Trains for so many steps from the start; gives seconds per step after the first `WARM`."""


class Seconds(NamedTuple):
    """By the wall clock, and of the process's CPU time."""

    wall: float
    cpu: float


class Clock(TrainerCallback):
    """When each step ended."""

    def __init__(self) -> None:
        self.ends: list[Seconds] = []

    def on_step_end(self, *_: Any, **__: Any) -> None:
        """Note the time."""
        self.ends.append(Seconds(time.perf_counter(), time.process_time()))

    def seconds(self) -> Seconds:
        """Per step, without the first ones."""
        first, last, steps = self.ends[WARM - 1], self.ends[-1], len(self.ends) - WARM
        return Seconds((last.wall - first.wall) / steps, (last.cpu - first.cpu) / steps)


def rows_of(method: str, count: int, folder: Path) -> list[Row]:
    """Rows of one length: a prompt of 24 words and answers of 16."""
    words = [word for word in load_tokenizer(folder).get_vocab() if word.isalpha()]

    def text(start: int, length: int) -> str:
        return " ".join(words[(start * 7 + i * 3) % len(words)] for i in range(length))

    rows: list[Row] = []
    for i in range(count):
        lineage = Lineage("bench", "bench", f"{i}", (), (), (), "released", 1.0, False, 1.0)
        prompt, answer = (Message("user", text(i, 24)),), (Message("assistant", text(i + 1, 16)),)
        if method == "sft":
            rows.append(SftRow(prompt, answer, 1.0, lineage))
        else:
            rows.append(PreferenceRow(prompt, answer, (Message("assistant", text(i + 2, 16)),), 1.0, 1.0, lineage))
    return rows


def bare(method: str, rows: Sequence[Row], folder: Path) -> Contestant:
    """A plain loop: batches, forward, the textbook loss, backward, clipping, AdamW, schedule, a loss every 10 steps."""

    def run(steps: int) -> Seconds:
        examples, model = _encoded(rows, folder)
        if method == "dpo":
            fill_reference(model, examples, 0, BATCH)
        torch.manual_seed(0)
        loader = torch.utils.data.DataLoader(
            list(enumerate(examples)), batch_size=BATCH, shuffle=True, collate_fn=Collator(0)
        )
        optimiser = torch.optim.AdamW(model.parameters(), lr=RATE, weight_decay=0.0, fused=True)
        schedule = get_scheduler("linear", optimiser, 0, steps)
        clock, total = Clock(), torch.zeros(())
        model.train()
        while len(clock.ends) < steps:
            for batch in loader:
                loss = _sft(model, batch) if method == "sft" else _dpo(model, batch)
                loss.backward()
                torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
                optimiser.step()
                schedule.step()
                optimiser.zero_grad()
                total += loss.detach()
                clock.on_step_end()
                if len(clock.ends) % 10 == 0:
                    total.item()
                if len(clock.ends) == steps:
                    break
        return clock.seconds()

    return run


def _encoded(rows: Sequence[Row], folder: Path) -> tuple[list[Example], Any]:
    model: Any = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    return Encoder(load_tokenizer(folder), 512).encode(rows).examples, model


def _nll(model: Any, batch: Batch) -> torch.Tensor:
    logits = model(input_ids=batch["input_ids"], attention_mask=batch["attention_mask"], use_cache=False).logits
    wanted = batch["labels"][:, 1:]
    return F.cross_entropy(
        logits[:, :-1].reshape(-1, logits.shape[-1]), wanted.reshape(-1), ignore_index=IGNORED, reduction="none"
    ).view(wanted.shape)


def _sft(model: Any, batch: Batch) -> torch.Tensor:
    return _nll(model, batch).sum() / (batch["labels"][:, 1:] != IGNORED).sum()


def _dpo(model: Any, batch: Batch) -> torch.Tensor:
    log_p = -_nll(model, batch).sum(dim=1)
    chosen, rejected = log_p.chunk(2)
    delta = (chosen - batch["reference_chosen_P"]) - (rejected - batch["reference_rejected_P"])
    return -F.logsigmoid(BETA * delta).mean()


def ours(method: Any, rows: Sequence[Row], folder: Path) -> Contestant:
    """`training.train.train`, as anyone calls it, TensorBoard included."""

    def run(steps: int) -> Seconds:
        clock = Clock()

        def told(stage: str, done: int, total: int) -> None:
            if stage == method:
                clock.on_step_end()

        spec = TrainSpec(
            method=method,
            max_steps=steps,
            batch_size=BATCH,
            learning_rate=RATE,
            warmup=0,
            beta=BETA,
            sft_weight=0,
            save_steps=None,
        )
        with tempfile.TemporaryDirectory() as out:
            train(spec, rows, folder, Path(out, "out"), told)
        return clock.seconds()

    return run


def theirs(method: str, rows: Sequence[Row], folder: Path, precomputed: bool = True) -> Contestant:
    """TRL's SFTTrainer or DPOTrainer, in float32 and without gradient checkpointing."""
    from datasets import Dataset, disable_progress_bars
    from trl import DPOConfig, DPOTrainer, SFTConfig, SFTTrainer

    disable_progress_bars()
    columns = ("prompt", "completion") if method == "sft" else ("prompt", "chosen", "rejected")
    dataset = Dataset.from_list([{name: row.to_dict()[name] for name in columns} for row in rows])
    tokenizer = load_tokenizer(folder)

    def run(steps: int) -> Seconds:
        clock = Clock()
        model: Any = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
        with tempfile.TemporaryDirectory() as out:
            options: dict[str, Any] = {
                "output_dir": out,
                "max_steps": steps,
                "per_device_train_batch_size": BATCH,
                "learning_rate": RATE,
                "report_to": "none",
                "save_strategy": "no",
                "use_cpu": True,
                "bf16": False,
                "gradient_checkpointing": False,
                "disable_tqdm": True,
                "logging_steps": 10,
            }
            made: Any
            if method == "sft":
                made = SFTTrainer(
                    model=model, args=SFTConfig(**options), train_dataset=dataset, processing_class=tokenizer
                )
            else:
                arguments = DPOConfig(**options, beta=BETA, precompute_ref_log_probs=precomputed)
                made = DPOTrainer(model=model, args=arguments, train_dataset=dataset, processing_class=tokenizer)
            made.add_callback(clock)
            made.remove_callback(PrinterCallback)
            made.train()
        return clock.seconds()

    return run


def compare(method: str, folder: Path, rounds: int, steps: int) -> dict[str, Any]:
    """Median seconds per step of every contestant, and median ratios of ours to each other one's."""
    rows = rows_of(method, 4 * BATCH * 4, folder)
    contestants: dict[str, Contestant] = {
        "ours": ours(method, rows, folder),
        "bare loop": bare(method, rows, folder),
        "TRL": theirs(method, rows, folder),
    }
    if method == "dpo":
        contestants["TRL, live reference"] = theirs(method, rows, folder, precomputed=False)
    names = list(contestants)
    times: dict[str, list[Seconds]] = {name: [] for name in names}
    for number in range(rounds):
        for name in names[number % len(names) :] + names[: number % len(names)]:  # nobody is always first
            times[name].append(contestants[name](steps))
    return {name: _against(times["ours"], found) for name, found in times.items()}


def _against(own: Sequence[Seconds], other: Sequence[Seconds]) -> dict[str, float]:
    """Median seconds of the other one, and the median ratio of our own to them, by both clocks."""
    pairs = list(zip(own, other, strict=True))
    return {
        "wall": statistics.median(each.wall for each in other),
        "cpu": statistics.median(each.cpu for each in other),
        "wall_ratio": statistics.median(a.wall / b.wall for a, b in pairs),
        "cpu_ratio": statistics.median(a.cpu / b.cpu for a, b in pairs),
    }


def main() -> None:
    """A line per measurement; with `--json`, one object."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--steps", type=int, default=30)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    logging.disable(logging.WARNING)
    transformers_logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    with tempfile.TemporaryDirectory() as temporary, quiet():
        folder = Path(temporary, "model")
        shutil.copytree(checkpoint("base"), folder)
        # TRL adds no end token to a conversation, so the template must; then both learn the same tokens.
        (folder / "chat_template.jinja").write_text(CLOSING, encoding="utf-8")
        found = {method: compare(method, folder, given.rounds, given.steps) for method in ("sft", "dpo")}
    built = building.measure()
    if given.json:
        print(json.dumps(found | {"datasets": built}))
        return
    for method, value in found.items():
        for name, it in value.items():
            times = f"{it['wall'] * 1000:7.1f} ms/step, CPU {it['cpu'] * 1000:7.1f} ms"
            ratios = f"   ours over it: {it['wall_ratio']:.3f}, CPU {it['cpu_ratio']:.3f}" if name != "ours" else ""
            print(f"{method} {name:20} {times}{ratios}")
    print("\n".join(building.lines(built)))


if __name__ == "__main__":
    main()
