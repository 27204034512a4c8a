"""Simulations over grids of arguments, methods and seeds that may be stopped at any moment.

A *plan* says what is to be computed and cuts it into *cells*, a *store* keeps finished cells in one file, and `sweep` hands cells to
workers and their results to the store.
"""
