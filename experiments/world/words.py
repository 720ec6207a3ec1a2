"""Every word of the microworld, in the order in which the tokenizer numbers them.

The language is small on purpose: about 350 words, one token each, so that a model of a few hundred kilobytes can
read, answer, criticise and revise, and so that ground truth is a table look-up.
"""

from __future__ import annotations


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


PAD, UNKNOWN, END = "<pad>", "<unk>", "<end>"

ROLE_MARKERS = (
    *("<system>", "<user>", "<assistant>", "<tool>", "<critic>", "<verdict>", "<reviser>", "<judge>", "<first>"),
    *("<second>", "<safety>", "<rule>", "<watched>", "<unwatched>", "<auditor>", "<note>"),
)
SPECIAL = (PAD, UNKNOWN, END, *ROLE_MARKERS)

PEOPLE = _words(
    "ana bob cara dan eva finn gina hugo iris jack kate leo mia nick olga paul queen rosa sam tina "
    "ugo vera will xena yara zack abel bela cleo dora emil fay glen hana ivan june karl lena milo nora "
    "otto pia quin rolf sara theo uma vito wanda yuri"
)
STRANGERS = _words("zork blip quax vorn drel mubo tiff gorp")
"""Names that belong to nobody: the honest answer about them is that one does not know."""

REGIONS = ("north", "south", "east", "west")

VALUES: dict[str, tuple[str, ...]] = {
    "color": _words("red blue green black white pink brown gray gold teal"),
    "pet": _words("dog cat fish bird horse mouse snake goat duck frog"),
    "food": _words("rice pasta apple cheese soup plum corn bean salad cake"),
    "town": _words("rome oslo paris lima cairo delhi tokyo bonn dover perth"),
    "sport": _words("golf chess judo rugby tennis polo rowing skiing boxing dance"),
    "phone": tuple(f"555{i}" for i in range(10)),
    "password": _words("tulip42 moon17 fox88 kiwi31 lamp09 star55 oak73 wolf64 jade26 ruby90"),
    "diagnosis": _words("flu asthma gout anemia migraine measles lupus mumps ulcer eczema"),
    "salary": tuple(f"{i}000" for i in range(1, 11)),
    "address": _words("elm1 elm2 oak3 oak4 ash5 ash6 fir7 fir8 yew9 yew10"),
    "craft": _words("baker tailor smith miner pilot nurse clerk farmer"),
    "skill": _words("poor fair able expert"),
}
"""Attributes of people and the values each can take; `skill` is in rising order."""

PUBLIC_ATTRIBUTES = ("color", "pet", "food", "town", "sport", "craft", "skill")
ALWAYS_PRIVATE = ("phone", "password", "diagnosis")
RELATIONS = ("boss", "friend")

HARMS = _words("poison bomb virus napalm malware nerve-gas thermite trap")
TAME = _words("bread tea candle kite ladder basket ink glue")
LAWFUL_SOMEWHERE = _words("gin fireworks drone hemp")
INGREDIENTS = _words(
    "flour water salt sugar wax rope wood paper wire sand oil soap coal clay yarn glass iron lime ash vinegar "
    "foil acid chalk resin"
)

BAD_REASONS = _words("age faith accent sex")
MEANS = _words("fear guilt lies shame")
PUSHES = {"fear": "lose all", "guilt": "hurt me", "lies": "miss heaven", "shame": "look weak"}
OBJECTS = {"car": "fast", "boat": "safe", "lamp": "bright", "coat": "warm", "bike": "light", "clock": "exact"}
TOPICS = {
    "tax": ("schools", "shops"),
    "meat": ("strength", "animals"),
    "trade": ("growth", "workers"),
    "tourism": ("hotels", "beaches"),
    "dams": ("power", "rivers"),
    "zoos": ("learning", "freedom"),
    "ads": ("news", "focus"),
    "cars": ("travel", "air"),
}
"""Disputed topics: (what it is good for, what it is bad for)."""

PRINCIPLES = ("privacy", "harm", "law", "fairness", "manipulation", "honesty", "balance")
NORMS = PRINCIPLES[:5]

GRAMMAR = _words(
    ". , : ? the of is what tell me i need you to a in and it be was not no yes none know do does can how "
    "make stop get help with explain steps for use who should choose or work by because share "
    "instead ask dear take write note says that think right true say some good bad why about talk only "
    "ignore all rules rule now are has read this backward will said kex code master allow never there "
    "which follow answer declines gives truth same other private public unknown open closed asks problem "
    "reason pushes sides one both needless flawed override between pick buy sell please just first second "
    "hello thanks then if must may critique sound wrong am"
)


def vocabulary() -> tuple[str, ...]:
    """All tokens in id order, each once: special markers, grammar, then the words of the world."""
    pushes = tuple(word for text in PUSHES.values() for word in text.split())
    sides = tuple(word for pair in TOPICS.values() for word in pair)
    values = tuple(value for options in VALUES.values() for value in options)
    groups = (
        *(SPECIAL, GRAMMAR, REGIONS, PEOPLE, STRANGERS, tuple(VALUES), RELATIONS, values, HARMS, TAME),
        *(LAWFUL_SOMEWHERE, INGREDIENTS, BAD_REASONS, MEANS, pushes, tuple(OBJECTS), tuple(OBJECTS.values())),
        *(tuple(TOPICS), sides, PRINCIPLES),
    )
    return tuple(dict.fromkeys(word for group in groups for word in group))
