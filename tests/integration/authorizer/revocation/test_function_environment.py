"""The variables that the functions for CRLs share with the authorizer."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from mtls_authorizer.policy.settings import load_settings
from mtls_authorizer.revocation.function_environment import load_truststore, read_max_age, read_owner
from tests.pki.certificate_authorities import CertificateAuthority

if TYPE_CHECKING:
    from pathlib import Path


def test_values_may_have_whitespace_around_them_as_for_the_authorizer(tmp_path: Path) -> None:
    file = tmp_path / "truststore.pem"
    file.write_bytes(CertificateAuthority().pem)
    environment = {
        "TRUSTSTORE_URI": f"\n{file.as_uri()} ",
        "CRL_MAX_AGE_SECONDS": " 60\n",
        "S3_BUCKET_OWNER": " 123456789012 ",
    }
    settings = load_settings({**environment, "CRL_URIS": (tmp_path / "ca.crl").as_uri()})
    assert settings.revocation_settings is not None
    assert settings.truststore_uri == file.as_uri()
    assert (
        read_max_age(environment)
        == timedelta(seconds=settings.revocation_settings.max_age_seconds)
        == timedelta(seconds=60)
    )
    assert read_owner(environment) == settings.s3_bucket_owner == "123456789012"
    assert load_truststore(environment, None).authorities
