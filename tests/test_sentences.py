"""Captions as their codec reads and writes them."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from seqtasks.codecs.sentences import EOS_ID, Sentences
from seqtasks.codecs.vocabulary import PAD_ID, UNK_ID
from seqtasks.errors import InputError, UsageError
from seqtasks.metrics import captions
from seqtasks.task import Folders

TEXTS = ["A dog runs .\nThe dog's tail, a T-shirt!", "a dog", "Ein Café — 'n Hund\n\n ... \nA"]


def fitted(*values: str, **fields: int) -> Sentences:
    batch = np.array([each.encode() for each in values], object)
    return Sentences(**{"min_frequency": 1, **fields}).fit([batch], Folders(()))


def encoded(codec: Sentences, *values: str) -> list[list[list[int]]]:
    """The ids of each row's sentences, each as long as the row's longest."""
    return [np.transpose(row).tolist() for row in codec.encode(tf.constant(values))]


@pytest.mark.parametrize("text", TEXTS)
def test_its_words_are_those_that_captions_are_compared_by(text: str):
    found = Sentences().split(tf.constant([text]))[0].to_list()
    assert [[word.decode() for word in each] for each in found] == [
        words for line in text.split("\n") if (words := captions.words(line))
    ]


def test_what_is_encoded_is_decoded():
    codec = fitted(*TEXTS)
    rows = encoded(codec, *TEXTS)
    assert [[each.decode() for each in codec.decode(row).numpy()] for row in rows] == [
        ["a dog runs", "the dog's tail a t shirt"], ["a dog", ""], ["ein café n hund", "a"]
    ]  # fmt: skip
    first, second = rows[1]
    assert first == [*rows[0][0][:2], EOS_ID]
    assert second == [PAD_ID] * 3


def test_a_row_has_as_many_steps_as_its_longest_sentence():
    codec = fitted(*TEXTS)
    ragged = codec.encode(tf.constant([*TEXTS, " ... "]))
    assert ragged.shape == (4, None, codec.max_references)
    assert ragged.row_lengths().numpy().tolist() == [7, 3, 5, 0]


def test_more_sentences_than_in_training_are_left_out():
    codec = fitted("a b", "a")
    assert encoded(codec, "a\nb a a a") == [[[codec.choices - 2, EOS_ID]]]


def test_rare_words_are_unknown():
    codec = fitted("a a a\na dog\nthe dog", min_frequency=2)
    assert codec.vocabulary == ("\n", "a", "dog")
    assert encoded(codec, "a cat")[0][0] == [3, UNK_ID, EOS_ID]
    assert fitted("a a a\na dog\nthe dog", vocabulary_size=4).vocabulary == ("\n", "a")


def test_a_long_sentence_is_cut_and_ends():
    codec = fitted("a b c d", max_target_length=3)
    (first,), (second,) = encoded(codec, "a b c d", "d " * 100_000)
    assert len(first) == len(second) == 4
    assert first[3] == second[3] == EOS_ID


def test_nothing_behind_the_end_is_decoded():
    codec = fitted("a dog")
    assert codec.decode(tf.constant([[3, EOS_ID, 4, 4]])).numpy().tolist() == [b"a"]


@pytest.mark.parametrize("text", ["...", "a " * 200])
def test_what_is_no_caption_is_refused(text: str):
    with pytest.raises(InputError, match="has a sentence"):
        Sentences().clean_target(text)


@pytest.mark.parametrize("wrong", [{"max_target_length": 0}, {"min_frequency": 0}, {"vocabulary_size": 3}])
def test_settings_that_make_none_are_refused(wrong: dict[str, int]):
    with pytest.raises(UsageError, match="is at least"):
        Sentences(**wrong)
