"""The account of every table: what came in, what was left out and why, what went out, and whether it adds up."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from haiguan.jobs.reporting.formats import count, decimals_of, dollars, plural, words
from haiguan.jobs.reporting.record import Record, Row, total
from haiguan.jobs.runtime.graph import Node
from haiguan.jobs.runtime.manifest import parse_slice
from haiguan.jobs.runtime.plan import agrees
from haiguan.transforms.schema import TABLES

ALL = "all"
IN, OUT, ROUNDED, SPLIT = "in", "out", "rounded", "split"
TAKEN_AWAY = ("quarantined", "dropped", "merged")
_ORDER = (IN, SPLIT, *TAKEN_AWAY, ROUNDED, OUT)
_LABELS = {
    "quarantined": "rejected",
    "dropped": "dropped",
    "merged": "merged into coarser rows",
    ROUNDED: "rounded to the cent",
    SPLIT: "added by splitting rows over products",
    "flagged": "of these flagged",
    "repeated": "not read again",
    "alike": "of these alike, and kept",
}

Amounts = tuple[int | None, Decimal | None]
Entries = dict[tuple[str, str], Amounts]
NO_AMOUNTS: Amounts = (0, Decimal(0))


@dataclass(frozen=True)
class Line:
    """One line of an account: a step, its rule, and rows and US dollars per column of the account."""

    step: str
    label: str
    cells: tuple[Amounts, ...]

    @property
    def is_beside(self) -> bool:
        """Whether the line only says something about the others and takes no part in the sum."""
        return self.step not in _ORDER


@dataclass(frozen=True)
class Balance:
    """What is left of rows and dollars when everything that went out is taken from what came in; None: not known."""

    records: int | None
    amount: Decimal | None

    @property
    def is_zero(self) -> bool:
        """Whether nothing that is known is left."""
        return not self.records and not self.amount

    @property
    def is_checked(self) -> bool:
        """Whether rows or dollars could be compared."""
        return self.records is not None or self.amount is not None


@dataclass(frozen=True)
class Account:
    """The account of a table, one column per slice, after a column for all of them where there are several.

    Attributes:
        table: accounted for.
        source: the table that the records came from.
        columns: slice ids; `all` first where there are several.
        lines: in their order.
        balances: one per column.
        faults: sentences that say where it does not add up; none where it does.
        notes: sentences that say what could not be compared and why.
    """

    table: str
    source: str
    columns: tuple[str, ...]
    lines: tuple[Line, ...]
    balances: tuple[Balance, ...]
    faults: tuple[str, ...]
    notes: tuple[str, ...]

    @property
    def decimals(self) -> int:
        """The most decimals that one of its amounts has."""
        return max(decimals_of(amount) for line in self.lines for _, amount in line.cells)

    @property
    def is_checked(self) -> bool:
        """Whether rows or dollars could be compared in every column."""
        return all(balance.is_checked for balance in self.balances)


def accounts(record: Record, graph: Mapping[str, Node]) -> list[Account]:
    """The accounts of all tables that the ledger knows, in the order of the schema."""
    by_table: dict[str, list[Row]] = {}
    for row in record.ledger:
        by_table.setdefault(row["table_name"], []).append(row)
    return [_account(name, by_table[name], record, graph) for name in TABLES if name in by_table]


def _account(table: str, rows: Sequence[Row], record: Record, graph: Mapping[str, Node]) -> Account:
    source = _source(table, graph, record)
    by_slice = _by_slice(rows)
    is_recorded = any(step == IN for entries in by_slice.values() for step, _ in entries)
    for text, entries in by_slice.items():
        _complete(entries, table, text, source, record)
    columns = {ALL: _added(by_slice.values()), **by_slice} if len(by_slice) > 1 else by_slice
    balances = tuple(_balance(entries, is_recorded) for entries in columns.values())
    notes = _notes(next(iter(columns.values())), table, source, is_recorded)
    for entries in columns.values():
        _first_read(entries)
    return Account(
        table=table,
        source=source,
        columns=tuple(columns),
        lines=tuple(_lines(columns, source)),
        balances=balances,
        faults=(*_faults(columns, balances), *_behind(table, source, by_slice, record, is_recorded)),
        notes=tuple(notes),
    )


def _source(table: str, graph: Mapping[str, Node], record: Record) -> str:
    """The table whose records the account starts from: the declared one, else the one that the table reads."""
    declared = TABLES[table].accounts_for or TABLES[table].merges
    read = [name for name in graph[table].inputs if record.amount(name) is not None] if table in graph else []
    return declared or (read[0] if len(read) == 1 else "")


def _by_slice(rows: Sequence[Row]) -> dict[str, Entries]:
    """Slice id -> entries; all in one where what came in is known for the whole table only."""
    came = {row["slice_id"] for row in rows if row["step"] == IN}
    out = {row["slice_id"] for row in rows if row["step"] == OUT}
    together = bool(came) and not out <= came
    found: dict[str, Entries] = {}
    for row in sorted(rows, key=lambda row: row["slice_id"]):
        entries = found.setdefault("" if together else row["slice_id"], {})
        key = (row["step"], row["rule"])
        entries[key] = _plus(entries.get(key), (row["records"], row["amount_usd"]))
    return found


def _plus(one: Amounts | None, other: Amounts) -> Amounts:
    if one is None:
        return other
    return (one[0] or 0) + (other[0] or 0), total([one[1], other[1]])


def _added(columns: Iterable[Entries]) -> Entries:
    found: Entries = {}
    for entries in columns:
        for key, amounts in entries.items():
            found[key] = _plus(found.get(key), amounts)
    return found


def _complete(entries: Entries, table: str, text: str, source: str, record: Record) -> None:
    """Takes from the manifest what the ledger does not say: dollars that went out, records that came in."""
    published = record.slices[table]
    records, amount = entries.get((OUT, ""), (0, Decimal(0)))
    if amount is None:
        amount = published[text].amount if text in published else record.amount(table) if not text else None
    entries[(OUT, "")] = (records, amount)
    if (IN, "") not in entries and source:
        read = [
            entry
            for entry in record.slices.get(source, {}).values()
            if agrees(TABLES[table], parse_slice(text), parse_slice(entry.slice_id), source)
        ]
        entries[(IN, "")] = (sum(entry.records for entry in read), total(entry.amount for entry in read))


def _balance(entries: Entries, is_recorded: bool) -> Balance:
    came, went = entries.get((IN, ""), (None, None)), entries[(OUT, "")]
    away = [amounts for (step, _), amounts in entries.items() if step in TAKEN_AWAY]
    rounded = total(amount for (step, _), (_, amount) in entries.items() if step == ROUNDED) or Decimal(0)
    records = None
    if is_recorded and came[0] is not None:
        added = sum(records or 0 for (step, _), (records, _) in entries.items() if step == SPLIT)
        records = came[0] + added - sum(taken or 0 for taken, _ in away) - (went[0] or 0)
    amount = None
    if came[1] is not None and went[1] is not None and all(taken is not None for _, taken in away):
        amount = came[1] - (total(taken for _, taken in away) or Decimal(0)) - rounded - went[1]
    return Balance(records, amount)


def _first_read(entries: Entries) -> None:
    """Where the input holds text, its dollars are the sum of what they were read as."""
    records, amount = entries.get((IN, ""), (None, None))
    if records is not None and amount is None:
        parts = [a for (step, _), (_, a) in entries.items() if step in (*TAKEN_AWAY, ROUNDED, OUT)]
        entries[(IN, "")] = (records, total(parts))


def _lines(columns: Mapping[str, Entries], source: str) -> list[Line]:
    keys = {key for entries in columns.values() for key in entries}
    steps = [*_ORDER, *sorted({step for step, _ in keys} - set(_ORDER))]
    ordered = sorted(keys, key=lambda key: (steps.index(key[0]), key[1]))
    return [
        Line(
            step,
            _label(step, rule, source),
            tuple(entries.get((step, rule), NO_AMOUNTS) for entries in columns.values()),
        )
        for step, rule in ordered
    ]


def _label(step: str, rule: str, source: str) -> str:
    if step == IN:
        return f"in, from {source}" if source else "in"
    label = _LABELS.get(step, step)
    return f"{label}: {words(rule)}" if rule and step != ROUNDED else label


def _notes(entries: Entries, table: str, source: str, is_recorded: bool) -> list[str]:
    """What could not be compared and why, from the entries of all slices together."""
    came = entries.get((IN, ""), (None, None))
    notes = []
    if not source and not is_recorded:
        notes.append("What came in is not recorded, so rows and dollars cannot be added up.")
    elif not is_recorded:
        notes.append(f"A row of {source} is not a row of {table}: the account adds up in dollars.")
    elif came[1] is None:
        notes.append(
            f"{source} holds amounts as text. They are first read here: what came in is the sum of the lines below."
        )
    if any(amount is None for (step, _), (_, amount) in entries.items() if step in TAKEN_AWAY):
        notes.append("A dash stands where no amount could be read; sums hold the amounts that could.")
    return notes


def _faults(columns: Mapping[str, Entries], balances: Sequence[Balance]) -> list[str]:
    faults = []
    own = [(text, balance) for text, balance in zip(columns, balances, strict=True) if text != ALL]
    for text, balance in own:
        where = f"{text}: " if text else ""
        if balance.records:
            faults.append(f"{where}{plural(abs(balance.records), 'row')} {_excess(balance.records)}.")
        if balance.amount:
            faults.append(f"{where}US$ {dollars(abs(balance.amount))} {_excess(balance.amount)}.")
    return faults


def _excess(left: int | Decimal) -> str:
    return "came in but are not accounted for" if left > 0 else "more are accounted for than came in"


def _behind(table: str, source: str, by_slice: Mapping[str, Entries], record: Record, is_recorded: bool) -> list[str]:
    """A table that was not rebuilt since its input changed does not account for what the input holds now."""
    if not is_recorded or source not in record.slices:
        return []
    came = sum(entries.get((IN, ""), (0, None))[0] or 0 for entries in by_slice.values())
    holds = record.records(source)
    if came == holds:
        return []
    return [f"{source} now holds {count(holds)} rows, but {table} was made from {count(came)}."]
