"""Figures of generated captions, by the references that people wrote: BLEU, ROUGE-L, CIDEr-D and others.

Sentences are compared as words in small letters, without punctuation: `words`.
"""

from __future__ import annotations

import functools
import math
import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from typing import Any

import numpy as np

from seqtasks.metrics.report import Report, Sample, Section
from seqtasks.task import Examples

MAX_PHRASE = 4  # words of the longest phrases that are compared
SIGMA = 6.0  # of CIDEr-D, in words by which a sentence is longer or shorter
BETA = 1.2  # of ROUGE-L: weight of recall
SHOWN, WORST = 50, 10  # examples on a page: the first, and those that are least like their references

LETTER = r"[^\s'’]"  # when signs that are in no word are blanks

Phrase = tuple[str, ...]


def words(sentence: str) -> list[str]:
    """Runs of letters, digits and marks, an apostrophe inside them included, in small letters."""
    return re.findall(rf"{LETTER}+(?:['’]{LETTER}+)*", "".join(map(_letter, sentence.lower())))


@functools.cache
def _letter(sign: str) -> str:
    """The sign itself, where it may be in a word, or a blank."""
    return sign if sign in "'’" or unicodedata.category(sign)[0] in "LMN" else " "


def captions(written: Sequence[str], references: Sequence[Sequence[str]], known: Collection[str]) -> dict[str, float]:
    """Captions, the references of each, and the training's sentences -> `overlap`, and shares from 0 to 1:

    exact_match, of captions that are one of their references, word for word; novelty, of those that nobody wrote in
    training; unique, of different ones.
    """
    plain = [_plain(each) for each in written]
    theirs = [{_plain(each) for each in several} for several in references]
    before = {_plain(each) for each in known}
    return {
        **overlap(written, references),
        "exact_match": sum(one in several for one, several in zip(plain, theirs, strict=True)) / len(plain),
        "novelty": sum(one not in before for one in plain) / len(plain),
        "unique": len(set(plain)) / len(plain),
    }


def report(
    examples: Examples,
    answers: Sequence[str],
    scores: np.ndarray,
    known: Sequence[str],
    pictures: Callable[[Sequence[bytes]], Sequence[bytes]] = lambda contents: contents,
) -> Report:
    """Figures of `captions`; the answers and their scores (N,) in a table, with the references, and on the page.

    Targets, and the training's `known` ones, are references with line feeds between them. `pictures` makes of inputs
    what is shown of them.
    """
    import pandas as pd

    references = [target.split("\n") for target in examples.targets[:]]
    table: dict[str, Any] = {"row": range(1, len(answers) + 1), "caption": answers, "score": scores.round(4)}
    for number in range(max(map(len, references))):
        table[f"reference_{number + 1}"] = [each[number] if number < len(each) else "" for each in references]
    alike = [rouge_l(words(one), list(map(words, all_))) for one, all_ in zip(answers, references, strict=True)]
    worst = np.argsort(alike, kind="stable")[:WORST]
    first = np.arange(min(SHOWN, len(answers)))
    rows = np.union1d(worst, first)
    shown = pictures(list(examples.take(rows).inputs[:]))
    samples = {row: Sample(answers[row], references[row], each) for row, each in zip(rows, shown, strict=True)}
    return Report(
        captions(answers, references, {sentence for target in known for sentence in target.split("\n")}),
        headline="bleu_4",
        size=(len(answers), "examples"),
        tables={"predictions.csv": pd.DataFrame(table)},
        sections=[
            Section(
                "Worst mistakes",
                "Least like any of their references, by ROUGE-L.",
                samples=[samples[row] for row in worst],
            ),
            Section(
                "Samples",
                f"The first {len(first):,}, each above its references.",
                samples=[samples[row] for row in first],
            ),
        ],
    )


