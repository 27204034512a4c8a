"""What the tasks are: inputs, families, environments. Nothing here adapts, trains or evaluates."""
