"""A diagnosis as one HTML page that opens anywhere: pictures are inside, no script, no network."""

from __future__ import annotations

import base64
import html
import io
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from matplotlib.figure import Figure

from landscape._version import __version__
from landscape.diagnosis import plots
from landscape.diagnosis.diagnosis import Diagnosis, Line
from landscape.diagnosis.in_per_cent import in_per_cent
from landscape.diagnosis.learners import LEARNERS
from landscape.diagnosis.verdict import carried_line, percent
from landscape.tasks.tables.from_data import TabularEnvironment

if TYPE_CHECKING:
    import pandas as pd

STYLE = """
body{font:16px/1.5 system-ui,sans-serif;color:#1b1b1b;background:#fff;max-width:62rem;margin:0 auto;
padding:1rem;overflow-wrap:anywhere}
h1{font-size:1.5rem;line-height:1.25;margin:.5rem 0}h2{font-size:1.15rem;margin:2rem 0 .5rem}
.verdict{font-size:1.1rem;border-left:.35rem solid #0072B2;background:#f2f7fb;padding:.8rem 1rem;
margin:1rem 0}
.figures{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,25rem),1fr));gap:1rem}
figure{margin:0}figure img{width:100%;height:auto}figcaption{font-size:.9rem;color:#444}
.wide{overflow-x:auto}table{border-collapse:collapse;font-size:.9rem;font-variant-numeric:tabular-nums}
th,td{padding:.25rem .6rem;text-align:right;border-bottom:1px solid #ddd;white-space:nowrap}
th:first-child,td:first-child{text-align:left}tr.first td{border-top:2px solid #888}tr.advised td{background:#f2f7fb;font-weight:600}
.tasks td:first-child{white-space:normal;min-width:min(12rem,40vw)}
li{margin:.2rem 0}footer{margin-top:2rem;font-size:.85rem;color:#555}
"""

DRAWN = {
    plots.cuts: "Predicted cut of the loss on new tasks over a pooled model with its best gradient step, with 95% intervals.",
    plots.grid: "Every method at every number of shots: blue cuts the loss of a pooled model with its best step, red adds to it.",
    plots.steps: "Loss on held-out tasks against the step size; marked is the best one for each method.",
    plots.hardness: "Each task's curvatures, from the flattest to the steepest direction, and its rate of descent.",
    plots.landscape: "Solutions of single tasks, and of training for the most shots, in the plane that shows most of their "
    "scatter, distances measured by the loss they cost.",
    plots.winners: "Which held-out tasks win (below the line) and lose with what is advised.",
}  # fmt: skip


def page(diagnosis: Diagnosis) -> str:
    """Write the report as a string; see `Diagnosis.to_html`."""
    environment = diagnosis.environment
    shots = diagnosis.shots[-1]
    figures = "".join(
        f'<figure><img alt="{html.escape(caption)}" src="{_picture(diagnosis, draw, shots)}">'
        f"<figcaption>{html.escape(caption)}</figcaption></figure>"
        for draw, caption in DRAWN.items()
    )
    account = "<p>Nothing: the tasks were given as they are.</p>"
    if isinstance(environment, TabularEnvironment):
        account = environment._repr_html_()
    tasks = diagnosis.tasks(shots)
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" '
        'content="width=device-width,initial-scale=1">'
        f"<title>What to do with these tasks</title><style>{STYLE}</style></head><body>"
        f"<h1>What to do with tasks like these {len(environment.families):,}</h1>"
        f'<p class="verdict">{html.escape(diagnosis.verdict)}</p>'
        f'<div class="figures">{figures}</div>'
        f"<h2>Predicted loss on new tasks</h2>{_methods(diagnosis)}"
        f"<h2>Who wins most, and who loses, at {shots} shot{'s' * (shots > 1)}</h2>{_tasks(tasks, carried_line(diagnosis), shots)}"
        f"<h2>What was done to the data</h2>{account}{_how(diagnosis)}"
        f"<footer>landscape {__version__}, seed {diagnosis.seed}</footer></body></html>"
    )


