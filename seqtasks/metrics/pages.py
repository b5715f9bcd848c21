"""Pages for a browser."""

from __future__ import annotations

import base64
import html
from collections.abc import Mapping, Sequence
from typing import Any

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


TEXT = """<!DOCTYPE html>
<html lang="en"><meta charset="utf-8"><title>entities</title>
<style>
body {{ font-family: sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; line-height: 2; }}
p {{ white-space: pre-wrap; }}
mark {{ border-radius: .3rem; padding: .15rem .3rem; }}
small {{ font-size: .7em; font-weight: bold; margin-left: .3rem; }}
</style>
<p>{text}</p>
</html>
"""
HUES = 137.5  # degrees from one type's colour to the next one's: the golden angle, so that few are alike


def entities(text: str, found: Sequence[Mapping[str, Any]]) -> str:
    """A page of a text whose entities, {"type", "start", "end", "probability"} in order, are coloured by type."""
    types = list(dict.fromkeys(sorted(each["type"] for each in found)))
    parts, at = list[str](), 0
    for entity in found:
        start, end, kind = entity["start"], entity["end"], entity["type"]
        colour = f"hsl({HUES * types.index(kind) % 360:.0f}, 75%, 82%)"
        inside = f"{html.escape(text[start:end])}<small>{html.escape(kind)} {entity['probability']:.2f}</small>"
        parts += [html.escape(text[at:start]), f'<mark style="background: {colour}">{inside}</mark>']
        at = end
    return TEXT.format(text="".join([*parts, html.escape(text[at:])]))
