"""``mtls-authorizer clients``: the clients in a folder of certificates or in a log, their rules, and their expiry."""
