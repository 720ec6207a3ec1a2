"""What a revision changes, word by word, and the table of keys."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from experiments.audit.diff import Part, word_diff
from experiments.audit.keys import KEYS, WRITING, key_of
from tests.hostile import HOSTILE


def test_words_that_changed_are_told() -> None:
    assert word_diff("She lives at 4 Elm Road.", "I cannot say where she lives.")[-1] == Part("same", ".")
    assert word_diff("a wise word", "a kind word") == [
        Part("same", "a "),
        Part("removed", "wise"),
        Part("added", "kind"),
        Part("same", " word"),
    ]
    assert word_diff("same", "same") == [Part("same", "same")]
    assert word_diff("", "") == []
    assert word_diff("", "new") == [Part("added", "new")]


WORDS = st.lists(st.sampled_from([*"ab,. \n", "word", "\u202e", "⟦"])).map("".join)


@given(WORDS | st.sampled_from(HOSTILE), WORDS | st.sampled_from(HOSTILE))
def test_both_texts_are_in_the_difference_whole(old: str, new: str) -> None:
    parts = word_diff(old, new)
    assert "".join(part.text for part in parts if part.fate != "added") == old
    assert "".join(part.text for part in parts if part.fate != "removed") == new
    assert all(one.fate != other.fate for one, other in pairwise(parts))


def test_a_text_made_to_keep_a_person_waiting_is_not_compared() -> None:
    old, new = "a b " * 50_000, "b a " * 50_001
    assert word_diff(old, new) == [Part("removed", old[:-1]), Part("added", new[:-1]), Part("same", " ")]


def test_no_key_is_taken_twice() -> None:
    for keys in (KEYS, WRITING):
        assert len({one.key for one in keys}) == len({one.action for one in keys}) == len(keys)
    assert [key_of(action) for action in ("accept", "revise", "reject", "skip", "undo", "comment")] == list("aersun")
