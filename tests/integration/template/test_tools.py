"""The tools that users have accept the templates."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from distribution.releases.serverless_repository import write_serverless_repository_template
from tests.integration.template.stacks import ALL_STACKS, AUTHORIZER, TEMPLATES
from tests.integration.template.tools import cfn_lint, sam_validate

if TYPE_CHECKING:
    from pathlib import Path

    from tests.integration.template.templates import Template


def test_sam_validates_each_template(tmp_path: Path) -> None:
    sam_validate(*(template.path for template in TEMPLATES), folder=tmp_path)


def test_sam_rejects_an_invalid_template(tmp_path: Path) -> None:
    invalid = tmp_path / "template.yaml"
    invalid.write_text("Resources: {Function: {Type: AWS::Nothing::Known}}")
    with pytest.raises(AssertionError, match="AWS::Nothing::Known"):
        sam_validate(invalid, folder=tmp_path)


def test_cfn_lint_accepts_each_template(tmp_path: Path) -> None:
    derived = tmp_path / "serverless-repository.yaml"
    write_serverless_repository_template(AUTHORIZER.path, derived)
    cfn_lint(*(template.path for template in TEMPLATES), derived, folder=tmp_path)


def test_cfn_lint_accepts_each_stack(tmp_path: Path) -> None:
    stacks = []
    for template, stack in ALL_STACKS:
        path = tmp_path / f"{template.name}-{stack}.json"
        path.write_text(json.dumps(template.deployed(stack)))
        stacks.append(path)
    # Informational checks are about how a template is written.
    cfn_lint(*stacks, folder=tmp_path, informational=False)


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda template: template.name)
def test_a_template_is_short_enough_to_review(template: Template) -> None:
    assert len(template.path.read_text().splitlines()) <= 600
