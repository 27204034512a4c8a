"""The site: every link and anchor leads somewhere; where Sphinx and a browser are installed, its pages are built and walked.

    SHOTS=out/pages MATHJAX=file:///.../tex-chtml-full.js pytest tests/unit/package/test_site.py -m slow

keeps pictures of all pages on a desk, in the dark and on a phone; SITE names a site that is built already. MATHJAX is for
machines without a network.
"""

from __future__ import annotations

import csv
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlparse

import pytest
from support.browser import chromium, screen, whole_page
from test_lessons import build

from landscape.papers.figures import figures

ROOT = Path(__file__).parents[3]
PROJECT = [
    "README.md",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "RELEASING.md",
    "SECURITY.md",
    "CODE_OF_CONDUCT.md",
]
WRITTEN = {"course": "notebooks", "gallery": None, "ledger": None, "reference": None, "project": None}
"""Folders of the site that docs/pages.py writes, and where what is in them comes from."""


def texts() -> dict[Path, str]:
    """What a reader may open, without blocks of code: pages in Markdown, and the words of lessons."""
    pages = [
        *(ROOT / name for name in PROJECT),
        *(ROOT / "docs").glob("*.md"),
        *(ROOT / "docs/howto").glob("*.md"),
    ]
    found = {page: page.read_text(encoding="utf-8") for page in [*pages, ROOT / "notebooks/README.md"]}
    for path in build.lessons():
        cells = build.read(path)["cells"]
        found[path] = "\n\n".join(cell["source"] for cell in cells if cell["cell_type"] == "markdown")
    return {page: re.sub(r"^```.*?^```", "", text, flags=re.M | re.S) for page, text in found.items()}


def links(text: str) -> list[str]:
    """The targets of a text's links and pictures."""
    return re.findall(r"\]\(([^)\s]+)\)", re.sub(r"`[^`\n]*`", "", text)) + re.findall(
        r"<(https?://[^>]+)>", text
    )


def anchors(text: str) -> set[str]:
    """The names of a text's headings, as GitHub and MyST make them."""
    said = re.findall(r"^#+ (.+)$", text, re.M)
    plain = [re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).lower() for heading in said]
    return {re.sub(r"[^\w\- ]", "", heading).replace(" ", "-") for heading in plain}


def broken(pages: dict[Path, str]) -> list[tuple[str, str]]:
    """List the links between files of the repository that lead nowhere, with the page they stand on."""
    out = []
    for page, text in pages.items():
        for target in (link for link in links(text) if not urlparse(link).scheme):
            name, _, anchor = unquote(target).partition("#")
            path = (page.parent / name).resolve() if name else page
            inside = path.relative_to(ROOT / "docs").parts if path.is_relative_to(ROOT / "docs") else ("",)
            if inside[0] in WRITTEN and path.suffix == ".ipynb":
                path = ROOT / "notebooks" / path.name
            elif inside[0] in WRITTEN:
                continue  # a page that is made; the test of the built site follows it
            known = pages.get(path)
            if not path.exists() or (anchor and known is not None and anchor not in anchors(known)):
                out.append((page.name, target))
    return out


def test_links_and_anchors_lead_somewhere() -> None:
    pages = texts()
    assert len(pages) > 25
    assert sum(len(links(text)) for text in pages.values()) > 100
    assert broken(pages) == []


def test_a_link_that_leads_nowhere_is_noticed() -> None:
    page = ROOT / "notebooks" / "README.md"
    for target in ("no_such.ipynb", "#no-such-heading", "../docs/howto/no-such.md"):
        assert broken({page: f"# Map\n[here]({target})"}) == [(page.name, target)]
    assert broken({page: "# Map\n[here](#map)"}) == []


def test_links_that_lead_out_are_as_they_should_be() -> None:
    """By https, and to an article's abstract and not a copy of it; whether they answer, `nox -s links` tries."""
    out = {link for text in texts().values() for link in links(text) if urlparse(link).scheme}
    assert len(out) > 15
    for link in out:
        assert urlparse(link).scheme in ("https", "mailto"), link
        assert not re.search(r"[.,;]$", link), link
        if "arxiv.org" in link:
            assert re.fullmatch(r"https://arxiv\.org/abs/\d{4}\.\d{4,5}", link), link


def test_every_question_has_a_place_in_the_site() -> None:
    """In the list of questions, and in the tree that Sphinx reads: a page that is in none is a warning, and warnings are errors."""
    index = (ROOT / "docs/howto/index.md").read_text(encoding="utf-8")
    tree = re.search(r"```\{toctree\}\n:hidden:\n\n(.*?)```", index, re.S)[1].split()
    listed = re.findall(r"^\* \[.*\]\((.+)\.md\)$", index, re.M)
    assert tree == listed
    assert sorted(tree) == sorted(
        page.stem for page in (ROOT / "docs/howto").glob("*.md") if page != ROOT / "docs/howto/index.md"
    )


def test_every_figure_has_its_picture_and_says_what_one_sees() -> None:
    folder = ROOT / "docs/pictures"
    with (folder / "seen.csv").open(encoding="utf-8") as file:
        seen = {row["figure"]: row["seen"] for row in csv.DictReader(file)}
    assert set(seen) == set(figures()) <= {path.stem for path in folder.glob("*.png")}
    for name, sentence in seen.items():
        assert 50 < len(sentence) < 300, name
        assert sentence[-1] == ".", name


