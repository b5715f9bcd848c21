"""Sphinx: make docs, then open docs/_build/html/index.html."""

from importlib import metadata

project = "seqtasks"
copyright = "the seqtasks authors"
release = metadata.version("seqtasks")

extensions = ["myst_parser", "sphinx.ext.autodoc"]
exclude_patterns = ["_build"]
html_theme = "furo"
html_title = f"seqtasks {release}"
smartquotes = False  # -- begins an option
myst_heading_anchors = 3
autodoc_member_order = "bysource"
autodoc_typehints = "none"
autodoc_default_options = {"members": True, "undoc-members": False}
