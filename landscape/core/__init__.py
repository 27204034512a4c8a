"""What every other room stands on: typed records with declared parameters, grids by name, results, messages."""
