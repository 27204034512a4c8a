"""How one adapts to a task: every file of this folder is one adaptation, and registers itself."""

from landscape.core.plugins import import_all

import_all(__name__, __path__)
