"""The landscape under sliders, in Jupyter."""

import io
from dataclasses import replace

from landscape import checks
from landscape.adaptation import Adaptation
from landscape.environment import check_environment
from landscape.isotropic import hard_easy
from landscape.results import labels
from landscape.view import landscape_view

RANGES = {  # lowest, highest, step
    "rho_hard": (0.01, 1.0, 0.01),
    "rho_easy": (0.05, 1.5, 0.01),
    "R": (0.0, 5.0, 0.1),
    "r_hard": (0.0, 5.0, 0.05),
    "r_easy": (0.0, 5.0, 0.05),
    "p_hard": (0.01, 0.99, 0.01),
    "w_hard": (-3.0, 3.0, 0.1),
    "w_easy": (-3.0, 3.0, 0.1),
    "noise": (0.0, 1.0, 0.01),
}


def explore(environment=None, adaptation=None, methods=None):
    """The landscape picture with a slider for each parameter, redrawn as they move.

    Parameters
    ----------
    environment : Environment, optional
        Where to start; ``hard_easy(d=2, ...)`` by default. An environment that keeps its own
        parameters (`hard_easy`, `two_tasks`) gets a slider for each.
    adaptation : Adaptation, optional
        Where alpha and m start.
    methods : Method or sequence of Method, optional
        NAL and matching MAML by default.

    Returns
    -------
    ipywidgets.VBox
        Show it as the last line of a cell. Its ``draw()`` redraws by hand.

    Raises
    ------
    ImportError
        Without ipywidgets, which the extra ``notebooks`` installs.

    Examples
    --------
    >>> explore(hard_easy(d=2))  # doctest: +SKIP
    """
    try:
        import ipywidgets as widgets
    except ImportError:
        raise ImportError("explore() needs ipywidgets: pip install 'task-landscape[notebooks]'") from None

    environment = (
        hard_easy(d=2, R=3.0, r_hard=0.3, r_easy=0.6)
        if environment is None
        else check_environment(environment)
    )
    adaptation = (
        Adaptation(1.0, 50) if adaptation is None else checks.instance("adaptation", adaptation, Adaptation)
    )
    wide = {"continuous_update": True, "style": {"description_width": "5em"}}
    sliders = {}
    for name in environment._varying:
        low, high, step = RANGES[name]
        start = getattr(environment, name)
        low, high = min(low, start), max(high, start)
        sliders[name] = widgets.FloatSlider(
            value=start, min=low, max=high, step=step, description=name, **wide
        )
    sliders["alpha"] = widgets.FloatSlider(
        value=adaptation.alpha,
        min=0.0,
        max=max(2.0, adaptation.alpha),
        step=0.01,
        description="alpha",
        **wide,
    )
    few = max(2, int(min(adaptation.m, 10_000)))
    sliders["m"] = widgets.FloatLogSlider(
        value=few, min=0.31, max=4, step=0.05, description="m", readout_format=".0f", **wide
    )
    image, line = widgets.Image(format="png"), widgets.HTML()

    def draw(_change=None):
        values = {name: slider.value for name, slider in sliders.items()}
        adapt = replace(adaptation, alpha=values.pop("alpha"), m=max(2, round(values.pop("m"))))
        image.value, line.value = picture(replace(environment, **values), adapt, methods)

    for slider in sliders.values():
        slider.observe(draw, "value")
    draw()
    columns = widgets.GridBox(list(sliders.values()), layout={"grid_template_columns": "repeat(2, 24em)"})
    box = widgets.VBox([columns, line, image])
    box.draw, box.sliders = draw, sliders
    return box


def picture(environment, adaptation, methods=None):
    """The picture as PNG and the numbers below it as HTML.

    Returns
    -------
    png : bytes
    html : str
    """
    import warnings

    from matplotlib.figure import Figure

    from landscape import plotting
    from landscape.comparison import compare

    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always", checks.LandscapeWarning)
            view = landscape_view(environment, adaptation, methods, resolution=48)
            table = compare(environment, view.methods, adaptation)
    except ValueError as problem:
        return b"", f"<b>{problem}</b>"
    figure = Figure(figsize=(8.6, 4.5), dpi=80)
    axes = figure.subplots(1, 2, sharex=True, sharey=True)
    figure.subplots_adjust(left=0.07, right=0.99, top=0.93, bottom=0.2, wspace=0.05)
    plotting.landscapes(view, axes=axes)
    out = io.BytesIO()
    figure.savefig(out)
    names = labels(view.methods)
    risks = ", ".join(f"{name} {float(table.risk(name).above_noise):.3g}" for name in names)
    gain = f"; gain of {names[-1]} over {names[0]}: <b>{float(table.gain(names[-1], names[0])):.3g}</b>"
    warned = "".join(f"<br><i>{warning.message}</i>" for warning in caught[:1])
    return out.getvalue(), f"risk above the noise floor: {risks}{gain}{warned}"