def _picture(diagnosis: Diagnosis, draw: Any, shots: int) -> str:
    """A figure as a data address."""
    figure = Figure(figsize=(5.6, 4.0), layout="constrained")
    options = {"shots": shots} if draw in (plots.steps, plots.winners) else {}
    draw(diagnosis, ax=figure.subplots(), **options)
    file = io.BytesIO()
    figure.savefig(file, format="png", dpi=140)
    return "data:image/png;base64," + base64.b64encode(file.getvalue()).decode()


def _row(cells: Iterable[Any], tag: str = "td", kind: str = "") -> str:
    kind = f' class="{kind}"' if kind else ""
    return f"<tr{kind}>" + "".join(f"<{tag}>{html.escape(str(cell))}</{tag}>" for cell in cells) + "</tr>"


def _table(head: Sequence[str], rows: Sequence[str], kind: str = "methods") -> str:
    return f'<div class="wide"><table class="{kind}">{_row(head, "th")}{"".join(rows)}</table></div>'


def _methods(diagnosis: Diagnosis) -> str:
    frame = in_per_cent(diagnosis)
    rows = []
    for cells in frame.itertuples(index=False):
        kinds = ["first"] * (cells.method.startswith("not adapted")) + ["advised"] * (
            "(advised)" in cells.method
        )
        rows.append(_row(cells, kind=" ".join(kinds)))
    return _table(list(frame), rows)


TASK_COLUMNS = [
    "task",
    "hard or easy",
    "rate of descent",
    "steepest",
    "flattest",
    "loss, pooled",
    "loss, advised",
    "cut",
]


def _tasks(tasks: pd.DataFrame, carried: Line, shots: int) -> str:
    """The tasks that win most and least, and those that carry the loss, marked."""
    ends = (tasks.index < 6) | (tasks.index >= len(tasks) - 6)
    shown = tasks if len(tasks) <= 12 else tasks[ends | tasks["task"].isin(carried.carriers)]
    where = "" if carried.shots == shots else f" at {carried.shots} shot{'s' * (carried.shots > 1)}"
    rows = []
    for r in shown.itertuples():
        curvatures = [f"{r.curvature:.3g}", f"{r.steepest:.3g}", f"{r.flattest:.2g}"]
        losses = [f"{r.pooled:.4g}", f"{r.loss:.4g}", f"{100 * r.cut:.1f}%"]
        carries = r.task in carried.carriers
        together = f"one of {len(carried.carriers)} that carry" if len(carried.carriers) > 1 else "carries"
        name = f"{r.task} ({together} {percent(carried.carried)}% of the loss{where})" if carries else r.task
        rows.append(
            _row([name, "hard" if r.hard else "easy", *curvatures, *losses], kind="advised" * carries)
        )
    more = "" if len(shown) == len(tasks) else "<p>The first six and the last six.</p>"
    return more + _table(TASK_COLUMNS, rows, "tasks")


def _how(diagnosis: Diagnosis) -> str:
    return (
        "<h2>How it was computed</h2><p>Shots are drawn from a task's rows without replacement, the same ones for all "
        "methods; the loss is that of the rows not drawn, of a task held out from training. Step sizes and strengths are those "
        "with the least such loss; a step of 0 is among them, so none is advised that harms.</p>"
        f"<p>Costs, in ascending order: {', '.join(learner.name for learner in LEARNERS.values())}. What is advised is the cheapest "
        f"method whose loss is within {percent(diagnosis.worth)}% of the least, the paired error of that taken off. With one step Reptile is pooled training. Several "
        "steps share their shots.</p>"
        "<p>Intervals are for the very solutions trained here: a bootstrap over tasks. They tell what to expect on "
        "new tasks from where these came from, and know nothing of tasks unlike all of these.</p>"
    )
