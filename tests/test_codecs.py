from __future__ import annotations

import dataclasses
import json
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from seqtasks import codecs
from seqtasks.codecs.labels import Labels
from seqtasks.codecs.nucleotides import Nucleotides
from seqtasks.codecs.text import Text
from seqtasks.codecs.tokens import Tokens
from seqtasks.codecs.vocabulary import PAD_ID, SPECIALS, UNK_ID
from seqtasks.errors import IntegrityError, UsageError
from seqtasks.task import Folders
from tests.samples import ODD_TEXTS

NOWHERE = Folders(())


def pieces(codec: Text, text: str | bytes) -> list[str]:
    return [each.decode() for each in codec.split(tf.constant([text])).flat_values.numpy()]


def fitted(*texts: str, **fields: object) -> Text:
    return Text(**fields).fit([np.array([text.encode() for text in texts], dtype=object)], NOWHERE)


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
    assert pieces(Text(level="character", lowercase=False), "Olá\0A") == list("Olá A")


@pytest.mark.parametrize("lowercase", [True, False])
@pytest.mark.parametrize("level", ["word", "character"])
def test_invalid_utf8_is_read_as_the_replacement_character(level: str, lowercase: bool):
    assert "�" in "".join(pieces(Text(level=level, lowercase=lowercase), b"ok \xff ok"))


def test_a_long_text_is_cut_at_one_of_its_ends():
    assert pieces(Text(max_length=2, truncation_side="right"), "one two three") == ["one", "two"]
    assert pieces(Text(max_length=2, truncation_side="left"), "one two three") == ["two", "three"]


def test_bigrams_are_the_most_frequent_of_known_words():
    codec = fitted("a b a b c d", "a b c", "b c e", vocabulary_size=SPECIALS + 3, bigram_vocabulary_size=9)
    assert codec.vocabulary == ("b", "a", "c")  # 4 + 4 + 3, and in the order of bytes; d and e are unknown
    b, a, c = (SPECIALS + place for place in range(3))
    assert codec.bigrams == (b * codec.entries + c, a * codec.entries + b)  # ba stands once
    fewer = fitted("a b a b c d", "a b c", "b c e", vocabulary_size=SPECIALS + 3, bigram_vocabulary_size=1)
    assert fewer.bigrams == codec.bigrams[:1]


def test_bigrams_do_not_depend_on_the_batches():
    texts = [f"{first} {second} x".encode() for first in "abcde" for second in "edcba"] * 2
    batches = [np.array(texts[start : start + 7], dtype=object) for start in range(0, len(texts), 7)]
    codec, whole = Text(bigram_vocabulary_size=12), [np.array(texts, dtype=object)]
    assert codec.fit(batches, NOWHERE).bigrams == codec.fit(whole, NOWHERE).bigrams


def test_vocabulary_is_the_most_frequent_in_a_fixed_order():
    codec = fitted("b a a c", "c d", vocabulary_size=SPECIALS + 3)
    assert codec.vocabulary == ("a", "c", "b")


def test_encoding():
    codec = fitted("good bad")
    ids, lengths = codec.encode(tf.constant(["good bad", "bad never", ""]))
    bad, good = SPECIALS, SPECIALS + 1
    assert ids.numpy().tolist() == [[good, bad], [bad, UNK_ID], [UNK_ID, PAD_ID]]
    assert lengths.numpy().tolist() == [2, 2, 1]


def test_no_texts_no_ids():
    ids, lengths = fitted("good").encode(tf.constant([], tf.string))
    assert ids.shape[0] == lengths.shape[0] == 0


@pytest.mark.parametrize("level", ["word", "character", "subword"])
@pytest.mark.parametrize("value", ODD_TEXTS.values(), ids=ODD_TEXTS.keys())
def test_odd_texts_stay_within_bounds(level: str, value: bytes):
    codec = fitted("good film", level=level, max_length=50)
    ids, lengths = codec.encode(tf.constant([value]))
    assert 1 <= int(lengths[0]) <= 50
    assert int(tf.reduce_min(ids)) >= 0
    assert int(tf.reduce_max(ids)) < codec.entries


TEXT = fitted("olá good olá good", bigram_vocabulary_size=7, max_length=9)


@pytest.mark.parametrize("codec", [TEXT, Labels(("a", "b"))], ids=["text", "labels"])
def test_a_codec_is_its_fields(codec: object):
    assert codecs.restore(codecs.describe(codec)) == codec
    assert codecs.restore(json.loads(json.dumps(codecs.describe(codec)))) == codec


def test_of_a_codec_its_settings_alone_can_be_described():
    described = codecs.describe(TEXT, learned=False)
    assert described == {
        "codec": "text",
        "level": "word",
        "vocabulary_size": 30_000,
        "max_length": 9,
        "truncation_side": "left",
        "lowercase": True,
        "bigram_vocabulary_size": 7,
    }
    assert TEXT.vocabulary and TEXT.bigrams
    assert codecs.restore(described) == dataclasses.replace(TEXT, vocabulary=(), bigrams=())
    assert codecs.describe(Labels(("a", "b")), learned=False) == {"codec": "labels"}


@pytest.mark.parametrize(
    "description",
    [
        {},
        {"codec": "nothing"},
        {"codec": "../text"},
        {"codec": "vocabulary"},  # no codec, though in their folder
        {"codec": "text", "colour": 1},
        {"codec": "text", "length": 400, "keep": "tail"},  # of an earlier version
        {"codec": "text", "max_length": "9"},
    ],
)
def test_what_describes_no_codec_of_this_version_is_refused(description: dict[str, object]):
    with pytest.raises(IntegrityError, match=r"^the card's codec '.*' is not one of this version; train again$"):
        codecs.restore(description)


@pytest.mark.parametrize("codec", [Text(), Tokens(), Nucleotides()], ids=lambda codec: type(codec).__name__)
def test_of_nothing_a_network_is_given_what_it_is_of_a_line_feed(codec: Any):
    fitted = codec.fit([np.array([b"a\nb"], object)], NOWHERE)
    empty, line, other = codecs.network_rows(fitted, [b"", b"\n", b"aa a"])
    assert empty.tolist() == line.tolist()
    assert empty.shape == (1, 1)
    assert other.tolist() == fitted.encode(tf.constant(["aa a"]))[0].numpy().tolist()


@pytest.mark.parametrize(
    "field", [{"level": "sentence"}, {"truncation_side": "middle"}, {"max_length": 0}, {"vocabulary_size": 2}]
)
def test_fields_that_make_no_codec_are_refused(field: dict[str, object]):
    with pytest.raises(UsageError):
        dataclasses.replace(Text(), **field)


def test_labels():
    batches = [np.array(names, dtype=object) for names in (["positive", "negative"], ["negative"])]
    labels = Labels().fit(batches, NOWHERE)
    assert labels.names == ("negative", "positive")
    assert labels.encode(tf.constant(["positive", "neutral"])).numpy().tolist() == [1, -1]
    assert labels.decode(tf.constant([1, 0])).numpy().tolist() == [b"positive", b"negative"]
