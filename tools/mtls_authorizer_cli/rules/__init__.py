"""``mtls-authorizer rules``: commands that check, change, compare and try rules documents."""
