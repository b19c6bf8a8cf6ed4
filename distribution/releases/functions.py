"""The zip files of the functions."""

from __future__ import annotations

import re
import shutil
import tempfile
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING

from distribution.layer_builder.archive import write_archive
from distribution.layer_builder.contents import LICENSE_FILE, assemble_function
from distribution.layer_builder.sbom import describe_archive
from distribution.project import read_metadata
from distribution.releases.templates import FUNCTION, SAMPLE_FUNCTION

if TYPE_CHECKING:
    from collections.abc import Callable


def build_functions(project: Path, destination: Path, report: Callable[[str], object]) -> None:
    """Write the function's zip file, its bill of materials, and the zip file of the sample function.

    Raises DistributionError.
    """
    table = tomllib.loads((project / "authorizer/pyproject.toml").read_text(encoding="utf-8"))["project"]
    metadata = {**table, "version": read_metadata(project)["version"]}
    with tempfile.TemporaryDirectory() as folder:
        contents = Path(folder, "authorizer")
        package = project / "authorizer/mtls_authorizer"
        compiled = assemble_function(package, contents, _runtime(project), lambda step: report(f"authorizer: {step}"))
        write_archive(contents, destination / FUNCTION)
        sample = Path(folder, "sample")
        sample.mkdir()
        shutil.copyfile(project / "examples/behind_the_authorizer.py", sample / "behind_the_authorizer.py")
        shutil.copyfile(project / LICENSE_FILE, sample / LICENSE_FILE)
        write_archive(sample, destination / SAMPLE_FUNCTION)
    bill = (destination / FUNCTION).with_suffix(".cdx.json")
    bill.write_text(describe_archive(destination / FUNCTION, metadata, compiled), encoding="utf-8")


def _runtime(project: Path) -> str:
    """Return the Python version of the function's runtime."""
    (version,) = set(re.findall(r"Runtime: python(3\.\d+)$", (project / "template.yaml").read_text(), re.MULTILINE))
    return str(version)
