"""Commands that keep the pages in ``docs`` up to date: figures of the benchmarks, and pictures."""
