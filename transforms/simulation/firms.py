"""Firms, block by block: who they are over the years, and what they trade in each: the planted regression.

    ln exports(firm, year) = firm effect + year effect + b * ln imports(firm, year) + noise

Exports and imports are totals in US dollars after rounding to cents; the noise is normal and serially correlated within
the firm, so standard errors have to be clustered. Nothing else in the world is planted. Firms that only export have no
imports and follow the same equation without that term. All is drawn firm by firm, so that a firm is the same whichever
block it is made in.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from itertools import product

import numpy as np

from haiguan.transforms.simulation.draws import Draws, Floats, Ids
from haiguan.transforms.simulation.vocabulary import OWNERSHIPS, PLACES, ZONES

PLANTED_B = 0.35
NOISE_SD = 0.8
NOISE_CORRELATION = 0.5  # between consecutive years
IMPORT_SHOCK_SD = 0.7
NEVER = 9999
_BASE_YEAR = 2003
_SHARE_ACTIVE = 0.93  # of the years between entry and exit
_SHARE_OLD, _FIRST_ENTRY, _ENTRY_SPAN, _MEAN_LIFE = 0.6, 2000, 17, 16
_SHARE_BOTH, _SHARE_EXPORT_ONLY = 0.55, 0.25
_SHARE_MOVING, _SHARE_RECODED, _SHARE_RENAMED, _SHARE_SWITCHING = 0.08, 0.4, 0.1, 0.15
_SHARE_INTERMEDIARY = 0.12
SECURITIES = 1_000_000
"""Firms that six digits tell apart."""
_SECURITIES_STEP = 6_007  # coprime with SECURITIES
_ROUND = 1 << 15  # firms among which every kind has its share
_LETTERED = 26 * 36**3  # serials that begin with a letter
_SHARE_LETTERED = 0.1
_DIGITS = np.array(list("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"))


@dataclass(frozen=True)
class Kind:
    """Arrays over firms: row of PLACES, of ZONES, of OWNERSHIPS, and a number among the firms of one kind."""

    place: Ids
    zone: Ids
    ownership: Ids
    serial: Ids


@dataclass(frozen=True)
class Firms:
    """Some firms of a world; arrays over firms, and over firms x years.

    Attributes:
        ids: number of each firm.
        years: the years, in order.
        first: what each firm is at first.
        later: what it is once it has moved; of those that keep their code, only the place.
        moves: the year from which it is elsewhere; NEVER for most.
        is_recoded: whether it gets a new code when it moves.
        renamed: the year from which it has another name; NEVER for most.
        switches: the year from which it trades under other regimes; NEVER for most.
        is_intermediary: whether it trades what others make.
        import_cents: firms x years, imports in cents of a US dollar; 0 where there are none.
        export_cents: firms x years, exports in cents of a US dollar; 0 where there are none.
    """

    ids: Ids
    years: tuple[int, ...]
    first: Kind
    later: Kind
    moves: Ids
    is_recoded: np.ndarray
    renamed: Ids
    switches: Ids
    is_intermediary: np.ndarray
    import_cents: Ids
    export_cents: Ids

    def places(self, year: int) -> Ids:
        """Row of PLACES of each firm in a year."""
        return np.where(year >= self.moves, self.later.place, self.first.place)

    def ownerships(self, year: int) -> Ids:
        """Row of OWNERSHIPS of each firm in a year; a new code may bring a new one."""
        return np.where(self._has_new_code(year), self.later.ownership, self.first.ownership)

    def zones(self, year: int) -> Ids:
        """Row of ZONES of each firm in a year."""
        return np.where(self._has_new_code(year), self.later.zone, self.first.zone)

    def codes(self, draws: Draws, year: int) -> list[str]:
        """Customs code of each firm in a year: four digits of place, one of zone, one of ownership, a serial."""
        in_digits = (draws.uniform("lettered", self.ids) >= _SHARE_LETTERED) & (self.first.serial < 10_000)
        serials = np.where(self._has_new_code(year), _LETTERED - 1 - self.later.serial, self.first.serial)
        in_digits &= ~self._has_new_code(year)
        place = np.where(self._has_new_code(year), self.later.place, self.first.place)
        prefixes = _prefixes()
        return [
            prefixes[kind] + (f"{serial:04d}" if plain else _lettered(serial))
            for kind, serial, plain in zip(
                zip(place.tolist(), self.zones(year).tolist(), self.ownerships(year).tolist(), strict=True),
                serials.tolist(),
                in_digits.tolist(),
                strict=True,
            )
        ]

    def _has_new_code(self, year: int) -> np.ndarray:
        return self.is_recoded & (year >= self.moves)


def simulate_firms(draws: Draws, ids: Ids, years: tuple[int, ...]) -> Firms:
    """The firms with these numbers, in these years."""
    imports, exports = _traded_cents(draws, ids, years)
    return Firms(
        ids=ids,
        years=years,
        first=_kinds(draws, "kind", ids),
        later=_kinds(draws, "later kind", ids),
        moves=_year_of(draws, "moves", ids, _SHARE_MOVING),
        is_recoded=draws.uniform("recoded", ids) < _SHARE_RECODED,
        renamed=_year_of(draws, "renamed", ids, _SHARE_RENAMED),
        switches=_year_of(draws, "switches", ids, _SHARE_SWITCHING),
        is_intermediary=are_intermediaries(draws, ids),
        import_cents=imports,
        export_cents=exports,
    )


def are_intermediaries(draws: Draws, ids: Ids) -> np.ndarray:
    """Which of the firms with these numbers trade what others make."""
    return draws.uniform("intermediary", ids) < _SHARE_INTERMEDIARY


def security_codes(firms: Firms) -> list[str]:
    """Six digits of a security for each firm, the same in all years."""
    return [f"{number * _SECURITIES_STEP % SECURITIES:06d}" for number in firms.ids.tolist()]


def _year_of(draws: Draws, name: str, ids: Ids, share: float) -> Ids:
    """The year of something that happens once to a share of the firms."""
    happens = draws.uniform(name, ids) < share
    year = _FIRST_ENTRY + 1 + draws.below(_ENTRY_SPAN - 1, f"year of {name}", ids)
    return np.where(happens, year, NEVER)


def _kinds(draws: Draws, name: str, ids: Ids) -> Kind:
    """Kinds in their shares, each serial given once within place, zone and ownership.

    Firms come in rounds; in each round a permutation sends every firm to a row of one table of kinds.
    """
    table, rank, count = _kind_table()
    number, row = ids // _ROUND, ids % _ROUND
    shift = draws.below(_ROUND, name, number)
    multiplier = 2 * int(draws.below(_ROUND // 2, f"multiplier of {name}", np.zeros(1, dtype=np.int64))[0]) + 1
    position = (row * multiplier + shift) % _ROUND
    kind = table[position]
    place, rest = np.divmod(kind, len(ZONES) * len(OWNERSHIPS))
    zone, ownership = np.divmod(rest, len(OWNERSHIPS))
    return Kind(place, zone, ownership, number * count[kind] + rank[position])


@cache
def _kind_table() -> tuple[Ids, Ids, Ids]:
    """Kind of each row, number of the row among those of its kind, rows of each kind."""
    shares = np.array(
        [place.weight * zone * ownership.weight for place, (_, zone), ownership in product(PLACES, ZONES, OWNERSHIPS)],
        dtype=np.float64,
    )
    ends = np.floor(np.cumsum(shares) / shares.sum() * _ROUND + 0.5).astype(np.int64)
    count = np.diff(np.r_[0, ends])
    table = np.repeat(np.arange(len(count)), count)
    return table, np.arange(_ROUND) - np.repeat(ends - count, count), count


@cache
def _prefixes() -> dict[tuple[int, int, int], str]:
    return {
        (place, zone, ownership): PLACES[place].code + ZONES[zone][0] + OWNERSHIPS[ownership].digit
        for place, zone, ownership in product(range(len(PLACES)), range(len(ZONES)), range(len(OWNERSHIPS)))
    }


def _lettered(serial: int) -> str:
    head, rest = divmod(serial % _LETTERED, 36**3)
    return chr(65 + head) + _DIGITS[rest // 1296] + _DIGITS[rest // 36 % 36] + _DIGITS[rest % 36]


def _traded_cents(draws: Draws, firm: Ids, years: tuple[int, ...]) -> tuple[Ids, Ids]:
    """Imports and exports, firms x years, in cents."""
    size, ability = draws.normal("size", firm), draws.normal("ability", firm)
    kind = draws.uniform("trades", firm)
    imports_at_all = (kind < _SHARE_BOTH) | (kind >= _SHARE_BOTH + _SHARE_EXPORT_ONLY)
    exports_at_all = kind < _SHARE_BOTH + _SHARE_EXPORT_ONLY
    entry, leaving = _life(draws, firm)
    noise = _noise(draws, firm, years)
    imports = np.zeros((len(firm), len(years)), dtype=np.int64)
    exports = np.zeros_like(imports)
    for column, year in enumerate(years):
        ids = (firm, np.full_like(firm, year))
        is_active = (entry <= year) & (year < leaving) & (draws.uniform("active", *ids) < _SHARE_ACTIVE)
        trend = year - _BASE_YEAR
        ln_imports = 10.5 + 0.11 * trend + 1.9 * size + IMPORT_SHOCK_SD * draws.normal("imports", *ids)
        imports[:, column] = np.where(is_active & imports_at_all, _cents(ln_imports), 0)
        dollars = np.maximum(imports[:, column], 1) / 100
        carried = np.where(imports_at_all, PLANTED_B * np.log(dollars), PLANTED_B * 10.5)
        ln_exports = 7.5 + 0.11 * trend + 1.2 * size + 1.7 * ability + carried + noise[:, column]
        exports[:, column] = np.where(is_active & exports_at_all, _cents(ln_exports), 0)
    return imports, exports


def _life(draws: Draws, firm: Ids) -> tuple[Ids, Ids]:
    """First year, and first year without trade, of each firm."""
    is_old = draws.uniform("old", firm) < _SHARE_OLD
    entry = np.where(is_old, 0, _FIRST_ENTRY + draws.below(_ENTRY_SPAN, "entry", firm))
    length = 1 + np.floor(-_MEAN_LIFE * np.log1p(-draws.uniform("life", firm))).astype(np.int64)
    return entry, np.maximum(entry, _FIRST_ENTRY) + length


def _noise(draws: Draws, firm: Ids, years: tuple[int, ...]) -> Floats:
    """Normal noise with the same variance every year, whose correlation falls with the distance between years."""
    noise = np.empty((len(firm), len(years)))
    for column, year in enumerate(years):
        fresh = draws.normal("noise", firm, np.full_like(firm, year))
        kept = NOISE_CORRELATION ** (year - years[column - 1]) if column else 0.0
        noise[:, column] = kept * noise[:, column - 1] + np.sqrt(1 - kept**2) * fresh if column else fresh
    return NOISE_SD * noise


def _cents(ln_dollars: Floats) -> Ids:
    return np.maximum(np.rint(np.exp(ln_dollars) * 100), 1).astype(np.int64)
