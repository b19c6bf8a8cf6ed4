"""``mtls-authorizer crl``: certificate revocation lists."""
