"""Builds and verifies a release: everything that users download, from one commit."""
