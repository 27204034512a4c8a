"""Is your MAML right? Checks of other people's code against what is known exactly."""
