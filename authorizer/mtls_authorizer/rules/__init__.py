"""Rules: the conditions that a certificate must satisfy, and the routes that they grant."""
