"""``mtls-authorizer rules add``, ``import`` and ``remove``: changes to a stored rules document."""
