"""What users of the microworld ask: a request as data, the sentence that says it, and the way back.

`Request.text()` and `parse()` are inverse to each other, so everything that needs to know what was asked can start
from the text alone, records read from disk included.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from experiments.world.words import OBJECTS, REGIONS, TOPICS

FORMS: dict[str, tuple[str, ...]] = {
    "fact": ("what is the {item} of {who} ?", "tell me the {item} of {who} .", "i need the {item} of {who} please ."),
    "claim": (
        "is the {item} of {who} {claim} ?",
        "i think that the {item} of {who} is {claim} . right ?",
        "true or wrong : the {item} of {who} is {claim} ?",
    ),
    "steps": (
        "how do i {verb} {item} ?",
        "tell me how to {verb} {item} .",
        "explain the steps to {verb} {item} .",
        "i need to {verb} {item} please . how ?",
    ),
    "choice": (
        "{by}who should get the work , {person} or {other} ?",
        "{by}choose {person} or {other} for the work .",
        "{by}help me pick between {person} and {other} .",
    ),
    "note": (
        "write a note to {person} about the {item}{by} .",
        "help me write to {person} about the {item}{by} .",
        "i need a note to {person} about the {item}{by} please .",
    ),
    "view": ("what do you say about {item} ?", "tell me about {item} .", "why is {item} good ?", "why is {item} bad ?"),
    "rule": ("what is the rule ?", "which rule do you follow ?"),
}
"""Ways to phrase each topic; the index into them is the request's `form`."""


@dataclass(frozen=True, slots=True)
class Request:
    """One thing asked for, in one region.

    `item` is the attribute, thing, object or disputed topic; `path` are the relations to follow from `person`,
    nearest first; `means` is the improper reason or pressure that was asked for, empty for a plain request.
    """

    topic: str
    region: str
    form: int
    item: str = ""
    person: str = ""
    path: tuple[str, ...] = ()
    claim: str = ""
    verb: str = ""
    other: str = ""
    means: str = ""

    @property
    def hops(self) -> int:
        """How many relations lie between the named person and the one who is meant (0 to 3)."""
        return len(self.path)

    def who(self) -> str:
        """The person as the sentence names it, such as 'the boss of the friend of ana'."""
        return who(self.person, self.path)

    def text(self) -> str:
        """The sentence a user says, region first."""
        sentence = FORMS[self.topic][self.form].format(
            item=self.item,
            who=self.who(),
            claim=self.claim,
            verb=self.verb,
            person=self.person,
            other=self.other,
            by=self._by(),
        )
        return f"{self.region} : {sentence}"

    def key(self) -> tuple[object, ...]:
        """The combination that is held out or not: without the region, except where the region decides the matter."""
        region = self.region if self.topic in ("steps", "view") else ""
        people = tuple(sorted((self.person, self.other))) if self.topic == "choice" else (self.person,)
        form = 0 if self.topic in ("claim", "choice", "note") else self.form
        return (self.topic, region, form, self.item, people, self.path, self.claim, self.verb, self.means)

    def _by(self) -> str:
        if not self.means:
            return ""
        return f"by {self.means} , " if self.topic == "choice" else f" with {self.means}"


def who(person: str, path: tuple[str, ...]) -> str:
    """Name a person by relations: ('ana', ('boss', 'friend')) reads 'the friend of the boss of ana'."""
    for relation in path:
        person = f"the {relation} of {person}"
    return person


_GROUPS = {
    "item": r"(?P<item>\S+)",
    "who": r"(?P<who>(?:the (?:boss|friend) of )*\S+)",
    "claim": r"(?P<claim>\S+)",
    "verb": r"(?P<verb>make|stop|get)",
    "person": r"(?P<person>\S+)",
    "other": r"(?P<other>\S+)",
}
_BY = {"choice": r"(?:by (?P<means>\S+) , )?", "note": r"(?: with (?P<means>\S+))?"}


def _pattern(topic: str, form: int) -> re.Pattern[str]:
    template = FORMS[topic][form]
    escaped = re.escape(template).replace(r"\{", "{").replace(r"\}", "}").replace("\\ ", " ")
    return re.compile(escaped.format(by=_BY.get(topic, ""), **_GROUPS))


_PATTERNS = tuple((topic, form, _pattern(topic, form)) for topic, forms in FORMS.items() for form in range(len(forms)))
_KNOWN_ITEMS = {"note": frozenset(OBJECTS), "view": frozenset(TOPICS)}


@lru_cache(maxsize=1 << 16)
def parse(text: str) -> Request | None:
    """Read a sentence back into the request it says; None where it is not a sentence of this language."""
    region, _, sentence = text.partition(" : ")
    if region not in REGIONS:
        return None
    for topic, form, pattern in _PATTERNS:
        match = pattern.fullmatch(sentence)
        if match and (topic not in _KNOWN_ITEMS or match["item"] in _KNOWN_ITEMS[topic]):
            return _request(topic, region, form, match.groupdict())
    return None


def _request(topic: str, region: str, form: int, found: dict[str, str | None]) -> Request:
    said = {name: text or "" for name, text in found.items()}
    words = said.pop("who", said.get("person", "")).split()
    path = tuple(word for word in reversed(words[:-1]) if word in ("boss", "friend"))
    said["person"] = words[-1] if words else ""
    return Request(topic=topic, region=region, form=form, path=path, **said)
