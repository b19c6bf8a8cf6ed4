"""Command-line tools for the authorizer. They are not part of the function."""
