"""The Broad Twitter Corpus (Derczynski et al., 2016): English tweets with people, organisations and places.

From the authors' repository at one commit, or from files fetched by hand, broad_twitter/train.conll and so on.
"""

from __future__ import annotations

from seqtasks.data.datasets.tagged import Tagged

ADDRESS = (
    "https://raw.githubusercontent.com/GateNLP/broad_twitter_corpus/"
    "0c45ef7b1924a6b8115bceab388781590b1b553a/train_dev_test_conll/btc.{}"
)


class BroadTwitter(Tagged):
    """Tweets of many places and times with three types of entities."""

    name = "broad_twitter"
    HOMEPAGE = "https://github.com/GateNLP/broad_twitter_corpus"
    FILES = {  # noqa: RUF012  TFDS's own form
        "train": (ADDRESS.format("train"), "train.conll"),
        "validation": (ADDRESS.format("dev"), "dev.conll"),
        "test": (ADDRESS.format("test"), "test.conll"),
    }
