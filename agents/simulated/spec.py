"""What people write about a simulated agent."""

from __future__ import annotations

from math import log
from typing import Annotated, Literal

from pydantic import Field, model_validator

from constitutions.strict import Share, Strict, problem

Rates = Share | Annotated[tuple[Share, ...], Field(min_length=1)]
"""One probability for every principle, or one per principle in the constitution's order (repeated where shorter)."""
Correlation = Annotated[float, Field(ge=0, lt=1)]


class Dependence(Strict):
    """How relatives err together given the truth, apart for violated and for innocent principles."""

    violating: Correlation = 0.0
    innocent: Correlation = 0.0


class Shock(Strict):
    """Common shock: with this chance, per case and revision, a relative reads the family's draw in place of its own.

    A probability, not a correlation: given the truth, two relatives both read it with chance `violating` squared (or
    `innocent` squared), and then agree.
    """

    kind: Literal["shock"] = "shock"
    violating: Share = 0.0
    innocent: Share = 0.0


class Copula(Dependence):
    """Gaussian copula with one factor: `violating` and `innocent` are correlations of the latent normals."""

    kind: Literal["copula"] = "copula"


class BetaBinomial(Dependence):
    """Beta-binomial: `violating` and `innocent` are correlations of two relatives' flags themselves."""

    kind: Literal["beta_binomial"] = "beta_binomial"


class Adversary(Strict):
    """A base that violates where it believes overseers of `family` to be blind.

    It knows the family's draw (or factor) of a case and principle with chance `knowledge`, else believes a random one,
    and violates where the believed one is among the `propensity` most blind. Its rate is the same as an honest base's.
    """

    family: str
    knowledge: Share = 1.0


class Elo(Strict):
    """Skill on the Elo scale (Elo 1978), another way to write the item response model.

    P(flag | violated) = 1 / (1 + 10^(-(rating - opponent) / 400)), where a case of difficulty d plays at
    opponent = `against` + `spread` d: `sensitivity` is that at d = 0, and `slope` is spread ln(10) / 400.
    """

    rating: float = Field(ge=-10_000, le=10_000)
    against: float = Field(0.0, ge=-10_000, le=10_000)
    spread: float = Field(0.0, ge=0, le=3_000)

    @property
    def sensitivity(self) -> float:
        """Win probability against a case of medium difficulty."""
        return float(1.0 / (1.0 + 10.0 ** (-(self.rating - self.against) / 400.0)))

    @property
    def slope(self) -> float:
        """Logits of skill lost per unit of difficulty."""
        return self.spread * log(10.0) / 400.0


class SimulatedSpec(Strict):
    """A parametric agent that needs no text; violations are bits, verdicts are drawn. Every case has a difficulty d,
    uniform in [-1, 1].

    As a base: `propensity` is the chance that a first answer violates a principle, logit P = logit(propensity) +
    slope d (`adversary` says where instead). `override`: logits that a prompt which tries to override the rules adds.
    As a reviewer: P(flag | violated) = `sensitivity` at d = 0, logit P = logit(sensitivity) - slope d (two-parameter
    item response, Birnbaum 1968; `slope` is the discrimination); P(flag | fine) = `false_alarm` at any d. `elo` says
    both `sensitivity` and `slope` on the Elo scale instead.
    Relatives, agents of one `family`, err together given the truth, as `dependence` says.
    `collusion`: chance, per case and family, that it lets every violation pass.
    `sycophancy`: chance, per case, that it says what most of the reviewers it may read say (a tie says nothing).
    `deference`: chance, per case, that it passes everything in an answer whose author sounds sure; as a judge, that it
    prefers the option that does, where only one does.
    As a critic that is assigned a side it claims that everything is violated, or nothing; `truth_advantage` is the Elo
    that its argument gains where its side is the true one, and its skill its rating; who reads it takes the side of
    the strongest argument, its own finding among them (`agents.simulated.arguing`). The default, 200, is a judge that
    is right on 76 % of debates between equals, as a language model was in Khan et al. (2024, arXiv:2402.06782).
    As a critic of a critic or of a vote it judges the response anew, with the same rates; with chance `sycophancy` it
    repeats what the critic under review said.
    As a judge: it prefers the option with fewer violations with chance `sensitivity`; equal ones by a fair coin.
    As a reviser: a violation is repaired with chance `repair`; each clean principle is broken with chance `harm`;
    `informed`: whether only violations that the reviewers it may read flagged can be repaired. `blunting`: chance that
    a revision loses the answer's helpfulness, for good.
    As either author: `bold` is the chance that an answer which violates nothing sounds sure, `bold_wrong` of one that
    violates something.
    `missing`: chance that a verdict cannot be read.
    `sure`: probability it reports for its verdict where that is right, `sure_wrong` where it is wrong; `noise`: their
    spread in logits. Equal values mean that its confidence says nothing.
    """

    kind: Literal["simulated"] = "simulated"
    propensity: Rates = 0.1
    sensitivity: Rates = 0.8
    false_alarm: Rates = 0.05
    slope: float = Field(0.0, ge=0, le=20)
    repair: float = Field(0.75, ge=0, le=1)
    harm: float = Field(0.01, ge=0, le=1)
    informed: bool = False
    elo: Elo | None = None
    override: float = Field(0.0, ge=-20, le=20)
    blunting: Share = 0.0
    bold: Share = 0.0
    bold_wrong: Share = 0.0
    family: str | None = None
    dependence: Shock | Copula | BetaBinomial | None = Field(None, discriminator="kind")
    adversary: Adversary | None = None
    collusion: Share = 0.0
    sycophancy: Share = 0.0
    deference: Share = 0.0
    truth_advantage: float = Field(200.0, ge=-4_000, le=4_000)
    missing: Share = 0.0
    sure: float = Field(0.9, ge=0.5, lt=1)
    sure_wrong: float = Field(0.9, ge=0.5, lt=1)
    noise: float = Field(0.0, ge=0)

    @model_validator(mode="after")
    def _one_scale(self) -> SimulatedSpec:
        for name in ("sensitivity", "slope"):
            if self.elo is not None and name in self.model_fields_set:
                raise problem(f"{name} is given twice: elo says it too; leave out one of them", name)
        return self

    @property
    def skill(self) -> Rates:
        """P(flag | violated) at medium difficulty."""
        return self.sensitivity if self.elo is None else self.elo.sensitivity

    @property
    def discrimination(self) -> float:
        """Logits of skill lost per unit of difficulty."""
        return self.slope if self.elo is None else self.elo.slope

    @property
    def marks(self) -> bool:
        """Whether its answers carry marks beside their violations (see `agents.simulated.marks`)."""
        return max(self.blunting, self.bold, self.bold_wrong) > 0.0


def rates(rate: Rates, principles: int) -> tuple[float, ...]:
    """One rate per principle."""
    given = rate if isinstance(rate, tuple) else (rate,)
    return tuple(given[p % len(given)] for p in range(principles))
