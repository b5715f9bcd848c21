"""Captions as their codec reads and writes them."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from seqtasks.codecs.sentences import END, Sentences
from seqtasks.codecs.vocabulary import START, UNKNOWN
from seqtasks.errors import UsageError
from seqtasks.metrics import captions

SAID = ["A dog runs .\nThe dog's tail, a T-shirt!", "a dog", "Ein Café — 'n Hund\n\n ... \nA"]


def fitted(*values: str, **fields: int) -> Sentences:
    return Sentences(**{"least": 1, **fields}).fit([np.array([each.encode() for each in values], object)])


@pytest.mark.parametrize("said", SAID)
def test_its_words_are_those_that_captions_are_compared_by(said: str):
    found = Sentences().split(tf.constant([said]))[0].to_list()
    assert [[word.decode() for word in each] for each in found] == [
        words for line in said.split("\n") if (words := captions.words(line))
    ]


def test_what_is_encoded_is_decoded():
    codec = fitted(*SAID)
    ids = codec.encode(tf.constant(SAID)).numpy()
    assert ids.shape == (3, 2, 21)
    assert [each.decode() for each in codec.decode(ids[:, 0]).numpy()] == ["a dog runs", "a dog", "ein café n hund"]
    assert [each.decode() for each in codec.decode(ids[:, 1]).numpy()] == ["the dog's tail a t shirt", "", "a"]
    assert ids[1, 0].tolist()[:4] == [ids[0, 0, 0], ids[0, 0, 1], END, START]
    assert (ids[1, 1] == START).all()


def test_rare_words_are_unknown():
    codec = fitted("a a a\na dog\nthe dog", least=2)
    assert codec.vocabulary == ("\n", "a", "dog")
    assert codec.encode(tf.constant(["a cat"])).numpy()[0, 0, :3].tolist() == [3, UNKNOWN, END]
    assert fitted("a a a\na dog\nthe dog", vocabulary_size=4).vocabulary == ("\n", "a")


def test_a_long_sentence_is_cut_and_ends():
    codec = fitted("a b c d", words=3)
    ids = codec.encode(tf.constant(["a b c d", "d " * 100_000])).numpy()
    assert ids.shape == (2, 1, 4)
    assert ids[:, 0, 3].tolist() == [END, END]


def test_nothing_behind_the_end_is_said():
    codec = fitted("a dog")
    assert codec.decode(tf.constant([[3, END, 4, 4]])).numpy().tolist() == [b"a"]


@pytest.mark.parametrize("wrong", [{"words": 0}, {"least": 0}, {"vocabulary_size": 3}])
def test_settings_that_make_none_are_refused(wrong: dict[str, int]):
    with pytest.raises(UsageError):
        Sentences(**wrong)
