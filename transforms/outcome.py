"""What a table's function returns where records are rejected or a sample is cut."""

from __future__ import annotations

from dataclasses import dataclass
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
        unknown: field, label, file, line: labels of coded fields that no coding knows, with the first place where each
            was seen. Any row stops the run.
    """

    table: DataFrame | pd.DataFrame
    quarantine: DataFrame | None = None
    steps: DataFrame | None = None
    unknown: DataFrame | None = None
