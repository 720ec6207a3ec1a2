"""Runs on scripted agents in which every case waits for a person."""

from __future__ import annotations

import json
import os
import re
import select
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from experiments.config import ExperimentSpec
from experiments.run import Finished, run_experiment
from tests.experiments.commands import PROJECT, environment

EVERYBODY = {
    "name": "everybody",
    "steps": [
        {"id": "draft", "role": "base", "agent": "base"},
        {"id": "critic", "role": "critic", "agent": "critic"},
        {"id": "human", "role": "auditor", "agent": "auditor"},
    ],
    "edges": [
        {"from": "draft", "to": "critic"},
        {"from": "critic", "to": "human"},
        {"from": "human", "to": "release", "when": {"field": "verdict", "op": "in", "value": ["accept", "revise"]}},
        {"from": "human", "to": "refuse", "when": {"field": "verdict", "op": "eq", "value": "reject"}},
    ],
    "fallback": "human",
}
_OWN = re.compile(r"\x1b\[[0-9;]*m")


def scripted(module: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """A base and a critic made of the functions `answer`, `critique` and `verdict` of a module."""
    base = {"model": {"kind": "scripted", "generate": f"{module}:answer"}}
    critic = {"generate": f"{module}:critique", "score": f"{module}:verdict"}
    return base, {"model": {"kind": "scripted", **critic}}


def run(folder: Path, module: str, prompts: Sequence[str], **given: Any) -> Finished:
    """A run over these prompts, in `folder/run`; `given` are more keys of the config."""
    lines = [json.dumps({"id": f"case{n:03d}", "prompt": prompt}) for n, prompt in enumerate(prompts)]
    (folder / "cases.jsonl").write_text("".join(f"{line}\n" for line in lines))
    base, critic = scripted(module)
    config = {
        "name": "scripted",
        "dataset": {"kind": "file", "path": str(folder / "cases.jsonl")},
        "constitution": "general",
        "agents": {"base": base, "critic": critic},
        "arms": {"everybody": {"graph": EVERYBODY}},
        "auditor": {"kind": "human"},
    }
    return run_experiment(ExperimentSpec.model_validate({**config, **given}), folder / "run")


def without_colours(printed: str) -> str:
    """What was printed, less the colours that the program itself gives it."""
    return _OWN.sub("", printed)


def in_a_terminal(
    words: Sequence[str | Path], typed: Sequence[tuple[bytes, bytes]], seconds: float = 240
) -> tuple[int, bytes]:
    """Run a command in a pseudo terminal of 80 by 24 and give the exit code and every byte it sent.

    `typed`: what is to be seen first, and the key that is pressed then. What is to be seen must have been sent since
    the last key, and the screen have been still for a moment: two keys that are read at once may be another key.
    """
    import fcntl
    import pty
    import struct
    import termios

    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    program = [sys.executable, "-c", "from experiments.cli import main; main()", *map(str, words)]
    variables = {**environment(), "TERM": "xterm-256color", "COLUMNS": "80", "LINES": "24"}
    child = subprocess.Popen(program, stdin=theirs, stdout=theirs, stderr=theirs, env=variables, cwd=PROJECT)
    os.close(theirs)
    sent, seen, left, until = b"", 0, list(typed), time.monotonic() + seconds
    while time.monotonic() < until:
        ready, _, _ = select.select([ours], [], [], 0.3)
        if ready:
            try:
                part = os.read(ours, 65_536)
            except OSError:
                break
            sent += part
        elif child.poll() is not None:
            break
        elif left and left[0][0] in sent[seen:]:
            seen = len(sent)
            os.write(ours, left.pop(0)[1])
    else:
        child.kill()
    os.close(ours)
    return child.wait(), sent
