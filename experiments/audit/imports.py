"""Decisions from a file into the queue, all or none: as JSONL, or as Argilla and Label Studio give them back."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from constitutions.files import read_text
from experiments.audit.exchange import Shape, user_id
from hierarchy.audit.decision import Decision, decision_from
from hierarchy.audit.errors import Unreadable
from hierarchy.audit.queue import AuditQueue
from hierarchy.audit.records import POLICY

Answer = tuple[Mapping[str, Any], Decision]
_KEYS = ("case_id", "arm", "step", "epoch", "key")
_ANSWER = ("verdict", "auditor", "text", "latent", "label", "comment", "principles", "minutes")
_WHERE = ("case_id", "arm", "step", "epoch")
_SHOWN_FAULTS = 20


def import_decisions(
    queue: AuditQueue, path: Path, now: float, shape: Shape = "jsonl", names: Mapping[str, str] | None = None
) -> tuple[int, int]:
    """Take the decisions of a file, all or none; returns how many were new, and how many stood already.

    `jsonl`: a line is an object with case_id, verdict and auditor, and where needed arm, step, epoch, text, label,
    comment, principles, minutes and an idempotency key. `argilla` and `label-studio`: records and tasks in the shape of
    an export, a JSON array or an object a line; whatever has no answer is passed over. `names`: the names of auditors
    that the other program knows by an id of its own. Raises Unreadable with a line for everything in the file that is
    wrong.
    """
    read = {"jsonl": _plain, "argilla": _argilla, "label-studio": _label_studio}[shape]
    answers: list[Answer] = []
    lines: list[int] = []
    faults: list[str] = []
    text = read_text(path)
    for number, found in _lines(text) if shape == "jsonl" else _elements(text):
        try:
            new = read(found(), names or {})
        except Unreadable as error:
            faults.append(f"{path}:{number}: {error}")
        else:
            answers += new
            lines += [number] * len(new)
    taken, refused = queue.decide_all(answers, now, keep=not faults)
    if not faults and not refused:
        return taken, len(answers) - taken
    faults += [f"{path}:{lines[i]}: {error}" for i, error in refused]
    left = len(faults) - _SHOWN_FAULTS
    shown = faults[:_SHOWN_FAULTS] + ([f"and {left} more"] if left > 0 else [])
    raise Unreadable("nothing was imported\n  " + "\n  ".join(shown))


def _lines(text: str) -> Iterator[tuple[int, Callable[[], dict[str, Any]]]]:
    """Every line that is not empty, with its number, to be read. A line ends at a line feed and nowhere else."""
    for number, line in enumerate(text.split("\n"), start=1):
        if line.strip():
            yield number, lambda line=line: _object(line)  # type: ignore[misc]


def _elements(text: str) -> Iterator[tuple[int, Callable[[], dict[str, Any]]]]:
    """Every object of a JSON array with the line on which it begins; without an array, an object a line."""
    at = _next(text, 0)
    if text[at : at + 1] != "[":
        yield from _lines(text)
        return
    number, counted, between = 1, 0, ""
    while True:
        at = _next(text, at + 1)
        number, counted = number + text.count("\n", counted, at), at
        if text[at : at + 1] == "]" and between != "," and not text[at + 1 :].strip():
            return
        try:
            found, at = _DECODER.raw_decode(text, at)
        except (ValueError, RecursionError) as error:
            yield getattr(error, "lineno", number), _refused(str(error))
            return
        yield number, lambda found=found: _demanded(found)  # type: ignore[misc]
        at = _next(text, at)
        between = text[at : at + 1]
        if between == "]" and not text[at + 1 :].strip():
            return
        if between != ",":
            yield number + text.count("\n", counted, at), _refused("a comma, or the array's end, is missing here")
            return


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object whose keys are all different: of two answers under one key, neither is the one that is meant."""
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"the key {twice!r} is there twice")
    return found


_DECODER = json.JSONDecoder(object_pairs_hook=_once)
_SPACE = re.compile(r"\s*")


def _next(text: str, at: int) -> int:
    """The place of the next character that is not white space."""
    found = _SPACE.match(text, at)
    return found.end() if found else at


def _refused(why: str) -> Callable[[], dict[str, Any]]:
    def refuse() -> dict[str, Any]:
        raise Unreadable(f"no JSON ({why}); expected an array of objects, or an object a line")

    return refuse


def _object(line: str) -> dict[str, Any]:
    try:
        return _demanded(json.loads(line, object_pairs_hook=_once))
    except (ValueError, RecursionError) as error:
        raise Unreadable(f"no JSON ({error}); expected an object with case_id, verdict and auditor") from None


def _demanded(found: Any) -> dict[str, Any]:
    if not isinstance(found, dict):
        raise Unreadable(f"{type(found).__name__}; expected an object with case_id, verdict and auditor")
    return found


def _plain(data: dict[str, Any], names: Mapping[str, str]) -> list[Answer]:
    unknown = sorted(data.keys() - {*_KEYS, *_ANSWER})
    if unknown:
        raise Unreadable(f"unknown key {unknown[0]!r}; accepted: {', '.join((*_KEYS, *_ANSWER))}")
    _check_where(data)
    return [(data, decision_from(data))]


