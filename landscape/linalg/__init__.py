"""Symmetric operators and quadratic forms as values, and exact moments of sample covariances (`moments`)."""
