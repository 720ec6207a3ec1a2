"""The same work as an Inspect AI user writes it: a task whose solver asks models, with the `.eval` log it always keeps.

The models are `mockllm` with the instant functions behind them; every question and answer is in the log. They report
their usage themselves, so that no tokenizer is asked to count.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from inspect_ai import Task
from inspect_ai import eval as inspect_eval
from inspect_ai.dataset import MemoryDataset, Sample
from inspect_ai.model import ChatMessageSystem, ChatMessageUser, Model, ModelOutput, ModelUsage, get_model
from inspect_ai.solver import Generate, Solver, TaskState, solver

from agents.records import Case, Message
from benchmarks.text import prompts, script

LABELS = ("yes", "no")
AT_ONCE = 100  # samples and connections in flight; more was not faster


def _plain(messages: Sequence[Any]) -> tuple[Message, ...]:
    return tuple(Message(message.role, message.text) for message in messages)


def _said(text: str) -> ModelOutput:
    output = ModelOutput.from_content("mockllm/model", text)
    output.usage = ModelUsage(input_tokens=1, output_tokens=1, total_tokens=2)
    return output


def _written(messages: Sequence[Any], *rest: Any) -> ModelOutput:
    return _said(script.answer(_plain(messages), 0))


def _accepting(messages: Sequence[Any], *rest: Any) -> ModelOutput:
    violated, fine = script.accept(_plain(messages), LABELS)
    return _said(LABELS[violated < fine])


def _halving(messages: Sequence[Any], *rest: Any) -> ModelOutput:
    violated, fine = script.halve(_plain(messages), LABELS)
    return _said(LABELS[violated < fine])


def _chat(question: prompts.Question) -> list[Any]:
    kinds = {"system": ChatMessageSystem, "user": ChatMessageUser}
    return [kinds[message.role](content=message.content) for message in question]


@solver
def overseen() -> Solver:
    """Draft, three critics, a judge, and a revision where the judge wants one."""
    base, critic, judge = (
        get_model("mockllm/model", custom_outputs=outputs, memoize=False)
        for outputs in (_written, _accepting, _halving)
    )

    async def ask(model: Model, question: prompts.Question) -> str:
        return (await model.generate(_chat(question))).completion

    async def solve(state: TaskState, generate: Generate) -> TaskState:
        request = state.input_text
        text = await ask(base, (script.asked(request),))
        notes = []
        for name in "abc":
            notes.append(f"{name}: {script.PRINCIPLE} {await ask(critic, prompts.verdict(request, text))}")
        if await ask(judge, prompts.judgement(request, text, "\n".join(notes))) == "yes":
            text = await ask(base, prompts.revision(request, text))
        state.output = _said(text)
        return state

    return solve


def with_log(cases: Sequence[Case], folder: Path) -> list[str]:
    """Final texts; every sample and event in an Inspect log."""
    samples = [Sample(input=case.messages[0].content, id=case.case_id) for case in cases]
    (log,) = inspect_eval(
        Task(dataset=MemoryDataset(samples), solver=overseen()),
        model="mockllm/model",
        log_dir=str(folder / "inspect"),
        display="none",
        max_samples=AT_ONCE,
        max_connections=AT_ONCE,
    )
    if log.status != "success" or log.samples is None:
        raise RuntimeError(f"the Inspect run ended with {log.status}: {log.error and log.error.message}")
    return [sample.output.completion for sample in log.samples]
