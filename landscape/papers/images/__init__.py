"""Pictures of digits as tasks with a linear head."""
