"""What CONTRIBUTING.md says about the size of modules and packages holds."""

from __future__ import annotations

from collections import Counter

from tests.unit.documentation.markdown import PROJECT

LONGEST_MODULE = 300
LARGEST_PACKAGE = 12

FOLDERS = ("layer", "authorizer", "tools", "local_gateway", "cdk", "distribution", "docs_tools", "benchmarks")
MODULES = [path for folder in FOLDERS for path in (PROJECT / folder).rglob("*.py") if path.name != "__init__.py"]


def test_modules_and_packages_are_as_small_as_the_page_says() -> None:
    page = (PROJECT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    assert f"at most {LONGEST_MODULE} lines in a module, and {LARGEST_PACKAGE} modules in a package" in page


def test_no_module_is_long() -> None:
    assert len(MODULES) > 200
    assert [path for path in MODULES if len(path.read_text(encoding="utf-8").splitlines()) > LONGEST_MODULE] == []


def test_no_package_has_many_modules() -> None:
    sizes = Counter(path.parent for path in MODULES)
    assert [package for package, size in sizes.items() if size > LARGEST_PACKAGE] == []
