"""API Gateway as its documentation describes it: events, authorizers, policies and responses."""
