"""What single estimators need beside outcome, regressors, effects and clusters: sections of a column of a table."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, Tag

from haiguan.transforms.estimators.decomposition import Reference
from haiguan.transforms.estimators.kinky_least_squares import EffectsAs
from haiguan.transforms.estimators.tagged import Settings, by_key


class Kinky(Settings):
    """Kinky least squares at one correlation: `kinky: {correlation: -0.1}`.

    Attributes:
        correlation: postulated between the endogenous regressor and the error.
        held: correlations of other regressors with the error.
        effects_as: whether fixed effects count among the `regressors` or are `absorbed` beforehand.
        kurtosis: of the endogenous regressor, for parametric errors; computed where not given.
    """

    correlation: float = Field(gt=-1, lt=1)
    held: dict[str, float] = Field(default={})
    effects_as: EffectsAs = "regressors"
    kurtosis: float | None = Field(default=None, ge=1)

    def columns(self) -> list[str]:
        """The columns of the data that it reads."""
        return list(self.held)


class DirectEffectRanges(Settings):
    """The union of intervals while direct effects stay in a range: `{ranges: {access: [-0.1, 0.1]}}`."""

    ranges: dict[str, tuple[float, float]] = Field(min_length=1)


class DirectEffectPrior(Settings):
    """Direct effects with a normal prior, local to zero: `{variances: {access: 0.01}, means: {access: 0.05}}`."""

    variances: dict[str, float] = Field(min_length=1)
    means: dict[str, float] = Field(default={})


DirectEffects = Annotated[
    Annotated[DirectEffectRanges, Tag("ranges")] | Annotated[DirectEffectPrior, Tag("variances")],
    by_key("ranges", "variances"),
]


class Production(Settings):
    """The columns of a production function, in logs, and how it is estimated.

    Attributes:
        firm: identifier of the firm.
        year: whole numbers.
        free: inputs chosen after productivity is known.
        state: inputs fixed a year before.
        proxy: investment or materials.
        controls: numeric columns that shift output.
        dummies: categorical columns that shift output.
        survival: 1 lives in the following year, 0 exits (Olley-Pakes only).
        degree: of the polynomials.
        order: 1 Cobb-Douglas, 2 translog (Ackerberg-Caves-Frazer only).
        draws: of the bootstrap by firm.
        seed: of the bootstrap.
    """

    firm: str
    year: str
    free: tuple[str, ...] = Field(min_length=1)
    state: tuple[str, ...] = Field(min_length=1)
    proxy: str
    controls: tuple[str, ...] = ()
    dummies: tuple[str, ...] = ()
    survival: str | None = None
    degree: int = Field(default=3, ge=1, le=5)
    order: Literal[1, 2] = 1
    draws: int = Field(default=200, ge=20)
    seed: int = 0

    def columns(self) -> list[str]:
        """The columns of the data that it reads."""
        given = [self.survival] if self.survival else []
        return [
            self.firm, self.year, *self.free, *self.state, self.proxy, *self.controls, *self.dummies, *given
        ]  # fmt: skip


class Event(Settings):
    """An event study: `event: {unit: firm, period: year, event_period: opened, window: [-3, 4]}`."""

    unit: str
    period: str
    event_period: str
    window: tuple[int, int] = (-5, 5)
    reference: int = -1

    def columns(self) -> list[str]:
        """The columns of the data that it reads."""
        return [self.unit, self.period, self.event_period]


class Grouped(Settings):
    """The first step of a grouped two-step estimator: `grouped: {group: city, individual_regressors: [size]}`."""

    group: str
    individual_regressors: tuple[str, ...] = ()

    def columns(self) -> list[str]:
        """The columns of the data that it reads."""
        return [self.group, *self.individual_regressors]


class Decomposition(Settings):
    """Whose gap an Oaxaca-Blinder decomposition explains: `decomposition: {group: west, reference: pooled}`."""

    group: str
    reference: Reference = "pooled"

    def columns(self) -> list[str]:
        """The columns of the data that it reads."""
        return [self.group]


class Channel(Settings):
    """The mediator of a mediation, whose treatment is the first regressor: `channel: {mediator: imports}`."""

    mediator: str
    draws: int = Field(default=500, ge=0)
    seed: int = 0

    def columns(self) -> list[str]:
        """The columns of the data that it reads."""
        return [self.mediator]
