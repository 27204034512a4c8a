"""What the tasks are: inputs, families, environments. Nothing here adapts, trains or evaluates."""

from landscape.tasks.environment import Environment, Mixture, check_environment
from landscape.tasks.families import DataTask, Task, TaskFamily
from landscape.tasks.inputs import Empirical, Gaussian, Inputs, Moments
from landscape.tasks.presets import HardEasy, TwoTasks

__all__ = [
    "Environment", "Mixture", "check_environment",
    "DataTask", "Task", "TaskFamily",
    "Empirical", "Gaussian", "Inputs", "Moments",
    "HardEasy", "TwoTasks",
]  # fmt: skip
