"""Rules documents: JSON in, rules out, or every problem with its location."""
