"""Errors that end a command. Their messages name the next step."""


class DistributionError(Exception):
    """The layer or a release cannot be built, verified or published."""
