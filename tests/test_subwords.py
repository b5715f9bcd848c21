"""Pieces of words: learned, cut in the graph, and text again."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from seqtasks.codecs.subword_learning import learn
from seqtasks.codecs.subword_pieces import FIRST_PIECE, UNIT, Segmenter, piece_costs
from seqtasks.codecs.subword_sentences import EOS_ID, SubwordSentences
from seqtasks.codecs.subwords import Subwords
from seqtasks.codecs.text import Text
from seqtasks.codecs.tokens import Tokens
from seqtasks.codecs.vocabulary import PAD_ID, UNK_ID
from seqtasks.errors import UsageError
from seqtasks.task import Folders
from tests.samples import ODD_TEXTS

NOWHERE = Folders(())
TEXT = ("Ein Haus, ein Häuschen.", "Das Haus am See", "Die Häuser am See", "Ein Häuschen am See")


def fitted(*texts: str, **fields: object) -> Subwords:
    return Subwords(**fields).fit([np.array([text.encode() for text in texts], object)], NOWHERE)


def sentences(*texts: str, **fields: object) -> SubwordSentences:
    return SubwordSentences(**fields).fit([np.array(texts, object)], NOWHERE)


def pieces(codec: Subwords, text: str) -> list[str]:
    ids, lengths = codec.encode(tf.constant([text]))
    return [each.decode() for each in codec.pieces(ids).numpy()[0, : int(lengths[0])]]


def test_the_most_frequent_pairs_become_pieces():
    words = [("low", 5), ("lower", 2), ("newest", 6), ("widest", 3)]  # the example of Sennrich et al.
    letters = set("lowernstid")
    assert set(learn(words, 14)) == letters | {"es", "est", "lo", "low"}
    assert learn(words, 14)[:4] == ("est", "w", "e", "low")  # as often as words are cut into them
    assert learn(words, 30)[:4] == ("newest", "low", "widest", "lower")


def test_what_occurs_once_is_no_piece_and_characters_come_first():
    assert learn([("ab", 1), ("a", 1)], 9) == ("a",)
    assert learn([("aaab", 3), ("ab", 2)], 2) == ("a", "b")
    assert set(learn([("aaab", 3), ("ab", 2)], 9)) == {"a", "b", "ab", "aa", "aaab"}
    assert learn([], 9) == learn([("abc", 9)], 0) == ()


def test_pieces_do_not_depend_on_the_order_of_words_or_batches():
    words = [("haus", 3), ("maus", 3), ("mausen", 3), ("hausen", 3)]
    assert len({learn(order, 14) for order in itertools.permutations(words)}) == 1
    texts = [text.encode() for text in TEXT]
    whole = Subwords().fit([np.array(texts, object)], NOWHERE)
    assert Subwords().fit([np.array([text], object) for text in texts], NOWHERE) == whole


def test_a_word_that_is_a_piece_is_one_and_any_other_is_cut_into_some():
    codec = fitted(*TEXT)
    assert pieces(codec, "Ein Haus am See") == ["Ein", " Haus", " am", " See"]
    assert pieces(codec, "Häuschensee").count("<0xC3>") == 0
    assert pieces(codec, "Zé")[-2:] == ["<0xC3>", "<0xA9>"]


def test_the_cut_is_the_most_probable_of_all():
    vocabulary = ("a", "b", "ab", "ba", "aba", "bb")
    segmenter = Segmenter("subword", vocabulary)
    costs = dict(zip(vocabulary, piece_costs(len(vocabulary))[256:], strict=True))

    def cheapest(word: str) -> int:
        return min(
            (costs[word[:size]] + cheapest(word[size:]) for size in (1, 2, 3) if word[:size] in costs), default=0
        )

    words = ["".join(letters) for size in range(1, 7) for letters in itertools.product("ab", repeat=size)]
    for word, found in zip(words, segmenter.split(tf.constant(words)).to_list(), strict=True):
        cut = [piece.decode() for piece in found]
        assert "".join(cut) == word
        assert cut == [word] if word in costs else sum(costs[piece] for piece in cut) == cheapest(word)


def test_costs_rise_with_the_rank_and_bytes_cost_most():
    assert piece_costs(3)[256:] == [round(UNIT * np.log(rank * np.log(5))) for rank in (1, 2, 3)]
    assert piece_costs(3)[:256] == [2 * piece_costs(3)[-1]] * 256
    assert min(piece_costs(0)) > 0


@pytest.mark.parametrize("value", ODD_TEXTS.values(), ids=ODD_TEXTS.keys())
def test_odd_texts_are_read_and_are_themselves_again(value: bytes):
    codec = fitted(*TEXT, max_length=50)
    ids, lengths, truncated = codec.read(tf.constant([value]))
    assert 1 <= int(lengths[0]) <= 50
    assert ((ids.numpy() >= 0) & (ids.numpy() < codec.entries)).all()
    whole = value.decode(errors="replace").encode()
    found = codec.decode(ids).numpy()[0]
    assert bool(truncated[0]) == (found != whole)
    assert truncated[0] or found == whole


def test_company_changes_no_cut_and_nothing_has_no_ids():
    codec = fitted(*TEXT)
    values = ["Häuschensee", "", "Ein Haus", "x" * 200, "Häuschensee Häuschensee", "Zé"]
    ids, lengths = codec.encode(tf.constant(values))
    for value, row, length in zip(values, ids.numpy(), lengths.numpy(), strict=True):
        assert codec.encode(tf.constant([value]))[0].numpy()[0].tolist() == row[:length].tolist()
    assert ids.numpy()[1].tolist()[:2] == [UNK_ID, PAD_ID]
    assert codec.encode(tf.constant([], tf.string))[0].shape[0] == 0


def test_a_long_text_is_cut_and_said_to_be():
    codec = fitted(*TEXT, max_length=3)
    ids, lengths, truncated = codec.read(tf.constant(["Ein Haus am See", "Ein Haus am", ""]))
    assert truncated.numpy().tolist() == [True, False, False]
    assert lengths.numpy().tolist() == [3, 3, 1]
    assert codec.decode(ids).numpy()[0].decode() == "Ein Haus am"


def test_training_may_do_without_some_pieces_which_cuts_words_otherwise():
    codec = fitted(*TEXT, subword_dropout=0.5)
    others = codec.traits.augmentations
    assert len(others) == 4 and not others[0].traits.augmentations
    assert not fitted(*TEXT).traits.augmentations
    value = tf.constant(["Ein Häuschen am See, das Haus"])
    cuts = [each.encode(value)[0] for each in (codec, *others)]
    assert {each.decode(ids).numpy()[0] for each, ids in zip((codec, *others), cuts, strict=True)} == {value.numpy()[0]}
    assert len({tuple(ids.numpy()[0]) for ids in cuts}) > 3
    assert cuts[0].numpy().tolist() == fitted(*TEXT).encode(value)[0].numpy().tolist()


def test_at_the_level_of_words_a_word_that_was_not_learned_is_unknown():
    codec = fitted(*TEXT, *TEXT, level="word")
    assert pieces(codec, "Ein Haus, ein Boot") == ["Ein", " Haus", ",", " ein", "\ufffd"]
    ids, _ = codec.encode(tf.constant(["Ein Boot"]))
    assert codec.decode(ids).numpy()[0].decode() == "Ein\ufffd"


@pytest.mark.parametrize("level", ["subword", "word"])
def test_an_export_cuts_as_the_codec_does(level: str, tmp_path: Path):
    codec = fitted(*TEXT, level=level)
    module = tf.Module()
    module.tables = codec.tables()
    module.read = tf.function(codec.read, input_signature=[tf.TensorSpec([None], tf.string)], autograph=False)
    tf.saved_model.save(module, str(tmp_path))
    values = tf.constant(["Häuschensee am Haus", "", "Zé \U0001f600\r\n"])
    for found, wanted in zip(tf.saved_model.load(str(tmp_path)).read(values), codec.read(values), strict=True):
        assert found.numpy().tolist() == wanted.numpy().tolist()


def test_several_sentences_are_learned_together_each_with_its_end():
    codec = sentences("Ein Haus\nDas Haus", "Das Häuschen am See", "Ein Häuschen\n\nDas Haus am See\n ")
    assert codec.references == 2
    ragged = codec.encode(tf.constant(["Ein Haus\nDas Haus am See\nDas", "Ein Haus", " \n"]))
    assert ragged.shape[2] == 2
    first, second, empty = ragged
    assert [each.decode() for each in codec.decode(tf.transpose(first)).numpy()] == ["Ein Haus", "Das Haus am See"]
    assert (first.numpy() == EOS_ID).sum(axis=0).tolist() == [1, 1]
    assert second.numpy()[:, 1].tolist() == [PAD_ID] * len(second)
    assert not len(empty)
    assert sentences("a\nb\nc", max_references=2).references == 2


def test_a_sentence_that_is_cut_has_no_end():
    codec = sentences(*TEXT, max_length=3)
    assert codec.max_target_length == 3
    whole, cut = codec.encode(tf.constant(["Ein Haus am", "Ein Haus am See"])).to_tensor().numpy()[..., 0]
    assert whole.tolist() == [*cut[:3], EOS_ID]
    assert EOS_ID not in cut and len(cut) == 4


def test_bytes_that_make_no_character_are_written_as_one():
    codec = sentences(*TEXT)
    assert codec.decode([[UNK_ID, 2 + 0xC3, FIRST_PIECE, EOS_ID, FIRST_PIECE]]).numpy()[0].decode() == (
        f"\ufffd\ufffd{codec.vocabulary[0]}"
    )


def test_a_sentence_of_a_person_is_one_line():
    assert SubwordSentences().clean_target(" Ein\nHaus \t am See") == "Ein Haus am See"


def test_reviews_and_texts_can_be_read_in_pieces():
    batch = [np.array([text.encode() for text in TEXT], object)]
    review = Text(level="subword", vocabulary_size=280, bigram_vocabulary_size=9, max_length=6).fit(batch, NOWHERE)
    assert review.entries == 280
    found = [each.decode() for each in review.split(tf.constant(["EIN Haus<br/>am See"]))[0].numpy()]
    assert found[-2:] == [" am", " see"]
    assert review.bigrams
    text = Tokens(level="subword", vocabulary_size=280).fit(batch, NOWHERE)
    assert text.choices == 280
    assert text.unknown_tokens(tf.constant(["Zé"])).numpy().tolist() == [b""]


@pytest.mark.parametrize(
    "codec", [lambda: Subwords(vocabulary_size=258), lambda: Text("subword", 100), lambda: Tokens("subword", 100)]
)
def test_fewer_ids_than_bytes_are_refused(codec: object):
    with pytest.raises(UsageError, match="vocabulary_size is at least 259, not"):
        codec()  # type: ignore[operator]