def overlap(written: Sequence[str], references: Sequence[Sequence[str]]) -> dict[str, float]:
    """Captions and the references of each -> bleu_1 to bleu_4 and rouge_l, from 0 to 1, and cider_d."""
    ours = [words(each) for each in written]
    theirs = [[words(each) for each in several] for several in references]
    return {
        **bleu(ours, theirs),
        "rouge_l": sum(rouge_l(one, several) for one, several in zip(ours, theirs, strict=True)) / len(ours),
        "cider_d": cider_d(ours, theirs),
    }


def bleu(written: Sequence[list[str]], references: Sequence[Sequence[list[str]]]) -> dict[str, float]:
    """BLEU-1 to BLEU-4 of the whole corpus, by sacrebleu, without smoothing (Papineni et al., 2002)."""
    import sacrebleu

    most = max(map(len, references))
    streams: list[Any] = [  # None where there are fewer
        [" ".join(several[place]) if place < len(several) else None for several in references] for place in range(most)
    ]
    found = sacrebleu.corpus_bleu(
        [" ".join(each) for each in written], streams, tokenize="none", smooth_method="none", force=True
    )
    shares = [precision / 100 for precision in found.precisions]
    return {f"bleu_{order}": found.bp * math.prod(shares[:order]) ** (1 / order) for order in range(1, MAX_PHRASE + 1)}


def rouge_l(written: list[str], references: Sequence[list[str]]) -> float:
    """By the longest words in common, in order (Lin, 2004); the best precision and recall of all references."""
    common = [_common(written, each) for each in references]
    precision = max(each / max(len(written), 1) for each in common)
    recall = max(each / max(len(other), 1) for each, other in zip(common, references, strict=True))
    if not precision or not recall:
        return 0.0
    return (1 + BETA**2) * precision * recall / (recall + BETA**2 * precision)


def cider_d(written: Sequence[list[str]], references: Sequence[Sequence[list[str]]]) -> float:
    """Likeness in phrases that are rare among the references (Vedantam et al., 2015), mean of all; 10 is the most.

    Phrases of 1 to 4 words are weighed by log(N / how many examples have them in a reference); a phrase counts at most
    as often as in the reference, and sentences of another length count less.
    """
    seen = Counter(phrase for several in references for phrase in {each for one in several for each in _phrases(one)})
    examples = math.log(len(references))

    def weighed(sentence: list[str]) -> list[dict[Phrase, float]]:
        vectors: list[dict[Phrase, float]] = [{} for _ in range(MAX_PHRASE)]
        for phrase, count in Counter(_phrases(sentence)).items():
            vectors[len(phrase) - 1][phrase] = count * (examples - math.log(max(seen[phrase], 1)))
        return vectors

    total = 0.0
    for one, several in zip(written, references, strict=True):
        ours = weighed(one)
        for other in several:
            shorter = math.exp(-((len(one) - len(other)) ** 2) / (2 * SIGMA**2))
            alike = sum(_cosine(mine, theirs) for mine, theirs in zip(ours, weighed(other), strict=True))
            total += 10 * shorter * alike / MAX_PHRASE / len(several)
    return total / len(written)


def _plain(sentence: str) -> str:
    return " ".join(words(sentence))


def _phrases(sentence: list[str]) -> list[Phrase]:
    return [
        tuple(sentence[start : start + size])
        for size in range(1, MAX_PHRASE + 1)
        for start in range(len(sentence) - size + 1)
    ]


def _cosine(ours: dict[Phrase, float], theirs: dict[Phrase, float]) -> float:
    norm = math.hypot(*ours.values()) * math.hypot(*theirs.values())
    return (
        sum(min(value, theirs[key]) * theirs[key] for key, value in ours.items() if key in theirs) / norm if norm else 0
    )


def _common(one: list[str], other: list[str]) -> int:
    """The length of the longest common subsequence."""
    row = [0] * (len(other) + 1)
    for word in one:
        before = 0
        for place, theirs in enumerate(other, 1):
            before, row[place] = row[place], before + 1 if word == theirs else max(row[place], row[place - 1])
    return row[-1]
