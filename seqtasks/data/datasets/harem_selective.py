"""HAREM in five classes (Santos et al., 2006), as the authors of Paramopama (Junior et al., 2015) have it.

First HAREM is for training, MiniHAREM for the test. A tag is the type alone: neighbours of one type are one entity.
From a public copy at one commit, or from files fetched by hand, harem_selective/first_harem.conll and mini_harem.conll.
"""

from __future__ import annotations

from seqtasks.data.datasets.tagged import Tagged

ADDRESS = (
    "https://raw.githubusercontent.com/davidsbatista/NER-datasets/"
    "db7ff3ca4ba1df39907f8bdc036a556fed5ecde7/Portuguese/Paramopama/corpus_{}.txt"
)


class HaremSelective(Tagged):
    """Portuguese texts of many kinds with people, organisations, places, times and values."""

    name = "harem_selective"
    HOMEPAGE = "https://www.linguateca.pt/HAREM/"
    IO = True
    FILES = {  # noqa: RUF012  TFDS's own form
        "train": (ADDRESS.format("First_HAREM"), "first_harem.conll"),
        "test": (ADDRESS.format("miniHAREM"), "mini_harem.conll"),
    }
