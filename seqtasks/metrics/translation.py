"""Figures of generated translations, by those that people wrote: BLEU and chrF of sacrebleu, with its signatures.

Texts are compared as they are, detokenised. BLEU splits them as mteval-v13a does (`13a`), with capitals and without
(`-lc`), so that its figures compare with others' (Post, 2018).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from seqtasks.metrics.report import Report, Sample, Section
from seqtasks.task import Examples

if TYPE_CHECKING:
    from sacrebleu.metrics.base import Metric

SHOWN, EXTREME = 30, 2  # examples on a page: the first, and as many of the best and of the worst
LENGTHS = (5, 10, 15, 20, 30)  # steps of a source, up to which those of a group go

Texts = Sequence[str]
References = Sequence[Texts]  # of each text those that there are, one at least


def metrics() -> dict[str, Metric]:
    """The measures by name, each from 0 to 100."""
    from sacrebleu.metrics.bleu import BLEU
    from sacrebleu.metrics.chrf import CHRF

    return {"bleu": BLEU(tokenize="13a"), "bleu_lc": BLEU(tokenize="13a", lowercase=True), "chrf": CHRF()}


def streams(references: References) -> list[Any]:
    """References of each text -> the first ones, the second ones and so on; None where a text has fewer."""
    return [
        [several[place] if place < len(several) else None for several in references]
        for place in range(max(map(len, references)))
    ]


def bleu(answers: Texts, references: References) -> float:
    """BLEU of the whole corpus, with capitals (Papineni et al., 2002)."""
    return float(metrics()["bleu"].corpus_score(answers, streams(references)).score)


def figures(answers: Texts, references: References) -> tuple[dict[str, float], dict[str, str]]:
    """All measures, exact_match, the share of answers that are one of their references, and signatures by measure."""
    found, signatures = {}, {}
    for name, metric in metrics().items():
        found[name] = float(metric.corpus_score(answers, streams(references)).score)
        signatures[name] = str(metric.get_signature())
    exact = sum(one in several for one, several in zip(answers, references, strict=True)) / len(answers)
    return {**found, "exact_match": exact}, signatures


def report(examples: Examples, answers: Texts, scores: np.ndarray, lengths: np.ndarray) -> Report:
    """Figures; BLEU by the sources' lengths (N,); answers, references and scores (N,) in a table and on the page.

    Targets are references with line feeds between them, which are scored together.
    """
    import pandas as pd

    sources = [value.decode(errors="replace") for value in examples.inputs[:]]
    references = [target.split("\n") for target in examples.targets[:]]
    found, signatures = figures(answers, references)
    table: dict[str, Any] = {"row": range(1, len(answers) + 1), "source": sources, "answer": answers}
    for place, stream in enumerate(streams(references), 1):
        table[f"reference_{place}"] = [each or "" for each in stream]
    chrf = metrics()["chrf"]
    alike = [float(chrf.sentence_score(*pair).score) for pair in zip(answers, references, strict=True)]
    table |= {"score": scores.round(4), "chrf": np.round(alike, 2)}

    def samples(rows: Sequence[int]) -> list[Sample]:
        return [Sample(answers[row], [f"source: {sources[row]}", *references[row]]) for row in rows]

    order = sorted(range(len(answers)), key=lambda row: (-alike[row], -len(answers[row]), row))
    count, first = min(EXTREME, (len(answers) + 1) // 2), range(min(SHOWN, len(answers)))
    return Report(
        {**found, "signatures": signatures},
        headline="bleu",
        size=(len(answers), "examples"),
        breakdowns=by_length(answers, references, lengths),
        lines=[(f"signature of {name}", signature) for name, signature in signatures.items()],
        tables={"predictions.csv": pd.DataFrame(table)},
        sections=[
            Section(
                "Best translations", "Most like a reference, by chrF of the sentence.", samples=samples(order[:count])
            ),
            Section("Worst translations", "Least like any.", samples=samples(order[::-1][:count])),
            Section(
                "Samples", f"The first {len(first):,}, each above its source and references.", samples=samples(first)
            ),
        ],
    )


def by_length(answers: Texts, references: References, lengths: np.ndarray) -> dict[str, tuple[float, int]]:
    """BLEU of those whose sources have so many steps, and how many there are."""
    groups = np.searchsorted(LENGTHS, lengths)
    names = [*(f"up to {most} steps" for most in LENGTHS), f"more than {LENGTHS[-1]} steps"]
    found = {}
    for group, name in enumerate(names):
        rows = np.flatnonzero(groups == group).tolist()
        if rows:
            found[name] = bleu([answers[row] for row in rows], [references[row] for row in rows]), len(rows)
    return found
