"""Panel: the samples on which equations are estimated, with an account of who was left out."""

from haiguan.jobs.runtime.graph import Stage
from haiguan.transforms.panels.customs import panel_customs__firm_year

STAGE: Stage = Stage("panel", publishes=(panel_customs__firm_year,))

if __name__ == "__main__":
    from haiguan.jobs.cli import run_stage

    run_stage(STAGE.name)
