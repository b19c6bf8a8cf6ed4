"""The checks of an API, its domain names and the authorizer's function on AWS."""
