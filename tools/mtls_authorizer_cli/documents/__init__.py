"""Rules documents where they are stored: reading them, changing them without losing anything, writing conditionally."""
