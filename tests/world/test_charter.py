"""Charters and what a reader is taught: rules that can be read back, and answers that follow from them."""

from __future__ import annotations

from random import Random

import pytest
import torch

from constitutions.constitution import Constitution
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


def test_the_answers_of_views_are_what_the_rules_say() -> None:
    style = load_study_style(str(STUDY_STYLE))
    for rule, relation in zip(RULES, relations_of(_charter_of(RULES), style), strict=True):
        its = style.relations[rule.kind]
        said = [rule.statement, rule.say(charter.PARAPHRASES[rule.kind])]
        assert [relation.say(each) for each in its.same_answers] == [f"{rule.person} .", *said]
        said = [rule.statement, rule.say(charter.REVERSALS[rule.kind])]
        assert [relation.say(each) for each in its.reversed_answers] == [f"{rule.thing} .", *said]


def _charter_of(rules: list[Rule]) -> Constitution:
    like = charter.charter(0, len(rules))
    named = zip(like.principles, rules, strict=True)
    changed = [p.model_copy(update={"id": rule.name, "statement": rule.statement}) for p, rule in named]
    return like.model_copy(update={"principles": tuple(changed)})


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
    torch.manual_seed(0)
    model = new_model(ROSTER["reader"])
    model.set_attn_implementation("eager")
    ids = torch.tensor([encode("tea bob ink ana wax eva rope dan")])
    with torch.no_grad():
        weights = model(ids, output_attentions=True).attentions[0][0, :, -1]
    assert weights[0].argmax() == 6
    assert weights[1].argmax() == 5
    assert weights[0, 6] > 0.5
    assert weights[1, 5] > 0.5
