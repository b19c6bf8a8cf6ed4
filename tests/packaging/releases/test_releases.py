"""Releases of a project that is small enough to build quickly."""

from __future__ import annotations

import hashlib
import json
import re
import runpy
import shutil
import subprocess
import sys
from contextlib import suppress
from fnmatch import fnmatch
from typing import TYPE_CHECKING, Any
from zipfile import ZipFile

import pytest

from distribution.digests import write_digests
from distribution.python_versions import PYTHON_VERSIONS
from distribution.releases.command_line import main
from tests.packaging.releases.conftest import git
from tests.unit.documentation.markdown import codes, pages

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

FILES = {
    *("LICENSE", "README.md", "SHA256SUMS", "provenance.intoto.json"),
    *("client-certificate-auth-arm64.cdx.json", "client-certificate-auth-arm64.zip"),
    *("client-certificate-auth-x86_64.cdx.json", "client-certificate-auth-x86_64.zip"),
    *("authorizer.cdx.json", "authorizer.zip", "sample-function.zip"),
    *("client_certificate_auth-0.1.0-py3-none-any.whl", "client_certificate_auth-0.1.0.tar.gz"),
    *("mtls_authorizer-0.1.0-py3-none-any.whl", "mtls_authorizer-0.1.0.tar.gz"),
    *("mtls_authorizer_cli-0.1.0-py3-none-any.whl", "mtls_authorizer_cli-0.1.0.tar.gz"),
    *("template.yaml", "monitoring.yaml", "revocation.yaml", "sample-api.yaml", "serverless-repository.yaml"),
    *("terraform-modules.zip", "cdk-constructs.zip"),
}
SOURCE_URL = "https://git.example.com/client-certificate-auth"


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.fixture(scope="module")
def built(small_project: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a release. A stray file in the project must not be in it."""
    (small_project / "authorizer/mtls_authorizer/secrets.py").write_text("KEY = 'secret'\n")
    folder = tmp_path_factory.mktemp("built") / "build/release"
    assert main(["build", str(folder), "--incomplete", "--source-url", SOURCE_URL], small_project) == 0
    return folder


@pytest.fixture
def release(built: Path, tmp_path: Path) -> Path:
    """Return a copy of the release."""
    return shutil.copytree(built, tmp_path / "release")


def test_a_release_contains_everything_that_users_download(built: Path) -> None:
    assert {path.name for path in built.iterdir()} == FILES
    with ZipFile(built / "authorizer.zip") as archive:
        assert archive.namelist() == [
            "mtls_authorizer/LICENSE",
            "mtls_authorizer/__init__.py",
            "mtls_authorizer/handler.py",
        ]
    with ZipFile(built / "sample-function.zip") as archive:
        assert archive.namelist() == ["LICENSE", "behind_the_authorizer.py"]
    with ZipFile(built / "terraform-modules.zip") as archive:
        assert archive.namelist() == ["LICENSE", "authorizer/main.tf"]
    with ZipFile(built / "cdk-constructs.zip") as archive:
        assert archive.namelist() == [
            "LICENSE",
            "client-certificate-authorizer.ts",
            "client_certificate_authorizer/__init__.py",
        ]
    with ZipFile(built / "mtls_authorizer-0.1.0-py3-none-any.whl") as archive:
        assert "mtls_authorizer/secrets.py" not in archive.namelist()


def test_every_file_is_on_the_page_about_releases() -> None:
    (rows,) = re.findall(r"(?:^\|.*\n)+", pages()["docs/releases.md"].partition("\n## ")[0], re.MULTILINE)
    patterns = [pattern.replace("…", "*") for row in rows.splitlines()[2:] for pattern in codes(row.split(" | ")[0])]
    assert [name for name in sorted(FILES) if not any(fnmatch(name, pattern) for pattern in patterns)] == []
    assert [pattern for pattern in patterns if not any(fnmatch(name, pattern) for name in FILES)] == []


def test_the_terraform_modules_are_unpacked_to_where_the_page_names_them(built: Path, tmp_path: Path) -> None:
    page = pages()["docs/deploy/terraform.md"]
    (unpack,) = re.findall(r"^python3 (-m zipfile -e \S+ \S+)$", page, re.MULTILINE)
    shutil.copytree(built, tmp_path / "build" / "release")
    subprocess.run([sys.executable, *unpack.split()], cwd=tmp_path, check=True)
    (source,) = re.findall(r'source = "\./(terraform/modules/authorizer)"', page)
    assert (tmp_path / source / "main.tf").is_file()


def test_the_digests_are_those_of_all_other_files(built: Path) -> None:
    lines = (built / "SHA256SUMS").read_text().splitlines()
    assert lines == [f"{digest(built / name)}  {name}" for name in sorted(FILES - {"SHA256SUMS"})]


def test_the_provenance_names_the_commit_the_files_and_the_inputs(built: Path, small_project: Path) -> None:
    statement: dict[str, Any] = json.loads((built / "provenance.intoto.json").read_text())
    assert statement["_type"] == "https://in-toto.io/Statement/v1"
    assert statement["predicateType"] == "https://slsa.dev/provenance/v1"
    assert {subject["name"]: subject["digest"]["sha256"] for subject in statement["subject"]} == {
        name: digest(built / name) for name in FILES - {"SHA256SUMS", "provenance.intoto.json"}
    }
    definition = statement["predicate"]["buildDefinition"]
    assert definition.keys() == {"buildType", "externalParameters", "internalParameters", "resolvedDependencies"}
    assert definition["externalParameters"] == {"command": "make release", "sourceUrl": SOURCE_URL}
    source, *wheels = definition["resolvedDependencies"]
    assert source == {"name": "source", "digest": {"gitCommit": git(small_project, "rev-parse", "HEAD")}}
    assert [wheel["uri"] for wheel in wheels] == [
        f"pkg:pypi/one@1.0?file_name=one-1.0-cp311-abi3-manylinux2014_{machine}.whl"
        for machine in ("aarch64", "x86_64")
    ]
    assert all(len(wheel["digest"]["sha256"]) == 64 for wheel in wheels)
    versions = definition["internalParameters"]["versions"]
    assert versions["python3.13"] == "3.13.7"
    assert versions.keys() == {"python3.13", "hatchling", "zlib"}
    assert statement["predicate"]["runDetails"]["builder"]["id"]


def test_another_clone_verifies_the_release(
    release: Path, small_project: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    git(tmp_path, "clone", "--quiet", str(small_project), "clone")
    assert main(["verify", str(release), "--incomplete"], tmp_path / "clone") == 0
    assert capsys.readouterr().out.splitlines()[-1] == f"{release}: verified"


def test_a_user_whose_git_converts_line_endings_verifies_the_release(
    release: Path, small_project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The default of Git for Windows. `git archive` converts, too.
    for name, value in {"COUNT": "1", "KEY_0": "core.autocrlf", "VALUE_0": "true"}.items():
        monkeypatch.setenv(f"GIT_CONFIG_{name}", value)
    git(tmp_path, "clone", "--quiet", str(small_project), "clone")
    assert b"\r" not in (tmp_path / "clone/LICENSE").read_bytes()
    assert main(["verify", str(release), "--incomplete"], tmp_path / "clone") == 0


def test_a_changed_byte_is_detected(release: Path, small_project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    content = bytearray((release / "authorizer.zip").read_bytes())
    content[50] ^= 1
    (release / "authorizer.zip").write_bytes(content)
    (release / "LICENSE").unlink()
    (release / "other.zip").touch()
    (release / "terraform").mkdir()
    (release / "terraform/other.tf").touch()
    assert main(["verify", str(release)], small_project) == 1
    assert capsys.readouterr().out.splitlines() == [
        "LICENSE: missing",
        "authorizer.zip: other bytes than in SHA256SUMS",
        "other.zip: not in SHA256SUMS",
        "terraform: not in SHA256SUMS",
        f"{release}: NOT VERIFIED",
    ]


def test_a_changed_byte_is_detected_although_the_digests_were_changed_too(
    release: Path, small_project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (release / "template.yaml").write_text((release / "template.yaml").read_text().replace("live", "evil"))
    provenance = (release / "provenance.intoto.json").read_text()
    (release / "provenance.intoto.json").write_text(provenance.replace('"3.13.7"', '"3.13.8"'))
    (release / "SHA256SUMS").unlink()
    write_digests(release)
    assert main(["verify", str(release), "--incomplete"], small_project) == 1
    assert capsys.readouterr().out.splitlines()[-4:] == [
        "provenance.intoto.json: not the bytes that this commit gives",
        "template.yaml: not the bytes that this commit gives",
        "other tools may give other bytes: the release was built with python3.13 3.13.8, and here it is 3.13.7",
        f"{release}: NOT VERIFIED",
    ]


@pytest.fixture
def verify(release: Path, small_project: Path, capsys: pytest.CaptureFixture[str]) -> Callable[[], str]:
    """Return a function that verifies the release, which fails, and returns its error messages."""

    def run() -> str:
        assert main(["verify", str(release)], small_project) == 1
        return capsys.readouterr().err

    return run


@pytest.mark.parametrize(
    ("file", "content", "message"),
    [
        ("SHA256SUMS", "0" * 64 + " *a\n", "SHA256SUMS, line 1: not a SHA-256 digest and a file name"),
        ("SHA256SUMS", "0" * 64 + "  a/b\n", "SHA256SUMS, line 1: not a SHA-256 digest and a file name"),
        ("SHA256SUMS", None, "SHA256SUMS cannot be read: "),
        ("provenance.intoto.json", "{}", "provenance.intoto.json is not the provenance of a release"),
        ("provenance.intoto.json", "no JSON", "provenance.intoto.json is not the provenance of a release"),
    ],
)
def test_an_unusable_file_is_named(
    verify: Callable[[], str], release: Path, file: str, content: str | None, message: str
) -> None:
    (release / file).unlink()
    if content is not None:
        (release / file).write_text(content)
    if file != "SHA256SUMS":
        (release / "SHA256SUMS").unlink()
        write_digests(release)
    assert f"{release}/{message}" in verify()


def test_a_release_of_another_commit_names_the_commit_to_check_out(
    release: Path, small_project: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    git(tmp_path, "clone", "--quiet", str(small_project), "clone")
    git(tmp_path / "clone", "commit", "--quiet", "--allow-empty", "--message", "Change nothing")
    assert main(["verify", str(release)], tmp_path / "clone") == 1
    assert f"run `git checkout {git(small_project, 'rev-parse', 'HEAD')}`\n" in capsys.readouterr().err


# What a build requires.


def test_the_address_of_the_source_code_is_a_web_address(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["build", "folder", "--source-url", "git@git.example.com:repository.git"])
    assert "is not an address such as https://" in capsys.readouterr().err


def test_a_changed_file_must_be_committed_first(
    small_project: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    git(tmp_path, "clone", "--quiet", str(small_project), "clone")
    (tmp_path / "clone/README.md").write_text("changed")
    assert main(["build", str(tmp_path / "release")], tmp_path / "clone") == 1
    assert capsys.readouterr().err == (
        "README.md has changes that are not committed: commit them, or undo them with `git stash`\n"
    )


def test_a_folder_that_is_no_checkout_is_rejected(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["build", str(tmp_path / "release")], tmp_path) == 1
    assert capsys.readouterr().err.startswith(f"git rev-parse failed in {tmp_path}: fatal: ")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert main(["build", str(tmp_path / "release")], tmp_path) == 1
    assert capsys.readouterr().err == f"git is required for {tmp_path}: No such file or directory\n"


def test_a_folder_that_is_no_release_is_not_replaced(
    small_project: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "photo").touch()
    assert main(["build", str(tmp_path)], small_project) == 1
    assert (tmp_path / "photo").exists()
    assert capsys.readouterr().err.startswith(f"{tmp_path} is not an earlier release: ")


def test_a_file_in_place_of_the_folder_is_one_line(
    small_project: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").touch()
    assert main(["build", str(tmp_path / "file")], small_project) == 1
    assert capsys.readouterr() == ("", f"[Errno 20] Not a directory: '{tmp_path}/file'\n")


def test_an_output_that_cannot_be_written_is_one_line(
    release: Path, small_project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (release / "LICENSE").unlink()
    # Closing it fails once more.
    with suppress(OSError), open("/dev/full", "w", encoding="utf-8") as full:  # noqa: PTH123 -- a device
        monkeypatch.setattr(sys, "stdout", full)
        assert main(["verify", str(release)], small_project) == 1
    assert capsys.readouterr().err == "[Errno 28] No space left on device\n"


def test_a_complete_release_requires_all_pythons_and_an_earlier_one_stays(
    release: Path, small_project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["build", str(release)], small_project) == 1
    missing = ", ".join(version for version in PYTHON_VERSIONS if version != "3.13")
    assert f"a complete release needs Python {missing} on PATH" in capsys.readouterr().err
    assert {path.name for path in release.iterdir()} == FILES


def test_the_module_exits_with_the_status(release: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (release / "LICENSE").unlink()
    monkeypatch.setattr(sys, "argv", ["releases", "verify", str(release)])
    with pytest.raises(SystemExit, match="1"):
        runpy.run_module("distribution.releases", run_name="__main__")
