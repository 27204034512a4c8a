"""Simulations over grids of names, methods and seeds that may be stopped at any moment.

A *plan* says what is to be computed and cuts it into *cells*, a *store* keeps finished cells in one file, and
`sweep` hands cells to *workers* and their results to the store. Only `cell` knows the simulator.
"""

from landscape.analysis.sweep.run import Sweep, sweep

__all__ = ["Sweep", "sweep"]
