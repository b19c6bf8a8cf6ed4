"""AWS in tests: events, the service over HTTP, functions, and Lambda's runtime client."""
