"""What customs files say of firms: names, addresses, post codes, telephones, with the noise of real files.

Each function gives the spellings of one thing, the proper one first, as lists over the firms of a block; which spelling
a record has is drawn record by record.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from haiguan.transforms.simulation.draws import Draws, Ids
from haiguan.transforms.simulation.firms import Firms
from haiguan.transforms.simulation.vocabulary import (
    ENGLISH_NAMES,
    FULL_WIDTH,
    INTERMEDIARY_FORMS,
    INTERMEDIARY_TRADES,
    LEGAL_FORMS,
    PLACES,
    ROADS,
    SUFFIX_VARIANTS,
    SURNAMES,
    SYLLABLES,
    TRADES,
    TRADITIONAL,
)

Spellings = list[list[str]]
Districts = Mapping[int, Sequence[str]]

_SHARE_ENGLISH = 0.02
_SHARE_BRACKETS, _SHARE_CITY = 0.15, 0.6
_SHARE_PUBLIC = 0.3  # renamings by which a firm becomes a public company and keeps the rest of its name
_PUBLIC = "股份有限公司"
_PLACEHOLDERS = ("NULL", "-", "0000000", "", "无")
_TO_HALF_WIDTH = str.maketrans("（）", "()")


def firm_names(draws: Draws, firms: Firms, year: int) -> Spellings:
    """Names: proper; place in another form; traditional characters; another suffix; other brackets; with blanks."""
    proper = proper_names(draws, firms, year)
    places = [PLACES[place] for place in firms.first.place.tolist()]
    with_place = [_replaced_place(name, place.name, place.province) for name, place in zip(proper, places, strict=True)]
    return [
        proper,
        with_place,
        [name.translate(TRADITIONAL) for name in proper],
        [_other_suffix(name) for name in proper],
        [name.translate(_TO_HALF_WIDTH) if "（" in name else name.translate(FULL_WIDTH) for name in proper],
        [f" {name[:4]} {name[4:]}" for name in proper],
    ]


def proper_names(draws: Draws, firms: Firms, year: int) -> list[str]:
    """The name of each firm in a year; a firm that moves keeps its name."""
    ids, renamed = firms.ids, year >= firms.renamed
    goes_public = draws.uniform("goes public", ids) < _SHARE_PUBLIC
    generation = np.where(renamed & ~goes_public, 1, 0)
    first, second, third = (
        draws.below(len(SYLLABLES), f"syllable {place}", ids, generation).tolist() for place in (1, 2, 3)
    )
    has_third = (draws.uniform("third", ids, generation) < 0.5).tolist()
    style = draws.uniform("style", ids).tolist()
    english = draws.below(len(ENGLISH_NAMES), "english", ids).tolist()
    forms = _forms(draws, firms, renamed & goes_public)
    names = []
    for row, place in enumerate(firms.first.place.tolist()):
        core = SYLLABLES[first[row]] + SYLLABLES[second[row]] + (SYLLABLES[third[row]] if has_third[row] else "")
        city = PLACES[place].name
        if style[row] < _SHARE_ENGLISH:
            names.append(ENGLISH_NAMES[english[row]])
        elif style[row] < _SHARE_BRACKETS:
            names.append(f"{core}（{city}）{forms[row]}")
        else:
            names.append(f"{city}{'市' if style[row] < _SHARE_CITY else ''}{core}{forms[row]}")
    return names


def addresses(draws: Draws, firms: Firms, year: int, districts: Districts) -> Spellings:
    """Addresses: city, district where known, road, number; with the province; without city; in full width."""
    places = firms.places(year)
    moved = (year >= firms.moves).astype(np.int64)
    road = draws.below(len(ROADS), "road", firms.ids, moved).tolist()
    house = (1 + draws.below(900, "house", firms.ids, moved)).tolist()
    chosen = draws.uniform("district", firms.ids, moved).tolist()
    streets, cities, provinces = [], [], []
    for row, place in enumerate(places.tolist()):
        known = districts.get(place, ())
        district = known[int(chosen[row] * len(known))] if known else ""
        streets.append(f"{district}{ROADS[road[row]]}{house[row]}号")
        cities.append(f"{PLACES[place].name}市")
        provinces.append(f"{PLACES[place].province}省" if PLACES[place].province else "")
    return [
        [city + street for city, street in zip(cities, streets, strict=True)],
        [province + city + street for province, city, street in zip(provinces, cities, streets, strict=True)],
        streets,
        [(city[:-1] + street).translate(FULL_WIDTH) for city, street in zip(cities, streets, strict=True)],
    ]


def cities(firms: Firms, year: int) -> Spellings:
    """The field of the city: with the word for city, without it, blank."""
    names = [PLACES[place].name for place in firms.places(year).tolist()]
    return [[f"{name}市" for name in names], names, [""] * len(names)]


def zips(draws: Draws, firms: Firms, year: int) -> Spellings:
    """Post codes: proper; placeholder; full width."""
    moved = (year >= firms.moves).astype(np.int64)
    tails = draws.below(1000, "zip", firms.ids, moved).tolist()
    proper = [
        f"{PLACES[place].zip_prefix}{tail:03d}" for place, tail in zip(firms.places(year).tolist(), tails, strict=True)
    ]
    return [proper, _placeholders(firms.ids), [code.translate(FULL_WIDTH) for code in proper]]


def phones(draws: Draws, firms: Firms, year: int, line: str = "phone") -> Spellings:
    """Telephones: area code and number; number alone; glued; in brackets; with a blank; full width; placeholder."""
    moved = (year >= firms.moves).astype(np.int64)
    numbers = (2_000_000 + draws.below(6_999_999, line, firms.ids, moved)).tolist()
    pairs = []
    for place, number in zip((PLACES[place] for place in firms.places(year).tolist()), numbers, strict=True):
        local = f"8{number}" if year >= place.eight_digits_since else str(number)
        pairs.append((f"0{place.area_code}" if place.province == "山东" else place.area_code, place.area_code, local))
    return [
        [f"{area}-{local}" for area, _, local in pairs],
        [local for _, _, local in pairs],
        [area + local for _, area, local in pairs],
        [f"（{area}）{local}" for _, area, local in pairs],
        [f"{area} {local[:4]} {local[4:]}" for _, area, local in pairs],
        [f"{area}{local}".translate(FULL_WIDTH) for _, area, local in pairs],
        _placeholders(firms.ids),
    ]


def people(draws: Draws, firms: Firms) -> tuple[list[str], list[str]]:
    """Whom to ask, and where to write to."""
    surname = draws.below(len(SURNAMES), "surname", firms.ids).tolist()
    given = draws.below(len(SYLLABLES), "given name", firms.ids).tolist()
    names = [SURNAMES[last] + SYLLABLES[first] for last, first in zip(surname, given, strict=True)]
    return names, [f"sales{firm}@example.com" for firm in firms.ids.tolist()]


def _forms(draws: Draws, firms: Firms, is_public: np.ndarray) -> list[str]:
    """What a firm does and its legal form, as they end its name."""
    ids = firms.ids
    trade, form = draws.uniform("trade", ids).tolist(), draws.uniform("form", ids).tolist()
    endings = []
    for row, is_intermediary in enumerate(firms.is_intermediary.tolist()):
        trades = INTERMEDIARY_TRADES if is_intermediary else TRADES
        forms = INTERMEDIARY_FORMS if is_intermediary else LEGAL_FORMS
        legal = _PUBLIC if is_public[row] else forms[int(form[row] * len(forms))]
        endings.append(trades[int(trade[row] * len(trades))] + legal)
    return endings


def _replaced_place(name: str, city: str, province: str) -> str:
    """The name with the province before it, or, where it begins with the word for city, without the place."""
    if name.startswith(f"{city}市"):
        return name[len(city) + 1 :]
    return f"{province}省{name}" if province and name.startswith(city) else name


def _other_suffix(name: str) -> str:
    ending = next((ending for ending in SUFFIX_VARIANTS if name.endswith(ending)), None)
    return name[: -len(ending)] + SUFFIX_VARIANTS[ending] if ending else name


def _placeholders(ids: Ids) -> list[str]:
    return [_PLACEHOLDERS[number] for number in (ids % len(_PLACEHOLDERS)).tolist()]
