"""Open the explorable page: hard and easy tasks under sliders, in any browser, without a network."""

from argparse import ArgumentParser, Namespace

HELP = "open a page with sliders: hard and easy tasks, where NAL and MAML end, and the gain"


def add_arguments(parser: ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument(
        "--out", metavar="FILE", help="save the page (one file, to mail or to host), do not open it"
    )


def run(options: Namespace) -> int:
    """Open the page in the browser, or save it, and say where it is."""
    import webbrowser  # optional: only this command needs it
    from importlib.resources import files
    from pathlib import Path

    from landscape.core import save

    page = Path(str(files("landscape.plotting"))) / "explorable.html"
    if options.out:
        print(save("the page", options.out, page.read_bytes()))
        return 0
    print(page)
    webbrowser.open(page.as_uri())
    return 0