# the built site


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the site, warnings being errors, with a claim a paper; or take the one that SITE names."""
    if "SITE" in os.environ:
        return Path(os.environ["SITE"]).resolve()
    for module in ("sphinx", "myst_nb", "numpydoc", "pydata_sphinx_theme", "sphinx_design"):
        pytest.importorskip(module, reason="the extra docs is not installed")
    folder = tmp_path_factory.mktemp("site")
    line = [sys.executable, "-m", "sphinx", "-W", "--keep-going", "-q", str(ROOT / "docs"), str(folder)]
    done = subprocess.run(
        line, capture_output=True, text=True, env=os.environ | {"CLAIMS": "L-aH F-fo C-3.6"}
    )
    assert done.returncode == 0, done.stderr
    return folder


class Page(HTMLParser):
    """The links, pictures and anchors of a page."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.targets: list[str] = []
        self.ids: set[str] = set()
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note what leads somewhere, and what can be led to."""
        given = dict(attrs)
        self.ids |= {name for name in (given.get("id"), given.get("name")) if name}
        self.targets += [target for target in (given.get("href"), given.get("src")) if target]


def pages_of(site: Path) -> list[Path]:
    """The pages that a reader opens."""
    return [page for page in sorted(site.rglob("*.html")) if "_static" not in page.parts]


def astray(site: Path) -> list[tuple[str, str]]:
    """List the links and pictures of a built site that lead nowhere in it."""
    read = cache(Page)
    out = []
    for page in pages_of(site):
        for target in read(page).targets:
            parts = urlparse(target)
            if parts.scheme or target.startswith("//") or page.name in ("search.html", "genindex.html"):
                continue
            path = (page.parent / unquote(parts.path)).resolve() if parts.path else page
            lost = not path.exists() or (
                parts.fragment and path.suffix == ".html" and unquote(parts.fragment) not in read(path).ids
            )
            if lost:
                out.append((str(page.relative_to(site)), target))
    return out


@pytest.mark.slow
def test_links_of_the_built_site_lead_somewhere(site: Path, tmp_path: Path) -> None:
    assert len(pages_of(site)) > 100
    assert astray(site) == []
    (tmp_path / "a.html").write_text(
        '<a id="here" href="b.html">b</a><a href="#there">there</a><a href="#here">here</a>'
    )
    assert astray(tmp_path) == [("a.html", "b.html"), ("a.html", "#there")]


LOOKS = {"desk": (1280, 900, False), "dark": (1280, 900, True), "phone": (390, 844, False)}

STUMBLES = """
const wide = innerWidth, seen = e => { const s = getComputedStyle(e); return s.display != "none" && s.visibility != "hidden"; };
const inScroller = e => { for (let p = e.parentElement; p && p != document.body; p = p.parentElement)
  if (["auto", "scroll"].includes(getComputedStyle(p).overflowX)) return true; return false; };
const bare = [...document.querySelectorAll("article *")].filter(e => seen(e) && !inScroller(e)
  && e.getBoundingClientRect().right > wide + 1).map(e => e.tagName + "." + e.className + " " + e.textContent.slice(0, 40));
const broken = [...document.images].filter(i => i.complete && !i.naturalWidth && seen(i)).map(i => i.src);
const tiny = [...document.querySelectorAll("article img")].filter(i => i.naturalHeight > 220 && seen(i) && i.height && i.height < 190)
  .map(i => i.src);
return {bare, broken, tiny, wide: document.documentElement.scrollWidth > wide ? document.documentElement.scrollWidth : 0};
"""


def walked(browser, site: Path, look: str, pages: list[Path]) -> Iterator[tuple[str, dict]]:
    """Open pages at a look; give what a reader stumbles over on each."""
    width, height, dark = LOOKS[look]
    shots = os.environ.get("SHOTS")
    for page in pages:
        screen(browser, width, height, dark)
        browser.get(page.as_uri())
        if "MATHJAX" in os.environ:
            browser.execute_async_script(
                "const d = arguments[0]; (window.MathJax?.startup?.promise ?? Promise.resolve()).then(() => d())"
            )
        name = str(page.relative_to(site))
        found = browser.execute_script(STUMBLES)
        yield name, {kind: what for kind, what in found.items() if what}
        if shots and "names" not in page.parts:
            whole_page(browser, Path(shots) / look / name.removesuffix(".html").replace("/", "."))


@pytest.mark.slow
@pytest.mark.parametrize("look", LOOKS)
def test_pages_are_walked(site: Path, look: str) -> None:
    """Nothing is wider than the screen, no picture is missing; on a phone and on a desk, light and dark."""
    shown = [
        page
        for page in pages_of(site)
        if page.name not in ("search.html", "genindex.html", "explorable.html")
    ]
    names = [page for page in shown if "names" in page.parts]
    with chromium() as browser:
        stumbled = {
            name: what
            for name, what in walked(browser, site, look, [*set(shown) - set(names), *names[::12]])
            if what
        }
    assert stumbled == {}
