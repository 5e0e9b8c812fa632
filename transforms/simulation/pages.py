"""The records of a block as the text of its files: wording, what defects do to it, one page for each file."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from haiguan.transforms.simulation.contacts import Districts
from haiguan.transforms.simulation.defects import broken, dressed
from haiguan.transforms.simulation.draws import Ids
from haiguan.transforms.simulation.editions import Piece, listed_piece
from haiguan.transforms.simulation.firms import Firms
from haiguan.transforms.simulation.planting import simulate_records
from haiguan.transforms.simulation.records import Records, World
from haiguan.transforms.simulation.texts import Text
from haiguan.transforms.simulation.truth import first_line
from haiguan.transforms.simulation.wording import Wording


@dataclass(frozen=True)
class Page:
    """What a block of firms adds to a file: the text of each field, and the records behind it."""

    piece: Piece
    fields: dict[str, Text]
    records: Records


def blocks(world: World, year_index: int) -> Iterator[tuple[int, Firms, Records]]:
    """Number, firms and records of every block in a year, in the order of the files."""
    for number in range(world.plan.blocks):
        firms = world.plan.block(number, year_index + 1)
        yield number, firms, simulate_records(world, year_index, number, firms)


def pages(world: World, year_index: int, firms: Firms, records: Records, districts: Districts) -> Iterator[Page]:
    """The pages of a block, file by file."""
    pieces, year = world.pieces(year_index), world.plan.years[year_index]
    for layout, is_text in dict.fromkeys((piece.layout, piece.is_text) for piece in pieces):
        alike = [piece for piece in pieces if (piece.layout, piece.is_text) == (layout, is_text)]
        chosen = records.take(np.isin(records.piece, [piece.number for piece in alike]))
        proper = _proper(Wording(world, firms, year, layout, chosen, districts))
        told = broken(dressed(proper, chosen, layout, world.plan.draws), chosen, layout, world, is_text)
        for piece in alike:
            start, end = np.searchsorted(chosen.piece, [piece.number, piece.number + 1])
            fields = {field: text[start:end] for field, text in told.items()}
            yield Page(piece, fields, chosen.take(np.arange(start, end)))


def listed_page(world: World, year_index: int, firms: Firms, records: Records, districts: Districts) -> Page:
    """The records in which nothing is wrong once more, as the file of listed firms has them."""
    year = world.plan.years[year_index]
    piece, good = listed_piece(year), records.take(records.rule < 0)
    return Page(piece, _proper(Wording(world, firms, year, piece.layout, good, districts)), good)


def _proper(wording: Wording) -> dict[str, Text]:
    return {field: wording.text(field) for field in wording.layout.headings.values()}


def line_numbers(pieces: tuple[Piece, ...], records: Records, before: Ids) -> Ids:
    """The line of each record in its file, of which so many records stand there already."""
    counts = np.bincount(records.piece, minlength=len(pieces))
    first = np.array([first_line(piece) for piece in pieces]) + before - (np.cumsum(counts) - counts)
    return np.arange(len(records.id)) + first[records.piece]
