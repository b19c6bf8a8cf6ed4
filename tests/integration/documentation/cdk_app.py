"""An app with the stacks on the pages about the CDK."""

from __future__ import annotations

from tests.unit.documentation.markdown import fences

LAYER = "arn:aws:lambda:eu-central-1:123456789012:layer:client-certificate-auth-arm64:1"

# The current folder has a release.
_APP = f"""
import sys
from aws_cdk import App
app = App(outdir=sys.argv[1], analytics_reporting=False)
ApiStack(app, "Rest", ".")
HttpApiStack(app, "Http", ".")
FunctionStack(app, "Function", {LAYER!r})
AuthorizerStack(app, "Authorizer", ".")
RevocationStack(app, "Revocation", ".")
app.synth()
"""


def code_on_the_pages() -> str:
    """Return the Python code on the page, followed by what synthesizes its stacks."""
    code = [fence.text for fence in fences("python") if fence.page == "docs/deploy/cdk.md"]
    return "\n".join([*code, _APP])
