"""What a table's function returns where records are rejected or a sample is cut."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd
    from pyspark.sql import DataFrame


@dataclass(frozen=True)
class Outcome:
    """A table together with the account of what did not get into it.

    Attributes:
        table: the rows to publish.
        quarantine: the records rejected, with the columns of `quarantine_<source>__<entity>`.
        steps: slice columns, step, rule, records, amount_usd: what was left out or changed, already summed up.
        unknown_labels: rules that mean a label which no coding knows -> the field of `raw_text` that holds it. A single
            record in quarantine under such a rule stops the run.
    """

    table: DataFrame | pd.DataFrame
    quarantine: DataFrame | None = None
    steps: DataFrame | None = None
    unknown_labels: Mapping[str, str] = field(default_factory=dict)
