"""The web page of the local gateway: a client, a request, and the complete explanation of its result.

It is for the person in front of this machine: served on loopback without TLS, to its own origin only. It never accepts
private keys.
"""
