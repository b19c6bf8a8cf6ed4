"""Records of decisions: log entries and metrics."""
