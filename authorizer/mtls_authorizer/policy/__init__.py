"""Settings from the environment, and the access policy in force."""
