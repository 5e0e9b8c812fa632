"""Measure: what economics asks of the clean tables, one table per measure."""

from haiguan.jobs.runtime.graph import Stage
from haiguan.transforms.measures.concentration import measure_products__concentration, measure_products__exporters

STAGE: Stage = Stage("measure", publishes=(measure_products__concentration, measure_products__exporters))

if __name__ == "__main__":
    from haiguan.jobs.cli import run_stage

    run_stage(STAGE.name)
