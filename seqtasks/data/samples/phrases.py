"""English sentences with their Portuguese translations, from a small grammar in which a word for a word is not enough.

An adjective stands behind its noun and has its gender, as articles have; a question has no word for "do"; "with me" is
one word.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TypeVar

import numpy as np

SEED = 27
LECTURE = ("Do you want to sing with me?", "Você quer cantar comigo?")  # is for the test
SHARES = (0.2, 0.15, 0.15, 0.15, 0.1, 0.25)  # of the kinds of sentences

NOUNS = (  # and whether the Portuguese one is feminine
    ("cat", "gato", 0), ("house", "casa", 1), ("dog", "cachorro", 0), ("flower", "flor", 1), ("bird", "pássaro", 0),
    ("song", "canção", 1), ("bread", "pão", 0), ("mountain", "montanha", 1), ("train", "trem", 0),
    ("city", "cidade", 1), ("star", "estrela", 1), ("hat", "chapéu", 0), ("window", "janela", 1), ("book", "livro", 0),
)  # fmt: skip
ADJECTIVES = (
    ("red", ("vermelho", "vermelha")), ("small", ("pequeno", "pequena")), ("new", ("novo", "nova")),
    ("pretty", ("bonito", "bonita")), ("white", ("branco", "branca")), ("green", ("verde", "verde")),
    ("calm", ("tranquilo", "tranquila")), ("famous", ("famoso", "famosa")),
)  # fmt: skip
ARTICLES = (("the", ("o", "a")), ("a", ("um", "uma")), ("this", ("este", "esta")), ("my", ("meu", "minha")))
VERBS = (("see", "sees", "vê"), ("want", "wants", "quer"), ("find", "finds", "encontra"), ("have", "has", "tem"))
ACTIONS = (("sing", "cantar"), ("dance", "dançar"), ("walk", "caminhar"), ("eat", "comer"), ("read", "ler"))
COMPANY = (
    ("me", "comigo"), ("us", "conosco"), ("her", "com ela"), ("him", "com ele"), ("João", "com João"),
    ("my grandmother", "com minha avó"), ("my grandfather", "com meu avô"),
)  # fmt: skip
WANTING = (  # {a} what is done, {c} with whom
    ("Do you want to {a} with {c}?", "Você quer {a} {c}?"), ("I want to {a} with {c}.", "Eu quero {a} {c}."),
    ("Does she want to {a} with {c}?", "Ela quer {a} {c}?"), ("He does not want to {a}.", "Ele não quer {a}."),
    ("Can you {a} with {c}?", "Você pode {a} {c}?"), ("They like to {a} with {c}.", "Eles gostam de {a} {c}."),
)  # fmt: skip

Pair = tuple[str, str]
Kind = TypeVar("Kind")


def pairs(number: int) -> Iterator[Pair]:
    """Different sentences with their translations, always the same; the lecture's comes first."""
    draw, seen = np.random.default_rng(SEED), {LECTURE[0]}
    yield LECTURE
    while len(seen) < number:
        source, target = _sentence(draw)
        if source not in seen:
            seen.add(source)
            yield _begun(source), _begun(target)


def _sentence(draw: np.random.Generator) -> Pair:
    kind = int(draw.choice(len(SHARES), p=SHARES))
    if kind == 5:
        frame, (action, fazer), (company, com) = _one(WANTING, draw), _one(ACTIONS, draw), _one(COMPANY, draw)
        return frame[0].format(a=action, c=company), frame[1].format(a=fazer, c=com)
    (subject, sujeito, feminine), (thing, coisa, _) = _phrase(draw), _phrase(draw)
    base, third, verbo = _one(VERBS, draw)
    adjective, forms = _one(ADJECTIVES, draw)
    return (
        (f"{subject} {third} {thing}.", f"{sujeito} {verbo} {coisa}."),
        (f"does {subject} {base} {thing}?", f"{sujeito} {verbo} {coisa}?"),
        (f"{subject} does not {base} {thing}.", f"{sujeito} não {verbo} {coisa}."),
        (f"{subject} is {adjective}.", f"{sujeito} é {forms[feminine]}."),
        (f"is {subject} {adjective}?", f"{sujeito} é {forms[feminine]}?"),
    )[kind]


def _phrase(draw: np.random.Generator) -> tuple[str, str, int]:
    """A noun with its article and perhaps an adjective, the same in Portuguese, and whether that is feminine."""
    (noun, nome, feminine), (article, artigos) = _one(NOUNS, draw), _one(ARTICLES, draw)
    article_of = artigos[feminine]
    if draw.random() < 0.5:
        return f"{article} {noun}", f"{article_of} {nome}", feminine
    adjective, forms = _one(ADJECTIVES, draw)
    return f"{article} {adjective} {noun}", f"{article_of} {nome} {forms[feminine]}", feminine


def _one(several: Sequence[Kind], draw: np.random.Generator) -> Kind:
    return several[int(draw.integers(len(several)))]


def _begun(sentence: str) -> str:
    return sentence[0].upper() + sentence[1:]
