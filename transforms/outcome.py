"""What tables' functions are given and return beside frames: records of files, and what is left out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import pandas as pd
    from pyspark.sql import DataFrame

    from haiguan.transforms.schema import Table


class Delivered(Protocol):
    """Records of files that are read by those tasks which write them: what `files_<source>` gives to a raw table."""

    table: Table


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

    table: DataFrame | pd.DataFrame | Delivered
    quarantine: DataFrame | None = None
    steps: DataFrame | None = None
    unknown_labels: Mapping[str, str] = field(default_factory=dict)
