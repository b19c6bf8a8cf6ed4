"""Constructs of the AWS CDK for the authorizer, revocation and monitoring, from the files of a release.

Copy this folder to your app. ``client-certificate-authorizer.ts`` is the same in TypeScript.
"""

from .authorizer import ClientCertificateAuthorizer
from .monitoring import ClientCertificateMonitoring
from .revocation import ClientCertificateRevocation

__all__ = ["ClientCertificateAuthorizer", "ClientCertificateMonitoring", "ClientCertificateRevocation"]
