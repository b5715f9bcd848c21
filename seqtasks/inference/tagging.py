"""Texts as CoNLL columns: a token a line with its tag, from an export that tags tokens."""

from __future__ import annotations

import re
from collections.abc import Sequence

from seqtasks.inference.generation import require
from seqtasks.inference.predictor import Predictor, as_bytes

BLANKS = re.compile(r"[\s\x00-\x1f\x7f-\x9f]+")  # white space and control characters, between which tokens are


def conll(predictor: Predictor, values: Sequence[str | bytes]) -> list[dict[str, str]]:
    """Texts whose tokens have blanks between -> {"answer": a line a token, with a tab and its tag}, in their order.

    Raises UsageError for an export that tags no tokens.
    """
    require(predictor.manifest, predictor.folder, "tag_tokens")
    answers = predictor.answers(values, "tag_tokens")
    return [
        {"answer": _lines(as_bytes(value).decode(errors="replace"), answer["answer"])}
        for value, answer in zip(values, answers, strict=True)
    ]


def _lines(text: str, tags: str) -> str:
    tokens = [token for token in BLANKS.split(text) if token]
    return "".join(f"{token}\t{tag}\n" for token, tag in zip(tokens, tags.split(" ") if tokens else [], strict=True))
