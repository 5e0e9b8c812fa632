"""The flow of records from the files to the results, as boxes and lines with places on a drawing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from haiguan.jobs.reporting.record import Record
from haiguan.jobs.runtime.graph import Node
from haiguan.transforms.schema import TABLES, quarantine_of

WIDTH, HEIGHT = 188, 76
_ACROSS, _DOWN = 232, 96
_MARGIN = 2


@dataclass(frozen=True)
class Box:
    """A source or table on the drawing; x and y are its upper left corner.

    Attributes:
        name: of the source or table.
        layer: `files`, or the table's layer.
        entity: what stands in the box below the layer.
        records: rows; of a source, files.
        amount: US dollars.
        bytes: of a source's files.
    """

    name: str
    layer: str
    entity: str
    records: int
    amount: Decimal | None
    bytes: int | None
    x: float
    y: float


@dataclass(frozen=True)
class Flow:
    """Boxes, the curves between them as SVG paths, and the size of the drawing."""

    boxes: tuple[Box, ...]
    paths: tuple[str, ...]
    width: float
    height: float


def flow_of(record: Record, graph: Mapping[str, Node]) -> Flow:
    """Places what descends from the user's files: each table one column right of the last table that it reads."""
    parents = _parents(record, graph)
    columns = _columns(parents)
    height = max((len(names) for names in columns), default=0) * _DOWN
    boxes: dict[str, Box] = {}
    for across, names in enumerate(columns):
        for down, name in enumerate(_in_order(names, parents, boxes)):
            y = (height - len(names) * _DOWN) / 2 + down * _DOWN + _MARGIN
            boxes[name] = _box(name, record, across * _ACROSS + _MARGIN, y)
    edges = [(parent, name) for name, read in parents.items() for parent in read if parent in boxes]
    return Flow(
        boxes=tuple(boxes.values()),
        paths=tuple(_path(boxes[start], boxes[end]) for start, end in edges),
        width=(len(columns) - 1) * _ACROSS + WIDTH + 2 * _MARGIN,
        height=height - _DOWN + HEIGHT + 2 * _MARGIN,
    )


def _parents(record: Record, graph: Mapping[str, Node]) -> dict[str, list[str]]:
    """Name -> what it reads, of sources that files were read from and of the tables that descend from them."""
    parents: dict[str, list[str]] = {file.source: [] for file in record.files}
    for name, node in graph.items():
        read = [source for source in (*node.sources, *node.inputs) if source in parents]
        if name in record.slices and read:
            parents[name] = read
            rejected = quarantine_of(name)
            if rejected in record.slices:
                parents.pop(rejected, None)  # of the raw table and its core table, the one that rejects comes later
                parents[rejected] = read
    return parents


def _columns(parents: Mapping[str, Sequence[str]]) -> list[list[str]]:
    depth: dict[str, int] = {}
    for name, read in parents.items():
        depth[name] = 1 + max((depth[parent] for parent in read), default=-1)
    return [
        [name for name in parents if depth[name] == column] for column in range(max(depth.values(), default=-1) + 1)
    ]


def _in_order(names: Sequence[str], parents: Mapping[str, Sequence[str]], boxes: Mapping[str, Box]) -> list[str]:
    """Names by the height of what they read, so that lines cross little; quarantine below its table."""

    def height(name: str) -> tuple[float, bool]:
        """Mean height of the boxes that a table reads; of equal ones quarantine comes last."""
        read = [boxes[parent].y for parent in parents[name]]
        return (sum(read) / len(read) if read else 0.0, name.startswith("quarantine_"))

    return sorted(names, key=height)


def _box(name: str, record: Record, x: float, y: float) -> Box:
    if name not in TABLES:
        sizes = [file.bytes for file in record.files if file.source == name]
        return Box(name, "files", name, len(sizes), None, sum(sizes), x, y)
    layer, entity = name.split("_", 1)
    return Box(name, layer, entity, record.records(name), record.amount(name), None, x, y)


def _path(start: Box, end: Box) -> str:
    x1, y1, x2, y2 = start.x + WIDTH, start.y + HEIGHT / 2, end.x, end.y + HEIGHT / 2
    bend = (x2 - x1) / 2
    return f"M{x1:g},{y1:g} C{x1 + bend:g},{y1:g} {x2 - bend:g},{y2:g} {x2:g},{y2:g}"
