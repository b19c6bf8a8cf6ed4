"""Publishes the built layer to AWS regions."""
