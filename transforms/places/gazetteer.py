"""The place that a name or an address tells, by the divisions of its year; plain Python, no Spark."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

_OPENING = "([{<"

Division = Mapping[str, object]
"""A row of core_places__divisions."""


@dataclass(frozen=True)
class Gazetteer:
    """The divisions of one year, by everything that texts call them.

    Attributes:
        codes: label -> divisions in force that it may mean.
        full: labels that are names in full, which are believed anywhere in a text; short ones only at its beginning.
        parents: division in force -> the one it lies in, None at the first level.
        levels: division in force -> level.
        by_prefix: digits that identify a division -> the division.
        lengths: first character of a label -> lengths of those that begin so, longest first.
    """

    codes: Mapping[str, frozenset[str]]
    full: frozenset[str]
    parents: Mapping[str, str | None]
    levels: Mapping[str, int]
    by_prefix: Mapping[str, str]
    lengths: Mapping[str, tuple[int, ...]]

    def place_of(self, text: str, seat: str | None = None) -> str | None:
        """The finest division that a text tells, None where it tells none or several.

        The first name in the text counts, the longest one that fits; names that follow it at once narrow it down as
        long as each lies in the one before. A full name that does not lie there takes its place: addresses go on naming
        a province that a city has left.

        Args:
            text: name or address.
            seat: where the firm has its seat by other evidence; it decides between places of one name.
        """
        plain = "".join(unicodedata.normalize("NFKC", text).split())
        found, at = self._first(plain)
        while found:
            label = self._longest_at(plain, at)
            below = frozenset(code for code in self.codes.get(label, ()) if any(self._is_below(code, c) for c in found))
            if not below and label not in self.full:
                break
            found, at = below or self.codes[label], at + len(label)
        return self._settled(found, seat)

    def place_of_code(self, digits: str) -> str | None:
        """The finest division whose identifying digits the code begins with."""
        lengths = sorted({len(prefix) for prefix in self.by_prefix}, reverse=True)
        return next((self.by_prefix[digits[:n]] for n in lengths if digits[:n] in self.by_prefix), None)

    def _first(self, text: str) -> tuple[frozenset[str], int]:
        """What the first place in a text may be, and where the text goes on."""
        for at in range(len(text)):
            label = self._longest_at(text, at)
            if label in self.full or (label and (at == 0 or text[at - 1] in _OPENING)):
                return self.codes[label], at + len(label)
        return frozenset(), 0

    def _longest_at(self, text: str, at: int) -> str:
        """The longest label that the text has there; empty where it has none."""
        cut = (text[at : at + length] for length in self.lengths.get(text[at : at + 1], ()))
        return next((label for label in cut if label in self.codes), "")

    def _is_below(self, code: str, other: str) -> bool:
        """Whether a division lies in another one, however far down."""
        above = self.parents.get(code)
        while above is not None and above != other:
            above = self.parents.get(above)
        return above is not None

    def _settled(self, found: frozenset[str], seat: str | None) -> str | None:
        """One of several divisions: the one around or below the seat, else the one that holds all others."""
        if len(found) <= 1:
            return next(iter(found), None)
        near = {c for c in found if seat and (c == seat or self._is_below(c, seat) or self._is_below(seat, c))}
        if near:
            finest = max(self.levels[code] for code in near)
            return _only(code for code in near if self.levels[code] == finest)
        return _only(code for code in found if all(c == code or self._is_below(c, code) for c in found))


def _only(codes: Iterable[str]) -> str | None:
    found = list(codes)
    return found[0] if len(found) == 1 else None


def gazetteer_of(divisions: Sequence[Division], year: int, code_digits: Sequence[int]) -> Gazetteer:
    """The divisions of a year. A name of earlier years leads to what has the code now, else to where that lay.

    Args:
        divisions: rows of core_places__divisions.
        year: whose divisions count.
        code_digits: digits of a code that identify a division, by level.
    """
    now = [row for row in divisions if int(str(row["first_year"])) <= year <= int(str(row["last_year"]))]
    parents = {str(row["place_code"]): None if row["parent_code"] is None else str(row["parent_code"]) for row in now}
    levels = {str(row["place_code"]): int(str(row["place_level"])) for row in now}
    codes: dict[str, set[str]] = {}
    for row in now:
        _enter(codes, row, str(row["place_code"]))
    in_force = frozenset(codes)
    for row in divisions:
        if int(str(row["last_year"])) < year:
            heir = next((code for code in (row["place_code"], row["parent_code"]) if code in parents), None)
            _enter(codes, row, heir, in_force)
    digits = {code: code_digits[min(level, len(code_digits)) - 1] for code, level in levels.items()}
    return Gazetteer(
        codes={label: frozenset(found) for label, found in codes.items()},
        full=frozenset(str(row["place_name"]) for row in divisions) & codes.keys(),
        parents=parents,
        levels=levels,
        by_prefix={code[: digits[code]]: code for code in levels},
        lengths=_lengths(codes),
    )


def _enter(codes: dict[str, set[str]], row: Division, code: object, taken: frozenset[str] = frozenset()) -> None:
    labels = row["place_labels"]
    for label in labels if code is not None and isinstance(labels, Iterable) else ():
        if label not in taken:
            codes.setdefault(str(label), set()).add(str(code))


def _lengths(labels: Iterable[str]) -> dict[str, tuple[int, ...]]:
    found: dict[str, set[int]] = {}
    for label in labels:
        found.setdefault(label[0], set()).add(len(label))
    return {first: tuple(sorted(lengths, reverse=True)) for first, lengths in found.items()}
