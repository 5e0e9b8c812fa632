"""Every benchmark, one after the other: `make bench`."""

import runpy
import sys
from pathlib import Path

for script in sorted(Path(__file__).parent.glob("*.py")):
    if script.name != "__main__.py":
        print(f"# {script.stem}", flush=True)
        sys.argv = [str(script)]
        runpy.run_path(str(script), run_name="__main__")
