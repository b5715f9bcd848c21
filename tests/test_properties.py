"""Whatever comes in, something defined comes out: codecs, choosers and exports, on inputs that nobody thought of."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

import hypothesis
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import strategies as some

import seqtasks
from seqtasks import codecs, decoding
from seqtasks.codecs.image import Image
from seqtasks.codecs.nucleotides import Nucleotides
from seqtasks.codecs.sentences import EOS_ID, Sentences
from seqtasks.codecs.subword_sentences import SubwordSentences
from seqtasks.codecs.subwords import Subwords
from seqtasks.codecs.text import Text
from seqtasks.codecs.tokens import Tokens
from seqtasks.codecs.vocabulary import PAD_ID
from seqtasks.codecs.words import Words
from seqtasks.inference import predictor
from seqtasks.task import Folders
from tests.conftest import Learned
from tests.test_examples import CODECS, WORDS, reader

steadily = hypothesis.settings(
    max_examples=40, deadline=None, derandomize=True, database=None,
    suppress_health_check=[hypothesis.HealthCheck.function_scoped_fixture],
)  # fmt: skip
texts = some.one_of(
    some.binary(max_size=60), some.text(max_size=40).map(lambda text: text.encode("utf-8", "surrogatepass"))
)
sequences = some.text("ACGTUNRYacgtn \n-X", max_size=60).map(str.encode)
batches = some.lists(some.one_of(texts, sequences), min_size=1, max_size=5)


@cache
def traced(codec: Any) -> Any:
    return tf.function(codec.encode, input_signature=[tf.TensorSpec([None], tf.string)], autograph=False)


def encoded(codec: Any, values: list[bytes]) -> list[list[int]]:
    """Each value's own ids."""
    ids, lengths = (each.numpy() for each in traced(codec)(tf.constant(values)))
    assert (ids[np.arange(ids.shape[1]) >= lengths[:, None]] == 0).all()
    return [row[:length].tolist() for row, length in zip(ids, lengths, strict=True)]


@pytest.mark.parametrize("codec", CODECS, ids=lambda codec: f"{type(codec).__name__}-{getattr(codec, 'level', '')}")
@steadily
@hypothesis.given(values=batches)
def test_a_codec_reads_anything_alone_as_in_company_and_as_its_plain_reader(codec: Any, values: list[bytes]):
    together = encoded(codec, values)
    most = codec.max_length if not isinstance(codec, Tokens | Words) else 10**9
    spelled = 256 if isinstance(codec, Subwords) or getattr(codec, "level", "") == "subword" else 0
    highest = 15 if isinstance(codec, Nucleotides) else len(codec.vocabulary) + 1 + spelled
    words = isinstance(codec, Words)  # each with its place and its characters
    described = json.loads(json.dumps(codecs.describe(codec)))
    for value, ids in zip(values, together, strict=True):
        assert encoded(codec, [value]) == [ids]
        assert len(ids) <= most
        assert all(1 <= (each[0] if words else each) <= highest for each in ids)
        if ids:
            assert reader(codec)(described, value).tolist() == [ids]


@steadily
@hypothesis.given(text=some.text(max_size=40))
def test_what_is_written_is_what_was_read(text: str):
    """Every piece of the text known, ids are the text again."""
    for level in ("character", "word", "subword"):
        codec = Tokens(level=level).fit([np.array([text.encode()], object)], Folders(()))
        ids, _ = codec.encode(tf.constant([text.encode()]))
        assert codec.decode(ids).numpy()[0].decode() == text.replace("\0", " ")


SOURCES = Subwords(vocabulary=WORDS, max_length=10_000)
SENTENCES = SubwordSentences(vocabulary=WORDS, max_length=10_000, references=1)


@steadily
@hypothesis.given(text=some.text(max_size=40))
def test_pieces_of_words_are_the_text_again(text: str):
    ids, _, truncated = SOURCES.read(tf.constant([text.encode()]))
    assert SOURCES.decode(ids).numpy()[0].decode() == text
    assert not truncated.numpy()[0]
    sentence = text.replace("\n", "") + "."
    (ids,) = SENTENCES.encode(tf.constant([sentence.encode()])).to_tensor()
    assert SENTENCES.decode(ids[None, :, 0]).numpy()[0].decode() == sentence


