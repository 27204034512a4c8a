"""Time this checkout against an older one, in turn, in fresh processes: ``python against_old.py OLD [NAME ...]``.

Each workload is written once for the interface of today and once for that of version one. Printed are the least CPU
times of several runs and their ratios; nothing is asserted.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parents[2]
RUNS = 5

TIMER = """
import time
best = float("inf")
for _ in range({rounds}):
    start = time.process_time()
    work()
    best = min(best, time.process_time() - start)
print(best)
"""

COVARIANCES = """
import numpy as np, warnings
warnings.simplefilter("ignore")
import landscape as ls
rng = np.random.default_rng(0)
def covariances(count, d):
    roots = rng.standard_normal((count, d, d)) / np.sqrt(d)
    return roots @ roots.transpose(0, 2, 1) + 0.1 * np.eye(d)
def families(count, d):
    S = covariances(count, d)
    return [ls.TaskFamily(str(i), S[i], rng.standard_normal(d)) for i in range(count)]
"""

NEW_DENSE = """
env = ls.Mixture(families({count}, {d}))
adaptation = ls.GradientSteps(0.1, 20)
def work():
    for task in env.tasks():
        task.inputs.memo.clear()
        task.inputs.__dict__.pop("_square", None)
    ls.optimum(env, ls.MAML(adaptation)); ls.risk(env, ls.MAML(), adaptation)
"""
OLD_DENSE = """
env = ls.Environment(families({count}, {d}))
adaptation = ls.Adaptation(0.1, 20)
def work():
    for task in env.tasks():
        task.inputs.__dict__.pop("_powers", None)
    method = ls.MAML.matching(adaptation)
    ls.optimum(env, method); ls.risk(env, method, adaptation)
"""

DRAWN = """
import numpy as np
import landscape as ls
def draw(rng):
    root = rng.standard_normal((5, 5))
    return root @ root.T / 5 + 0.1 * np.eye(5), rng.normal(size=5), 0.1
env = ls.from_sampler(draw, 1000, 0)
"""
NEW_DRAWN = (
    DRAWN
    + """
a = ls.GradientSteps(0.1, 20)
def work():
    for task in env.tasks():
        task.inputs.memo.clear()
        task.inputs.__dict__.pop("_square", None)
    {call}
"""
)
OLD_DRAWN = (
    DRAWN
    + """
a = ls.Adaptation(0.1, 20)
m = ls.MAML.matching(a)
def work():
    for task in env.tasks():
        task.inputs.__dict__.pop("_powers", None)
    {call}
"""
)

GRID = """
import numpy as np
import landscape as ls
line = np.linspace(-2, 2, 400)
points = np.stack(np.meshgrid(line, line), axis=-1)[:, :, None]
"""

ROWS = """
import numpy as np, warnings
warnings.simplefilter("ignore")
import landscape as ls
rng = np.random.default_rng(0)
env = ls.{environment}([ls.DataTask(str(i), rng.standard_normal((2500, 6)), rng.standard_normal(2500)) for i in range(40)])
work = lambda: ls.diagnose(env, [5, 50], progress=False)
"""

SIMULATED = """
import landscape as ls
training = ls.Training(1000, n1=25{solver})
work = lambda: ls.simulate({environment}, [ls.NAL(), {maml}], {adaptation}, training, repeats=2, tasks=1000, {engine}progress=False)
"""
NEW_SIMULATED = {
    "environment": "ls.TwoTasks(d=10)",
    "maml": "ls.MAML()",
    "adaptation": "ls.GradientSteps(1.0, 50)",
}
OLD_SIMULATED = {
    "environment": "ls.two_tasks(d=10)", "maml": "ls.MAML(1.0, n2=50)", "adaptation": "ls.Adaptation(1.0, 50)",
}  # fmt: skip
ENGINES = {
    "simulate, rows one by one": {"solver": "", "engine": "sampling='raw', "},
    "simulate, Bartlett": {"solver": "", "engine": "sampling='bartlett', "},
    "simulate, SGD by thin batches": {
        "solver": ", solver='sgd', learning_rate=0.02", "engine": "sampling='thin', engine='numpy', ",
    },
}  # fmt: skip

VERIFY = """
import contextlib, io
from landscape.{module} import main
def work():
    with contextlib.redirect_stdout(io.StringIO()), contextlib.suppress(SystemExit):
        main(["verify"])
