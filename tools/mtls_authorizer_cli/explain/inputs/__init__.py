"""The configuration that ``explain`` uses."""
