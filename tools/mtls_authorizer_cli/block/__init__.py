"""Blocking a client immediately, in the rules document where it is stored, and unblocking it."""
