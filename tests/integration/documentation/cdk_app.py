"""An app with the stacks on the pages about the CDK."""

from __future__ import annotations

from tests.unit.documentation.markdown import fences

LAYER = "arn:aws:lambda:eu-central-1:123456789012:layer:client-certificate-auth-arm64:1"

# The current folder has a release.
_APP = f"""
import sys
from aws_cdk import App
from aws_cdk.aws_apigatewayv2_integrations import HttpUrlIntegration
app = App(outdir=sys.argv[1], analytics_reporting=False)
ApiStack(app, "Rest", ".")
api = HttpApiStack(app, "Http", ".").node.find_child("Api")
api.add_routes(path="/orders", integration=HttpUrlIntegration("Orders", "https://orders.example.com"))
FunctionStack(app, "Function", {LAYER!r})
AuthorizerStack(app, "Authorizer", ".")
RevocationStack(app, "Revocation", ".")
app.synth()
"""


def code_on_the_pages() -> str:
    """Return the Python code on the page, followed by what synthesizes its stacks."""
    code = [fence.text for fence in fences("python") if fence.page == "docs/deploy/cdk.md"]
    return "\n".join([*code, _APP])
