"""Errors that end a build or a verification. Their messages name the next step."""


class ReleaseError(Exception):
    """A release cannot be built or verified."""
