"""How well one GPU is used: the project's own `train` on Llama shapes made from a config, with random weights.

    python -m benchmarks.gpu_train [--json] [--only sft dpo lora] [--compile] [--steps 30]
    python -m benchmarks.gpu_train --tiny        # the same code on tiny shapes, on CPU: a check, no measurement

Neither Ray nor TRL is needed. Measured, each after `WARM` steps and with the device synchronised:

- the dense bfloat16 matrix rate of this card in this run: median of 20 products of two 8192 × 8192 matrices,
  2 · 8192³ FLOPs each;
- `sft`: 1B shape, float32 weights with bfloat16 autocast, sequences of 2048 tokens packed from rows of 512;
- `dpo`: the same shape, pairs of 1024 tokens an answer, the reference read once before training;
- `lora`: 8B shape, frozen weights in bfloat16, adapters of rank 16, gradient checkpointing; its peak memory.

Model FLOPs utilisation (Chowdhery et al. 2022, PaLM, appendix B) is tokens a second × FLOPs a token / the matrix rate.
FLOPs a token = 6 N + 6 L d s, with N the parameters that are multiplied (the input embedding is not, unless it is the
head too), L layers, d the width of all heads together, s the tokens of a row. PaLM counts attention as 12 L d s; half
of that is masked, since nothing attends forward, and rows in one packed sequence do not see each other. What gradient
checkpointing computes again is not counted. With frozen weights no weight gradients are computed: 4 N in place of 6 N.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import torch

from benchmarks.shapes import EIGHT, ONE, TINY, Shape, checkpoint, rows
from constitutions.errors import InputError
from training.config import LoraSpec, TrainSpec
from training.datasets import Row
from training.loading import quiet
from training.train import train

WARM = 5
GIB = 2**30


@dataclass(frozen=True)
class Found:
    """One measurement: parameters, tokens a step, seconds a step, tokens a second, utilisation (0 to 1), peak GiB."""

    what: str
    shape: str
    parameters: int
    tokens: int
    step_seconds: float
    tokens_per_second: float
    utilisation: float
    peak_gib: float
    reference_seconds: float = 0.0


def synchronise() -> None:
    """Wait for the device, where there is one."""
    if torch.cuda.is_available():
        torch.cuda.synchronize()


def matrix_rate(size: int, times: int = 20) -> float:
    """FLOPs a second of dense bfloat16 matrix products on this device, the median of so many."""
    device = "cuda" if torch.cuda.is_available() else "cpu"
    a, b = (torch.randn(size, size, device=device).to(torch.bfloat16) for _ in range(2))
    seconds = []
    for _ in range(times + WARM):
        synchronise()
        start = time.perf_counter()
        a @ b
        synchronise()
        seconds.append(time.perf_counter() - start)
    return float(2 * size**3 / statistics.median(seconds[WARM:]))


@dataclass(frozen=True)
class Timed:
    """Seconds a step after the first `WARM`, seconds of the reference's log-probabilities, peak GiB while stepping."""

    step: float
    reference: float
    peak: float


def timed(spec: TrainSpec, data: list[Row], folder: Path) -> Timed:
    """One `train`, as anyone calls it. Memory is read at every step, so that what saving needs is no part of it."""
    ends: list[float] = []
    halves: list[float] = []
    peak = 0.0

    def told(stage: str, done: int, total: int) -> None:
        nonlocal peak
        synchronise()
        (halves if stage == "reference" else ends).append(time.perf_counter())
        if torch.cuda.is_available():
            peak = torch.cuda.max_memory_allocated() / GIB

    if torch.cuda.is_available():
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()
    with tempfile.TemporaryDirectory(dir=folder.parent) as out:
        train(spec, data, folder, Path(out, "out"), told)
    # The reference reads all chosen answers, then all rejected ones, and tells after each half.
    reference = 2 * (halves[1] - halves[0]) if halves else 0.0
    return Timed((ends[-1] - ends[WARM - 1]) / (len(ends) - WARM), reference, peak)


