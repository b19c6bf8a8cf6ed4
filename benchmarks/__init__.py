"""Measurements in comparison with common alternatives, each as a ratio within one run."""
