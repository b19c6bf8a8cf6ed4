"""An app with the stacks of the examples for the CDK."""

from __future__ import annotations

_CERTIFICATE = "arn:aws:acm:eu-central-1:123456789012:certificate/12345678-1234-1234-1234-123456789012"

# The current folder has a release.
EXAMPLES_APP = f"""
import sys
from aws_cdk import App
from examples.attach.cdk_stacks import HttpApiStack, RestApiStack, Prerequisites
prerequisites = Prerequisites(
    release_folder=".",
    domain_name="api.example.com",
    certificate_arn={_CERTIFICATE!r},
    truststore_bucket="bucket",
    truststore_key="truststore.pem",
)
app = App(outdir=sys.argv[1], analytics_reporting=False)
RestApiStack(app, "RestApi", prerequisites)
HttpApiStack(app, "HttpApi", prerequisites)
app.synth()
"""
