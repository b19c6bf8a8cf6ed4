"""Downloading CRLs from the URLs of an administrator, for the function and for the command."""
