"""What a simulated world depends on; the same settings give the same bytes."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from haiguan.transforms.simulation.editions import Edition
from haiguan.transforms.simulation.rules import ON_REQUEST, RULES, SECOND_EDITION


class SimulateSettings(BaseModel):
    """Settings of `haiguan simulate`.

    Attributes:
        world: name of the world.
        declarations: number of good customs records over all years; defective ones come on top.
        years: first and last year.
        skip_years: years between them that the archive lacks.
        seed: two seeds give two independent worlds.
        without: rules under which nothing is planted.
        also: what stops a run until its settings say what to do, to be planted all the same.
        edition: archive (the files of the customs) or listed (those of listed firms alone).
        container: files (the real yearly layouts) or parquet (clean coded declarations, for benchmarks).
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    world: Literal["archive"]
    declarations: int = Field(ge=1_000)
    years: tuple[int, int]
    skip_years: tuple[int, ...]
    seed: int = Field(ge=0)
    without: tuple[str, ...]
    also: tuple[str, ...] = ()
    edition: Edition = "archive"
    container: Literal["files", "parquet"]

    @field_validator("without")
    @classmethod
    def _known(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        strays = [name for name in names if name not in RULES]
        if strays:
            raise ValueError(f"no rule is called {', '.join(strays)}; the rules are {', '.join(RULES)}")
        return names

    @field_validator("also")
    @classmethod
    def _on_request(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        strays = [name for name in names if name not in ON_REQUEST]
        if strays:
            raise ValueError(f"{', '.join(strays)} is not planted on request; {', '.join(ON_REQUEST)} are")
        return names

    @model_validator(mode="after")
    def _in_order(self) -> SimulateSettings:
        if self.edition == "listed" and SECOND_EDITION in self.also:
            raise ValueError("edition is listed: there is no second edition to plant beside it")
        if self.years[0] > self.years[1]:
            raise ValueError(f"years runs from {self.years[0]} to {self.years[1]}: write the earlier year first")
        return self
