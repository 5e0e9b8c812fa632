"""Customs records in the words of their files: every field as it would be without a defect."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from haiguan.transforms.simulation import contacts
from haiguan.transforms.simulation.catalogue import Partners
from haiguan.transforms.simulation.contacts import Districts, Spellings
from haiguan.transforms.simulation.draws import Draws, Ids, pick
from haiguan.transforms.simulation.editions import Layout
from haiguan.transforms.simulation.firms import Firms, security_codes
from haiguan.transforms.simulation.records import Records, World, product_codes
from haiguan.transforms.simulation.texts import Text, decimal, padded, where, whole, words
from haiguan.transforms.simulation.vocabulary import OWNERSHIPS, PLACES, REGIMES, TRANSPORTS, ZONES

HONG_KONG = "HKG"
_USUAL = 0.8
_PROPER = 0.8  # share of the proper spelling
_SHARE_LOWER_CASE = 0.2
_UNSPECIFIED = "processing_unspecified"
_OTHER_CODES = {
    "general_or_processing": {"10": "1", "14": "2", "15": "2"},
    "codes_of_2012": {"10": "1", "14": "23", "15": "23", "23": "1523"},
}
"""Wording -> code of the statistics -> what stands for it there. Supervision codes stay as they are."""


@dataclass(frozen=True)
class Wording:
    """Some records of one layout, a block of firms and a year; each field is made when it is asked for.

    Attributes:
        world: the world.
        firms: the firms of the block.
        year: the year.
        layout: how the records are delivered.
        records: the records.
        districts: row of PLACES -> names of its districts in the year.
    """

    world: World
    firms: Firms
    year: int
    layout: Layout
    records: Records
    districts: Districts

    def text(self, field: str) -> Text:
        """A field of the records, as text."""
        of_firm = self._of_firm(field)
        return of_firm if of_firm is not None else self._of_trade(field)

    def _of_firm(self, field: str) -> Text | None:
        """What is told of the firm; None: the field is about something else."""
        draws, firms, year = self._draws, self.firms, self.year
        match field:
            case "firm_code":
                return self._firm_code()
            case "firm_name":
                return self._spelled(field, contacts.firm_names(draws, firms, year))
            case "ownership":
                return where(self._is_again, self._blank, self._ownership)
            case "ownership_again":
                return where(self._is_again, self._ownership, self._blank)
            case "address":
                return self._spelled(field, contacts.addresses(draws, firms, year, self.districts))
            case "zip":
                return self._spelled(field, contacts.zips(draws, firms, year))
            case "phone" | "fax":
                return self._spelled(field, contacts.phones(draws, firms, year, field))
            case "contact":
                return words(contacts.people(draws, firms)[0], self.records.firm)
            case "email":
                return words(contacts.people(draws, firms)[1], self.records.firm)
            case "city":
                return self._spelled(field, contacts.cities(firms, year))
            case "listed_id" | "security_id":
                codes = security_codes(firms)
                prefix = "1" if field == "listed_id" else "2010000"
                return words([prefix + code for code in codes], self.records.firm)
        return None

    def _of_trade(self, field: str) -> Text:
        """What is told of the goods and their way."""
        records = self.records
        match field:
            case "period":
                return whole(self.year * 100 + records.month if self.layout.has_months else self._every(self.year))
            case "direction":
                return self._direction()
            case "product":
                return self._product()
            case "product_name":
                return words(self.world.products.names[self.layout.hs_revision], records.product)
            case "partner":
                return self._partner_label if self._has_labels else self._partner_code
            case "partner_name":
                return words([names[0] for names in self._partners.labels], records.partner)
            case "value":
                return decimal(records.cents * 100 + records.fine, 4)
            case "quantity":
                return self._quantity()
            case "price":
                return self._price()
            case "unit":
                return self._unit()
            case "unit_code":
                return words([unit.customs_code for unit in self.world.products.units], records.product)
            case "regime":
                return self._regime()
            case "district":
                return self._district()
            case "office":
                return self._office()
            case "transport":
                return words(TRANSPORTS, self._draws.below(len(TRANSPORTS), field, records.flow))
            case "transit":
                return self._transit()
        raise KeyError(field)

    @property
    def _draws(self) -> Draws:
        return self.world.plan.draws

    @property
    def _partners(self) -> Partners:
        return self.world.partners

    @property
    def _has_labels(self) -> bool:
        return self.layout.wording.startswith("labels")

    def _every(self, number: int) -> Ids:
        return np.full_like(self.records.id, number)

    @cached_property
    def _blank(self) -> Text:
        return words([""], self._every(0))

    @cached_property
    def _is_usual(self) -> np.ndarray:
        return self.records.chance < _USUAL

    @cached_property
    def _is_again(self) -> np.ndarray:
        """Where the second of two headings for ownership has it, and the first is blank."""
        return (self._draws.uniform("again", self.records.id) < 0.1) & ("ownership_again" in self.layout.fields)

    def _spelled(self, name: str, spellings: Spellings) -> Text:
        others = (1 - _PROPER) / max(len(spellings) - 1, 1)
        drawn = self._draws.uniform(f"spelling of {name}", self.records.id)
        chosen = pick(drawn, [_PROPER, *[others] * (len(spellings) - 1)])
        flat = [text for spelling in spellings for text in spelling]
        return words(flat, chosen * len(self.firms.ids) + self.records.firm)

    def _direction(self) -> Text:
        labels = ["进口", "出口"] if self.layout.wording == "labels" else ["1", "0"]
        return words(labels, self.records.direction)

    def _firm_code(self) -> Text:
        if self.layout.is_listed:
            return words(security_codes(self.firms), self.records.firm)
        codes = self.firms.codes(self._draws, self.year)
        lower = self._draws.uniform("case", self.records.id) < _SHARE_LOWER_CASE
        return words([*codes, *(code.lower() for code in codes)], self.records.firm + lower * len(codes))

    @cached_property
    def _ownership(self) -> Text:
        labels = [label for kind in OWNERSHIPS for label in kind.labels]
        return words(labels, self.firms.ownerships(self.year)[self.records.firm] * 2 + ~self._is_usual)

    def _product(self) -> Text:
        codes = whole(product_codes(self.world, self.layout.hs_revision, self.records))
        return codes if "product" in self.layout.numbers else padded(codes, 8)

    @cached_property
    def _partner_code(self) -> Text:
        return words(self._partners.customs_codes, self.records.partner)

    @cached_property
    def _partner_label(self) -> Text:
        labels = [label for names in self._partners.labels for label in names]
        counts = np.array([len(names) for names in self._partners.labels])
        first, partner = np.cumsum(counts) - counts, self.records.partner
        return words(labels, first[partner] + (self.records.chance**2 * counts[partner]).astype(np.int64))

    def _quantity(self) -> Text:
        quantity = self.records.thousandths
        return where(quantity < 0, self._blank, decimal(np.maximum(quantity, 0), 3))

    def _price(self) -> Text:
        quantity = self.records.thousandths
        price = np.rint(self.records.cents * 1e5 / np.maximum(quantity, 1)).astype(np.int64)
        return where(quantity <= 0, self._blank, decimal(price, 4))

    def _unit(self) -> Text:
        labels = [label for unit in self.world.products.units for label in unit.labels]
        return words(labels, self.records.product * 2 + ~self._is_usual)

    def _regime(self) -> Text:
        labels, codes = [regime.label for regime in REGIMES], [regime.code for regime in REGIMES]
        codes = [_OTHER_CODES.get(self.layout.wording, {}).get(code, code) for code in codes]
        if "regime" in self.layout.numbers:
            codes = [str(int(code)) for code in codes]
        if self.layout.wording == "labels_and_codes":
            return words([*labels, *codes], self.records.regime + self._is_usual * len(codes))
        return words(labels if self._has_labels else codes, self.records.regime)

    def _district(self) -> Text:
        zones = self.firms.zones(self.year)[self.records.firm]
        codes = [place.code + zone for place in PLACES for zone, _ in ZONES]
        return words(codes, self.records.office * len(ZONES) + zones)

    def _office(self) -> Text:
        names = [f"{place.name}海关" if self._has_labels else place.office for place in PLACES]
        return words(names, self.records.office)

    def _transit(self) -> Text:
        names = [label[0] for label in self._partners.labels] if self._has_labels else self._partners.customs_codes
        by_hong_kong = self._draws.uniform("transit", self.records.flow) < 0.25
        return words(names, np.where(by_hong_kong, self._partners.codes.index(HONG_KONG), self.records.partner))


def regime_told(layout: Layout) -> list[str]:
    """What the codes or labels of a layout tell of each of REGIMES."""
    others = _OTHER_CODES.get(layout.wording, {})
    is_told = {regime: regime.code not in others or not regime.regime.startswith("processing_") for regime in REGIMES}
    return [regime.regime if is_told[regime] else _UNSPECIFIED for regime in REGIMES]
