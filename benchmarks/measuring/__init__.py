"""What several benchmarks measure with: processes, workloads and reports."""
