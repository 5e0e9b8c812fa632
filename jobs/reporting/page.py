"""The page: everything that the report says, laid out by one template."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from importlib.resources import files

import yaml
from jinja2 import Environment, FunctionLoader, StrictUndefined

from haiguan.jobs.reporting import formats
from haiguan.jobs.reporting.account import IN, OUT, Account, Amounts
from haiguan.jobs.reporting.customs import Customs
from haiguan.jobs.reporting.flow import HEIGHT, WIDTH, Flow
from haiguan.jobs.reporting.products import Products
from haiguan.jobs.reporting.record import Record, Row, total
from haiguan.jobs.reporting.results import Study
from haiguan.jobs.reporting.tables import PrintedTable
from haiguan.jobs.runtime.manifest import parse_slice
from haiguan.transforms.schema import TABLES

_ENDINGS = {
    1: "The run broke off: a fault of the program or of the machine",
    2: "The run stopped: bad input or settings",
    3: "A gate stopped the run: the published tables are as they were",
    4: "The run stopped: another run held the lake",
    130: "The run was interrupted",
}


@dataclass(frozen=True)
class Verdict:
    """The sentence at the head of the page, and how it is coloured: good, watch or bad."""

    tone: str
    sentence: str


@dataclass(frozen=True)
class Stream:
    """What came in from files, went to quarantine and came out of a table that accounts for raw records."""

    table: str
    files: int
    came: Amounts
    rejected: Amounts
    out: Amounts


@dataclass(frozen=True)
class GateSummary:
    """The verdicts of one table's gate.

    Attributes:
        table: that the gate guards.
        verdicts: rows of ops_runs__gates.
        failures: those that were not met, critical.
        warnings: those that were not met, less than critical.
    """

    table: str
    verdicts: tuple[Row, ...]
    failures: tuple[Row, ...]
    warnings: tuple[Row, ...]


def render(
    record: Record,
    accounts: Sequence[Account],
    flow: Flow,
    studies: Sequence[Study],
    customs: Customs,
    products: Products,
    beside: str,
    data_docs: str | None,
) -> str:
    """The page as HTML.

    Args:
        record: of the lake.
        accounts: of its tables.
        flow: the drawing.
        studies: with their tables and figures.
        customs: what there is to say of a customs archive.
        products: and of the codes of its products.
        beside: the way from the page to the folder of the run, empty or ending in a slash.
        data_docs: the way from the page to the Data Docs; None where there are none.
    """
    gates = gate_summaries(record.verdicts)
    return (
        _environment()
        .get_template("page.html")
        .render(
            record=record,
            run=record.run,
            verdict=verdict(record, accounts, gates),
            published=_published_by(record),
            streams=[stream for account in accounts for stream in _streams(account, record)],
            accounts=accounts,
            is_wide=any(len(account.columns) > 2 for account in accounts),
            flow=flow,
            box_width=WIDTH,
            box_height=HEIGHT,
            studies=studies,
            customs=customs,
            products=products,
            headline=_headline(studies),
            troubles=_troubles(accounts, gates),
            gates=gates,
            records_of=records_by_file(record),
            tables=[(TABLES[name], list(entries.values())) for name, entries in record.slices.items()],
            beside=beside,
            data_docs=data_docs,
        )
    )


def standalone(table: PrintedTable) -> str:
    """A descriptive table as a page of its own."""
    return _environment().get_template("table.html").render(table=table)


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FunctionLoader(_template),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        count=formats.count,
        dollars=formats.dollars,
        short_dollars=formats.short_dollars,
        duration=formats.duration,
        size=formats.size,
        moment=formats.moment,
        words=formats.words,
        percent=formats.percent,
        ratio=formats.ratio,
        taken=formats.taken,
        taken_count=formats.taken_count,
        yaml=_yaml,
    )
    environment.globals.update(plural=formats.plural)
    return environment


def _yaml(settings: Mapping[str, object]) -> str:
    return yaml.safe_dump(dict(settings), sort_keys=False, allow_unicode=True)


def _template(name: str) -> str:
    return files("haiguan.jobs.reporting").joinpath(name).read_text(encoding="utf-8")


def verdict(record: Record, accounts: Sequence[Account], gates: Sequence[GateSummary]) -> Verdict:
    """Whether the run worked, in a sentence."""
    exit_code = record.run.exit_code
    if exit_code is None:
        return Verdict("watch", "The run has not ended")
    if exit_code:
        return Verdict("bad", _ENDINGS.get(exit_code, f"The run ended with exit code {exit_code}"))
    failed = sum(len(gate.failures) for gate in gates)
    warned = sum(len(gate.warnings) for gate in gates)
    faulty = sum(bool(account.faults) for account in accounts)
    tone = "bad" if failed or faulty else "watch" if warned else "good"
    said = [_said_of_gates(failed + warned, gates), _said_of_accounts(faulty, accounts)]
    return Verdict(tone, f"Done: {', '.join(part for part in said if part)}")


def _said_of_gates(unmet: int, gates: Sequence[GateSummary]) -> str:
    if unmet:
        return f"{formats.plural(unmet, 'expectation')} not met"
    return "every gate passed" if gates else "no gate has run"


def _said_of_accounts(faulty: int, accounts: Sequence[Account]) -> str:
    if faulty:
        return f"{formats.plural(faulty, 'account')} not adding up"
    checked = sum(account.is_checked for account in accounts)
    if checked == len(accounts):
        return "every account adds up" if accounts else ""
    return f"{checked} of {formats.plural(len(accounts), 'account')} checked and adding up"


def _troubles(accounts: Sequence[Account], gates: Sequence[GateSummary]) -> list[tuple[str, str]]:
    """What a reader must look at, a sentence each, and the place on the page."""
    unmet = [
        (
            f"{gate.table}: {formats.plural(len(gate.failures + gate.warnings), 'expectation')} not met",
            f"gate-{gate.table}",
        )
        for gate in gates
        if gate.failures or gate.warnings
    ]
    unbalanced = [
        (f"{account.table} does not add up. {account.faults[0]}", f"account-{account.table}")
        for account in accounts
        if account.faults
    ]
    return unmet + unbalanced


def _published_by(record: Record) -> tuple[int, int]:
    """How many slices of how many tables the run published, as far as they still stand."""
    own = [
        (table, text)
        for table, entries in record.slices.items()
        for text, entry in entries.items()
        if entry.run_id == record.run.run_id
    ]
    return len(own), len({table for table, _ in own})


def _streams(account: Account, record: Record) -> list[Stream]:
    if not TABLES[account.table].accounts_for:
        return []
    came, rejected, out = (_first_column(account, step) for step in (IN, "quarantined", OUT))
    identifiers = {parse_slice(text).get("file_id") for text in record.slices.get(account.source, {})}
    read = sum(file.file_id in identifiers for file in record.files)
    return [Stream(account.table, read, came, rejected, out)]


def _first_column(account: Account, step: str) -> Amounts:
    cells = [line.cells[0] for line in account.lines if line.step == step]
    amounts = total(amount for _, amount in cells)
    return sum(records or 0 for records, _ in cells), Decimal(0) if not cells else amounts


def records_by_file(record: Record) -> Mapping[str, int]:
    """File id -> records of the file in the raw tables."""
    return {
        parse_slice(text)["file_id"]: entry.records
        for entries in record.slices.values()
        for text, entry in entries.items()
        if "file_id" in parse_slice(text)
    }


def _headline(studies: Sequence[Study]) -> tuple[str, object] | None:
    """What a reader sees first: a regression table, else a figure, else a table."""
    regressions = [table for study in studies for table in study.tables if table.kind == "regression"]
    figures = [figure for study in studies for figure in study.figures]
    others = [table for study in studies for table in study.tables]
    if regressions:
        return "table", regressions[0]
    if figures:
        return "figure", figures[0]
    return ("table", others[0]) if others else None


def gate_summaries(verdicts: Sequence[Row]) -> list[GateSummary]:
    """The verdicts by table, in the order of the schema."""
    by_table: dict[str, list[Row]] = {}
    for row in verdicts:
        by_table.setdefault(row["table_name"], []).append(row)
    return [_summary(name, by_table[name]) for name in TABLES if name in by_table]


def _summary(table: str, rows: Sequence[Row]) -> GateSummary:
    unmet = [row for row in rows if not row["is_success"]]
    return GateSummary(
        table=table,
        verdicts=tuple(sorted(rows, key=lambda row: (row["slice_id"], row["expectation"]))),
        failures=tuple(row for row in unmet if row["severity"] == "critical"),
        warnings=tuple(row for row in unmet if row["severity"] != "critical"),
    )
