"""The five kinds of seed from which the model writes a question (Eyuboglu et al. 2025, section 4.1 and appendix)."""

from __future__ import annotations

from typing import Literal, get_args

Seed = Literal["structure", "summary", "question", "use_case", "creative"]
"""What the question is to ask for: a part put into another form, a short version, one fact, help with a case that the
text decides, or something made up from it."""

SEEDS: tuple[Seed, ...] = get_args(Seed)