def _check_where(data: Mapping[str, Any], within: str = "") -> None:
    for name, kind in (("case_id", str), ("arm", str), ("step", str), ("epoch", int), ("key", str)):
        value = data.get(name)
        if (name == "case_id" or value is not None) and (not isinstance(value, kind) or isinstance(value, bool)):
            raise Unreadable(f"{within}{name}: {value!r}; expected {'a whole number' if kind is int else 'text'}")


def _where(data: Any, within: str) -> dict[str, Any]:
    """Which case a record is about, as the export wrote it."""
    if not isinstance(data, dict):
        raise Unreadable(f"{within}: {data!r}; expected an object with case_id")
    _check_where(data, f"{within}.")
    return {name: data[name] for name in _WHERE if data.get(name) is not None}


def _argilla(data: dict[str, Any], names: Mapping[str, str]) -> list[Answer]:
    """The answers of a record: of each user, those to its questions. What the policy answered is nobody's."""
    responses = data.get("responses") or {}
    if not isinstance(responses, dict):
        raise Unreadable(f"responses: {responses!r}; expected an object of questions")
    where = _where(data.get("metadata"), "metadata")
    known = _list(data["metadata"].get("auditors") or [], "metadata.auditors")
    called = {user_id(str(name)): str(name) for name in known} | dict(names)
    said: dict[str, dict[str, Any]] = {}
    for question, given in responses.items():
        if question not in _QUESTIONS:
            raise Unreadable(f"responses.{question}: unknown; accepted: {', '.join(_QUESTIONS)}")
        for i, one in enumerate(_list(given, f"responses.{question}")):
            user, value = _response(one, f"responses.{question}[{i}]")
            if one.get("status", "submitted") == "submitted":
                said.setdefault(user, {})[_QUESTIONS[question]] = value
    people = {called.get(user, user): one for user, one in said.items() if called.get(user) != POLICY}
    return [(where, decision_from({**one, "auditor": name})) for name, one in people.items()]


_QUESTIONS = {
    "verdict": "verdict",
    "revision": "text",
    "label": "label",
    "principles": "principles",
    "comment": "comment",
}
"""Questions and result names of an export, and what each is of a decision."""


def _response(one: Any, within: str) -> tuple[str, Any]:
    if not isinstance(one, dict) or not isinstance(one.get("user_id"), str) or "value" not in one:
        raise Unreadable(f"{within}: {one!r}; expected value and user_id")
    return one["user_id"], one["value"]


def _label_studio(data: dict[str, Any], names: Mapping[str, str]) -> list[Answer]:
    """The answers of a task: one an annotation that was not cancelled. What the policy answered is nobody's."""
    where = _where(data.get("data"), "data")
    said = [
        _annotation(one, f"annotations[{i}]", names)
        for i, one in enumerate(_list(data.get("annotations") or [], "annotations"))
        if not (isinstance(one, dict) and one.get("was_cancelled"))
    ]
    return [(where, decision_from(one)) for one in said if one["auditor"] != POLICY]


def _annotation(one: Any, within: str, names: Mapping[str, str]) -> dict[str, Any]:
    if not isinstance(one, dict):
        raise Unreadable(f"{within}: {one!r}; expected an object with result")
    said: dict[str, Any] = {"auditor": _annotator(one, within, names)}
    seconds = one.get("lead_time")
    if seconds is not None:
        if not isinstance(seconds, int | float) or isinstance(seconds, bool):
            raise Unreadable(f"{within}.lead_time: {seconds!r}; expected seconds")
        said["minutes"] = seconds / 60
    for i, part in enumerate(_list(one.get("result"), f"{within}.result")):
        name, values = _result(part, f"{within}.result[{i}]")
        if name != "principles" and len(values) != 1:
            raise Unreadable(f"{within}.result[{i}]: {name} has {len(values)} values; expected one")
        said[_QUESTIONS[name]] = values if name == "principles" else values[0]
    return said


def _annotator(one: Mapping[str, Any], within: str, names: Mapping[str, str]) -> str:
    """Whose annotation it is: as our export says, else by Label Studio's e-mail address or number."""
    meta, by = one.get("meta"), one.get("completed_by")
    if isinstance(meta, dict) and isinstance(meta.get("auditor"), str):
        return str(meta["auditor"])
    by = (by.get("email") or by.get("id")) if isinstance(by, dict) else by
    if not isinstance(by, str | int) or isinstance(by, bool):
        raise Unreadable(f"{within}: nobody's; expected meta.auditor or completed_by")
    return names.get(str(by), str(by))


def _result(part: Any, within: str) -> tuple[str, list[Any]]:
    name = part.get("from_name") if isinstance(part, dict) else None
    if not isinstance(name, str) or name not in _QUESTIONS:
        raise Unreadable(f"{within}.from_name: {name!r}; accepted: {', '.join(_QUESTIONS)}")
    value = part.get("value")
    values = (value.get("choices") or value.get("text")) if isinstance(value, dict) else None
    return name, [values] if isinstance(values, str) else _list(values, f"{within}.value")


def _list(found: Any, within: str) -> list[Any]:
    if not isinstance(found, list):
        raise Unreadable(f"{within}: {found!r}; expected a list")
    return found
