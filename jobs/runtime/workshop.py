"""What building a table needs at hand, and what of its inputs a slice reads."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

import pandas as pd
from pyspark.sql import DataFrame, SparkSession

from haiguan.expectations.declared import Bounds
from haiguan.expectations.gate import Gate
from haiguan.jobs.runtime.graph import FILES, Node
from haiguan.jobs.runtime.lake import Lake, Slice, in_slices
from haiguan.jobs.runtime.manifest import Manifest, Published, slice_id
from haiguan.jobs.runtime.plan import Due, State, agrees
from haiguan.jobs.runtime.progress import Progress
from haiguan.jobs.runtime.settings import Settings
from haiguan.transforms.schema import Table


@dataclass(frozen=True)
class Workshop:
    """The session, the lake, its records, the gate, the settings, and where to say what is done."""

    session: SparkSession
    lake: Lake
    manifest: Manifest
    gate: Gate
    settings: Settings
    state: State
    progress: Progress
    run_id: str
    years: tuple[int, int] | None

    def input(self, node: Node, parameter: str, batch: Sequence[Due]) -> DataFrame | pd.DataFrame | None:
        """What a parameter of the table's function is given to build a batch of slices."""
        if parameter.startswith(FILES):
            source = self.state.sources[parameter.removeprefix(FILES)]
            read = [values for values in source.slices.values() if _is_read(node.table, parameter, values, batch)]
            return source.read(self.session, read)
        if parameter in node.optional and not self.lake.exists(parameter):
            return None
        if parameter in node.on_driver:
            return self.lake.read_on_driver(parameter)
        frame = self.lake.read(self.session, parameter)
        published = [entry.slice for entry in self.manifest.slices(parameter).values()]
        wanted = [values for values in published if _is_read(node.table, parameter, values, batch)]
        return frame if len(wanted) == len(published) else frame.where(in_slices(wanted))

    def bounds(
        self, node: Node, batch: Sequence[Due], quarantined: int, left_out: int = 0, rejected: Decimal = Decimal(0)
    ) -> Bounds:
        """What the gate knows of a batch beforehand.

        `left_out` records are not to be published by this run; `rejected` are the US dollars in quarantine.
        """
        came = self.came(node, batch)
        amounts = [entry.amount for entry in came or () if entry.amount is not None]
        return Bounds(
            records_in=None if came is None else sum(entry.records for entry in came) - left_out,
            amount_in=sum(amounts, Decimal(0)) if amounts else None,
            quarantined=quarantined,
            quarantined_amount=rejected,
            quarantined_share=self.settings.gates.quarantined_share,
            key_sample_above=self.settings.gates.key_sample_above,
            records_by_slice={
                slice_id(due.slice): sum(entry.records for entry in self.came(node, [due]) or ())
                for due in batch
                if due.slice is not None
            },
        )

    def weight(self, node: Node, due: Due) -> int:
        """About how many records a slice is made of: those that it accounts for, or those of its files."""
        files = [self.state.sources[name] for name in node.sources]
        delivered = sum(
            count
            for name, source in zip(node.sources, files, strict=True)
            for text, count in source.records.items()
            if _is_read(node.table, f"{FILES}{name}", source.slices[text], [due])
        )
        return delivered + sum(entry.records for entry in self.came(node, [due]) or ())

    def came(self, node: Node, batch: Sequence[Due]) -> list[Published] | None:
        """The input slices whose records the table accounts for or sums up; None where there is no such input."""
        name = node.table.accounts_for or node.table.merges
        if name is None:
            return None
        return [e for e in self.manifest.slices(name).values() if _is_read(node.table, name, e.slice, batch)]


def _is_read(table: Table, parameter: str, values: Slice, batch: Sequence[Due]) -> bool:
    return any(due.slice is None or agrees(table, due.slice, values, parameter) for due in batch)
