"""``mtls-authorizer rules diff``: what changes between two rules documents."""
