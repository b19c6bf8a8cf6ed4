"""Builds, releases and publishes the layer and the functions. Nothing of it is shipped."""
