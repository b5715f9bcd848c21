"""WNUT 2017 (Derczynski et al., 2017): emerging and rare entities in English posts and comments.

From the authors' repository at one commit, or from files fetched by hand, wnut17/train.conll and so on.
"""

from __future__ import annotations

from seqtasks.data.datasets.tagged import Tagged

ADDRESS = "https://raw.githubusercontent.com/leondz/emerging_entities_17/e52a2d2a71ac1a051ca2d532eef28653c5c02603/{}"


class Wnut17(Tagged):
    """Posts with six types of entities, few of which occur in training."""

    name = "wnut17"
    HOMEPAGE = "https://noisy-text.github.io/2017/emerging-rare-entities.html"
    FILES = {  # noqa: RUF012  TFDS's own form
        "train": (ADDRESS.format("wnut17train.conll"), "train.conll"),
        "validation": (ADDRESS.format("emerging.dev.conll"), "dev.conll"),
        "test": (ADDRESS.format("emerging.test.annotated"), "test.conll"),
    }
