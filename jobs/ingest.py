"""Ingest: files as delivered become raw tables, every field the string in the file."""

from haiguan.jobs.runtime.graph import Stage
from haiguan.transforms.customs.raw import raw_customs__declarations
from haiguan.transforms.trade.comtrade import raw_trade__comtrade

STAGE: Stage = Stage("ingest", publishes=(raw_customs__declarations, raw_trade__comtrade))

if __name__ == "__main__":
    from haiguan.jobs.cli import run_stage

    run_stage(STAGE.name)
