"""Sets and prompts from files: this program's rows, and the shapes in which others publish theirs."""

from __future__ import annotations

import gzip
import json
import re
from pathlib import Path
from typing import Any

from agents.models.recorded import read_rows
from constitutions.errors import InputError
from training.checks.columns import Columns, lasting
from training.lineage import Lineage

_ANSWERS = ("completion", "chosen", "response", "answer")
_TURN = re.compile(r"\s*\n\n(?:Human|Assistant):\s*")
_ACCEPTED = (
    "expected rows of this program, or a .jsonl, .jsonl.gz, .parquet or .csv file with `prompt` and one of "
    f"{', '.join(_ANSWERS)}, with `messages`, or with `chosen` as a whole conversation"
)


def read_set(path: Path) -> Columns:
    """A training set: rows with lineage as this program writes them (stale ones left out), or prompts and answers.

    A prompt or answer is text or a list of `{role, content}`; `messages` is a conversation whose last message is the
    answer; `chosen` without `prompt` is a conversation, also one written out as "\\n\\nHuman: ...\\n\\nAssistant: ...".
    Raises InputError naming file and row.
    """
    found = _dicts(path)
    pairs = [_pair(path, number, row) for number, row in enumerate(found, start=1)]
    prompts, answers = tuple(prompt for prompt, _ in pairs), tuple(answer for _, answer in pairs)
    if not all("lineage" in row for row in found):
        names = tuple(str(row.get("id", f"row {number}")) for number, row in enumerate(found, start=1))
        return Columns(prompts, answers, names)
    return lasting(prompts, answers, [_lineage(path, number, row) for number, row in enumerate(found, start=1)])


def read_prompts(path: Path) -> list[str]:
    """The prompts of an evaluation set: a column `prompt`, or whatever `read_set` takes for one."""
    prompts = []
    for number, row in enumerate(_dicts(path), start=1):
        has = "prompt" in row
        prompts.append(_text(path, number, row["prompt"]) if has else _pair(path, number, row)[0])
    return prompts


def _dicts(path: Path) -> list[dict[str, Any]]:
    if path.suffix not in (".gz", ".parquet"):
        return read_rows(path, [])
    if not path.is_file():
        raise InputError(f"{path}: no such file; {_ACCEPTED}")
    rows = _parquet(path) if path.suffix == ".parquet" else _unzipped(path)
    if not rows:
        raise InputError(f"{path}: the file is empty; at least one row is needed")
    return rows


def _parquet(path: Path) -> list[dict[str, Any]]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        rows: list[dict[str, Any]] = pq.read_table(path).to_pylist()
    except (OSError, pa.ArrowException) as error:
        raise InputError(f"{path}: {str(error).splitlines()[0]}; {_ACCEPTED}") from None
    return rows


def _unzipped(path: Path) -> list[dict[str, Any]]:
    rows = []
    try:
        with gzip.open(path, "rt", encoding="utf-8") as lines:
            for line in lines:
                rows.append(json.loads(line))
                if not isinstance(rows[-1], dict):
                    raise ValueError("no object")
    except (OSError, EOFError, ValueError) as error:
        raise InputError(f"{path}:{len(rows) + 1}: {error}; {_ACCEPTED}") from None
    return rows


def _lineage(path: Path, number: int, row: dict[str, Any]) -> Lineage:
    try:
        return Lineage.from_dict(row["lineage"])
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(f"{path}: row {number}: its lineage cannot be read ({error}); {_ACCEPTED}") from None


def _pair(path: Path, number: int, row: dict[str, Any]) -> tuple[str, str]:
    if "messages" in row:
        return _split(path, number, row["messages"])
    if "prompt" not in row and "chosen" in row:
        return _split(path, number, row["chosen"])
    answer = next((row[name] for name in _ANSWERS if name in row), None)
    if "prompt" not in row or answer is None:
        raise InputError(f"{path}: row {number} has {', '.join(map(str, row)) or 'no key'}; {_ACCEPTED}")
    return _text(path, number, row["prompt"]), _text(path, number, answer)


def _split(path: Path, number: int, conversation: Any) -> tuple[str, str]:
    """A conversation as its prompt and its last turn."""
    written = isinstance(conversation, str)
    turns = _TURN.split(conversation)[1:] if written else _contents(path, number, conversation)
    if len(turns) < 2:
        raise InputError(f"{path}: row {number} is a conversation of {len(turns)} turns; expected prompt and answer")
    return "\n".join(turns[:-1]), turns[-1].strip()


def _text(path: Path, number: int, value: Any) -> str:
    return value if isinstance(value, str) else "\n".join(_contents(path, number, value))


def _contents(path: Path, number: int, value: Any) -> list[str]:
    try:
        return [str(message["content"]) for message in value]
    except (TypeError, KeyError):
        raise InputError(
            f"{path}: row {number}: {str(value)[:40]!r} is neither text nor messages; {_ACCEPTED}"
        ) from None