@dataclass(frozen=True)
class Case:
    """What is trained: a shape, its spec, rows a step and their tokens; `packed` rows share a sequence."""

    what: str
    shape: Shape
    spec: TrainSpec
    row: int
    packed: int = 1

    @property
    def pairs(self) -> bool:
        """Whether a row has two answers."""
        return self.spec.method == "dpo"

    def measure(self, rate: float, folder: Path) -> Found:
        """Train and say how fast that was, as a share of the matrix rate."""
        parameters = checkpoint(self.shape, folder)
        steps, each = self.spec.max_steps or 1, self.spec.batch_size * self.packed
        found = timed(self.spec, rows(self.shape, steps * each, self.row, self.pairs), folder)
        tokens = each * self.row * (2 if self.pairs else 1)
        flops = self.shape.flops(parameters, self.row, frozen=self.spec.lora is not None)
        speed = tokens / found.step
        return Found(
            self.what,
            self.shape.name,
            parameters,
            tokens,
            found.step,
            speed,
            speed * flops / rate,
            found.peak,
            found.reference,
        )


def cases(shapes: tuple[Shape, Shape], steps: int, batch: int, compiled: bool) -> list[Case]:
    """The measurements, on a smaller and a larger shape."""
    small, large = shapes
    common = {"max_steps": steps, "save_steps": None, "log_steps": steps, "compile": compiled, "max_grad_norm": 1.0}
    sft = TrainSpec(method="sft", batch_size=batch, packing=True, max_length=small.sequence, **common)
    dpo = TrainSpec(method="dpo", batch_size=batch, sft_weight=0, max_length=small.sequence, **common)
    lora = TrainSpec(
        method="sft",
        batch_size=max(batch // 2, 1),
        packing=True,
        max_length=large.sequence,
        lora=LoraSpec(r=16, alpha=32),
        weights="bfloat16",
        gradient_checkpointing=True,
        **common,
    )
    return [
        Case("sft", small, sft, small.row, small.sequence // small.row),
        Case("dpo", small, dpo, small.sequence // 2),
        Case("lora", large, lora, large.row, large.sequence // large.row),
    ]


def markdown(rate: float, device: str, found: list[Found]) -> str:
    """The measurements as a table."""
    lines = [
        f"{device}, dense bfloat16 matrix rate {rate / 1e12:.3g} TFLOP/s",
        "",
        "| what | shape | parameters | tokens a step | s a step | tokens/s | utilisation | peak GiB | reference s |",
        "| --- | --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for it in found:
        cells = (it.what, it.shape, f"{it.parameters / 1e9:.3g} G", it.tokens, f"{it.step_seconds:.3f}")
        more = (
            f"{it.tokens_per_second:,.0f}",
            f"{it.utilisation:.1%}",
            f"{it.peak_gib:.1f}",
            f"{it.reference_seconds:.1f}",
        )
        lines.append("| " + " | ".join(map(str, (*cells, *more))) + " |")
    return "\n".join(lines)


def measure(given: argparse.Namespace) -> tuple[float, str, list[Found]]:
    """The matrix rate, the device's name, and what was measured. Raises InputError without a GPU, unless tiny."""
    if not torch.cuda.is_available() and not given.tiny:
        raise InputError("no GPU here; expected a CUDA device, or --tiny to check this program on CPU")
    if given.steps <= WARM:
        raise InputError(f"--steps {given.steps}; expected more than the {WARM} that are not timed")
    device = torch.cuda.get_device_name() if torch.cuda.is_available() else "CPU"
    rate = matrix_rate(256 if given.tiny else 8192)
    wanted = cases((TINY, TINY) if given.tiny else (ONE, EIGHT), given.steps, given.batch, given.compile)
    found = []
    with quiet():
        for case in wanted:
            if case.what in given.only:
                with tempfile.TemporaryDirectory(dir=given.folder) as folder:
                    found.append(case.measure(rate, Path(folder, "model")))
    return rate, device, found


def main(arguments: list[str]) -> int:
    """A Markdown table and one JSON object on standard output; exit code 2 and a line where it cannot be measured."""
    parser = argparse.ArgumentParser(description="Measure the project's own train on one GPU.")
    parser.add_argument("--tiny", action="store_true", help="tiny shapes, on CPU too")
    parser.add_argument("--only", nargs="+", choices=("sft", "dpo", "lora"), default=["sft", "dpo", "lora"])
    parser.add_argument("--steps", type=int, default=30)
    parser.add_argument("--batch", type=int, default=8, help="packed sequences, or pairs, a step")
    parser.add_argument("--compile", action="store_true", help="torch.compile the model")
    parser.add_argument("--folder", type=Path, help="where models of up to 32 GiB are written for a while")
    try:
        rate, device, found = measure(parser.parse_args(arguments))
    except InputError as error:
        print(f"gpu_train: {error}", file=sys.stderr)
        return 2
    print(markdown(rate, device, found))
    print(json.dumps({"device": device, "matrix_flops_per_second": rate, "found": [asdict(it) for it in found]}))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
