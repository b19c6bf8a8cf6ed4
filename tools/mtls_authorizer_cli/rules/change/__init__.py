"""``mtls-authorizer rules add`` and ``rules import``: new rules, made from the certificates of clients."""
