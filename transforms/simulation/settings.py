"""What a simulated world depends on; the same settings give the same bytes."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator


class SimulateSettings(BaseModel):
    """Settings of `haiguan simulate`.

    Attributes:
        world: name of the world.
        declarations: number of good customs records over all years; defective ones come on top.
        years: first and last year.
        skip_years: years between them that the archive lacks.
        seed: two seeds give two independent worlds.
        container: files (the real yearly layouts) or parquet (clean coded declarations, for benchmarks).
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    world: Literal["archive"]
    declarations: int = Field(ge=1_000)
    years: tuple[int, int]
    skip_years: tuple[int, ...]
    seed: int = Field(ge=0)
    container: Literal["files", "parquet"]

    @model_validator(mode="after")
    def _in_order(self) -> SimulateSettings:
        if self.years[0] > self.years[1]:
            raise ValueError(f"years runs from {self.years[0]} to {self.years[1]}: write the earlier year first")
        return self
