"""One thread and whole files for each worker, figures closed, lines unwrapped, and what every room takes (`--budget`)."""

import os

import pytest

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(variable, "1")  # before numpy: xdist's workers share the cores already

import matplotlib  # noqa: E402
from support import budget  # noqa: E402

matplotlib.use("agg")


def pytest_addoption(parser):
    parser.addoption(
        "--budget", action="store_true", help="print CPU seconds by room beside what they may take"
    )


def pytest_configure(config):
    if config.getoption("budget"):
        config.pluginmanager.register(budget.Budget(config))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    """Give a file's fast tests to one worker, which computes what they share once; slow ones share little."""
    if config.getoption("dist") != "load" or config.getoption("markexpr") == "slow":
        return None
    from xdist.scheduler import LoadFileScheduling

    return LoadFileScheduling(config, log)


@pytest.fixture(autouse=True)
def _close_figures():
    yield
    from matplotlib import pyplot as plt

    plt.close("all")


@pytest.fixture(autouse=True)
def _no_width(monkeypatch):
    """What is printed keeps its lines whole, however wide the terminal is from which tests are started."""
    monkeypatch.delenv("COLUMNS", raising=False)
