"""``mtls-authorizer rules check``: errors of a rules document, and warnings about its rules."""
