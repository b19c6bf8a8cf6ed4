"""``mtls-authorizer crl``: commands that download and index certificate revocation lists."""
