"""Near-duplicates: counted as by hand, found as often as the banding promises, and never counted without comparison."""

from __future__ import annotations

from random import Random

import pytest

from training.checks import duplicates
from training.checks.duplicates import bands, jaccard, near_duplicates, shingles
from training.checks.spec import DuplicateSpec
from training.checks.words import words


def names(texts: list[str]) -> list[str]:
    return [f"row {i}" for i in range(len(texts))]


def test_shingles_and_their_jaccard_index_are_as_by_hand() -> None:
    a, b = (shingles(words(text), 2) for text in ("The cat sat, still.", "the cat sat down"))
    assert a == {("the", "cat"), ("cat", "sat"), ("sat", "still")}
    assert jaccard(a, b) == 2 / 4
    assert shingles(words("one"), 3) == {("one",)}


def test_repeats_are_what_dropping_them_would_drop() -> None:
    texts = [
        "the boss of ana is bob and the boss of bob is eva",
        "another row",
        "The boss of Ana is Bob, and the boss of Bob is Eva!",
        "the boss of ana is bob and the boss of bob is eva today",
        "another row",
        "something else altogether",
    ]
    found = near_duplicates(texts, names(texts), DuplicateSpec(threshold=0.8, shingle=2))
    assert (found.rows, found.repeats, found.exact, found.share) == (6, 3, 2, 0.5)
    first, second = found.worst
    assert (first.kept_name, first.repeats, first.nearest_name) == ("row 0", 2, "row 3")
    # Ten distinct pairs of words in the one, eleven in the other, ten of them shared.
    assert first.jaccard == pytest.approx(10 / 11)
    assert (second.kept_name, second.repeats, second.nearest_name, second.jaccard) == ("row 1", 1, "row 4", 1.0)


def test_a_pair_below_the_threshold_is_kept_whatever_minhash_says() -> None:
    """With one long band of nothing in common but a word, and a threshold just above the pair's index."""
    texts = ["a b c d e f g h", "a b c d e f g x"]
    index = jaccard(*(shingles(words(text), 1) for text in texts))
    assert index == 7 / 9
    above = near_duplicates(texts, names(texts), DuplicateSpec(threshold=0.78, shingle=1))
    at = near_duplicates(texts, names(texts), DuplicateSpec(threshold=7 / 9, shingle=1))
    assert (above.repeats, at.repeats) == (0, 1)
    assert at.candidates == above.candidates == 1


@pytest.mark.parametrize("threshold", [0.5, 0.7, 0.8, 0.9])
def test_bands_miss_a_pair_at_the_threshold_in_at_most_two_per_cent(threshold: float) -> None:
    count, rows = bands(threshold, 128)
    assert count * rows <= 128
    assert (1 - threshold**rows) ** count <= 0.02
    longer = rows + 1
    assert (1 - threshold**longer) ** (128 // longer) > 0.02


def test_constructed_pairs_at_the_threshold_are_found() -> None:
    """300 pairs with 32 shared words of 40: Jaccard index .8 exactly. The chance to find fewer than 285, were each
    missed in 2 % of cases, is below .001."""
    rng = Random(5)
    texts = []
    for pair in range(300):
        shared = [f"w{pair}x{i}" for i in range(32)]
        for side in "ab":
            own = [f"{side}{pair}y{i}" for i in range(4)]
            text = shared + own
            rng.shuffle(text)
            texts.append(" ".join(text))
    found = near_duplicates(texts, names(texts), DuplicateSpec(threshold=0.8, shingle=1))
    assert found.repeats >= 285
    assert all(repeat.jaccard == 0.8 for repeat in found.worst)


def test_a_crowd_is_bounded_and_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows that resemble so many kept ones in part are kept, counted, and no later row is compared with them."""
    shared = " ".join(f"word{i}" for i in range(30))
    texts = [f"{shared} {' '.join(f'own{n}x{i}' for i in range(14))}" for n in range(12)]  # Jaccard 28 of 56
    spec = DuplicateSpec(threshold=0.8)
    assert near_duplicates(texts, texts, spec).crowded == 0
    monkeypatch.setattr(duplicates, "_CROWD", 0)
    found = near_duplicates([*texts, texts[0], f"{texts[1]} more"], texts * 2, spec)
    assert found.crowded == len(texts) + 1
    assert (found.repeats, found.exact) == (1, 1)  # the same words are found whatever the crowd
