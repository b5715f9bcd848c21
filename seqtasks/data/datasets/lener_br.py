"""LeNER-Br (Luz de Araujo et al., 2018): Brazilian legal texts; people, organisations, places, times, laws and cases.

From the authors' repository at one commit, or from files fetched by hand, lener_br/train.conll and so on.
"""

from __future__ import annotations

from seqtasks.data.datasets.tagged import Tagged

ADDRESS = (
    "https://raw.githubusercontent.com/peluz/lener-br/4999cb7f63191f1d6904206f312eeca8f5b45c5a/leNER-Br/{0}/{0}.conll"
)


class LenerBr(Tagged):
    """Sentences of Brazilian court decisions and laws with six types of entities."""

    name = "lener_br"
    HOMEPAGE = "https://github.com/peluz/lener-br"
    FILES = {  # noqa: RUF012  TFDS's own form
        "train": (ADDRESS.format("train"), "train.conll"),
        "validation": (ADDRESS.format("dev"), "dev.conll"),
        "test": (ADDRESS.format("test"), "test.conll"),
    }
