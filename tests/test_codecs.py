from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import tensorflow as tf

from seqtasks import codecs
from seqtasks.codecs.labels import Labels
from seqtasks.codecs.text import SPECIALS, UNKNOWN, Text
from seqtasks.errors import IntegrityError, UsageError
from tests.samples import ODD_TEXTS


def pieces(codec: Text, text: str | bytes) -> list[str]:
    return [each.decode() for each in codec.split(tf.constant([text])).flat_values.numpy()]


def fitted(*texts: str, **fields: object) -> Text:
    return Text(**fields).fit([np.array([text.encode() for text in texts], dtype=object)])


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("The food was good, not bad at all.", "the food was good , not bad at all ."),
        ("Não GOSTEI — péssimo!", "não gostei — péssimo !"),
        ("ΑΒΓ ÉCOLE straße", "αβγ école straße"),
        ("It's 10/10<br /><br/>really", "it's 10 / 10 really"),
        ("cafe\u0301 ok", "cafe\u0301 ok"),
        ("a\0b", "a b"),
        ("很好。", "很好 。"),
        ("don't!!!", "don't ! ! !"),
    ],
)
def test_words(text: str, words: str):
    assert " ".join(pieces(Text(), text)) == words


def test_characters():
    assert pieces(Text(level="character"), "Olá 😀\nA") == list("olá 😀\na")
    assert pieces(Text(level="character", lower=False), "Olá\0A") == list("Olá A")


@pytest.mark.parametrize("lower", [True, False])
@pytest.mark.parametrize("level", ["word", "character"])
def test_invalid_utf8_is_read_as_the_replacement_character(level: str, lower: bool):
    assert "�" in "".join(pieces(Text(level=level, lower=lower), b"ok \xff ok"))


def test_keeps_head_or_tail():
    assert pieces(Text(length=2, keep="head"), "one two three") == ["one", "two"]
    assert pieces(Text(length=2, keep="tail"), "one two three") == ["two", "three"]


def test_pairs_are_the_most_frequent_of_known_words():
    codec = fitted("a b a b c d", "a b c", "b c e", vocabulary_size=SPECIALS + 3, bigrams=9)
    assert codec.vocabulary == ("b", "a", "c")  # 4 + 4 + 3, and in the order of bytes; d and e are unknown
    b, a, c = (SPECIALS + place for place in range(3))
    assert codec.pairs == (b * codec.entries + c, a * codec.entries + b)  # ba stands once
    assert fitted("a b a b c d", "a b c", "b c e", vocabulary_size=SPECIALS + 3, bigrams=1).pairs == codec.pairs[:1]


def test_pairs_do_not_depend_on_the_batches():
    texts = [f"{first} {second} x".encode() for first in "abcde" for second in "edcba"] * 2
    batches = [np.array(texts[start : start + 7], dtype=object) for start in range(0, len(texts), 7)]
    assert Text(bigrams=12).fit(batches).pairs == Text(bigrams=12).fit([np.array(texts, dtype=object)]).pairs


def test_vocabulary_is_the_most_frequent_in_a_fixed_order():
    codec = fitted("b a a c", "c d", vocabulary_size=SPECIALS + 3)
    assert codec.vocabulary == ("a", "c", "b")


def test_encoding():
    codec = fitted("good bad")
    ids, lengths = codec.encode(tf.constant(["good bad", "bad never", ""]))
    bad, good = SPECIALS, SPECIALS + 1
    assert ids.numpy().tolist() == [[good, bad], [bad, UNKNOWN], [UNKNOWN, 0]]
    assert lengths.numpy().tolist() == [2, 2, 1]


def test_no_texts_no_ids():
    ids, lengths = fitted("good").encode(tf.constant([], tf.string))
    assert ids.shape[0] == lengths.shape[0] == 0


@pytest.mark.parametrize("level", ["word", "character"])
@pytest.mark.parametrize("value", ODD_TEXTS.values(), ids=ODD_TEXTS.keys())
def test_odd_texts_stay_within_bounds(level: str, value: bytes):
    codec = fitted("good film", level=level, length=50)
    ids, lengths = codec.encode(tf.constant([value]))
    assert 1 <= int(lengths[0]) <= 50
    assert int(tf.reduce_min(ids)) >= 0
    assert int(tf.reduce_max(ids)) < len(codec.vocabulary) + SPECIALS


@pytest.mark.parametrize("codec", [fitted("olá good", bigrams=7, length=9), Labels(("a", "b"))], ids=["text", "labels"])
def test_a_codec_is_its_fields(codec: object):
    assert codecs.restore(codecs.describe(codec)) == codec


@pytest.mark.parametrize(
    "description", [{}, {"codec": "nothing"}, {"codec": "../text"}, {"codec": "text", "colour": 1}]
)
def test_what_describes_no_codec_is_refused(description: dict[str, object]):
    with pytest.raises(IntegrityError):
        codecs.restore(description)


@pytest.mark.parametrize("field", [{"level": "sentence"}, {"keep": "middle"}, {"length": 0}, {"vocabulary_size": 2}])
def test_fields_that_make_no_codec_are_refused(field: dict[str, object]):
    with pytest.raises(UsageError):
        dataclasses.replace(Text(), **field)


def test_labels():
    labels = Labels().fit([np.array(["positive", "negative"], dtype=object), np.array(["negative"], dtype=object)])
    assert labels.names == ("negative", "positive")
    assert labels.encode(tf.constant(["positive", "neutral"])).numpy().tolist() == [1, -1]
    assert labels.decode(tf.constant([1, 0])).numpy().tolist() == [b"positive", b"negative"]
