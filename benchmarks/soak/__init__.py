"""``make soak``: a long load test of the authorizer, by clients whose entitlements are known."""
