"""Firms and what they trade in a year: the planted regression, on the driver.

    ln exports(firm, year) = firm effect + year effect + b * ln imports(firm, year) + noise

Exports and imports are totals in US dollars after rounding to cents; the noise is normal and serially correlated within
the firm, so standard errors have to be clustered. Nothing else in the world is planted. Firms that only export have no
imports and follow the same equation without that term.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from haiguan.transforms.simulation.draws import Draws, Floats, Ids
from haiguan.transforms.simulation.vocabulary import OWNERSHIPS, PLACES, ZONES

PLANTED_B = 0.35
NOISE_SD = 0.8
NOISE_CORRELATION = 0.5  # between consecutive years
IMPORT_SHOCK_SD = 0.7
_DECLARATIONS_PER_FIRM = 20
_SHARE_ACTIVE = 0.85
_SHARE_BOTH, _SHARE_EXPORT_ONLY = 0.55, 0.25


@dataclass(frozen=True)
class Firms:
    """The firms of a world; arrays over firms, and over firms x years.

    Attributes:
        years: the years, in order.
        place: row of PLACES.
        zone: row of ZONES.
        ownership: row of OWNERSHIPS.
        serial: number of the firm among those with the same place, zone and ownership.
        import_cents: firms x years, imports in cents of a US dollar; 0 where there are none.
        export_cents: firms x years, exports in cents of a US dollar; 0 where there are none.
    """

    years: tuple[int, ...]
    place: Ids
    zone: Ids
    ownership: Ids
    serial: Ids
    import_cents: Ids
    export_cents: Ids


def simulate_firms(draws: Draws, declarations: int, years: tuple[int, ...]) -> Firms:
    """All firms of a world with so many declarations over the years."""
    firm = np.arange(max(1, declarations // _DECLARATIONS_PER_FIRM), dtype=np.int64)
    place = pick(draws.uniform("place", firm), [place.weight for place in PLACES])
    zone = pick(draws.uniform("zone", firm), [weight for _, weight in ZONES])
    ownership = pick(draws.uniform("ownership", firm), [ownership.weight for ownership in OWNERSHIPS])
    group = (place * len(ZONES) + zone) * len(OWNERSHIPS) + ownership
    imports, exports = _traded_cents(draws, firm, years)
    return Firms(years, place, zone, ownership, _numbered_within(group), imports, exports)


def pick(uniform: Floats, weights: list[int] | list[float]) -> Ids:
    """Index of the interval that each uniform draw falls into, the intervals being as long as the weights."""
    ends = np.cumsum(np.asarray(weights, dtype=np.float64))
    return np.searchsorted(ends[:-1] / ends[-1], uniform, side="right").astype(np.int64)


def _numbered_within(group: Ids) -> Ids:
    order = np.argsort(group, kind="stable")
    sorted_group = group[order]
    starts = np.flatnonzero(np.r_[True, sorted_group[1:] != sorted_group[:-1]])
    lengths = np.diff(np.r_[starts, len(group)])
    numbers = np.empty_like(group)
    numbers[order] = np.arange(len(group)) - np.repeat(starts, lengths)
    return numbers


def _traded_cents(draws: Draws, firm: Ids, years: tuple[int, ...]) -> tuple[Ids, Ids]:
    """Imports and exports, firms x years, in cents."""
    size, ability = draws.normal("size", firm), draws.normal("ability", firm)
    kind = draws.uniform("kind", firm)
    imports_at_all = (kind < _SHARE_BOTH) | (kind >= _SHARE_BOTH + _SHARE_EXPORT_ONLY)
    exports_at_all = kind < _SHARE_BOTH + _SHARE_EXPORT_ONLY
    noise = _noise(draws, firm, years)
    imports = np.zeros((len(firm), len(years)), dtype=np.int64)
    exports = np.zeros_like(imports)
    for column, year in enumerate(years):
        ids = (firm, np.full_like(firm, year))
        is_active = draws.uniform("active", *ids) < _SHARE_ACTIVE
        ln_imports = 10.5 + 0.15 * (year - years[0]) + 1.9 * size + IMPORT_SHOCK_SD * draws.normal("imports", *ids)
        imports[:, column] = np.where(is_active & imports_at_all, _cents(ln_imports), 0)
        dollars = np.maximum(imports[:, column], 1) / 100
        carried = np.where(imports_at_all, PLANTED_B * np.log(dollars), PLANTED_B * 10.5)
        ln_exports = 7.5 + 0.2 * (year - years[0]) + 1.2 * size + 1.5 * ability + carried + noise[:, column]
        exports[:, column] = np.where(is_active & exports_at_all, _cents(ln_exports), 0)
    return imports, exports


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
