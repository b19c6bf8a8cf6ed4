"""Servers on loopback that answer or forward as a test wants, faults included."""
