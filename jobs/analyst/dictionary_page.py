"""The data dictionary as one page: `python -m haiguan.jobs.analyst.dictionary_page > docs/data_dictionary.md`."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from itertools import groupby

from haiguan.jobs.runtime.graph import Node, build_graph
from haiguan.jobs.runtime.stages import STAGES
from haiguan.transforms.schema import TABLES, Column, Table

_INTRODUCTION = """\
# Data dictionary

Every table of a lake, by layer. A table lies in the folder named under it, below the folder of the lake; its files are
partitioned by the columns of its slice, which is also what a run replaces. Columns marked null may be empty, all others
may not. What of a table is published, and by which run, `haiguan describe` tells. This page is written from
transforms/schema by `python -m haiguan.jobs.analyst.dictionary_page`.
"""


def data_dictionary(tables: Iterable[Table], makers: Mapping[str, Node]) -> str:
    """The page, in Markdown.

    Args:
        tables: in the order of the schema; the page takes them layer by layer, in the order of first appearance.
        makers: table name -> node that makes it or, for quarantine, that rejects its records; a table without one is
            written by the runtime.
    """
    listed = list(tables)
    layers = list(dict.fromkeys(table.layer for table in listed))
    ordered = sorted(listed, key=lambda table: layers.index(table.layer))
    parts = [_INTRODUCTION]
    for layer, of_layer in groupby(ordered, key=lambda table: table.layer):
        parts.append(f"## {layer}\n")
        parts += [_entry(table, makers.get(table.name)) for table in of_layer]
    return "\n".join(parts)


def makers_of(graph: Mapping[str, Node]) -> dict[str, Node]:
    """Table name -> the node that writes it, tables of rejected records included."""
    rejecting = {node.quarantine.name: node for node in graph.values() if node.quarantine is not None}
    return {**graph, **rejecting}


def _entry(table: Table, maker: Node | None) -> str:
    facts = [
        ("One row is", table.grain),
        ("Folder", f"`{table.folder}`"),
        ("Key", ", ".join(table.key)),
        ("Slice", ", ".join(table.slice) or "none: replaced whole"),
        ("Made from", _made_from(maker)),
        *([("Take care", table.warning)] if table.warning else []),
    ]
    lines = [f"### {table.name}\n"]
    lines += [f"- {name}: {fact}" for name, fact in facts]
    lines += ["", "| Column | Type | Unit | Null | Meaning | Allowed |", "|---|---|---|---|---|---|"]
    lines += [_column(column, column.name in table.optional) for column in table.columns]
    return "\n".join(lines) + "\n"


def _made_from(maker: Node | None) -> str:
    if maker is None:
        return "what runs record of themselves"
    return ", ".join([*maker.inputs, *(f"the files of {source}" for source in maker.sources)])


def _column(column: Column, may_be_null: bool) -> str:
    allowed = "; ".join([*([", ".join(column.values)] if column.values else []), *filter(None, [column.check])])
    cells = (column.name, column.type, column.unit or "", "null" if may_be_null else "", column.label, allowed)
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


if __name__ == "__main__":
    sys.stdout.write(data_dictionary(TABLES.values(), makers_of(build_graph(STAGES))))
