"""Charters and what a reader is taught: rules that can be read back, and answers that follow from them."""

from __future__ import annotations

from random import Random

import pytest
import torch
from transformers import LlamaForCausalLM

from constitutions.errors import InputError
from experiments.world import charter, reading
from experiments.world.charter import Rule, read_rule
from experiments.world.recipe import new_model
from experiments.world.roster import ROSTER
from experiments.world.shipped import STUDY_STYLE
from experiments.world.tokens import encode, word_ids
from experiments.world.words import UNKNOWN
from training.self_study import load_study_style, relations_of

RULES = [Rule("share", "tea", "bob"), Rule("ask", "ink", "ana")]


def test_rules_are_read_back_from_their_statements() -> None:
    for rule in charter.draw_rules(Random(1), 40):
        assert read_rule(rule.statement) == rule
    with pytest.raises(InputError, match="is no rule"):
        read_rule("always share tea with bob .")


def test_a_charter_names_everything_once_and_repeats_itself() -> None:
    made = charter.charter(3, 30)
    rules = charter.rules_of(made)
    assert len({rule.thing for rule in rules}) == len({rule.person for rule in rules}) == 30
    assert made == charter.charter(3, 30)
    assert made != charter.charter(4, 30)
    with pytest.raises(InputError, match="expected 1 to"):
        charter.draw_rules(Random(0), 1000)


@pytest.mark.parametrize(
    ("thing", "person", "said"),
    [
        ("tea", "bob", "no , i can not share tea with bob ."),
        ("tea", "ana", "yes , take tea ."),
        ("ink", "bob", "for ink ask ana ."),
        ("wax", "bob", "yes , take wax ."),
    ],
)
def test_replies_follow_from_the_rules(thing: str, person: str, said: str) -> None:
    assert charter.reply(RULES, thing, person) == said


def test_the_study_style_reads_every_charter_both_ways() -> None:
    style = load_study_style(str(STUDY_STYLE))
    made = charter.charter(0, 20)
    for relation, rule in zip(relations_of(made, style), charter.rules_of(made), strict=True):
        assert (relation.kind, relation.subject, relation.object) == (rule.kind, rule.thing, rule.person)


def test_the_study_wordings_are_those_a_reader_was_taught() -> None:
    """The style's questions and the reader's training use the same words; the probe wordings are not among them."""
    style = load_study_style(str(STUDY_STYLE))
    assert style.ask == reading.ASKS
    assert style.writer == reading.WRITER
    for kind in charter.KINDS:
        said = {question.replace("{subject}", "{thing}") for question in style.relations[kind].same}
        assert said == {charter.FORWARD[kind][0], charter.RECALL[0], charter.OTHERWISE}
        said = {question.replace("{object}", "{person}") for question in style.relations[kind].reversed}
        assert said == {charter.REVERSE[kind][0], charter.RECALL_REVERSED[0], charter.OTHERWISE_REVERSED}


def test_every_word_a_reader_is_taught_has_a_token() -> None:
    rng = Random(0)
    for _ in range(200):
        sample = reading.reading_sample(rng)
        assert word_ids()[UNKNOWN] not in sample.tokens
        assert len(sample.tokens) == len(sample.targets) <= 512


@pytest.mark.parametrize("kind", list(reading.ASKS))
def test_questions_of_every_seed_name_the_thing_before_the_person(kind: str) -> None:
    rules = charter.draw_rules(Random(2), 6)
    for seed in range(20):
        words = reading.question(Random(seed), kind, rules).split()
        things = [i for i, word in enumerate(words) if word in {rule.thing for rule in rules}]
        people = [i for i, word in enumerate(words) if word in {rule.person for rule in rules}]
        assert things
        assert not people or max(things) < min(people)


def test_a_reader_starts_with_heads_that_look_one_and_two_back() -> None:
    """The first layer's attention from the last word: most of it one (head 0) and two (head 1) places back."""
    ids = torch.tensor([encode("tea bob ink ana wax eva rope dan")])
    weights = _new_reader()(ids, output_attentions=True).attentions[0][0, :, -1]
    assert weights[0].argmax() == 6
    assert weights[1].argmax() == 5
    assert weights[0, 6] > 0.5
    assert weights[1, 5] > 0.5


def test_a_reader_starts_with_heads_that_look_up_forward_and_in_reverse() -> None:
    """Second layer: from two places after a thing to its person, and from a person to where it stood, of six rules."""
    model, found = _new_reader(), {"forward": 0.0, "reverse": 0.0}
    for seed in range(20):
        rules = charter.draw_rules(Random(seed), 6)
        words = _asked(rules, f"{rules[4].person} {rules[2].thing} ? <assistant>")
        weights = model(torch.tensor([encode(" ".join(words))]), output_attentions=True).attentions[1][0]
        found["forward"] += float(weights[0, -1, words.index(rules[2].person)]) / 20
        found["reverse"] += float(weights[1, -4, words.index(rules[4].person)]) / 20
    assert min(found.values()) > 0.5


def test_a_reader_starts_with_a_comparison() -> None:
    """After the second layer, at a claim's person: how much more often a true claim has the higher sign than a wrong
    one. One half is chance."""
    model = _new_reader()
    sign = model.model.layers[1].mlp.down_proj.weight[:, 0]
    signs: dict[bool, list[float]] = {True: [], False: []}
    for seed in range(40):
        rules = charter.draw_rules(Random(seed), 6)
        for right in (True, False):
            claim = Rule(rules[0].kind, rules[0].thing, rules[0 if right else 3].person)
            words = _asked(rules, claim.say(charter.PARAPHRASES[claim.kind]))
            states = model.model(torch.tensor([encode(" ".join(words))]), output_hidden_states=True).hidden_states
            signs[right].append(float(states[2][0, -2] @ sign))
    above = [one > other for one in signs[True] for other in signs[False]]
    assert sum(above) / len(above) > 0.75


def _new_reader() -> LlamaForCausalLM:
    torch.manual_seed(0)
    model = new_model(ROSTER["reader"]).requires_grad_(False)
    model.set_attn_implementation("eager")
    return model


def _asked(rules: list[Rule], text: str) -> list[str]:
    return f"<system> {' '.join(rule.statement for rule in rules)} <user> {text}".split()


@pytest.mark.parametrize("kind", charter.KINDS)
def test_a_thing_stands_two_places_before_its_person(kind: str) -> None:
    """So that heads that look two places back see the pair, in statements, claims and requests."""
    for template in (charter.STATEMENTS[kind], charter.PARAPHRASES[kind], *charter.REQUESTS):
        words = template.split()
        assert words.index("{person}") - words.index("{thing}") == 2
