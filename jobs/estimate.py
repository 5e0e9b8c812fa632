"""Estimate: the tables and figures of the studies, as data."""

from haiguan.jobs.runtime.graph import Stage
from haiguan.transforms.studies.estimates import result_studies__estimates
from haiguan.transforms.studies.figures import result_studies__figures
from haiguan.transforms.studies.plots import result_studies__plots
from haiguan.transforms.studies.tables import result_studies__tables

STAGE: Stage = Stage(
    "estimate",
    publishes=(result_studies__estimates, result_studies__tables, result_studies__figures, result_studies__plots),
)

if __name__ == "__main__":
    from haiguan.jobs.cli import run_stage

    run_stage(STAGE.name)
