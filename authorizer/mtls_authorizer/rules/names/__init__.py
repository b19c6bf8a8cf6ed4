"""Names in rules: distinguished names as people write them, SPIFFE IDs, and patterns."""
