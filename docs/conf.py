"""Configuration of the documentation; build with ``python -m sphinx -W docs docs/_build/html``."""

import softmax_xp

project = "softmax_xp"
author = "the softmax_xp developers"
copyright = "the softmax_xp developers"
version = release = softmax_xp.__version__

extensions = [
    "myst_parser",
    "numpydoc",
    "sphinx.ext.autodoc",
    "sphinx.ext.extlinks",
    "sphinx.ext.mathjax",
]
myst_enable_extensions = ["dollarmath"]
myst_heading_anchors = 2
extlinks = {"doi": ("https://doi.org/%s", "doi:%s")}

default_role = "py:obj"
numpydoc_show_class_members = False
autodoc_typehints = "none"
exclude_patterns = ["_build"]
html_theme = "alabaster"
