"""The sources: which slices a `files_<source>` parameter has, and the frame that it is given."""

from __future__ import annotations

import csv
import hashlib
import io
import json
from collections.abc import Mapping, Sequence
from importlib.resources import files
from typing import Any

import pandas as pd
import yaml

from haiguan.jobs.runtime.deliveries import RAW, Source, delivered_files, layout_rows
from haiguan.jobs.runtime.hs_tables import attributes, hs8_changes, hs_tables
from haiguan.jobs.runtime.layouts import load_layouts
from haiguan.jobs.runtime.manifest import Known, slice_id
from haiguan.jobs.runtime.places import COLUMNS as PLACE_COLUMNS
from haiguan.jobs.runtime.places import dated_divisions
from haiguan.jobs.runtime.settings import Settings
from haiguan.jobs.runtime.small_tables import SMALL_TABLES, small_rows
from haiguan.transforms.errors import InputError
from haiguan.transforms.products.national_codes import is_year
from haiguan.transforms.products.published import LINKS
from haiguan.transforms.schema import TABLES

_COUNTRIES = "country_code country_name customs_code further_customs_codes m49_code labels"
_KIND_OF_ITEM = {"study_estimates": "estimates", "study_tables": "table", "study_figures": "figure"}
_PLOTS = "study_plots"


def is_available(source: str, settings: Settings) -> bool:
    """Whether the settings name files of the source; the packaged ones are always there."""
    is_named = source in RAW or source in SMALL_TABLES
    return not is_named or getattr(settings.inputs, source) is not None


def open_source(source: str, settings: Settings, known: Mapping[str, Known]) -> Source:
    """Looks through a source: its files are found and hashed, none is read.

    Args:
        source: name after `files_`.
        settings: of the run.
        known: what earlier runs found out about its files.

    Raises:
        InputError: all faults of all its files.
    """
    if source in RAW:
        return delivered_files(source, settings, known)
    if source in _KIND_OF_ITEM:
        return _studies(study_items(settings, _KIND_OF_ITEM[source]))
    if source == _PLOTS:
        return _studies(items_with_figures(settings))
    if source == "hs_links":
        return _on_driver(hs_tables(settings.inputs.hs_tables).published.links)
    if source == "hs_attributes":
        return _on_driver(attributes(settings.inputs.hs_tables, settings.inputs.high_tech))
    if source == "hs8_changes":
        return _on_driver(_changes_in_use(settings))
    rows = packaged_rows(source, settings)
    content = hashlib.sha256(json.dumps(rows, sort_keys=True).encode()).hexdigest()
    return Source({"": {}}, {"": content}, lambda session, _: session.createDataFrame(rows, _schema(source)))


def _changes_in_use(settings: Settings) -> pd.DataFrame:
    """The changes of codes of eight digits, none where products are brought to an HS revision.

    Raises:
        InputError: they are needed, and the settings name none.
    """
    to, named = settings.model_dump()["harmonise"]["to"], settings.inputs.hs8_changes
    if to is None or not is_year(to):
        return pd.DataFrame(columns=LINKS)
    if not named:
        raise InputError(
            f"harmonise.to is {to}, a year, which asks for codes of eight digits; those change every January, and "
            "nobody publishes how: name a table of their changes under inputs.hs8_changes (docs/harmonise.md), or set "
            "harmonise.to to an HS revision"
        )
    return hs8_changes(named)


def _on_driver(frame: pd.DataFrame) -> Source:
    """A small table that is read as a pandas frame."""
    content = hashlib.sha256(frame.to_csv(index=False).encode()).hexdigest()
    return Source({"": {}}, {"": content}, lambda session, _: frame)


def packaged_rows(source: str, settings: Settings) -> list[list[Any]]:
    """The rows of a small code table, in the order of `_schema`."""
    if source == "customs_layouts":
        return [row for layout in load_layouts("customs", settings.run.layouts) for row in layout_rows(layout)]
    if source == "customs_labels":
        layouts = load_layouts("customs", settings.run.layouts)
        return [[layout.name, *label.model_dump().values()] for layout in layouts for label in layout.labels]
    if source == "countries":
        return _csv_rows("countries.csv", _COUNTRIES.split())
    if source == "places":
        return _divisions(settings)
    if source in SMALL_TABLES:
        return [list(row) for row in small_rows(source, getattr(settings.inputs, source))]
    if source == "products":
        return [list(code) for code in hs_tables(settings.inputs.hs_tables).codes]
    raise KeyError(source)


