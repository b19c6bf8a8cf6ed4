"""The files of a release, all built from one commit."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final

from distribution.digests import SUMS, write_digests
from distribution.errors import DistributionError
from distribution.git import export_commit, read_commit
from distribution.layer_builder.archive import write_archive
from distribution.layer_builder.contents import LICENSE_FILE
from distribution.layer_builder.layers import build_layers
from distribution.releases.functions import build_functions
from distribution.releases.provenance import write_provenance
from distribution.releases.python_packages import build_packages
from distribution.releases.serverless_repository import SERVERLESS_REPOSITORY, write_serverless_repository_template
from distribution.releases.templates import write_templates

if TYPE_CHECKING:
    from collections.abc import Callable

TERRAFORM_MODULES: Final = "terraform-modules.zip"
CDK_CONSTRUCTS: Final = "cdk-constructs.zip"

# The template names them for the Serverless Application Repository.
_COPIED: Final = (LICENSE_FILE, "README.md")


def build_release(
    project: Path,
    destination: Path,
    report: Callable[[str], object],
    *,
    complete: bool,
    source_url: str | None,
) -> None:
    """Write a release of the current commit to a folder, replacing an earlier one.

    The folder is replaced after everything was built. ``report`` is called with each step. A ``complete`` release has
    compiled files for every supported Python version. ``source_url`` is where the source code is published, which the
    AWS Serverless Application Repository requires. Raises DistributionError.
    """
    if destination.exists() and not (destination / SUMS).is_file() and any(destination.iterdir()):
        message = f"{destination} is not an earlier release: delete it, or choose another folder"
        raise DistributionError(message)
    commit = read_commit(project)
    report(f"building commit {commit}")
    with tempfile.TemporaryDirectory() as temporary:
        source, built = Path(temporary, "source"), Path(temporary, "release")
        # From the commit alone, so that no other file can be included.
        export_commit(project, commit, source)
        built.mkdir()
        build_layers(source, built, report, complete=complete)
        build_functions(source, built, report)
        build_packages(source, built, report)
        write_templates(source, built)
        for name in _COPIED:
            shutil.copy(source / name, built)
        write_serverless_repository_template(built / "template.yaml", built / SERVERLESS_REPOSITORY, source_url)
        for folder, archive in ((source / "terraform/modules", TERRAFORM_MODULES), (source / "cdk", CDK_CONSTRUCTS)):
            shutil.copy(source / LICENSE_FILE, folder)
            write_archive(folder, built / archive)
        (built / SUMS).unlink()
        write_provenance(built, commit, source_url)
        write_digests(built)
        shutil.rmtree(destination, ignore_errors=True)
        shutil.copytree(built, destination)
    report(f"{destination}: {len(list(destination.iterdir()))} files")