"""

WORKLOADS: dict[str, tuple[int, str, str]] = {
    "1000 dense tasks, d = 100": (
        5,
        COVARIANCES + NEW_DENSE.format(count=1000, d=100),
        COVARIANCES + OLD_DENSE.format(count=1000, d=100),
    ),
    "two dense tasks, d = 2000": (
        1,
        COVARIANCES + NEW_DENSE.format(count=2, d=2000),
        COVARIANCES + OLD_DENSE.format(count=2, d=2000),
    ),
    "two dense tasks, d = 3000, compare": (
        1,
        COVARIANCES
        + "env = ls.Mixture(families(2, 3000))\nwork = lambda: ls.compare(env, [ls.NAL(), ls.MAML(), ls.FOMAML(.1)], ls.GradientSteps(0.1, 20))",
        COVARIANCES
        + "env = ls.Environment(families(2, 3000))\na = ls.Adaptation(0.1, 20)\nwork = lambda: ls.compare(env, [ls.NAL(), ls.MAML.matching(a), ls.FOMAML(.1)], a)",
    ),
    "dense d = 30, 300 step sizes": (
        3,
        COVARIANCES
        + "env = ls.Mixture(families(2, 30))\nwork = lambda: ls.compare(env, [ls.NAL(), ls.MAML()], ls.GradientSteps(0.1, 20), over={'alpha': np.linspace(.01, .2, 300)})",
        COVARIANCES
        + "env = ls.Environment(families(2, 30))\na = ls.Adaptation(0.1, 20)\nwork = lambda: ls.compare(env, [ls.NAL(), ls.MAML.matching(a)], a, over={'alpha': np.linspace(.01, .2, 300)})",
    ),
    "10^6 grid points": (
        4,
        "import numpy as np\nimport landscape as ls\nover = {'rho_hard': np.linspace(0.01, 0.9, 1000), 'm': np.arange(20, 1020.0)}\n"
        "work = lambda: ls.compare(ls.HardEasy(), [ls.NAL(), ls.MAML()], ls.GradientSteps(1 / 0.9, 20), over=over)",
        "import numpy as np\nimport landscape as ls\nover = {'rho_hard': np.linspace(0.01, 0.9, 1000), 'm': np.arange(20, 1020.0)}\n"
        "a = ls.Adaptation(1 / 0.9, 20)\nwork = lambda: ls.compare(ls.hard_easy(), [ls.NAL(), ls.MAML.matching(a)], a, over=over)",
    ),
    "isotropic, d = 10^6": (
        200,
        "import landscape as ls\nenv, a = ls.HardEasy(d=10**6), ls.GradientSteps(1.0, 500)\n"
        "work = lambda: (ls.risk(env, ls.NAL(), a), ls.risk(env, ls.MAML(), a))",
        "import landscape as ls\nenv, a = ls.hard_easy(d=10**6), ls.Adaptation(1.0, 500)\n"
        "work = lambda: (ls.risk(env, ls.NAL(), a), ls.risk(env, ls.MAML.matching(a), a))",
    ),
    "1000 drawn tasks, d = 5, risk": (
        3,
        NEW_DRAWN.format(call="ls.risk(env, ls.MAML(), a)"),
        OLD_DRAWN.format(call="ls.risk(env, m, a)"),
    ),
    "1000 drawn tasks, d = 5, gain": (
        3,
        NEW_DRAWN.format(call="ls.gain(env, ls.MAML(), a)"),
        OLD_DRAWN.format(call="ls.gain(env, m, a)"),
    ),
    "1000 drawn tasks, d = 5, optimum": (
        3,
        NEW_DRAWN.format(call="ls.optimum(env, ls.MAML(a))"),
        OLD_DRAWN.format(call="ls.optimum(env, m), ls.optimum_standard_error(env, m)"),
    ),
    "neuron landscape, 400 x 400": (
        1,
        GRID
        + "from landscape.papers.figures.fig4 import ONE_HARD\nwork = lambda: ONE_HARD.risk(points, ls.GradientSteps(2.0))",
        GRID
        + "from landscape.reproduce.fig4 import ONE_HARD\nwork = lambda: ONE_HARD.risk(points, ls.Adaptation(2.0))",
    ),
    "diagnose, 100,000 rows": (
        1,
        ROWS.format(environment="Mixture"),
        ROWS.format(environment="Environment"),
    ),
    **{
        name: (3, SIMULATED.format(**NEW_SIMULATED, **engine), SIMULATED.format(**OLD_SIMULATED, **engine))
        for name, engine in ENGINES.items()
    },
    "verify, all claims": (1, VERIFY.format(module="cli"), VERIFY.format(module="cli")),
    "import": (
        1,
        "def work():\n    import landscape",
        "def work():\n    import landscape",
    ),
}


def run(code: str, rounds: int, checkout: Path) -> float:
    """Run a workload in a fresh process on one thread and read its least CPU time in seconds."""
    environment = os.environ | {
        "PYTHONPATH": str(checkout),
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
    }
    program = code + TIMER.format(rounds=rounds)
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, env=environment, cwd=checkout, capture_output=True, text=True, check=True)
    return float(done.stdout.split()[-1])


def main(old: Path, wanted: list[str]) -> None:
    """Print a line a workload: seconds of today, seconds of the old checkout, their ratio."""
    for name, (rounds, new_code, old_code) in WORKLOADS.items():
        if wanted and not any(word in name for word in wanted):
            continue
        times = [(run(new_code, rounds, HERE), run(old_code, rounds, old)) for _ in range(RUNS)]
        ours, theirs = (min(column) for column in zip(*times, strict=True))
        print(f"{name:38} {ours:9.4f} s  {theirs:9.4f} s  ratio {ours / theirs:.2f}", flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
