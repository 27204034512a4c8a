"""Write the reference: every public name by its theme, and the command line; and let pages refer to it."""

import importlib
import re
from argparse import ArgumentParser, RawDescriptionHelpFormatter
from pathlib import Path

ROOT = Path(__file__).parent.parent
MODULES = {
    "landscape.nonlinear": "Neurons and logistic regression",
    "landscape.simulator.training": "Training on any losses",
    "landscape.papers.bounds": "What the papers guarantee",
}
"""Rooms whose names are public too."""


def put(path: Path, text: str) -> None:
    """Write a file where it is not there yet or says something else."""
    if not path.exists() or path.read_text(encoding="utf-8") != text:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def themes() -> dict[str, list[str]]:
    """Read public names by theme: the comments in `__all__` of landscape/__init__.py are the themes."""
    source = (ROOT / "landscape" / "__init__.py").read_text(encoding="utf-8")
    listed = source.partition("__all__ = [")[2].partition("]  # fmt")[0]
    found: dict[str, list[str]] = {}
    for comment, names in re.findall(r"# ([^\n]+)\n((?:\s+\"[^#]*)+)", listed):
        kept = [name for name in re.findall(r'"(\w+)"', names) if name[0] != "_" and name != "nonlinear"]
        found[comment[0].upper() + comment[1:]] = kept
    return found


def names_of(module: str) -> list[str]:
    """List the public names of a room that are not names of the package too."""
    package = {name for names in themes().values() for name in names}
    return [name for name in importlib.import_module(module).__all__ if name not in package]


def write(folder: Path) -> None:
    """Write the table of all names, whose pages autosummary makes, and the page of the command line."""
    parts = [
        heading("Reference", "="),
        "Every public name, by what it is for. Examples are run by the tests.",
    ]
    for theme, names in themes().items():
        parts += [heading(theme, "-"), summary("landscape", names)]
    for module, title in MODULES.items():
        parts += [heading(title, "-"), f"In ``{module}``:", summary(module, names_of(module))]
    parts += [heading("Command line", "-"), ".. toctree::\n\n   commands"]
    put(folder / "index.rst", "\n\n".join(parts) + "\n")
    commands(folder / "commands.md")


def heading(text: str, line: str) -> str:
    """Return a heading in reStructuredText."""
    return f"{text}\n{line * len(text)}"


def summary(module: str, names: list[str]) -> str:
    """Return a table of names, each of which leads to its page."""
    lines = [f".. currentmodule:: {module}", "", ".. autosummary::", "   :toctree: names", ""]
    return "\n".join([*lines, *(f"   {name}" for name in names)])


def referring(page: str, text: str) -> str:
    """Let names of the package on a page of questions, in code like `ls.risk(...)`, lead to the reference."""
    text = re.sub(
        r"(^```python\n.*?)\n+```", r"\1\n```", text, flags=re.M | re.S
    )  # no blank line at a block's end
    if not page.startswith(("howto/", "course/index")):
        return text
    known = {f"landscape.{name}" for names in themes().values() for name in names}
    known |= {f"{module}.{name}" for module in MODULES for name in names_of(module)}

    def role(match: re.Match[str]) -> str:
        target = f"landscape.{match[2]}"
        return f"{{py:obj}}`{match[1]} <{target}>`" if target in known else match[0]

    parts = re.split(r"(^```.*?^```)", text, flags=re.M | re.S)  # code blocks stay
    parts[::2] = [re.sub(r"`((?:ls|landscape)\.([\w.]+)(?:\([^`]*\))?)`", role, part) for part in parts[::2]]
    return "".join(parts)


def commands(path: Path) -> None:
    """Write what each command says of itself."""
    from landscape.cli import commands as found

    parts = ["# Command line", "What `landscape COMMAND --help` says."]
    for name, command in found().items():
        parser = ArgumentParser(
            prog=f"landscape {name}",
            description=command.__doc__,
            formatter_class=lambda prog: RawDescriptionHelpFormatter(prog, width=100),
        )
        command.add_arguments(parser)
        parts += [f"## {name}", f"```text\n{parser.format_help()}```"]
    put(path, "\n\n".join(parts) + "\n")
