"""A diagnosis as one HTML page that opens anywhere: pictures are inside, no script, no network."""

from __future__ import annotations

import base64
import html
import io
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.figure import Figure

from landscape._version import __version__
from landscape.diagnosis import plots
from landscape.diagnosis.diagnosis import Diagnosis
from landscape.diagnosis.held_out import REPTILE_STEPS
from landscape.diagnosis.verdict import PAYS, percent
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
th:first-child,td:first-child{text-align:left}tr.first td{border-top:2px solid #888}
.tasks td:first-child{white-space:normal;min-width:min(12rem,40vw)}
li{margin:.2rem 0}footer{margin-top:2rem;font-size:.85rem;color:#555}
"""

DRAWN = {
    plots.cuts: "Predicted cut of the loss on new tasks, with 95% intervals; the grey band is a cut too "
    "small to be worth having.",
    plots.grid: "MAML for each number of shots and step size, against pooled training with its best step; "
    "the white line is no cut.",
    plots.steps: "Loss on held-out tasks against the step size; marked is the best one for each method.",
    plots.hardness: "Each task's curvatures, from the flattest to the steepest direction, and its rate of "
    "descent.",
    plots.landscape: "Solutions of single tasks, and of training (MAML for the most shots), in the plane "
    "that shows most of their scatter, distances measured by the loss they cost.",
    plots.winners: "Which held-out tasks win (below the line) and lose with MAML.",
}


def page(diagnosis: Diagnosis) -> str:
    """Write the report as a string; see `Diagnosis.to_html`."""
    environment = diagnosis.environment
    shots = _telling_shots(diagnosis)
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
        f"<title>Will meta-learning pay?</title><style>{STYLE}</style></head><body>"
        f"<h1>Will meta-learning pay on these {len(environment.families):,} tasks?</h1>"
        f'<p class="verdict">{html.escape(diagnosis.verdict)}</p>'
        f'<div class="figures">{figures}</div>'
        f"<h2>Predicted loss on new tasks</h2>{_methods(diagnosis)}"
        f"<h2>Who wins most, and who loses, at {shots} shot{'s' * (shots > 1)}</h2>{_tasks(tasks)}"
        f"<h2>What was done to the data</h2>{account}{_how(diagnosis)}"
        f"<footer>landscape {__version__}, seed {diagnosis.seed}</footer></body></html>"
    )


def _telling_shots(diagnosis: Diagnosis) -> int:
    """Where single tasks are shown: where MAML's cut is surest, or largest if it pays nowhere."""
    maml = diagnosis.to_frame().query("method == 'MAML'")
    by = "low" if (maml["answer"] == PAYS).any() else "cut"
    return int(maml.loc[maml[by].idxmax(), "shots"])


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


METHOD_COLUMNS = [
    "shots",
    "method",
    "best step",
    "loss",
    "cut",
    "95% interval",
    "answer",
    "gradients",
    "Hessian products",
]


def _methods(diagnosis: Diagnosis) -> str:
    rows = []
    for row in diagnosis.to_frame().itertuples():
        pooled = row.method == "NAL"
        cut = ["", "", ""]
        if not pooled and np.isfinite(row.loss):
            cut = [f"{percent(row.cut)}%", f"{percent(row.low)} to {percent(row.high)}%", row.answer]
        elif not pooled:
            cut = ["", "training has no minimum", row.answer]
        name = "pooled (NAL)" if pooled else row.method
        cells = [
            row.shots,
            name,
            f"{row.step:.3g}",
            f"{row.loss:.4g}",
            *cut,
            row.gradients,
            row.hessian_vector_products,
        ]
        rows.append(_row(cells, kind="first" if pooled else ""))
    return _table(METHOD_COLUMNS, rows)


TASK_COLUMNS = ["task", "", "rate of descent", "steepest", "flattest", "loss, pooled", "loss, MAML", "cut"]


def _tasks(tasks: pd.DataFrame) -> str:
    ends = [*range(6), *range(len(tasks) - 6, len(tasks))]
    shown = tasks if len(tasks) <= 12 else tasks.iloc[ends]
    rows = []
    for r in shown.itertuples():
        curvatures = [f"{r.curvature:.3g}", f"{r.steepest:.3g}", f"{r.flattest:.2g}"]
        losses = [f"{r.pooled:.4g}", f"{r.loss:.4g}", f"{100 * r.cut:.1f}%"]
        rows.append(_row([r.task, "hard" if r.hard else "easy", *curvatures, *losses]))
    more = "" if len(shown) == len(tasks) else "<p>The first six and the last six.</p>"
    return more + _table(TASK_COLUMNS, rows, "tasks")


def _how(diagnosis: Diagnosis) -> str:
    return (
        "<h2>How it was computed</h2><p>Each task's rows are its population. For a model that is linear in "
        "the features the expected loss after one step on a few rows (drawn with replacement) is an exact "
        "formula, with no assumption about the law of inputs or noise. Losses are means over all rows of a "
        "task, drawn ones included; on rows not drawn they are higher, by a few per cent where a third of a "
        "task's rows is drawn, and cuts about the same. Every loss above is that of a task held out both "
        "from training and from the choice of the step size.</p>"
        f"<p>All models are adapted by one gradient step. Reptile is trained with {REPTILE_STEPS} inner "
        "steps, iMAML with a strength of 1/step: other choices of theirs were not tried. Gradients and "
        "Hessian products are those of one task in one iteration of training.</p>"
        "<p>Intervals are a bootstrap over tasks, in training and in testing. They tell what to expect on "
        "new tasks from where these came from, and know nothing of tasks steeper than any of these: where "
        "rates of descent differ widely and without bound, they are too narrow. A cut of "
        f"{100 * diagnosis.worth:g}% is the least taken to be worth having.</p>"
    )
