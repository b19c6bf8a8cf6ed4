"""The report of an explanation: advice, text for people, and JSON for programs."""
