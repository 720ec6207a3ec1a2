"""Cases out of the queue, as JSONL, for Argilla or for Label Studio."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator, Sequence
from typing import Any, Literal

from hierarchy.audit.decision import Decision
from hierarchy.audit.queue import AuditQueue
from hierarchy.audit.reading import Given, open_decisions
from hierarchy.audit.records import Item, ItemKey, Kind

Shape = Literal["jsonl", "argilla", "label-studio"]


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


def user_id(auditor: str) -> str:
    """The UUID under which an auditor goes into an export for Argilla: version 5, of their name."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"auditor:{auditor}"))


def _argilla(item: Item, decisions: Sequence[Decision]) -> dict[str, Any]:
    """A record as `argilla.Record.to_dict` gives it, for a dataset with label questions `verdict` and `label`, a
    multi-label question `principles` and text questions `revision` and `comment`. Argilla knows its users by UUID; here
    that is made from the auditor's name, and the names are in the metadata. It has no place for minutes."""
    responses: dict[str, list[dict[str, Any]]] = {}
    for said in decisions:
        answers = {
            "verdict": said.verdict.name.lower(),
            "revision": said.text,
            "label": said.label,
            "principles": list(said.principles) or None,
            "comment": said.comment,
        }
        for question, value in answers.items():
            if value is not None:
                responses.setdefault(question, []).append({"value": value, "user_id": user_id(said.auditor)})
    return {
        "id": "/".join((item.arm, item.case_id, item.step, str(item.epoch))),
        "fields": _texts(item),
        "metadata": _where(item)
        | {"priority": item.priority, "auditors": sorted({said.auditor for said in decisions})},
        "suggestions": {},
        "responses": responses,
        "vectors": {},
    }


def _label_studio(item: Item, decisions: Sequence[Decision]) -> dict[str, Any]:
    """A task of Label Studio's JSON, for a labelling config with `Choices` named `verdict`, `label` and `principles`
    and `TextArea`s named `revision` and `comment`, all on a `Text` named `response`."""
    return {
        "data": {**_texts(item), **_where(item)},
        "annotations": [_annotation(said) for said in decisions],
        "predictions": [],
    }


def _annotation(said: Decision) -> dict[str, Any]:
    choices = {
        "verdict": [said.verdict.name.lower()],
        "label": [said.label] if said.label is not None else [],
        "principles": list(said.principles),
    }
    parts = [_region(name, "choices", "choices", values) for name, values in choices.items() if values]
    texts = {"revision": said.text, "comment": said.comment}
    parts += [_region(name, "textarea", "text", [text]) for name, text in texts.items() if text is not None]
    return {
        "result": parts,
        "was_cancelled": False,
        "ground_truth": False,
        "lead_time": said.minutes * 60,
        "meta": {"auditor": said.auditor},
    }


def _region(name: str, kind: str, key: str, values: list[str]) -> dict[str, Any]:
    return {"from_name": name, "to_name": "response", "type": kind, "value": {key: values}}
