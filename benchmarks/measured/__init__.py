"""Programs that run in processes of their own, whose cost is measured."""
