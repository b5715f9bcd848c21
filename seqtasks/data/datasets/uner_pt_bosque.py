"""Universal NER, Portuguese Bosque (Mayhew et al., 2024): newspaper text with people, organisations and places.

From the authors' repository at one commit, or from files fetched by hand, uner_pt_bosque/train.conll and so on.
"""

from __future__ import annotations

from seqtasks.data.datasets.tagged import Tagged

ADDRESS = (
    "https://raw.githubusercontent.com/UniversalNER/UNER_Portuguese-Bosque/"
    "f2c2ad67aed900385fbe5d655af41f439c9b3333/pt_bosque-ud-{}.iob2"
)


class UnerPtBosque(Tagged):
    """Sentences of Brazilian and European newspapers with three types of entities."""

    name = "uner_pt_bosque"
    HOMEPAGE = "https://www.universalner.org"
    FILES = {  # noqa: RUF012  TFDS's own form
        "train": (ADDRESS.format("train"), "train.conll"),
        "validation": (ADDRESS.format("dev"), "dev.conll"),
        "test": (ADDRESS.format("test"), "test.conll"),
    }
