"""Helpful data from files, mixed in with what a run settled."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

from agents.records import Message
from constitutions.errors import InputError
from constitutions.files import read_text
from training.datasets.rows import SftRow, answer
from training.datasets.source import Conversation
from training.datasets.spec import HelpfulSpec
from training.lineage import Lineage

HELPFUL = "helpful"


def mixed_in(spec: HelpfulSpec, rows: int, gold: Collection[Conversation]) -> list[SftRow]:
    """`ratio` × `rows` helpful rows, drawn without replacement, in the order of file and line.

    Rows that ask what a gold case asks, and those marked stale, are not drawn. Raises InputError for a line that is no
    example, and where there are too few.
    """
    found = [(path, number, row) for path in spec.data for number, row in _read(Path(path))]
    usable = [each for each in found if each[2].prompt not in gold and not each[2].lineage.stale]
    wanted = round(spec.ratio * rows)
    if wanted > len(usable):
        raise InputError(
            f"datasets.sft.helpful: ratio {spec.ratio:g} of {rows} rows wants {wanted} helpful rows, and "
            f"{', '.join(spec.data)} has {len(usable)}; expected more data or a lower ratio"
        )
    drawn = sorted(range(len(usable)), key=lambda i: _key(spec.seed, *usable[i][:2]))[:wanted]
    return [usable[i][2] for i in sorted(drawn)]


def _key(seed: int, path: str, number: int) -> bytes:
    return hashlib.sha256(f"{seed} {Path(path).name} {number}".encode()).digest()


def _read(path: Path) -> Iterator[tuple[int, SftRow]]:
    for number, line in enumerate(read_text(path).splitlines(), start=1):
        if not line.strip():
            continue
        try:
            yield number, _row(json.loads(line), path, number)
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            said = f"no {error.args[0]}" if isinstance(error, KeyError) else error
            raise InputError(
                f"{path}:{number}: no helpful example ({said}); expected a JSON object with prompt and completion, or "
                "messages that end in the assistant's"
            ) from None


def _row(data: dict[str, Any], path: Path, number: int) -> SftRow:
    if "messages" in data:
        turns = _messages(data["messages"], "user")
        prompt, completion = turns[:-1], turns[-1:]
    else:
        prompt, completion = _messages(data["prompt"], "user"), _messages(data["completion"], "assistant")
    if (
        not prompt
        or not completion
        or completion[-1].role != "assistant"
        or not any(turn.content.strip() for turn in completion)
    ):
        raise ValueError("an empty prompt, or an answer that is empty or not the assistant's")
    weight = float(data.get("weight", 1.0))
    told = data.get("lineage")
    return SftRow(prompt, completion, weight, Lineage.from_dict(told) if told else _lineage(path, number, weight))


def _messages(data: Any, role: str) -> tuple[Message, ...]:
    if isinstance(data, str):
        return answer(data) if role == "assistant" else (Message(role, data),)
    return tuple(Message(str(turn["role"]), str(turn["content"])) for turn in data)


def _lineage(path: Path, number: int, weight: float) -> Lineage:
    """Where a row of a file that knows no lineage came from: the file's name and the line."""
    return Lineage(path.name, HELPFUL, f"line-{number}", (), (), (), "released", 1.0, False, weight)
