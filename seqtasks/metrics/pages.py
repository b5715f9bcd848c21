"""Pages for a browser."""

from __future__ import annotations

import base64
import html
from collections.abc import Sequence

KINDS = {b"\xff\xd8\xff": "jpeg", b"\x89PNG": "png", b"GIF8": "gif", b"RIFF": "webp"}  # by how a file begins
PAGE = """<!DOCTYPE html>
<html lang="en"><meta charset="utf-8"><title>{title}</title>
<style>
body {{ font-family: sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }}
section {{ display: flex; gap: 1rem; margin: 1.5rem 0; }}
img {{ width: 14rem; height: 14rem; flex: none; }}
h2 {{ font-size: 1.1rem; margin: 0 0 .5rem; }}
li {{ color: #555; }}
</style>
<h1>{title}</h1>
{sections}
</html>
"""
SECTION = """<section><img alt="" src="data:image/{kind};base64,{content}">
<div><h2>{caption}</h2><ul>{references}</ul></div></section>"""


def captions(
    title: str, contents: Sequence[bytes], generated: Sequence[str], references: Sequence[Sequence[str]]
) -> str:
    """A page that holds the pictures themselves, each with its generated caption and its references."""
    sections = [
        SECTION.format(
            kind=next((kind for mark, kind in KINDS.items() if content.startswith(mark)), "png"),
            content=base64.b64encode(content).decode(),
            caption=html.escape(caption),
            references="".join(f"<li>{html.escape(each)}</li>" for each in several),
        )
        for content, caption, several in zip(contents, generated, references, strict=False)
    ]
    return PAGE.format(title=html.escape(title), sections="\n".join(sections))
