from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from seqtasks.codecs.tokens import Tokens
from seqtasks.codecs.vocabulary import SPECIALS, UNK_ID
from seqtasks.errors import UsageError
from seqtasks.task import Folders

TEXT = 'To be, or not — "to be": that\'s\n\nO coração  bate… ação 漢字 😀\r\n x\ty. E\u0301 n\u0303'


def fitted(*texts: str, **fields: object) -> Tokens:
    return Tokens(**fields).fit([np.array([text.encode() for text in texts], object)], Folders(()))


@pytest.mark.parametrize("level", ["character", "word", "subword"])
def test_what_is_written_is_the_text_again(level: str):
    codec = fitted(TEXT, level=level)
    ids, lengths = codec.encode(tf.constant([TEXT, "", "To be"]))
    assert [each.decode() for each in codec.decode(ids).numpy()] == [TEXT, "", "To be"]
    assert lengths.numpy()[1] == 0


def test_a_word_has_the_space_before_it():
    pieces = Tokens("word").split(tf.constant(["To be, or that’s  it.\n“Não” é"]))[0].numpy()
    assert [each.decode() for each in pieces] == [
        "To", " be", ",", " or", " that’s", " ", " it", ".", "\n", "“", "Não", "”", " é",
    ]  # fmt: skip


def test_unknown_pieces_are_kept_apart_and_named():
    codec = fitted("abc cab")
    ids, _ = codec.encode(tf.constant(["aüb"]))
    assert ids.numpy()[0, 1] == UNK_ID
    assert codec.decode(ids).numpy()[0].decode() == "a\ufffdb"
    assert [each.decode() for each in codec.unknown_tokens(tf.constant(["aüb漢", "abc"])).numpy()] == ["ü漢", ""]


def test_bytes_that_are_no_utf_8_and_nul_have_an_id():
    codec = fitted("ab c\ufffd")
    ids, lengths = codec.encode(tf.constant([b"a\xffb\0c"]))
    assert lengths.numpy().tolist() == [5]
    assert codec.decode(ids).numpy()[0].decode() == "a\ufffdb c"


def test_the_rarest_pieces_are_unknown():
    codec = fitted("aaabbc", vocabulary_size=SPECIALS + 2)
    assert codec.vocabulary == ("a", "b")
    assert codec.choices == SPECIALS + 2


def test_choices_that_there_are_not_are_refused():
    with pytest.raises(UsageError, match="unknown level 'syllable'; choose from character, word, subword"):
        Tokens("syllable")
    with pytest.raises(UsageError, match="vocabulary_size is at least 3"):
        Tokens(vocabulary_size=2)
