"""CoNLL columns: a token a line with its tag, a blank line between sentences. Tags are IOB1, BIO, IOBES or BILOU.

Which of these is not asked: an entity begins as conlleval (Tjong Kim Sang, 2000) reads it, so one that goes on from
nothing begins there. Tokens are joined with a blank between them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from seqtasks.data.readers.row import Reject, Row

SUFFIXES = (".conll", ".iob", ".iob2", ".bio")
OUTSIDE = "O"
TAG = re.compile(r"O|[BIESLUM]-\S.*")
BEGINS, ENDS = "BSU", "ESLU"  # prefixes with which an entity begins in any case, and behind which none goes on

REPAIRED = "entities go on from nothing (I- behind O or another type); they are read as beginning there"

Line = tuple[int, str]  # its number and the line, without its end
Span = tuple[int, int, str]  # from token to token, the last not included, and the type


def rows(lines: Iterable[str], *, io: bool = False) -> Iterator[Row | Reject]:
    """A row a sentence, with the fields text and entities, or text alone where no line has a tag; see `sentence`."""
    for block in blocks(lines):
        found = sentence(block, io=io)
        if isinstance(found, Reject):
            yield found
            continue
        tokens, tags = found
        fields: dict[str, object] = {"text": " ".join(tokens)}
        repaired = 0
        if tags:
            spans, repaired = spans_of(tags)
            fields["entities"] = placed(tokens, spans)
        yield Row(block[0][0], fields, repaired=repaired)


def blocks(lines: Iterable[str]) -> Iterator[list[Line]]:
    """The lines of each sentence, without comments (# and text) and -DOCSTART-."""
    block: list[Line] = []
    for number, line in enumerate(lines, 1):
        text = line.rstrip("\r\n")
        if not text.strip() or text.startswith("-DOCSTART-"):
            if block:
                yield block
            block = []
        elif not (text.startswith("#") and not TAG.fullmatch(columns(text)[-1])):
            block.append((number, text))
    if block:
        yield block


def columns(text: str) -> list[str]:
    """Between tabs where there are any, else between blanks."""
    return [each.strip() for each in text.split("\t")] if "\t" in text else text.split()


def sentence(block: Sequence[Line], *, io: bool = False) -> tuple[list[str], list[str]] | Reject:
    """Tokens and their tags, none where the file has tokens alone; a reject that names the first line that is neither.

    Tokens are the first column, or the second where the first counts them; tags the last one in which all are tags.
    With `io`, a tag is the type alone, and neighbours of one type are one entity.
    """
    table = [columns(text) for _, text in block]
    widths = {len(row) for row in table}
    if widths == {1}:
        return [row[0] for row in table], []
    for (number, _), row in zip(block, table, strict=True):
        if len(row) != len(table[0]) or len(row) < 2:
            wanted = f"{len(table[0])} as the line before" if len(table[0]) > 1 else "a token and a tag"
            return Reject(number, f"has {len(row)} column{'s' * (len(row) > 1)}, expected {wanted}, with a tab between")
    known = [at for at in range(1, len(table[0])) if all(io or TAG.fullmatch(row[at]) for row in table)]
    if not known:
        number, bad = next((n, row[-1]) for (n, _), row in zip(block, table, strict=True) if not TAG.fullmatch(row[-1]))
        return Reject(number, f"has the tag {bad!r}, expected {OUTSIDE}, B-TYPE or I-TYPE (or E-, S-, L-, U-)")
    counted = len(table[0]) > 2 and [row[0] for row in table] == [str(number + 1) for number in range(len(table))]
    pairs = [(row[int(counted)], row[known[-1]]) for row in table]
    if io:
        pairs = [(token, tag if tag == OUTSIDE else f"I-{tag}") for token, tag in pairs]
    whole = [(token, tag) for token, tag in pairs if token]  # some tokens are white space
    return [token for token, _ in whole], [tag for _, tag in whole]


def spans_of(tags: Sequence[str]) -> tuple[list[Span], int]:
    """Tags -> entities, and how many of them go on from nothing, with I- or E-, and are taken to begin there."""
    found: list[Span] = []
    repaired, before = 0, OUTSIDE
    for place, tag in enumerate(tags):
        prefix, _, kind = tag.partition("-")
        goes_on = before != OUTSIDE and before[2:] == kind and before[0] not in ENDS and prefix not in BEGINS
        if tag == OUTSIDE:
            pass
        elif goes_on:
            found[-1] = (found[-1][0], place + 1, kind)
        else:
            found.append((place, place + 1, kind))
            repaired += prefix not in BEGINS
        before = tag
    return found, repaired


def placed(tokens: Sequence[str], spans: Iterable[Span]) -> list[tuple[int, int, str]]:
    """Entities from token to token -> from the first character to the one behind the last of the joined text."""
    starts = [0]
    for token in tokens:
        starts.append(starts[-1] + len(token) + 1)
    return [(starts[first], starts[last] - 1, kind) for first, last, kind in spans]
