"""What ``explain`` is given: certificates, events, the configuration."""
