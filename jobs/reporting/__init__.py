"""The report of a run: read from the lake, drawn and printed without Spark and without a network."""
