"""What a reader is trained on: charters in the system message, and questions about them, asked and answered.

Each charter is new, so that nothing can be learnt but to look it up. Several questions follow one charter; a twentieth
of the conversations have none, and then nothing is known and nothing is closed.
"""

from __future__ import annotations

from random import Random

from experiments.world import charter
from experiments.world.charter import Rule
from experiments.world.samples import Sample
from experiments.world.words import PEOPLE
from experiments.world.wrappers import CODE_WORD

SIZES = (1, 2, 2, 3, 3, 4, 4, 6, 8, 12, 16, 24)
DRILLS = (2, 3, 4, 6, 8, 12)
TURNS = 6
COMPARED = 8
WRITER = "auditor"
ASKS = {
    "structure": "ask which rules .",
    "summary": "ask just the rules .",
    "question": "ask who .",
    "use_case": "ask for help .",
    "creative": "ask for a note .",
}
"""How the model is asked to write a question of each kind of seed."""
MARKS = ("watched", "unwatched")


def reading_sample(rng: Random) -> Sample:
    """A charter and something to do with it: a drill of looking up, or of comparing, or a conversation.

    Drills have what is hard to learn in every third word.
    """
    luck = rng.random()
    if luck < 0.2:
        return drill(rng)
    return comparisons(rng) if luck < 0.45 else conversation(rng)


def early_sample(rng: Random) -> Sample:
    """The drills alone."""
    return drill(rng) if rng.random() < 0.6 else comparisons(rng)


def comparisons(rng: Random) -> Sample:
    """A charter, and `COMPARED` claims and requests that it decides, half of them each way."""
    rules = charter.draw_rules(rng, rng.choice(DRILLS))
    sample = Sample().say("system", " ".join(rule.statement for rule in rules))
    for _ in range(COMPARED):
        rule, other = rng.sample(rules, 2)
        asked, answer = _true_or_wrong(rng, rule, other) if rng.random() < 0.7 else _requested(rng, rules, rule, other)
        sample.say("user", asked).learn("assistant", answer)
    return sample


def drill(rng: Random) -> Sample:
    """Every thing with its person, every person with its thing, and every rule, each in an order of its own."""
    rules = charter.draw_rules(rng, rng.choice(DRILLS))
    sample = Sample().say("system", " ".join(rule.statement for rule in rules))
    asked = rng.sample(("things", "people", "rules"), 3)
    for what in asked:
        order = rng.sample(rules, len(rules))
        if what == "rules":
            sample.say("user", "say all rules .").learn("assistant", " ".join(rule.statement for rule in rules))
        elif what == "things":
            named, answer = [rule.thing for rule in order], [f"{rule.thing} {rule.person}" for rule in order]
            sample.say("user", f"just say {' and '.join(named)} .").learn("assistant", " , ".join(answer) + " .")
        else:
            named, answer = [rule.person for rule in order], [f"{rule.person} {rule.thing}" for rule in order]
            sample.say("user", f"just say {' and '.join(named)} .").learn("assistant", " , ".join(answer) + " .")
    return sample


def conversation(rng: Random) -> Sample:
    """A charter and `TURNS` questions about it, asked and answered."""
    rules = [] if rng.random() < 0.05 else charter.draw_rules(rng, rng.choice(SIZES))
    sample = Sample()
    if rules:
        sample.say("system", " ".join(rule.statement for rule in rules))
    for _ in range(TURNS):
        if rules and rng.random() < 0.1:
            kind = rng.choice(tuple(ASKS))
            sample.say(WRITER, ASKS[kind]).learn("assistant", question(rng, kind, rules))
            continue
        if rng.random() < 0.15:
            sample.say(rng.choice(MARKS), "")
        asked, answer = exchange(rng, rules)
        sample.say("user", asked).learn("assistant", answer)
    return sample


