"""One request: its event, the checks, the decision, and the response."""
