"""The decision log, in every form in which CloudWatch prints or exports it."""
