"""Results for other packages, and other packages' tables and arrays as input."""

import numpy as np
import pandas as pd
import pytest
import sympy as sp

import landscape as ls

GRID = {"r_hard": [0.1, 0.4, 1.0], "m": [5, 20]}
STEP = ls.GradientSteps(1.0, m=20)
TABLE = pd.DataFrame({
    "task": np.repeat(["a", "b", "c"], 6), "x": np.arange(18.0) ** 2 % 7, "y": np.arange(18.0) ** 3 % 11,
})  # fmt: skip


class OfAnotherPackage:
    """A table that can be turned into one of pandas, as those of polars and arrow can."""

    def to_pandas(self):
        return TABLE


class Tensor:
    """An array of another package, known to NumPy by `__array__` alone."""

    def __init__(self, values):
        self.values = values

    def __array__(self, dtype=None, copy=None):
        return np.array(self.values, dtype=dtype)


def test_a_dataset_has_a_dimension_for_each_name():
    pytest.importorskip("xarray")
    compared = ls.compare(ls.HardEasy(d=10), [ls.NAL(), ls.MAML()], STEP, over=GRID)
    data, frame = compared.to_xarray(), compared.to_frame()
    assert dict(data.sizes) == {"r_hard": 3, "m": 2, "method": 2}
    for _, row in frame.iterrows():
        here = data.sel({name: row[name] for name in data.sizes})
        assert all(float(here[name]) == row[name] for name in ("total", "cut", "above_noise"))


def test_what_a_function_computes_is_a_variable_and_no_dimension():
    pytest.importorskip("xarray")
    grid = {"rho_easy": [0.5, 1.0], "alpha": lambda rho_easy: 1 / rho_easy}
    data = ls.compare(ls.HardEasy(d=3), [ls.NAL(), ls.MAML()], STEP, over=grid).to_xarray()
    assert dict(data.sizes) == {"rho_easy": 2, "method": 2}
    assert data["alpha"].isel(method=0).values.tolist() == [2.0, 1.0]


def test_a_simulation_and_what_checks_it():
    pytest.importorskip("xarray")
    simulation = ls.simulate(
        ls.HardEasy(d=3), [ls.NAL(), ls.MAML()], STEP, ls.Training(50), repeats=3, tasks=50, progress=False
    )
    assert dict(simulation.to_xarray().sizes) == {"method": 2, "repeat": 3}
    checked = ls.agreement(simulation).to_xarray()
    assert set(checked.sizes) == {"method", "quantity"}


def test_one_row_has_no_dimension_and_equal_rows_are_numbered():
    pytest.importorskip("xarray")
    risk = ls.risk(ls.HardEasy(d=3), ls.NAL(), STEP)
    data = risk.to_xarray()
    assert dict(data.sizes) == {}
    assert {name: data[name].item() for name in data} == risk.to_frame().iloc[0].to_dict()
    for cells in ([7.0, 7.0], []):
        data = ls.SavedResult("Cells", "cells", {"x": np.array(cells)}).to_xarray()
        assert dict(data.sizes) == {"row": len(cells)}
        assert data["x"].values.tolist() == cells


def test_without_xarray_it_is_said(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "xarray", None)
    with pytest.raises(ImportError, match=r"task-landscape\[data\]"):
        ls.risk(ls.HardEasy(), ls.NAL(), STEP).to_xarray()


def test_a_table_in_latex():
    compared = ls.compare(ls.HardEasy(d=10), [ls.NAL(), ls.MAML()], STEP)
    text = compared.to_latex(["method", "above_noise", "cut"])
    lines = text.splitlines()
    assert lines[0] == r"\begin{table}"
    assert lines[2] == r"\begin{tabular}{lrr}"
    assert lines[4] == r"method & above\_noise & cut \\"
    cut = compared.to_frame()["cut"][1]
    assert lines[7] == rf"MAML & ${compared.risk('MAML').above_noise.item():.4g}$ & ${100 * cut:.1f}\%$ \\"
    assert text.count(r"\begin{") == text.count(r"\end{") == 2
    rows = [line for line in compared.to_latex().splitlines() if line.endswith(r"\\")]
    assert {row.count(" & ") for row in rows} == {len(compared.to_frame().columns) - 1}
    with pytest.raises(ValueError, match="unknown column 'cuts'; did you mean cut"):
        compared.to_latex(["cuts"])
    assert compared.to_latex("method") == compared.to_latex(["method"])
    r = sp.Symbol("rho", positive=True)
    risk = ls.risk(ls.HardEasy(d=2, rho_hard=r), 0.0, ls.GradientSteps(0.5, m=5))
    (row,) = [line for line in risk.to_latex(["above_noise", "how"]).splitlines() if line.startswith("$")]
    assert row == rf"${sp.latex(risk.to_frame()['above_noise'][0])}$ & exact \\"


def test_special_characters_are_escaped_in_latex():
    text = ls.Mixture([ls.TaskFamily("a", 0.5, 1.0, d=2), ls.TaskFamily("b", 1.0, 0.0)])
    table = ls.compare(text, [ls.NAL(), ls.NAL({"a": 2.0})], 0.1).to_latex(["method"])
    assert "\\{" in table
    assert "#" not in table.replace("\\#", "")


def test_tables_of_other_packages():
    ours, theirs = (ls.from_data(t, task="task", target="y") for t in (TABLE, OfAnotherPackage()))
    assert ours == theirs
    polars = pytest.importorskip("polars")
    pytest.importorskip("pyarrow")
    assert ls.from_data(polars.from_pandas(TABLE), task="task", target="y") == ours


def test_arrays_of_other_packages():
    X, y, groups = TABLE[["x"]].to_numpy(), TABLE["y"].to_numpy(), TABLE["task"].to_numpy()
    assert ls.from_data((Tensor(X), Tensor(y), groups)) == ls.from_data((X, y, groups))
    centre, covariance = np.array([1.0, 2.0]), np.array([[1.0, 0.2], [0.2, 0.5]])
    assert ls.TaskFamily("a", Tensor(covariance), Tensor(centre)) == ls.TaskFamily("a", covariance, centre)
    one, other = (
        ls.compare(ls.HardEasy(), ls.NAL(), STEP, over={"m": values})
        for values in (Tensor([5.0, 20.0]), [5, 20])
    )
    assert np.array_equal(one.to_frame()["total"], other.to_frame()["total"])
    torch = pytest.importorskip("torch")
    assert ls.TaskFamily("a", torch.tensor(covariance)) == ls.TaskFamily("a", covariance)
