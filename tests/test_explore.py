"""Sliders: a move changes the picture, errors are shown in words."""

import builtins
import time

import pytest

import landscape as ls
from landscape.explore import picture

ADAPT = ls.Adaptation(1.0, 50)


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
        ls.two_tasks(d=3),
        ls.Environment([ls.TaskFamily("a", [1.0, 0.5]), ls.TaskFamily("b", 0.2, 1.0)]),
    ):
        assert bytes(ls.explore(environment).children[2].value).startswith(b"\x89PNG")


def test_pictures_come_with_numbers_and_warnings():
    png, html = picture(ls.hard_easy(d=2), ADAPT)
    gain = ls.gain(ls.hard_easy(d=2), ls.MAML.matching(ADAPT), ADAPT)
    assert png.startswith(b"\x89PNG")
    assert f"<b>{gain:.3g}</b>" in html
    assert "the inner step expands" in picture(ls.hard_easy(d=2), ls.Adaptation(3.0, 50))[1]


def test_what_has_no_picture_is_said():
    png, html = picture(ls.hard_easy(d=2, rho_hard=0.5, rho_easy=0.5), ls.Adaptation(2.0))
    assert not png
    assert "vanishes" in html


def test_a_redraw_is_quick():
    """0.2 s is what a slider needs; twice that allows for a busy machine (benchmarks hold the 0.2)."""
    picture(ls.hard_easy(d=2), ADAPT)
    took = []
    for rho in (0.1, 0.2, 0.3):
        start = time.perf_counter()
        picture(ls.hard_easy(d=2, rho_hard=rho), ADAPT)
        took.append(time.perf_counter() - start)
    assert min(took) < 0.4
