"""What a late, corrected or further file of customs costs: its own reading, and every later slice of its year."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from haiguan.jobs.runtime.graph import build_graph, needed
from haiguan.jobs.runtime.manifest import Published, slice_id
from haiguan.jobs.runtime.plan import State, plan_table, without_unavailable
from haiguan.jobs.runtime.run import read_settings
from haiguan.jobs.runtime.sources import Source, is_available
from haiguan.jobs.runtime.stages import STAGES
from haiguan.transforms.schema import Table

SETTINGS = read_settings(None, ["inputs.customs=archive"])
GRAPH = build_graph(STAGES)
SOURCES = {name for node in GRAPH.values() for name in node.sources if is_available(name, SETTINGS)}
_BUILDABLE, _ = without_unavailable(list(GRAPH), GRAPH, SOURCES)


def _of_customs(name: str) -> bool:
    return name == "raw_customs__declarations" or any(map(_of_customs, GRAPH[name].inputs))


BY_YEAR = [name for name in _BUILDABLE if "year" in GRAPH[name].table.slice and _of_customs(name)]
PLANNED, _ = without_unavailable(needed(GRAPH, BY_YEAR), GRAPH, SOURCES)


@dataclass
class Lake:
    """Plays the lake and its manifest."""

    published: dict[str, dict[str, Published]] = field(default_factory=dict)

    def slices(self, table: str) -> dict[str, Published]:
        return self.published.get(table, {})

    def is_as_declared(self, table: Table) -> bool:
        return True

    def due(self, files: dict[tuple[int, str], str], years=None) -> dict[str, list[str]]:
        """Table sliced by year -> its slices that are due; they are then entered as published."""
        slices = {slice_id(v): v for year, file in files for v in [{"year": year, "file_id": file}]}
        prints = {slice_id({"year": year, "file_id": file}): text for (year, file), text in files.items()}
        sources = {name: Source({"": {}}, {"": name}, lambda *_: None) for name in SOURCES}
        sources["customs"] = Source(slices, prints, lambda *_: None, sliced_by=("year", "file_id"))
        state, found = State(sources=sources), {}
        for name in PLANNED:
            plan = plan_table(GRAPH[name], state, self, SETTINGS, self, years)
            found[name] = sorted(slice_id(due.slice or {}) for due in plan.due)
            for due in plan.due:
                entry = Published(due.slice or {}, due.fingerprint, "", 1, 1, None)
                self.published.setdefault(name, {})[slice_id(entry.slice)] = entry
            if plan.node.table.slice and None in [due.slice for due in plan.due]:
                state.tables[name] = {}
        return {name: found[name] for name in BY_YEAR}


FILES = {(2015, "a"): "1", (2015, "b"): "1", (2016, "c"): "1"}


@pytest.fixture
def lake() -> Lake:
    made = Lake()
    made.due(FILES)
    assert not any(made.due(FILES).values())
    return made


@pytest.mark.parametrize(
    "changed", [{(2015, "b"): "2"}, {(2015, "z"): "1"}], ids=["a corrected file", "a file that comes late"]
)
def test_a_late_file_costs_its_own_reading_and_every_later_slice_of_its_year(lake, changed):
    ((_, file),) = changed
    due = lake.due(FILES | changed)
    assert due.pop("raw_customs__declarations") == [f"year=2015/file_id={file}"]
    assert set(due) >= {"core_customs__declarations", "core_customs__annual_flows"}
    assert {name: slices for name, slices in due.items() if slices != ["year=2015"]} == {}


def test_a_year_more_is_that_year_in_every_table_and_no_other(lake):
    due = lake.due({**FILES, (2015, "a"): "2", (2016, "c"): "2", (2016, "d"): "1"}, years=(2016, 2016))
    assert due.pop("raw_customs__declarations") == ["year=2016/file_id=c", "year=2016/file_id=d"]
    assert {name: slices for name, slices in due.items() if slices != ["year=2016"]} == {}
