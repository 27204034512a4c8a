"""landscape check: exit status and messages, with modules of a user's own in the current directory."""

import os
import subprocess
import sys

import pytest

from landscape.cli import main

MODULE = """
import numpy as np

def gradient(v, X, y):
    return X.T @ (X @ v - y) / len(y)

def maml(w, X_in, y_in, X_out, y_out, alpha):
    g = gradient(w - alpha * gradient(w, X_in, y_in), X_out, y_out)
    return g - alpha * X_in.T @ (X_in @ g) / len(y_in)

def first_order(w, X_in, y_in, X_out, y_out, alpha):
    return gradient(w - alpha * gradient(w, X_in, y_in), X_out, y_out)

def fails(w, X_in, y_in, X_out, y_out, alpha):
    raise RuntimeError("no such thing")

def exits(w, X_in, y_in, X_out, y_out, alpha):
    raise SystemExit(0)

def train_exits(draw, alpha):
    raise SystemExit(0)

def train(draw, alpha):
    w = np.zeros(2)
    for t in range(2500):
        w = w - 0.1 / (1 + t / 300) * maml(w, *draw(), alpha)
    return w

class Learner:
    @staticmethod
    def step(*arguments):
        return maml(*arguments)

number = 3
"""


@pytest.fixture
def here(tmp_path, monkeypatch):
    (tmp_path / "users_maml.py").write_text(MODULE)
    (tmp_path / "users_broken.py").write_text("import no_such_package\n")
    (tmp_path / "users_error.py").write_text("1 / 0\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    yield tmp_path
    for name in ("users_maml", "users_broken", "users_error"):
        sys.modules.pop(name, None)


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        (["users_maml:maml"], 0, "verdict   right (wanted: MAML)"),
        (["users_maml:Learner.step"], 0, "verdict   right"),
        (["users_maml:first_order"], 1, "wrong     detached graph"),
        (["users_maml:first_order", "--method", "FO-MAML"], 0, "verdict   right (wanted: FO-MAML)"),
        (["users_maml:maml", "--steps", "2"], 1, "1 inner step instead of 2"),
        (["users_maml:maml", "--loss", "full"], 1, "factor 1/2 in both losses"),
        (["users_maml:maml", "--d", "3", "--n-in", "7", "--n-out", "11", "--alpha", "0.01", "--dtype", "float32"], 0, "right"),
        (["users_maml:fails"], 2, "because   raises RuntimeError: no such thing (line 15 of fails"),
        (["users_maml:exits"], 2, "because   calls sys.exit(0)"),
        (["users_maml:train_exits", "--optimum"], 2, "because   calls sys.exit(0)"),
        (["users_maml:train", "--optimum"], 0, "over 12 repeats of 2500 episodes"),
        (["users_maml:train", "--optimum", "--method", "FO-MAML"], 1, "full MAML"),
    ],
)  # fmt: skip
def test_status_and_message(here, arguments, status, message, capsys):
    assert main(["check", *arguments]) == status
    out = capsys.readouterr().out
    assert out.startswith(
        f"importing users_maml: its top-level code runs now\nimported from {here / 'users_maml.py'}\n"
    )
    assert message in out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["users_maml"], "name a function as MODULE:FUNCTION"),
        (["users_mmal:maml"], "there is no module 'users_mmal'"),
        (["users_maml.py:maml"], "write it without .py"),
        (["./users_maml:maml"], "not a path; got './users_maml'"),
        (
            ["users_broken:maml"],
            "importing users_broken failed: ModuleNotFoundError: No module named 'no_such_package'",
        ),
        (["users_error:maml"], "importing users_error failed: ZeroDivisionError"),
        (["users_maml:mmal"], "users_maml has no 'mmal'"),
        (["users_maml:number"], "is no function but int"),
        (["users_maml:train"], "must take the arguments (w, X_in, y_in, X_out, y_out, alpha)"),
        (["users_maml:maml", "--method", "MALM"], "did you mean MAML"),
        (["users_maml:train", "--optimum", "--loss", "full"], "--loss has no meaning with --optimum"),
    ],
)
def test_what_cannot_be_checked_is_status_2(here, arguments, message, capsys):
    assert main(["check", *arguments]) == 2
    assert message in capsys.readouterr().err


def test_as_a_process(here):
    command = [sys.executable, "-m", "landscape", "check", "users_maml:first_order"]
    done = subprocess.run(command, capture_output=True, text=True, env=os.environ, check=False)
    assert done.returncode == 1
    assert "detached graph" in done.stdout
    assert done.stderr == ""
