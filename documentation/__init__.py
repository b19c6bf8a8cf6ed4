"""Commands that keep the documentation up to date: figures from the benchmarks, and a picture of the dashboard."""
