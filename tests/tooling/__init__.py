"""What runs the tests, isolates them and measures their coverage, and mutation testing."""