def _schema(source: str) -> str:
    if source == "customs_layouts":
        return TABLES["core_customs__layouts"].ddl
    if source in SMALL_TABLES:
        return ", ".join(f"{name} string" for name in SMALL_TABLES[source].columns)
    return {
        "customs_labels": "layout string, field string, label string, code string, first_year int, last_year int",
        "countries": ", ".join(f"{name} string" for name in _COUNTRIES.split()),
        "places": "place_code string, first_year int, last_year int, place_name string, place_level int, "
        "parent_code string",
        "products": "hs_revision string, product_code string, product_name string",
    }[source]


def _csv_rows(name: str, columns: Sequence[str]) -> list[list[Any]]:
    text = files("haiguan.conf").joinpath("codes").joinpath(name).read_text(encoding="utf-8")
    return [[row[column] for column in columns] for row in csv.DictReader(io.StringIO(text))]


def _divisions(settings: Settings) -> list[list[Any]]:
    """The dated divisions of the user's lists, or else the embedded ones."""
    if settings.inputs.places is not None:
        return dated_divisions(settings.inputs.places, settings.model_dump()["places"]["no_places"])
    rows = _csv_rows("places.csv", PLACE_COLUMNS)
    return [[code, int(first), int(last), name, int(level), parent] for code, first, last, name, level, parent in rows]


def _studies(rows: pd.DataFrame) -> Source:
    """Items of studies, one slice per study that has some."""
    studies = {slice_id({"study": study}): study for study in sorted(rows.study.unique())}

    def content(study: str) -> str:
        """SHA-256 of the names and texts of its items."""
        of_study = rows[rows.study == study]
        return hashlib.sha256(json.dumps(of_study[["item", "text"]].to_numpy().tolist()).encode()).hexdigest()

    return Source(
        slices={text: {"study": study} for text, study in studies.items()},
        fingerprints={text: content(study) for text, study in studies.items()},
        read=lambda _, slices: rows[rows.study.isin([values["study"] for values in slices])],
        sliced_by=("study",),
    )


def study_items(settings: Settings, kind: str) -> pd.DataFrame:
    """study, item, text of the items of one kind in the studies that the settings name: one row per YAML file.

    Raises:
        InputError: there is no such study, or one of its items is of no known kind.
    """
    found = [(study, item, text) for study in settings.run.studies for item, text in _study_items(study, kind)]
    return pd.DataFrame(found, columns=["study", "item", "text"])


def items_with_figures(settings: Settings) -> pd.DataFrame:
    """The regression tables of the studies that ask for figures of more than their coefficients: `study_items`."""
    rows = study_items(settings, "estimates")
    return rows[[_has_points(yaml.safe_load(text).get("figures")) for text in rows.text]].reset_index(drop=True)


def _has_points(figures: Any) -> bool:
    """Whether some figure is not one of coefficients; a section that is no mapping is for its reader to refuse."""
    return isinstance(figures, dict) and any("coefficients" not in (figure or ()) for figure in figures.values())


def _study_items(study: str, kind: str) -> list[tuple[str, str]]:
    """Name and text of the items of one kind.

    Raises:
        InputError: there is no such study, or one of its items is of no known kind.
    """
    folder = files("haiguan.conf").joinpath("studies").joinpath(study)
    if not folder.is_dir():
        there = sorted(entry.name for entry in files("haiguan.conf").joinpath("studies").iterdir())
        raise InputError(f"run.studies: no study is called {study}; there are {', '.join(there)}")
    found = sorted((entry for entry in folder.iterdir() if entry.name.endswith(".yaml")), key=lambda entry: entry.name)
    texts = [(entry.name.removesuffix(".yaml"), entry.read_text(encoding="utf-8")) for entry in found]
    kinds = {item: yaml.safe_load(text).get("kind") for item, text in texts}
    strays = [item for item, found_kind in kinds.items() if found_kind not in _KIND_OF_ITEM.values()]
    if strays:
        known = ", ".join(_KIND_OF_ITEM.values())
        raise InputError(*[f"studies/{study}/{item}.yaml: `kind` must be one of {known}" for item in strays])
    return [(item, text) for item, text in texts if kinds[item] == kind]
