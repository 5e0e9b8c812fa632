"""What the layouts of customs files say, as tables: an analyst can look up how a label was read."""

from __future__ import annotations

from pyspark.sql import DataFrame
from pyspark.sql import functions as F


def core_customs__layouts(files_customs_layouts: DataFrame) -> DataFrame:
    """One row per layout: edition, years, HS revision and how codes are written."""
    return files_customs_layouts


def core_customs__labels(files_customs_labels: DataFrame) -> DataFrame:
    """One row per layout, coded field and label: the code that the label stands for, null where it is rejected."""
    return files_customs_labels.select("layout", "field", F.trim("label").alias("label"), "code")
