"""Cases out of the queue as JSONL, for Argilla or for Label Studio; decisions in, a JSON object a line."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from constitutions.files import read_text
from hierarchy.audit.decision import Decision, decision_from
from hierarchy.audit.errors import Unreadable
from hierarchy.audit.queue import AuditQueue
from hierarchy.audit.reading import Given, open_decisions
from hierarchy.audit.records import Item, ItemKey, Kind

Shape = Literal["jsonl", "argilla", "label-studio"]
_KEYS = ("case_id", "arm", "step", "epoch", "key")
_ANSWER = ("verdict", "auditor", "text", "latent", "label", "comment", "principles", "minutes")
_SHOWN_FAULTS = 20


def exported(queue: AuditQueue, shape: Shape, arm: str | None, hidden: bool) -> Iterator[dict[str, Any]]:
    """A record per case, in queue order, with the decisions that are open to everybody.

    The hidden layer (what models found) is in it only with `hidden`, and never that of a case under review whose step
    withholds it. Decisions under blind review are not in it, nor which cases are gold.
    """
    given: dict[ItemKey, list[Given]] = {}
    for one in open_decisions(queue.engine, queue.run, Kind.CASE):
        given.setdefault(one.key, []).append(one)
    make = {"jsonl": _plain, "argilla": _argilla, "label-studio": _label_studio}[shape]
    for item in queue.list_items(arm, hidden=hidden):
        yield make(item, [one.decision for one in given.get(item.key, [])])


def _plain(item: Item, decisions: Sequence[Decision]) -> dict[str, Any]:
    record = {
        "case_id": item.case_id,
        "arm": item.arm,
        "step": item.step,
        "epoch": item.epoch,
        "state": item.state.value,
        "priority": item.priority,
        "enqueued_at": item.enqueued_at,
        "due_at": None if item.due_at == float("inf") else item.due_at,
        "payload": dict(item.payload),
        "decisions": [decision.to_dict() for decision in decisions],
    }
    return record if item.hidden is None else {**record, "layer": "hidden", "hidden": dict(item.hidden)}


def _texts(item: Item) -> dict[str, str]:
    turns = [f"{turn['role']}: {turn['content']}" for turn in item.payload.get("messages", [])]
    texts = {"conversation": "\n\n".join(turns), "response": str(item.payload.get("response") or "")}
    return texts if item.hidden is None else {**texts, "reviews": json.dumps(item.hidden, ensure_ascii=False)}


def _where(item: Item) -> dict[str, Any]:
    return {"case_id": item.case_id, "arm": item.arm, "step": item.step, "epoch": item.epoch, "state": item.state.value}


def _argilla(item: Item, decisions: Sequence[Decision]) -> dict[str, Any]:
    """A record as `argilla.Record.to_dict` gives it, for a dataset with a label question `verdict` and text questions
    `revision` and `comment`. Argilla knows its users by UUID; here that is made from the auditor's name."""
    responses: dict[str, list[dict[str, str]]] = {}
    for said in decisions:
        who = str(uuid.uuid5(uuid.NAMESPACE_URL, f"auditor:{said.auditor}"))
        answers = {"verdict": said.verdict.name.lower(), "revision": said.text, "comment": said.comment}
        for question, value in answers.items():
            if value is not None:
                responses.setdefault(question, []).append({"value": value, "user_id": who})
    return {
        "id": "/".join((item.arm, item.case_id, item.step, str(item.epoch))),
        "fields": _texts(item),
        "metadata": _where(item) | {"priority": item.priority},
        "suggestions": {},
        "responses": responses,
        "vectors": {},
    }


def _label_studio(item: Item, decisions: Sequence[Decision]) -> dict[str, Any]:
    """A task of Label Studio's JSON, for a labelling config with `Choices` named `verdict` and `TextArea`s named
    `revision` and `comment`, all on a `Text` named `response`."""
    return {
        "data": {**_texts(item), **_where(item)},
        "annotations": [_annotation(said) for said in decisions],
        "predictions": [],
    }


def _annotation(said: Decision) -> dict[str, Any]:
    parts = [("verdict", "choices", [said.verdict.name.lower()])]
    parts += [(name, "textarea", [text]) for name, text in (("revision", said.text), ("comment", said.comment)) if text]
    return {
        "result": [
            {
                "from_name": name,
                "to_name": "response",
                "type": kind,
                "value": {"text" if kind == "textarea" else kind: v},
            }
            for name, kind, v in parts
        ],
        "was_cancelled": False,
        "ground_truth": False,
        "lead_time": said.minutes * 60,
        "meta": {"auditor": said.auditor},
    }


def import_decisions(queue: AuditQueue, path: Path, now: float) -> tuple[int, int]:
    """Take the decisions of a file, all or none; returns how many were new, and how many stood already.

    A line is an object with case_id, verdict and auditor, and where needed arm, step, epoch, text, label, comment,
    principles, minutes and an idempotency key. Raises Unreadable with a line for every line of the file that is wrong.
    """
    answers, faults = [], []
    lines = [(n, line) for n, line in enumerate(read_text(path).split("\n"), start=1) if line.strip()]
    for number, line in lines:
        try:
            answers.append(_answer(line))
        except Unreadable as error:
            faults.append(f"{path}:{number}: {error}")
    if not faults:
        taken, refused = queue.decide_all(answers, now)
        faults = [f"{path}:{lines[i][0]}: {error}" for i, error in refused]
        if not faults:
            return taken, len(answers) - taken
    left = len(faults) - _SHOWN_FAULTS
    shown = faults[:_SHOWN_FAULTS] + ([f"and {left} more"] if left > 0 else [])
    raise Unreadable("nothing was imported\n  " + "\n  ".join(shown))


def _answer(line: str) -> tuple[Mapping[str, Any], Decision]:
    try:
        data = json.loads(line)
    except ValueError as error:
        raise Unreadable(f"no JSON ({error}); expected an object with case_id, verdict and auditor") from None
    if not isinstance(data, dict):
        raise Unreadable(f"{type(data).__name__}; expected an object with case_id, verdict and auditor")
    unknown = sorted(data.keys() - {*_KEYS, *_ANSWER})
    if unknown:
        raise Unreadable(f"unknown key {unknown[0]!r}; accepted: {', '.join((*_KEYS, *_ANSWER))}")
    for name, kind in (("case_id", str), ("arm", str), ("step", str), ("epoch", int), ("key", str)):
        value = data.get(name)
        if (name == "case_id" or value is not None) and (not isinstance(value, kind) or isinstance(value, bool)):
            raise Unreadable(f"{name}: {value!r}; expected {'a whole number' if kind is int else 'text'}")
    return data, decision_from(data)
