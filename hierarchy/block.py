"""A block: N cases on their way through a plan, in columns. It keeps what every step said, and who goes where next."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from agents import rng
from agents.columns import Array, Output, Width, blank
from agents.view import Candidates, Cases, View
from agents.vocabulary import RESPONDERS, CaseOutcome, Role, Verdict
from constitutions.predicate import evaluate
from constitutions.predicate import fields as fields_of
from hierarchy import fields
from hierarchy.audit.records import POLICY
from hierarchy.flow import Bools, Flow, Ints
from hierarchy.graph import SINK_OUTCOME, Sink, Step
from hierarchy.plan import Plan, PlannedEdge, PlannedStep, Source


class Block(Flow):
    """N cases, where they went (see `Flow`), and everything that was said about them."""

    def __init__(self, cases: Cases, plan: Plan) -> None:
        super().__init__(len(cases), plan)
        self.cases = cases
        self._said: dict[int, dict[str, Array]] = {}
        self._hashes: dict[int, rng.Keys] = {}  # of every response's text, taken when it is recorded

    def record(self, step: PlannedStep, rows: Ints, output: Output) -> None:
        """Keep what a step said about the rows and send them on. A row an auditor has not decided is parked."""
        if step.role is Role.AUDITOR:
            decided = output["verdict"] != Verdict.MISSING
            self.parked[rows] = np.where(decided, -1, step.index)
            rows, output = rows[decided], output.take(decided)
        if not len(rows):
            return
        columns = self._said.get(step.index)
        if columns is None:
            columns = self._said[step.index] = blank(step.role, len(self), self.width(step))
        for name, values in output.columns.items():
            columns[name][rows] = values
        if "text" in output.columns:
            hashes = self._hashes.setdefault(step.index, np.full(columns["text"].shape, rng.NO_TEXT))
            hashes[rows] = rng.text_keys(output["text"])
        self.ran[step.index, rows] = True
        self._send(step, rows, output)

    def _send(self, step: PlannedStep, rows: Ints, output: Output) -> None:
        cases = self.cases.take(rows)
        policy = output["auditor"] == POLICY if step.role is Role.AUDITOR else None
        self.send(step, rows, output["verdict"], policy, lambda edge: self._holds(step, edge, output, cases))

    def _holds(self, step: PlannedStep, edge: PlannedEdge, output: Output, cases: Cases) -> Bools:
        assert edge.when is not None
        labels = self.plan.graph.labels
        seen = fields.columns(output, fields_of(edge.when), cases, step.principles, labels, step.round)
        return evaluate(edge.when, seen)

    def said(self, index: int) -> Output:
        """Everything a step said, [N] rows, missing where it did not run."""
        step = self.plan.steps[index]
        columns = self._said.get(index)
        return Output(step.role, columns if columns is not None else blank(step.role, len(self), self.width(step)))

    def width(self, step: PlannedStep) -> Width:
        """The widths of a step's columns."""
        principles = len(step.principles)
        if step.role in RESPONDERS:
            return Width(step.step.candidates, principles, 0)
        if step.role is Role.JUDGE:
            options = sum(self._candidates(source) for source in step.options) or 1
            return Width(options, principles, options)
        if step.role is Role.CONSENSUS:
            return Width(self._candidates(step.members[0]), principles, 0)
        return Width(1 if step.subject is None else self._candidates(step.subject), principles, 0)

    def _candidates(self, source: Source) -> int:
        step = self.plan.steps[source.instances[0]]
        return step.step.candidates if step.role in RESPONDERS else self.width(step).candidates

    def view(self, step: PlannedStep, rows: Ints) -> View:
        """What the step may see of the rows."""
        critic = None
        subject = None
        if step.options:
            subject = _side_by_side([self._responses(source, rows) for source in step.options])
        elif step.subject is None:
            subject = None if step.role in (Role.BASE, Role.CONSENSUS) else self.response(step.responses, rows)
        elif self.plan.steps[step.subject.instances[0]].role in RESPONDERS:
            subject = self._responses(step.subject, rows)
        else:
            critic = self._find(step.subject, rows)
            subject = self._subject_of(step.subject, rows)
        # In a loop's first round there is no round before to read.
        readable = [source for source in (*step.reads, *step.members) if source.instances]
        reads = {source.step: self._find(source, rows) for source in readable}
        return View(
            role=step.role,
            cases=self.cases.take(rows),
            constitution=step.constitution,
            subject=subject,
            critic=critic,
            reads=reads,
            side=step.step.side,
            sides={source.step: side for source in readable if (side := self._declared(source).side) is not None},
            labels=self.plan.graph.labels if step.step.labels else (),
            bits=step.bits,
            candidates=step.step.candidates,
            round=step.round,
            places=self.plan.places,
            sample=step.step.sample,
            position_N=rows,
        )

    def _declared(self, source: Source) -> Step:
        return self.plan.steps[source.instances[0]].step

    def _find(self, source: Source, rows: Ints) -> Output:
        """The output of the latest of the source's instances that ran, per row."""
        first = self.plan.steps[source.instances[0]]
        columns = {k: v.copy() for k, v in blank(first.role, len(rows), self.width(first)).items()}
        for index in source.instances:
            ran = self.ran[index, rows]
            if ran.any():
                for name, values in self._said[index].items():
                    columns[name][ran] = values[rows[ran]]
        return Output(first.role, columns)

    def _responses(self, source: Source, rows: Ints) -> Candidates:
        said = self._find(source, rows)
        return _candidates_of(said)

    def _subject_of(self, source: Source, rows: Ints) -> Candidates:
        """What the source's reviewer reviewed."""
        reviewer = self.plan.steps[source.instances[-1]]
        if reviewer.subject is None:
            return self.response(reviewer.responses, rows)
        if self.plan.steps[reviewer.subject.instances[0]].role in RESPONDERS:
            return self._responses(reviewer.subject, rows)
        return self._subject_of(reviewer.subject, rows)

    def pointer(self, responses: tuple[int, ...], rows: Ints) -> tuple[Ints, Ints]:
        """The case's own response after the given steps, per row: (step index, candidate), -1 where there is none."""
        where, candidate = np.full(len(rows), -1), np.zeros(len(rows), np.int64)
        for index in responses:
            step, ran = self.plan.steps[index], self.ran[index, rows]
            if not ran.any():
                continue
            if step.role is Role.JUDGE:
                self._choose(step, rows, ran, where, candidate)
                continue
            present = self._said[index]["present"][rows]
            moved = ran & present.any(axis=1)
            where[moved] = index
            candidate[moved] = present[moved].argmax(axis=1)
        return where, candidate

    def _choose(self, step: PlannedStep, rows: Ints, ran: Bools, where: Ints, candidate: Ints) -> None:
        """A judge's choice moves the pointer to the option it chose."""
        chosen = self._said[step.index]["chosen"][rows]
        first = 0
        for source in step.options:
            width = self._candidates(source)
            mine = ran & (chosen >= first) & (chosen < first + width)
            for index in source.instances:
                here = mine & self.ran[index, rows]
                where[here] = index
            candidate[mine] = chosen[mine] - first
            first += width

    def response(self, responses: tuple[int, ...], rows: Ints) -> Candidates:
        """The case's own response after the given steps, [n, 1]."""
        where, candidate = self.pointer(responses, rows)
        text = np.full((len(rows), 1), None, object)
        latent = np.zeros((len(rows), 1), np.uint64)
        present = np.zeros((len(rows), 1), bool)
        revision = np.zeros((len(rows), 1), np.int16)
        hashes = np.full((len(rows), 1), rng.NO_TEXT)
        for index in np.unique(where[where >= 0]):
            here = np.flatnonzero(where == index)
            said, at = self._said[int(index)], (rows[here], candidate[here])
            text[here, 0], latent[here, 0] = said["text"][at], said["latent"][at]
            hashes[here, 0] = self._hashes[int(index)][at]
            present[here, 0], revision[here, 0] = said["present"][at], said["revision"][rows[here]]
        return Candidates.hashed(text, latent, present, revision, hashes)

    def outcomes(self) -> NDArray[np.int8]:
        """How each case ended (`CaseOutcome` codes, [N]); pending where it waits or where nothing led on."""
        outcome = np.full(len(self), CaseOutcome.PENDING, np.int8)
        for sink in Sink:
            edges = self.plan.into(sink)
            if not edges:
                continue
            here = self.fired[list(edges)].any(axis=0)
            if sink is Sink.RELEASE:
                final = self.final()
                kept = np.where(final.revision_NK[:, 0] > 0, CaseOutcome.REVISED, CaseOutcome.RELEASED)
                outcome[here] = np.where(final.present_NK[:, 0], kept, CaseOutcome.REFUSED)[here]
            else:
                outcome[here] = SINK_OUTCOME[sink]
        return outcome

    def final(self) -> Candidates:
        """Each case's last response, [N, 1]: what a released case shows."""
        return self.response(self.plan.moving, np.arange(len(self)))


def _candidates_of(said: Output) -> Candidates:
    revision = np.repeat(said["revision"][:, None], said["present"].shape[1], axis=1)
    return Candidates(said["text"], said["latent"], said["present"], revision)


def _side_by_side(parts: list[Candidates]) -> Candidates:
    names = ("text_NK", "latent_NK", "present_NK", "revision_NK")
    first = replace(parts[0])
    return replace(first, **{name: np.concatenate([getattr(part, name) for part in parts], axis=1) for name in names})
