"""``mtls-authorizer rules what-if``: what other rules would have decided on logged requests."""
