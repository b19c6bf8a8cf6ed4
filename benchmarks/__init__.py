"""Measurements against what a user would pick instead, each as a ratio within one run."""
