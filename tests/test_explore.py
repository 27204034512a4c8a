"""Sliders: a move changes the picture, errors are shown in words."""

import builtins

import pytest

import landscape as ls
from landscape.plotting.explore import picture

ADAPT = ls.GradientSteps(1.0, 50)


def test_without_widgets_the_message_names_the_extra(monkeypatch):
    true = builtins.__import__

    def missing(name, *rest, **more):
        if name == "ipywidgets":
            raise ImportError(name)
        return true(name, *rest, **more)

    monkeypatch.setattr(builtins, "__import__", missing)
    with pytest.raises(ImportError, match=r"pip install 'task-landscape\[notebooks\]'"):
        ls.explore()


def test_a_move_redraws():
    box = ls.explore()
    image, line = box.children[2], box.children[1]
    before = bytes(image.value), line.value
    box.sliders["rho_hard"].value = 0.5
    assert bytes(image.value).startswith(b"\x89PNG")
    assert (bytes(image.value), line.value) != before
    for environment in (
        ls.TwoTasks(d=3),
        ls.Mixture([ls.TaskFamily("a", [1.0, 0.5]), ls.TaskFamily("b", 0.2, 1.0)]),
    ):
        assert bytes(ls.explore(environment).children[2].value).startswith(b"\x89PNG")


def test_sliders_are_what_is_declared():
    """Typical ranges, symbols, and every value that one may start at."""
    box = ls.explore(ls.HardEasy(d=2, R=7.0), ADAPT)
    assert list(box.sliders) == [
        "rho_hard",
        "rho_easy",
        "R",
        "r_hard",
        "r_easy",
        "p_hard",
        "noise",
        "alpha",
        "m",
    ]
    rho, R, m = (box.sliders[name] for name in ("rho_hard", "R", "m"))
    assert (rho.min, rho.max, rho.description) == (0.05, 0.5, r"$\rho_H$")
    assert (R.min, R.max, R.value) == (0.0, 7.0, 7.0)
    assert m.value == 50
    sizes = [size for _, size in m.options]
    assert sizes[0] == 2
    assert sizes[-1] == float("inf")
    m.value = float("inf")
    assert bytes(box.children[2].value).startswith(b"\x89PNG")
    assert list(ls.explore(ls.TwoTasks(d=2), ls.RidgeToStart(0.5)).sliders)[-2:] == ["strength", "m"]


def test_pictures_come_with_numbers_and_warnings():
    png, html = picture(ls.HardEasy(d=2), ADAPT)
    gain = ls.gain(ls.HardEasy(d=2), ls.MAML(), ADAPT)
    assert png.startswith(b"\x89PNG")
    assert f"<b>{gain:.3g}</b>" in html
    assert "the inner step expands" in picture(ls.HardEasy(d=2), ls.GradientSteps(3.0, 50))[1]


def test_what_has_no_picture_is_said():
    png, html = picture(ls.HardEasy(d=2, rho_hard=0.5, rho_easy=0.5), ls.GradientSteps(2.0))
    assert not png
    assert "is singular" in html
