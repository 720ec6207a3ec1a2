"""Fine-tuning from a config alone: as a plain script, or as one of the processes that `torchrun` starts.

    python -m training.script CONFIG
    torchrun --nproc-per-node 2 -m training.script CONFIG

Neither Ray nor any other room's program is needed.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from constitutions.errors import InputError, OversightError
from training.config import TrainConfig, load_train_config
from training.datasets import Row
from training.files import read_rows
from training.output import TrainResult
from training.train import HeldOut, check, train

PREFIX = "oversight: "


def run_config(config: TrainConfig, progress: Callable[[str, int, int], None] | None = None) -> TrainResult:
    """Fine-tune as the config says. Called again, it goes on from the last checkpoint or returns the result."""
    rows, held_out = _rows(config.data), HeldOut(_rows(config.held_out))
    return train(config.train, rows, config.model, Path(config.out), progress, held_out)


def check_config(config: TrainConfig) -> None:
    """Raise InputError for what can be seen to be wrong before any process is started."""
    check(config.train, _rows(config.data), config.model, Path(config.out), HeldOut(_rows(config.held_out)))


def _rows(paths: Sequence[str]) -> list[Row]:
    return [row for path in paths for row in read_rows(Path(path))]


def run_torchrun(config: TrainConfig) -> TrainResult:
    """Fine-tune in `config.workers` processes that `torchrun` starts on this machine.

    Raises OversightError with what the processes said when they fail.
    """
    check_config(config)
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(config.workers)]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "config.json")
        path.write_text(config.model_dump_json(), encoding="utf-8")
        done = subprocess.run(
            [*command, "-m", "training.script", str(path)],
            env={**os.environ, "OMP_NUM_THREADS": str(config.train.threads)},
            stderr=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            text=True,
            check=False,
        )
    if done.returncode:
        said = [line for line in done.stderr.splitlines() if line.startswith(PREFIX)]
        raise OversightError(said[0].removeprefix(PREFIX) if said else f"torchrun failed:\n{done.stderr.strip()}")
    return run_config(config)


def main(arguments: Sequence[str]) -> int:
    """One config, with `key.sub=value` overrides after it; exit code 2 and one line for a person's own mistake."""
    try:
        if not arguments:
            raise InputError("training.script: no config; expected CONFIG [KEY=VALUE ...]")
        result = run_config(load_train_config(arguments[0], tuple(arguments[1:])))
    except OversightError as error:
        print(f"{PREFIX}{error}", file=sys.stderr)
        return 2
    if os.environ.get("RANK", "0") == "0":
        print(f"{result.steps} steps in {result.seconds:.1f} s: {result.checkpoint}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