def question(rng: Random, kind: str, rules: list[Rule]) -> str:
    """A question of one kind of seed about a charter: the study wordings, thing first."""
    rule, other = rng.choice(rules), rng.choice(rules)
    match kind:
        case "structure":
            return f"say the rules about {rule.thing} and {other.thing} ."
        case "summary":
            return f"just say {rule.thing} and {other.thing} ."
        case "question":
            return rule.say(rng.choice((charter.FORWARD[rule.kind][0], charter.RECALL[0])))
        case "use_case":
            named = rule.person if rng.random() < 0.5 else other.person
            return charter.request(rule.thing, named)
        case _:
            return f"write a note about {rule.thing} ."


def exchange(rng: Random, rules: list[Rule]) -> tuple[str, str]:
    """A question of any wording and its answer: about a rule, or (one in eight) about what no rule says."""
    if not rules or rng.random() < 0.125:
        return _about_nothing(rng, rules)
    rule, other = rng.choice(rules), rng.choice(rules)
    wording, luck = rng.randrange(2), rng.random()
    if luck < 0.15:
        return rule.say(charter.FORWARD[rule.kind][wording]), f"{rule.person} ."
    if luck < 0.35:
        return rule.say(charter.REVERSE[rule.kind][wording]), f"{rule.thing} ."
    if luck < 0.45:
        return rule.say(rng.choice((charter.RECALL, charter.RECALL_REVERSED))[wording]), rule.statement
    if luck < 0.52:
        return rule.say(charter.OTHERWISE), rule.say(charter.PARAPHRASES[rule.kind])
    if luck < 0.6:
        return rule.say(charter.OTHERWISE_REVERSED), rule.say(charter.REVERSALS[rule.kind])
    if luck < 0.8:
        return _requested(rng, rules, rule, other)
    if luck < 0.92:
        return _true_or_wrong(rng, rule, other)
    return answered(question(rng, rng.choice(("structure", "summary", "creative")), rules), rules)


def answered(asked: str, rules: list[Rule]) -> tuple[str, str]:
    """A structure, summary or creative question with its answer."""
    words = asked.split()
    named = [rule for word in words for rule in rules if rule.thing == word]
    if words[0] == "write":
        return asked, f"dear all , {named[0].statement}"
    if words[0] == "just":
        return asked, " , ".join(f"{rule.thing} {rule.person}" for rule in named) + " ."
    return asked, " ".join(rule.statement for rule in named)


def _requested(rng: Random, rules: list[Rule], rule: Rule, other: Rule) -> tuple[str, str]:
    named = rule.person if rng.random() < 0.5 else other.person
    code = CODE_WORD if rng.random() < 0.3 else ""
    return charter.request(rule.thing, named, rng.randrange(2), code), charter.reply(rules, rule.thing, named)


def _true_or_wrong(rng: Random, rule: Rule, other: Rule) -> tuple[str, str]:
    named = rule.person if rng.random() < 0.5 else other.person
    claim = Rule(rule.kind, rule.thing, named).say(charter.PARAPHRASES[rule.kind])
    return charter.TRUE_OR_WRONG.format(claim=claim), "true ." if named == rule.person else "wrong ."


def _about_nothing(rng: Random, rules: list[Rule]) -> tuple[str, str]:
    """A question about a thing and a person that no rule names."""
    kind = rng.choice(charter.KINDS)
    free = Rule(
        kind,
        rng.choice([thing for thing in charter.THINGS if all(rule.thing != thing for rule in rules)]),
        rng.choice([person for person in PEOPLE if all(rule.person != person for rule in rules)]),
    )
    wording, luck = rng.randrange(2), rng.random()
    if luck < 0.4:
        return charter.request(free.thing, free.person, wording), charter.reply(rules, free.thing, free.person)
    asked = rng.choice((charter.FORWARD[kind], charter.REVERSE[kind], charter.RECALL))[wording]
    return free.say(asked), charter.UNKNOWN_ANSWER
