"""Builds the layer, on any machine with pip. It stays out of the layer itself."""
