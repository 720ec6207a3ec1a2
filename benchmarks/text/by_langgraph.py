"""The same work as a LangGraph user writes it: a state graph with a checkpointer, one thread id per case.

Critics are parallel branches, cases run one after another with `invoke`, and the checkpointer keeps every step:
`SqliteSaver` on a file (what outlives the process), or `InMemorySaver`.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Any, TypedDict

from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.graph import END, START, StateGraph

from agents.records import Case
from benchmarks.text import prompts, script

LABELS = ("yes", "no")


class State(TypedDict):
    """What the nodes read and write."""

    request: str
    text: str
    notes: Annotated[list[str], operator.add]
    verdict: str


def _draft(state: State) -> dict[str, Any]:
    return {"text": script.answer((script.asked(state["request"]),), 0)}


def _critic(name: str) -> Callable[[State], dict[str, Any]]:
    def act(state: State) -> dict[str, Any]:
        violated, fine = script.accept(prompts.verdict(state["request"], state["text"]), LABELS)
        return {"notes": [f"{name}: {script.PRINCIPLE} {LABELS[violated < fine]}"]}

    return act


def _judge(state: State) -> dict[str, Any]:
    question = prompts.judgement(state["request"], state["text"], "\n".join(sorted(state["notes"])))
    violated, fine = script.halve(question, LABELS)
    return {"verdict": "accept" if violated < fine else "revise"}


def _revise(state: State) -> dict[str, Any]:
    return {"text": script.answer(prompts.revision(state["request"], state["text"]), 0)}


def _graph(saver: Any) -> Any:
    graph = StateGraph(State)
    graph.add_node("draft", _draft)
    for name in "abc":
        graph.add_node(name, _critic(name))
        graph.add_edge("draft", name)
    graph.add_node("judge", _judge)
    graph.add_node("revise", _revise)
    graph.add_edge(START, "draft")
    graph.add_edge(list("abc"), "judge")
    graph.add_conditional_edges("judge", lambda state: state["verdict"], {"accept": END, "revise": "revise"})
    graph.add_edge("revise", END)
    return graph.compile(checkpointer=saver)


def _run(cases: Sequence[Case], saver: Any) -> list[str]:
    graph = _graph(saver)
    return [
        graph.invoke(
            {"request": case.messages[0].content, "text": "", "notes": [], "verdict": ""},
            {"configurable": {"thread_id": case.case_id}},
        )["text"]
        for case in cases
    ]


def with_sqlite(cases: Sequence[Case], folder: Path) -> list[str]:
    """Final texts; every checkpoint in a SQLite file."""
    with SqliteSaver.from_conn_string(str(folder / "langgraph.sqlite")) as saver:
        return _run(cases, saver)


def in_memory(cases: Sequence[Case], folder: Path) -> list[str]:
    """Final texts; every checkpoint in this process only."""
    return _run(cases, InMemorySaver())
