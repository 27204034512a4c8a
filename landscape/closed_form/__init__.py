"""The theory: exact answers from moments alone. Nothing here draws."""
