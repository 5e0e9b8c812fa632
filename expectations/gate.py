"""The gate: a suite of expectations run on staged rows, with a verdict for each and the rows that failed."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import great_expectations as gx
from great_expectations.datasource.fluent.interfaces import Batch
from great_expectations.expectations.expectation import Expectation
from pyspark.sql import DataFrame

from haiguan.expectations.exact import ExpectKeyToBeUnique, repeated_keys

_FORMAT = {"result_format": "SUMMARY", "partial_unexpected_count": 0}
_FORMAT_WITH_QUERY = {"result_format": "COMPLETE", "partial_unexpected_count": 1, "return_unexpected_index_query": True}
_IDENTIFIERS = (
    "firm_code",
    "firm_name",
    "firm_code_text",
    "firm_name_text",
    "address_text",
    "raw_text",
    "raw_bytes_hex",
)
_MASK = "***"
_SITE = "haiguan"


@dataclass(frozen=True)
class Verdict:
    """What became of one expectation.

    Attributes:
        expectation: name and arguments, as one text.
        severity: critical stops the run, warning is reported, info is kept.
        is_success: whether it was met; False also where it could not be evaluated.
        evaluated: records looked at.
        unexpected: records that did not meet it.
        observed: the value seen, for expectations on the whole table.
        exception: the error inside the expectation; then it says nothing about the data.
        failing_rows: some of the rows that did not meet it, as column -> value.
    """

    expectation: str
    severity: str
    is_success: bool
    evaluated: int | None = None
    unexpected: int | None = None
    observed: str | None = None
    exception: str | None = None
    failing_rows: tuple[dict[str, Any], ...] = ()

    @property
    def stops(self) -> bool:
        """Whether it stops the run."""
        return not self.is_success and self.severity == "critical"


class Gate:
    """Runs suites on frames and keeps their results for the Data Docs of one run."""

    def __init__(self, run_id: str, site: Path, failing_rows: int, show_identifiers: bool) -> None:
        """Opens a context in memory whose Data Docs go to the folder `site`."""
        self._run_id = run_id
        self._failing_rows = failing_rows
        self._show_identifiers = show_identifiers
        self._context = gx.get_context(mode="ephemeral")
        self._context.variables.progress_bars = {"globally": False}  # type: ignore[assignment]
        self._source = self._context.data_sources.add_spark("staged", persist=False)
        self._evaluated = 0
        self._context.delete_data_docs_site("local_site")
        self._context.add_data_docs_site(_SITE, _site_config(site))

    def judge(self, table: str, frame: DataFrame, suite: Sequence[Expectation]) -> list[Verdict]:
        """A verdict for each expectation of the suite, in the order of Great Expectations: those of a column together.

        Args:
            table: the table's name, as it stands in the Data Docs.
            frame: the staged rows.
            suite: what is expected of them.
        """
        self._evaluated += 1
        name = f"{table}.{self._evaluated}"
        definition = self._source.add_dataframe_asset(name).add_batch_definition_whole_dataframe("staged")
        stored = self._context.suites.add(gx.ExpectationSuite(name=name, expectations=list(suite)))
        validation = self._context.validation_definitions.add(
            gx.ValidationDefinition(name=name, data=definition, suite=stored)
        )
        found = validation.run(
            batch_parameters={"dataframe": frame},
            result_format=_FORMAT,
            run_id=gx.RunIdentifier(run_name=self._run_id),
        )
        verdicts = [_verdict(result) for result in found.results]
        if all(verdict.is_success or verdict.exception for verdict in verdicts):
            return verdicts
        batch = definition.get_batch(batch_parameters={"dataframe": frame})
        return [
            self._with_rows(verdict, result, batch, frame)
            for verdict, result in zip(verdicts, found.results, strict=True)
        ]

    def build_docs(self) -> None:
        """Writes the Data Docs of everything that was judged."""
        if self._evaluated:
            self._context.build_data_docs()

    def _with_rows(self, verdict: Verdict, result: Any, batch: Batch, frame: DataFrame) -> Verdict:
        if verdict.is_success or verdict.exception or not self._failing_rows:
            return verdict
        failing = _failing(result.expectation_config.to_domain_obj(), batch, frame)
        rows = [] if failing is None else [row.asDict() for row in failing.limit(self._failing_rows).collect()]
        return Verdict(**{**vars(verdict), "failing_rows": tuple(self._masked(row) for row in rows)})

    def _masked(self, row: dict[str, Any]) -> dict[str, Any]:
        hidden = () if self._show_identifiers else _IDENTIFIERS
        return {name: _MASK if name in hidden and value is not None else value for name, value in row.items()}


def _site_config(site: Path) -> Any:
    return {
        "class_name": "SiteBuilder",
        "site_index_builder": {"class_name": "DefaultSiteIndexBuilder"},
        "store_backend": {"class_name": "TupleFilesystemStoreBackend", "base_directory": str(site.absolute())},
    }


def _verdict(result: Any) -> Verdict:
    config, found = result.expectation_config, result.result or {}
    arguments = {name: value for name, value in config.kwargs.items() if name != "batch_id"}
    said = ", ".join(f"{name}={value}" for name, value in arguments.items())
    observed = found.get("observed_value")
    return Verdict(
        expectation=f"{config.type}({said})",
        severity=str(getattr(config.severity, "value", config.severity)),
        is_success=bool(result.success),
        evaluated=found.get("element_count"),
        unexpected=found.get("unexpected_count"),
        observed=None if observed is None else str(observed),
        exception=_exception(result.exception_info),
    )


def _exception(info: Any) -> str | None:
    """The first line of the error inside an expectation; None where there was none."""
    if not info:
        return None
    nested = [info] if "raised_exception" in info else list(info.values())
    raised = [entry for entry in nested if entry.get("raised_exception")]
    return str(raised[0]["exception_message"]).splitlines()[0] if raised else None


def _failing(expectation: Expectation, batch: Batch, frame: DataFrame) -> DataFrame | None:
    """The rows that did not meet an expectation; None for one on the whole table."""
    if isinstance(expectation, ExpectKeyToBeUnique):
        return repeated_keys(frame, expectation.key, frame.count() > expectation.sample_above)
    found = batch.validate(expectation, result_format=_FORMAT_WITH_QUERY).result or {}
    condition = _condition(found.get("unexpected_index_query"))
    return None if condition is None else frame.where(condition)


def _condition(query: str | None) -> str | None:
    """The SQL condition inside the text `df.filter(F.expr('...'))`, taken from its syntax tree and not evaluated."""
    if not query:
        return None
    texts = [node.value for node in ast.walk(ast.parse(query)) if isinstance(node, ast.Constant)]
    return next((text for text in texts if isinstance(text, str)), None)
