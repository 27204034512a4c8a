"""Settings of the site: `sphinx-build -W docs out/site` writes it, `sphinx-build -b linkcheck docs out/links` tries its links.

Lessons are shown with the outputs that are stored in them, so nothing runs here but the ledger's derivations: the tests
run every lesson in a new kernel, and a site that ran them again would take minutes and could differ from what was tested.
"""

import os
import re
import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent), str(HERE.parent / "notebooks")]

import pages  # noqa: E402
import public_names  # noqa: E402

from landscape import __version__  # noqa: E402

project = "landscape"
author = "The landscape developers"
copyright = "the landscape developers, MIT licence"
version = release = __version__

extensions = [
    "myst_nb",
    "numpydoc",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.mathjax",
    "sphinx_design",
]
exclude_patterns = ["architecture.md", "pictures", "_build"]

nb_execution_mode = "off"
nb_code_prompt_show = "Show the code"
nb_code_prompt_hide = "Fold the code"
myst_enable_extensions = ["amsmath", "colon_fence", "dollarmath"]
myst_heading_anchors = 3

autosummary_generate = True
autodoc_typehints = "none"  # types stand in the docstrings, with shapes
numpydoc_show_class_members = False
numpydoc_xref_param_type = False
default_role = "py:obj"  # a name in backticks leads to its page where it has one

if mathjax := os.environ.get("MATHJAX"):  # a copy on this machine, for a site that is read without a network
    mathjax_path = mathjax

html_theme = "pydata_sphinx_theme"
html_title = "landscape"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_js_files = ["site.js"]
html_extra_path = ["../landscape/plotting/explorable.html"]
html_show_sourcelink = False
html_theme_options = {
    "show_prev_next": True,
    "navigation_with_keys": True,
    "secondary_sidebar_items": ["page-toc"],
    "footer_start": ["copyright"],
    "footer_end": ["theme-version"],
    "show_nav_level": 1,
    "pygments_light_style": "a11y-high-contrast-light",
    "pygments_dark_style": "a11y-high-contrast-dark",
}
html_context = {"default_mode": "auto"}

linkcheck_timeout = 30
linkcheck_ignore = [r"explorable\.html"]


def plain(app, what, name, obj, options, lines):
    """Take stars of shapes, `(*grid, d)`, and bars of norms, |w|, for what they are, and not for markup."""
    block = None
    for i, line in enumerate(lines):
        indent = len(line) - len(line.lstrip())
        if line.strip() and block is not None and indent <= block:
            block = None
        if line.lstrip().startswith((".. math::", ">>>")):
            block = indent
        if block is None:
            parts = re.split(r"(:math:`[^`]*`|`+[^`]*`+)", line)
            parts[::2] = [re.sub(r"\*(?=\w[\w.]*[,)])|\|(?=\S)", r"\\\g<0>", part) for part in parts[::2]]
            lines[i] = "".join(parts)


def setup(app):
    """Write the pages that are made of notebooks, docstrings, pictures and claims, before Sphinx looks which there are."""
    app.connect("config-inited", lambda app, config: pages.write(HERE))
    app.connect("autodoc-process-docstring", plain, priority=400)  # before numpydoc
    app.connect(
        "source-read", lambda app, name, text: text.__setitem__(0, public_names.referring(name, text[0]))
    )