@steadily
@hypothesis.given(values=some.lists(texts, min_size=1, max_size=4))
def test_captions_are_read_whatever_they_are(values: list[bytes]):
    codec = Sentences(max_target_length=5, max_references=2, vocabulary=("\n", "a", "film"))
    ids = codec.encode(tf.constant(values))
    assert ids.nrows() == len(values)
    for row in ids:  # (T, 2), as long as the longest sentence with its end
        row = row.numpy()
        assert row.shape[0] <= 6 and row.shape[1:] == (2,)
        assert ((row >= 0) & (row < codec.choices)).all()
        assert (row != PAD_ID).any(axis=1).all()
        for sentence in row.T:
            (written,) = np.nonzero(sentence)
            assert written.tolist() == list(range(len(written)))
            assert (sentence == EOS_ID).tolist() == [step == len(written) - 1 for step in range(len(sentence))]


@steadily
@hypothesis.given(values=some.lists(some.binary(max_size=80), min_size=1, max_size=4))
def test_pictures_are_read_whatever_they_are(values: list[bytes]):
    codec = Image(encoder="small", image_size=8)
    marks = (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"GIF89a", b"RIFF\0\0\0\0WEBPVP8 ", b"BM")
    for mark in marks:
        found = [each.numpy() for each in traced_picture(codec)(tf.constant([mark + value for value in values]))]
        assert found[0].shape == (len(values), 8, 8, 3)
        assert (found[0][~found[1]] == 128).all()


@cache
def traced_picture(codec: Image) -> Any:
    return tf.function(codec.decode_images, input_signature=[tf.TensorSpec([None], tf.string)], autograph=False)


numbers = some.one_of(
    some.floats(-100, 100, width=32),
    some.sampled_from([0.0, -0.0, float("inf"), -float("inf"), float("nan"), 3e38, 1e-45]),
)


@steadily
@hypothesis.given(
    logits=some.lists(numbers, min_size=1, max_size=9),
    draw=some.floats(0, 1, exclude_max=True, width=32),
    temperature=numbers,
    top_k=some.integers(-(2**31), 2**31 - 1),
    top_p=numbers,
)
def test_a_chooser_chooses_a_token_that_there_is(logits: Any, draw: float, temperature: Any, top_k: int, top_p: Any):
    choose = decoding.sampler(tf.constant([[draw]]), temperature=temperature, top_k=top_k, top_p=top_p)
    token = int(choose(tf.constant([logits], tf.float32), tf.constant(0))[0])
    assert 0 <= token < len(logits)


@cache
def loaded(folder: str) -> predictor.Predictor:
    return seqtasks.load(folder)


@steadily
@hypothesis.given(values=batches)
def test_an_export_answers_anything_alone_as_in_company(learned: Learned, values: list[bytes]):
    served = loaded(str(learned.folder))
    together = served(values)
    for value, answer in zip(values, together, strict=True):
        (alone,) = served([value])
        assert alone["answer"] == answer["answer"]
        for name, given in answer.items():
            found = list(given.values()) if isinstance(given, dict) else given
            wanted = list(alone[name].values()) if isinstance(given, dict) else alone[name]
            if isinstance(found, list) and "lengths" in answer:  # in company a list is filled up behind its end
                found, wanted = found[: answer["lengths"]], wanted[: answer["lengths"]]
            if np.asarray(found).dtype.kind in "fi":
                assert np.isfinite(found).all()
                np.testing.assert_allclose(found, wanted, atol=1e-5)
            else:
                assert found == wanted


def test_codecs_have_no_other_fields_than_json_holds():
    for codec in (*CODECS, Text(), Sentences(), SENTENCES, Image(encoder="small")):
        assert codecs.restore(json.loads(json.dumps(codecs.describe(codec)))) == codec
