"""A Lambda function behind an Application Load Balancer in passthrough mode: it verifies the chain, the ALB does not.

Use it in a file of your own, with the CA certificates of your clients in PEM next to it:

    handler = make_handler(Path(__file__).with_name("truststore.pem"))

It needs cryptography 49 or later, such as the layer's: earlier versions do not limit the work, so that anyone can keep
the function busy for minutes with five certificates that sign each other.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.x509.verification import Criticality, ExtensionPolicy, PolicyBuilder, Store, VerificationError

from client_certificate_auth import allow_cn, extract_client_certificate_from_alb_event

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from client_certificate_auth import ExtractionSuccess

is_allowed = allow_cn(["authorized-client"])


def make_handler(truststore: Path) -> Callable[[object, object], dict[str, object]]:
    """Return a handler that allows clients with a listed name and a CA in the truststore."""
    # Clients' certificates often have no subject alternative names, which the default policy requires.
    policy = (
        PolicyBuilder()
        .store(Store(x509.load_pem_x509_certificates(truststore.read_bytes())))
        .extension_policies(
            ca_policy=ExtensionPolicy.webpki_defaults_ca(),
            ee_policy=ExtensionPolicy.webpki_defaults_ee().may_be_present(
                x509.SubjectAlternativeName, Criticality.AGNOSTIC, None
            ),
        )
    )

    def is_verified(sent: ExtractionSuccess) -> bool:
        try:
            intermediates = [certificate.x509 for certificate in sent.intermediates]
            # A verifier checks validity at the time when it was built: build one for each request.
            policy.build_client_verifier().verify(sent.certificate.x509, intermediates)
        except (VerificationError, ValueError):  # cryptography cannot read every certificate
            return False
        return True

    def handler(event: object, _context: object) -> dict[str, object]:
        result = extract_client_certificate_from_alb_event(event, mode="passthrough")
        if result.certificate is None:
            return {"statusCode": 401, "body": result.reason}
        # An unverified certificate proves nothing: anyone can write any name into it.
        if not is_verified(result):
            return {"statusCode": 403, "body": "Not verified"}
        if not is_allowed(result.certificate):
            return {"statusCode": 403, "body": "Forbidden"}
        return {"statusCode": 200, "body": f"Hello {result.certificate.subject.CN}"}

    return handler
