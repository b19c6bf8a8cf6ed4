"""The template for the Serverless Application Repository, which does not support resources of AppConfig.

It is the authorizer's template without published versions of the function, which need AppConfig, hence without
SnapStart and provisioned concurrency.

Usage: ``python -m distribution.releases.serverless_repository build/release https://git.example.com/authorizer``
"""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Final

from distribution.releases.errors import ReleaseError

TEMPLATE: Final = "serverless-repository.yaml"

_ENTRY = r"(?m)^(?:  # .*\n)*  {name}:\n(?:    .*\n| *\n(?=    ))*"
_LINES = (
    r"\n      # Lambda does not publish a version of .*",
    r"\n      # SnapStart and provisioned concurrency require .*(?:\n      # .*)*(?=\n      AutoPublishAlias:)",
    r"\n      AutoPublishAlias: live",
    r"\n      AutoPublishAliasAllProperties: .*",
    r"\n      Version(?:Description|DeletionPolicy): .*",
    r"\n      SnapStart: .*",
    r"\n      ProvisionedConcurrencyConfig:\n .*",
    r"\n  (?:HasSnapStart|HasProvisionedConcurrency|IsPublished): .*",
    r"\n      - Assert: !Or \[!Equals \[!Ref SnapStart, .*\n        AssertDescription: .*",
    r", SnapStart, ProvisionedConcurrency(?=\])",
)
_DESCRIPTION = re.compile(r"!If\n        - IsPublished\n        - .*\n        - (.*)")
_PUBLISHED = re.compile(r"!If \[IsPublished, !Ref Authorizer\.Alias, (!GetAtt Authorizer\.Arn)\]")
_VERSION = re.compile(r"\n    SemanticVersion: .*")


def rewrite_template(text: str, url: str) -> str:
    """Return the authorizer's template of a release for the repository.

    ``url`` is the home page and the location of the sources. Raises ReleaseError if the template is not understood, or
    the URL is not one.
    """
    if not re.fullmatch(r"https://[^\s\"'#]+", url):
        message = f"{url!r} is no URL: write one such as https://git.example.com/client-certificate-auth"
        raise ReleaseError(message)
    for name in ("AuthorizerVariables", "AuthorizerVariablesApplication", "AuthorizerVariablesProfile"):
        text = re.sub(_ENTRY.format(name=name), "", text)
    for name in ("SnapStart", "ProvisionedConcurrency"):
        text = re.sub(_ENTRY.format(name=name), "", text)
    for pattern in _LINES:
        text = re.sub(pattern, "", text)
    text = _DESCRIPTION.sub(r"\1", text)
    text = _PUBLISHED.sub(r"\1", text)
    text = _VERSION.sub(lambda match: f"{match[0]}\n    HomePageUrl: {url}\n    SourceCodeUrl: {url}", text)
    if found := re.search(r".*(IsPublished|AppConfig::|SnapStart|ProvisionedConcurrency|AutoPublish).*", text):
        message = f"distribution/releases/serverless_repository.py does not know how to rewrite {found[0].strip()!r}"
        raise ReleaseError(message)
    return text


def main(release: str, url: str) -> None:
    """Write the template next to the others of a release. Raises ReleaseError."""
    text = Path(release, "template.yaml").read_text(encoding="utf-8")
    Path(release, TEMPLATE).write_text(rewrite_template(text, url), encoding="utf-8")
    print(f"{release}/{TEMPLATE}: publish it with sam package and sam publish")


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except ReleaseError as error:
        sys.exit(str(error))
