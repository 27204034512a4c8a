import matplotlib
import pytest

matplotlib.use("agg")


@pytest.fixture(autouse=True)
def _close_figures():
    yield
    from matplotlib import pyplot as plt

    plt.close("all")


@pytest.fixture(autouse=True)
def _no_width(monkeypatch):
    """What is printed keeps its lines whole, however wide the terminal is from which tests are started."""
    monkeypatch.delenv("COLUMNS", raising=False)
