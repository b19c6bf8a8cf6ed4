"""Builds the layer and the functions' packages, on any machine with pip."""
