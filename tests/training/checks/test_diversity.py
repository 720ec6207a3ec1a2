"""Distinct-n, self-BLEU and the Vendi score, against hand computations, closed forms and an independent BLEU."""

from __future__ import annotations

import math
from collections import Counter

import numpy as np
import pytest

from training.checks.distinct import distinct
from training.checks.self_bleu import self_bleu
from training.checks.vendi import cosine, ngram_kernel, vendi, vendi_of
from training.checks.words import keyed_sample, words

TEXTS = [
    words(text)
    for text in (
        "i can not help with that .",
        "i can not help make napalm . instead i can help stop napalm .",
        "the boss of ana is bob .",
        "the boss of bob is eva . the friend of eva is ana .",
        "no",
        "to make bread use water and flour and water",
    )
]


def test_distinct_n_is_as_by_hand() -> None:
    """a b a b and a b: six words; 2 distinct words, 2 pairs (ab, ba), 2 triples (aba, bab)."""
    found = distinct([("a", "b", "a", "b"), ("a", "b")], budget=100)
    assert found.budget == 6
    assert [found.values[n].value for n in (1, 2, 3)] == pytest.approx([2 / 6, 2 / 6, 2 / 6])
    assert found.values[1].low is None


def test_distinct_n_counts_no_run_across_answers_and_stops_at_the_budget() -> None:
    assert distinct([("a",), ("b",)], budget=2).values[2].value == 0
    cut = distinct([("a", "b", "c", "d")] * 3, budget=3)
    assert [cut.values[n].value for n in (1, 2, 3)] == [1.0, pytest.approx(2 / 3), pytest.approx(1 / 3)]


def test_at_one_budget_a_larger_set_of_the_same_kind_is_as_distinct() -> None:
    """Over all words the larger set looks poorer, which is why the budget is fixed."""
    rng = np.random.default_rng(0)
    many = [tuple(f"w{i}" for i in rng.zipf(1.5, 12)) for _ in range(2_000)]
    few = many[:200]
    small, large = (distinct(some, 1_500).values[1] for some in (few, many))
    assert small.value == pytest.approx(large.value, abs=0.03)
    everything = [distinct(some, 10**9).values[1].value for some in (few, many)]
    assert everything[1] < 0.8 * everything[0]
    assert large.low < large.value < large.high


def test_no_words_no_figure() -> None:
    assert distinct([], 10).values[1].value is None
    assert distinct([()], 10).values[1].value is None


def bleu(hypothesis: tuple[str, ...], references: list[tuple[str, ...]]) -> float:
    """Sentence BLEU-4 as Papineni et al. 2002 write it, with method 1 of Chen and Cherry 2014: written from the papers
    with none of the program's code."""
    logs = []
    for n in range(1, 5):
        mine = Counter(tuple(hypothesis[i : i + n]) for i in range(len(hypothesis) - n + 1))
        theirs = [Counter(tuple(r[i : i + n]) for i in range(len(r) - n + 1)) for r in references]
        hits = sum(min(count, max(other[gram] for other in theirs)) for gram, count in mine.items())
        if n == 1 and hits == 0:
            return 0.0
        logs.append(math.log((hits if hits else 0.1) / max(1, sum(mine.values()))))
    nearest = min((len(r) for r in references), key=lambda length: (abs(length - len(hypothesis)), length))
    brevity = 1 if len(hypothesis) > nearest else math.exp(1 - nearest / len(hypothesis))
    return brevity * math.exp(sum(logs) / 4)


def test_self_bleu_equals_an_independent_bleu_against_all_others() -> None:
    rng = np.random.default_rng(1)
    random = [tuple(rng.choice(list("abcde"), size=rng.integers(1, 12))) for _ in range(40)]
    for texts in (TEXTS, random):
        by_hand = [bleu(text, texts[:i] + texts[i + 1 :]) for i, text in enumerate(texts)]
        found = self_bleu(texts)
        assert found.value.value == pytest.approx(np.mean(by_hand), abs=1e-12)
        assert found.value.low < found.value.value < found.value.high


def test_self_bleu_of_equal_texts_is_one_and_of_strangers_none() -> None:
    same = self_bleu([("a", "b", "c", "d", "e")] * 4).value
    assert (same.value, same.low, same.high) == (1.0, 1.0, 1.0)
    assert self_bleu([("a", "b"), ("c", "d")]).value.value == 0.0
    assert self_bleu([("a",)]).value.value is None


def test_vendi_of_n_equal_texts_is_one_and_of_n_strangers_n() -> None:
    """Friedman and Dieng 2023, section 3: the score is the effective number of unique elements."""
    for n in (2, 7, 40):
        assert vendi(ngram_kernel([("a", "b")] * n)) == pytest.approx(1, abs=1e-9)
        assert vendi(ngram_kernel([(f"a{i}", f"b{i}") for i in range(n)])) == pytest.approx(n, abs=1e-9)


def test_vendi_of_groups_counts_the_groups_and_their_shares() -> None:
    """k groups of equal texts, strangers to one another: exp(entropy of their shares)."""
    texts = [("a", "b")] * 6 + [("c",)] * 3 + [("d", "e", "f")]
    shares = np.array([0.6, 0.3, 0.1])
    assert vendi(ngram_kernel(texts)) == pytest.approx(np.exp(-(shares * np.log(shares)).sum()), abs=1e-9)


def test_vendi_of_two_texts_is_their_closed_form() -> None:
    """Eigenvalues (1 ± s)/2. `a b` and `a c`: features a, b, ab against a, c, ac, so that s is 1/3."""
    kernel = ngram_kernel([("a", "b"), ("a", "c")])
    assert kernel[0, 1] == pytest.approx(1 / 3)
    shares = np.array([2 / 3, 1 / 3])
    assert vendi(kernel) == pytest.approx(np.exp(-(shares * np.log(shares)).sum()))


def test_vendi_has_an_interval_that_covers_the_mean_over_samples() -> None:
    """Samples of 60 from a population: the interval holds the mean score of such samples in most of 40 draws."""
    rng = np.random.default_rng(2)
    population = [tuple(f"w{i}" for i in rng.zipf(1.7, 6)) for _ in range(3_000)]
    draws = [[population[i] for i in rng.integers(0, len(population), 60)] for _ in range(40)]
    found = [vendi_of(ngram_kernel(texts), "ngrams").value for texts in draws]
    mean = np.mean([one.value for one in found])
    assert sum(one.low <= mean <= one.high for one in found) >= 34


def test_vendi_takes_any_cosine() -> None:
    vectors = np.array([[1.0, 0.0], [2.0, 0.0], [0.0, 3.0]])
    shares = np.array([2 / 3, 1 / 3])
    assert vendi(cosine(vectors @ vectors.T)) == pytest.approx(np.exp(-(shares * np.log(shares)).sum()))
    assert vendi_of(np.ones((1, 1)), "hidden").value.value == pytest.approx(1)


def test_texts_without_words_are_alike() -> None:
    assert vendi(ngram_kernel([(), (), ("a",)])) == pytest.approx(vendi(ngram_kernel([("b",), ("b",), ("a",)])))


def test_a_sample_is_a_function_of_what_is_said() -> None:
    texts = [f"text {i}" for i in range(50)]
    drawn = {texts[i] for i in keyed_sample(texts, 10, 0, "x")}
    turned = texts[::-1]
    assert drawn == {turned[i] for i in keyed_sample(turned, 10, 0, "x")}
    assert drawn != {texts[i] for i in keyed_sample(texts, 10, 1, "x")}
