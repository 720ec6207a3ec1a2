"""What roles share: turning rows of a view into questions, with their random keys and their rendered prompts."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain, repeat
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from agents import rng
from agents.hearing import others
from agents.model import Generated, Model, Prompt, Query, Scored, Use
from agents.records import Message
from agents.slots import LazySlots, Slots
from agents.style import PromptStyle
from agents.view import Objects, View, objects
from agents.vocabulary import RESPONDERS
from constitutions.principle import draw_phrasing

T = TypeVar("T")
Ints = NDArray[Any]
Template = str | Sequence[str]
_CHUNK = 128  # prompts rendered at a time; they are short-lived, and a block of them is a burden on the collector


_HALVES = re.compile("[\ud800-\udfff]")


def _is_utf8(text_N: Objects) -> bool:
    try:
        "".join(text for text in text_N.tolist() if text is not None).encode()
    except UnicodeEncodeError:
        return False
    return True


def _whole(text_N: Objects) -> Objects:
    return objects([None if text is None else _HALVES.sub("\ufffd", text) for text in text_N.tolist()])


@dataclass(frozen=True)
class Asker:
    """An agent's way of asking its model: the model, the prompt style, the key of its random stream."""

    model: Model
    style: PromptStyle
    stream: rng.Keys
    threshold: float

    def seeds(self, use: str, view: View, rows: Ints, *columns: Ints | int) -> rng.Keys:
        """Row seeds: a function of stream, use, case, sample and the given columns; never of step or round."""
        stream = rng.fold(self.stream, rng.key(use))
        if view.sample:
            stream = rng.fold(stream, rng.key("sample", view.sample))
        return rng.fold(stream, view.cases.key_N[rows], *columns)

    def generate(self, use: Use, view: View, template: Template, rows: Ints, **given: Any) -> Generated:
        """One written answer per row of `rows` (indices into the view); one template for all, or one per row.

        Half of a surrogate pair, which no file and no database takes (an answer cut off within one has it), is U+FFFD.
        """
        said = self.model.generate(self._query(use, view, template, rows, **given))
        return said if _is_utf8(said.text_N) else replace(said, text_N=_whole(said.text_N))

    def score(self, use: Use, view: View, template: str, rows: Ints, labels: tuple[str, ...], **given: Any) -> Scored:
        """Label probabilities per row of `rows`."""
        return self.model.score(self._query(use, view, template, rows, **given), labels)

    def _query(
        self,
        use: Use,
        view: View,
        template: Template,
        rows: Ints,
        *,
        seed: rng.Keys,
        slots: LazySlots,
        principle: Ints | None = None,
    ) -> Query:
        count = len(rows)

        def prompts() -> Iterator[Prompt]:
            names = [template] * count if isinstance(template, str) else template
            return chain.from_iterable(self._pieces(view, names, rows, seed, slots))

        return Query(
            use=use,
            case_id_N=view.cases.case_id_N[rows],
            key_N=view.cases.key_N[rows],
            seed_N=seed,
            prompts=prompts,
            principle_N=np.full(count, -1, np.int16) if principle is None else principle.astype(np.int16),
        )

    def _pieces(
        self, view: View, names: Sequence[str], rows: Ints, seed: rng.Keys, slots: LazySlots
    ) -> Iterator[list[Prompt]]:
        """The prompts, some rows at a time; `names` are the rows' templates."""
        wanted = frozenset[str]().union(*(self.style.slots(self.style.template(name)) for name in set(names)))
        filled: dict[str, str | Sequence[str]] = {**self._shared(view, rows, seed)}
        filled |= {n: value if isinstance(value, str) else value() for n, value in slots.items() if n in wanted}
        for first in range(0, len(rows), _CHUNK):
            part = slice(first, first + _CHUNK)
            here = {name: value if isinstance(value, str) else value[part] for name, value in filled.items()}
            yield self._mixed(view, names[part], rows[part], here)

    def _mixed(self, view: View, names: Sequence[str], rows: Ints, slots: Slots) -> list[Prompt]:
        """Prompts of several templates, each rendered for the rows that have it."""
        kinds = list(dict.fromkeys(names))
        if len(kinds) == 1:
            return self._rendered(view, kinds[0], rows, slots)
        prompts: Objects = np.empty(len(rows), object)
        for kind in kinds:
            where = np.flatnonzero(np.array(names, object) == kind)
            part = {key: value if isinstance(value, str) else at(value, where) for key, value in slots.items()}
            prompts[where] = objects(self._rendered(view, kind, rows[where], part))
        return list(prompts)

    def _rendered(self, view: View, template: str, rows: Ints, slots: Slots) -> list[Prompt]:
        turns = view.cases.messages_N
        conversations: list[tuple[Message, ...]] = [()] * len(rows) if turns is None else turns[rows].tolist()
        opens = self.style.opens_turn(template)
        asked = self.style.render(self.style.template(template), conversations, slots)
        return list(map(partial(tuple.__new__, Prompt), zip(asked, repeat(opens), strict=False)))

    def _shared(self, view: View, rows: Ints, seed: rng.Keys) -> dict[str, str | Sequence[str]]:
        """The slots that every template may have."""
        nonce = hexadecimal(seed)
        said = "" if view.cases.messages_N is None else at(view.cases.transcript_N.tolist(), rows)
        heard: str | Sequence[str] = ""
        if view.role not in RESPONDERS and view.reads:
            heard = self.style.hearing(at(others(view, self.style.labels), rows), nonce)
        return {
            "constitution": view.constitution.text(),
            "conversation_text": said,
            "nonce": nonce,
            "heard": heard,
        }


def hexadecimal(keys: rng.Keys) -> list[str]:
    """Each key as sixteen hexadecimal digits."""
    digits = keys.astype(">u8").tobytes().hex()
    return [digits[i : i + 16] for i in range(0, len(digits), 16)]


def at(values: Sequence[T], rows: Ints) -> list[T]:
    """The values of the given rows."""
    if len(rows) == len(values) and (rows == np.arange(len(rows))).all():
        return list(values)
    return [values[row] for row in rows.tolist()]


def texts(values: Objects) -> list[str]:
    """A slot's text per row; an absent one is empty."""
    return ["" if value is None else value for value in values.tolist()]


def phrasing(asker: Asker, use: str, view: View, rows: Ints, counts: int, revision: Ints) -> NDArray[np.int64]:
    """Which of `counts` phrasings each row uses (Bai et al. 2022), drawn from the row's own key."""
    return draw_phrasing(counts, rng.uniform(asker.seeds(f"{use} phrasing", view, rows, revision)))


def reviewed(view: View) -> tuple[Objects, rng.Keys, NDArray[np.bool_], Ints]:
    """(text [n, K], latent [n, K], present [n, K], revision [n, K]) of the subject. Raises ValueError without one."""
    if view.subject is None:
        raise ValueError(f"a {view.role} step needs a subject")
    subject = view.subject
    return subject.text_NK, subject.latent_NK, subject.present_NK, subject.revision_NK
