"""Installs the four folders of the tree as one namespace, `haiguan`: nothing called `jobs` or `conf` in site-packages.

`python setup.py py_files` writes dist/haiguan-<version>.zip for `spark-submit --py-files`.
"""

import zipfile
from pathlib import Path
from typing import ClassVar

from setuptools import Command, find_packages, setup

FOLDERS = ("jobs", "transforms", "expectations", "conf")


def packages() -> list[str]:
    """Every package below the four folders, under the name it is imported by."""
    return [
        f"haiguan.{name}"
        for folder in FOLDERS
        for name in [folder, *(f"{folder}.{below}" for below in find_packages(folder))]
    ]


class PyFiles(Command):
    """Writes the zip that `spark-submit --py-files` ships to a cluster."""

    description = "write dist/haiguan-<version>.zip for spark-submit --py-files"
    user_options: ClassVar[list] = []

    def initialize_options(self) -> None:
        self.target = Path("dist")

    def finalize_options(self) -> None:
        self.target.mkdir(exist_ok=True)

    def run(self) -> None:
        archive = self.target / f"haiguan-{self.distribution.get_version()}.zip"
        with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as out:
            for folder in FOLDERS:
                for path in sorted(Path(folder).rglob("*")):
                    if path.is_file() and "__pycache__" not in path.parts:
                        out.write(path, Path("haiguan") / path)
        print(archive)


setup(
    packages=packages(),
    package_dir={f"haiguan.{folder}": folder for folder in FOLDERS},
    package_data={"haiguan.conf": ["**/*.yaml", "**/*.csv"], "haiguan.jobs": ["**/*.html", "**/*.css"]},
    cmdclass={"py_files": PyFiles},
)
