"""Publishes the built layer to AWS regions. It stays out of the layer itself."""
