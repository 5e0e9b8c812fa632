"""The schema: every column declared once, every table by its grain, columns, key and slice."""

from haiguan.transforms.schema.columns import COLUMNS
from haiguan.transforms.schema.model import Column, Reads, Table
from haiguan.transforms.schema.tables import TABLES, quarantine_of

__all__ = ["COLUMNS", "TABLES", "Column", "Reads", "Table", "quarantine_of"]
