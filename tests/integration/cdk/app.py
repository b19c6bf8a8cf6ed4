"""Synthesizes a stack for each deployment: ``python app.py RELEASE DESTINATION``. ``typescript/app.ts`` is the same."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from aws_cdk import App, Stack
from aws_cdk.aws_lambda import Architecture
from aws_cdk.aws_logs import RetentionDays

from cdk.client_certificate_authorizer import ClientCertificateAuthorizer, ClientCertificateMonitoring

ARCHITECTURES = {"arm64": Architecture.ARM_64, "x86_64": Architecture.X86_64}
RETENTION = {30: RetentionDays.ONE_MONTH, 90: RetentionDays.THREE_MONTHS}


def main(release: str, destination: str) -> None:
    app = App(outdir=destination, analytics_reporting=False)
    for name, given in json.loads(Path(release, "deployments.json").read_text()).items():
        stack = Stack(app, name)
        authorizer = ClientCertificateAuthorizer(
            stack,
            "Authorizer",
            release_folder=release,
            environment=given["environment"],
            architecture=ARCHITECTURES[given["architecture"]],
            policy_arn=given["policyArn"],
            crl_bucket_name=given["crlBucketName"],
            snap_start=given["snapStart"],
            provisioned_concurrency=given["provisionedConcurrency"],
            tracing=given["tracing"],
            log_retention=RETENTION[given["logRetention"]],
        )
        if "monitoring" in given:
            ClientCertificateMonitoring(
                stack, "Monitoring", release_folder=release, authorizer=authorizer, parameters=given["monitoring"]
            )
    app.synth()


if __name__ == "__main__":
    main(*sys.argv[1:])
