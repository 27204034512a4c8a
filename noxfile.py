#!/usr/bin/env -S uv run --script
# /// script
# dependencies = ["nox>=2025.2.9"]
# ///
"""The checks on every version that is promised: `nox` runs the tests, `nox --list` says what else there is.

Lowest versions stand in setup.cfg alone: the session `floors` makes a constraints file of them.
"""

from __future__ import annotations

from configparser import ConfigParser
from pathlib import Path

import nox

nox.needs_version = ">=2025.2.9"
nox.options.default_venv_backend = "uv|virtualenv"
nox.options.error_on_missing_interpreters = False

PYTHONS = ["3.11", "3.12", "3.13"]
FEW = ["-e", ".[fast,data]", "pytest", "pytest-benchmark", "hypothesis"]
SMOKE = ["tests/unit/methods/test_registry.py", "tests/unit/core/test_records.py"]


def floors() -> list[str]:
    """List the lowest version of each requirement in setup.cfg, as constraints."""
    config = ConfigParser()
    config.read(Path(__file__).parent / "setup.cfg", encoding="utf-8")
    lines = [config["options"]["install_requires"], *config["options.extras_require"].values()]
    wanted = {line.strip() for text in lines for line in text.splitlines()}
    return sorted(line.replace(">=", "==") for line in wanted if ">=" in line)


@nox.session(python=PYTHONS)
def tests(session: nox.Session) -> None:
    """Run the fast tests against the newest versions."""
    session.install("-e", ".[test]")
    session.run("python", "-m", "pytest", "-n", "auto", *session.posargs)


@nox.session(python=PYTHONS, default=False)
def smoke(session: nox.Session) -> None:
    """Run a few tests (theory against drawn data, records) against the newest versions."""
    session.install(*FEW)
    session.run("python", "-m", "pytest", *(session.posargs or SMOKE))


@nox.session(name="floors", python=PYTHONS[0], default=False)
def lowest(session: nox.Session) -> None:
    """Run the same few tests against the lowest versions that setup.cfg promises."""
    constraints = Path(session.create_tmp()) / "floors.txt"
    constraints.write_text("\n".join(floors()) + "\n", encoding="utf-8")
    session.install(*FEW, "-c", str(constraints))
    old = "ignore::DeprecationWarning"  # of old packages about one another
    session.run("python", "-m", "pytest", "-W", old, *(session.posargs or SMOKE))


@nox.session(python=PYTHONS[-1], default=False)
def prereleases(session: nox.Session) -> None:
    """Run the same few tests against pre-releases, where wheels exist: what will break next."""
    session.install(
        "--pre", "--only-binary", "numpy,scipy,pandas,matplotlib", "-e", ".", "pytest", "pytest-benchmark"
    )
    session.run("python", "-m", "pytest", *(session.posargs or SMOKE))


@nox.session(python=PYTHONS[0], default=False)
def slow(session: nox.Session) -> None:
    """Run the slow tests: simulations, notebooks, and the wheel outside the clone."""
    session.install("-e", ".[test]")
    session.run("python", "-m", "pytest", "-n", "auto", "-m", "slow", *session.posargs)


@nox.session(python=PYTHONS[0])
def lint(session: nox.Session) -> None:
    """Check style, types, and the direction of imports."""
    session.install("-e", ".[test]")
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")
    session.run("mypy")
    session.run("lint-imports")


@nox.session(python=PYTHONS[0], default=False)
def docs(session: nox.Session) -> None:
    """Build the site into out/site; a warning is an error."""
    session.install("-e", ".[docs]")
    session.run("sphinx-build", "-W", "--keep-going", "-q", "docs", "out/site")


@nox.session(python=PYTHONS[0], default=False)
def links(session: nox.Session) -> None:
    """Try the links that lead out of the site."""
    session.install("-e", ".[docs]")
    session.run("sphinx-build", "-q", "-b", "linkcheck", "docs", "out/links")


@nox.session(python=PYTHONS[0], default=False)
def dist(session: nox.Session) -> None:
    """Build wheel and source distribution, and check their metadata."""
    session.install("build", "twine")
    session.run("python", "-m", "build", "--outdir", "dist")
    session.run("twine", "check", "--strict", *map(str, Path("dist").glob("*")))


if __name__ == "__main__":
    nox.main()
