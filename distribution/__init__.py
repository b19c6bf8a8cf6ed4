"""Builds and publishes the layer. Runs on developers' machines; nothing of it is shipped."""
