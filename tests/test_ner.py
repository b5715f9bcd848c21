"""Named entities: texts in pieces, CoNLL and spans as people have them, figures, and answers with their places."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

import seqtasks
from seqtasks.codecs.entities import Entities, Entity, checked, entities, lines, tag_ids
from seqtasks.codecs.words import Words
from seqtasks.data import encode, readers, user, windows
from seqtasks.data.columns import Columns
from seqtasks.data.readers import Options, Reject, Row, conll
from seqtasks.data.user import Source
from seqtasks.errors import InputError
from seqtasks.metrics import spans
from seqtasks.metrics.entity_f1 import EntityF1
from seqtasks.patterns import many_to_many
from seqtasks.patterns._tagging import averaged
from seqtasks.task import Folders
from seqtasks.tasks import ner as ner_task
from tests.conftest import Learned, run
from tests.samples import ODD_TEXTS

FOLDERS = Folders(())
LECTURE = "Yesterday, Harry Potter met Hermione Granger."
ner = pytest.mark.parametrize("learned", ["ner"], indirect=True)


def fitted(*texts: str) -> Words:
    return Words(min_frequency=1).fit([np.array([text.encode() for text in texts], object)], FOLDERS)


def pieces(text: str | bytes) -> list[str]:
    given = text.decode(errors="replace") if isinstance(text, bytes) else text
    values, _ = Words().encode(tf.constant([text]))
    return [given[start:end] for start, end in values.numpy()[0, :, 1:3]]


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        (LECTURE, ["Yesterday", ",", "Harry", "Potter", "met", "Hermione", "Granger", "."]),
        ("art. 5º, 3/05/2018", ["art", ".", "5º", ",", "3", "/", "05", "/", "2018"]),
        ("e\u0301te\u0301 😀👍🏽", ["e\u0301te\u0301", "😀", "👍", "🏽"]),
        ("a\u200bb a\0b a\u00a0b", ["a", "\u200b", "b", "a", "b", "a", "b"]),
        ("سرد جميل", ["سرد", "جميل"]),
        ("東京に行く", ["東", "京", "に", "行", "く"]),
        (b"caf\xe9 \xff\xfeok", ["caf", "\ufffd", "\ufffd", "\ufffd", "ok"]),
        ("", [""]),
        ("\n" * 10, [""]),
    ],
)
def test_a_text_is_cut_at_every_sign_and_its_pieces_have_their_places(text: str | bytes, wanted: list[str]):
    assert pieces(text) == wanted


def test_a_word_is_read_in_small_letters_with_zeros_and_by_its_characters():
    codec = fitted("Érico 1999", "érico 2024")
    ids = codec.encode(tf.constant(["ÉRICO 1812 Unheard"]))[0].numpy()[0]
    assert codec.vocabulary == ("0000", "érico")
    assert ids[:, 0].tolist() == [3, 2, 1]
    known = dict(enumerate(codec.characters, 2))
    assert [known.get(each, "?") for each in ids[0, 3:8]] == ["É", "?", "?", "?", "?"]
    assert not ids[0, 8:].any()


def test_of_a_long_word_its_ends_are_read():
    codec = Words(word_characters=4, characters=tuple("abcdefgh"))
    (row,) = codec.encode(tf.constant(["abcdefgh"]))[0].numpy()[0]
    assert row[3:].tolist() == [2, 3, 8, 9]


@pytest.mark.parametrize(
    "value",
    [
        '[[11, 23, "person"], [28, 44, "person"]]',
        '[{"start": 11, "end": 23, "label": "person"}, {"start": 28, "end": 44, "label": "person", "token_start": 5}]',
        '[{"id": 1, "start_offset": 28, "end_offset": 44, "label": "person"}, [10, 24, "person"]]',
        '{"entities": [[11, 23, "person"], [28, 44, "person"], [28, 44, "person"]]}',
    ],
)
def test_spans_are_read_as_spacy_doccano_and_prodigy_write_them(value: str):
    target = checked(LECTURE.encode(), Entities().clean_target(value))
    assert entities(target) == [Entity(11, 23, "person"), Entity(28, 44, "person")]


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("person", "entities that cannot be read"),
        ('[[1, "2", "person"]]', "entities that cannot be read"),
        ("[[true, 2, 3]]", "entities that cannot be read"),
        ('[[23, 11, "person"]]', "a person from 23 to 11 in a text of 45 characters: "),
        ('[[40, 60, "person"]]', "a person from 40 to 60 in a text of 45 characters"),
        ('[[-3, 2, "person"]]', "a person from -3 to 2 in a text"),
        ('[[11, 23, "person"], [17, 27, "place"]]', "overlap: 'Yesterday, Harry Potter met Hermione "),
        ('[[13, 23, "person"]]', r"a person from 13 to 23 with a border inside a word: 'Yesterday, Harry "),
        ('[[11, 20, "person"]]', "with a border inside a word"),
        ('[[10, 11, "person"]]', "a person from 11 to 11 in a text"),
        ('[[11, 23, " "]]', "an entity from 11 to 23 without a type"),
    ],
)
def test_a_span_that_is_none_is_told_with_the_text_around_it(value: str, reason: str):
    with pytest.raises(InputError, match=reason):
        checked(LECTURE.encode(), Entities().clean_target(value))


def test_entities_become_tags_on_the_pieces_and_any_tokens_borders_fit():
    text, codec = "J. K. Rowling's no. 12/3-B", Entities(("id", "person"))
    target = lines([Entity(0, 13, "person"), Entity(20, 24, "id"), Entity(25, 26, "id")])
    places = Words().encode(tf.constant([text]))[0].numpy()[0, :, 1:3]
    found = codec.encode(tf.constant([target, ""]))
    assert [len(each) for each in found.to_list()] == [3, 0]
    ids = tag_ids(places, found[0].numpy())
    assert codec.decode(ids[None]).numpy()[0].decode() == (
        "B-person I-person I-person I-person I-person O O O O B-id I-id I-id O B-id"
    )


def rows_of(text: str) -> list[Row | Reject]:
    return list(conll.rows(text.splitlines(keepends=True)))


def entities_of(text: str) -> list[list[list[object]]]:
    return [[list(each) for each in row.fields["entities"]] for row in rows_of(text) if isinstance(row, Row)]


HARRY = [0, 12, "PER"]  # of "Harry Potter met Ron"
CONLL = {
    "BIO": "Harry B-PER\nPotter I-PER\nmet O\nRon B-PER\n",
    "IOB1": "Harry I-PER\nPotter I-PER\nmet O\nRon I-PER\n",
    "IOBES": "Harry B-PER\nPotter E-PER\nmet O\nRon S-PER\n",
    "BILOU": "Harry B-PER\nPotter L-PER\nmet O\nRon U-PER\n",
    "tabs": "Harry\tB-PER\nPotter\tI-PER\nmet\tO\nRon\tB-PER",
    "tabs and blanks": "Harry \t B-PER\nPotter\tI-PER \nmet\tO\nRon B-PER\n",
    "CoNLL-2003": "-DOCSTART- -X- -X- O\n\n"
    "Harry NNP B-NP B-PER\nPotter NNP I-NP I-PER\nmet VBD B-VP O\nRon NNP B-NP B-PER\n",
    "counted, with comments": "# id = 1\n# text = a b c d\n"
    "1\tHarry\tB-PER\t-\t-\n2\tPotter\tI-PER\t-\t-\n3\tmet\tO\t-\t-\n4\tRon\tB-PER\t-\t-\n",
    "CRLF": "Harry B-PER\r\nPotter I-PER\r\nmet O\r\nRon B-PER\r\n\r\n",
    "blank lines with blanks": " \t\n\nHarry B-PER\nPotter I-PER\nmet O\nRon B-PER\n  \n\t\n",
}


@pytest.mark.parametrize("kind", CONLL)
def test_columns_are_read_where_they_are_unambiguous(kind: str):
    (row,) = rows_of(CONLL[kind])
    assert isinstance(row, Row)
    assert row.fields["text"] == "Harry Potter met Ron"
    assert [list(each) for each in row.fields["entities"]] == [HARRY, [17, 20, "PER"]]
    assert row.repaired == (2 if kind == "IOB1" else 0)


def test_a_byte_order_mark_and_a_missing_end_are_no_matter(tmp_path: Path):
    path = tmp_path / "a.conll"
    path.write_bytes("\ufeffHarry B-PER\nPotter I-PER\n\nRon B-PER".encode())
    found = [row.fields for row in readers.rows(path, Options()) if isinstance(row, Row)]
    assert [each["text"] for each in found] == ["Harry Potter", "Ron"]


def test_what_goes_on_from_nothing_begins_there_as_conlleval_reads_it():
    assert entities_of("a O\nb I-PER\nc I-LOC\nd I-LOC\ne B-LOC\n\nf I-PER\n") == [
        [[2, 3, "PER"], [4, 7, "LOC"], [8, 9, "LOC"]],
        [[0, 1, "PER"]],
    ]
    assert [row.repaired for row in rows_of("a O\nb I-PER\nc I-LOC\nd I-LOC\ne B-LOC\n")] == [2]  # type: ignore[union-attr]


def test_a_hash_is_a_token_where_it_has_a_tag():
    assert [row.fields["text"] for row in rows_of("# O\n#tag B-ORG\n# a comment\n")] == ["# #tag"]  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("text", "number", "reason"),
    [
        ("a O\nb\n", 2, "has 1 column, expected 2 as the line before"),
        ("a\nb O\n", 1, "has 1 column, expected a token and a tag"),
        ("a O\nb x y O\n", 2, "has 4 columns, expected 2 as the line before"),
        ("a O\nb B-\n", 2, "has the tag 'B-', expected O, B-TYPE or I-TYPE"),
        ("a O\nb PER-B\n", 2, "has the tag 'PER-B', expected O"),
        ("a O\nb PER\n", 2, "has the tag 'PER', expected O"),
    ],
)
def test_what_is_no_column_is_told_with_its_line(text: str, number: int, reason: str):
    (reject,) = (row for row in rows_of(text) if isinstance(row, Reject))
    assert reject.number == number
    assert reason in reject.reason


def source(folder: Path, text: str, name: str = "own.conll", **options: str) -> Source:
    (folder / name).write_text(text)
    return Source(str(folder / name), options=Options(**options))  # type: ignore[arg-type]


def own(folder: Path, text: str, name: str = "own.conll", **options: str) -> tuple[list[tuple[str, str]], list[str]]:
    said: list[str] = []
    found = user.read(source(folder, text, name, **options), Words(), Entities(), folder / "datasets", said.append)
    pairs = zip(found["train"].inputs[:], found["train"].targets[:], strict=True)
    return [(value.decode(), target) for value, target in pairs], said


def test_own_columns_are_learned_from_and_repairs_are_counted_once(tmp_path: Path):
    pairs, said = own(tmp_path, "Ron I-PER\nmet O\n\nnobody O\n\nHermione B-PER\nGranger I-LOC\n")
    assert pairs == [("Ron met", "0\t3\tPER"), ("nobody", ""), ("Hermione Granger", "0\t8\tPER\n9\t16\tLOC")]
    assert [line for line in said if "go on from nothing" in line] == [f"{tmp_path}/own.conll: 2 {conll.REPAIRED}"]


def test_own_spans_are_learned_from_and_a_wrong_one_is_told_or_left_out(tmp_path: Path):
    rows = [{"text": LECTURE, "label": [[11, 23, "person"]]}, {"text": "Nobody.", "label": []}]
    good = "".join(json.dumps(row) + "\n" for row in rows)
    pairs, _ = own(tmp_path, good, "own.jsonl")
    assert pairs == [(LECTURE, "11\t23\tperson"), ("Nobody.", "")]
    bad = good + json.dumps({"text": LECTURE, "label": [[11, 20, "person"]]}) + "\n"
    with pytest.raises(InputError, match=r"own\.jsonl:3 has a person from 11 to 20 with a border inside a word"):
        own(tmp_path, bad, "own.jsonl")
    pairs, said = own(tmp_path, bad, "own.jsonl", on_invalid="skip")
    assert len(pairs) == 2
    assert f"{tmp_path}/own.jsonl: 1 rows that cannot be used are left out" in said


def test_a_line_that_is_none_ends_it_with_file_and_line(tmp_path: Path):
    with pytest.raises(InputError, match=r"own\.conll:2 has 1 column, expected 2"):
        own(tmp_path, "a O\nb\n")


def test_without_an_entity_there_is_nothing_to_learn(tmp_path: Path):
    text = "".join(f"word{number} O\n\n" for number in range(30))
    with pytest.raises(InputError, match="there is no entity in train: nothing to learn"):
        run(
            "train",
            "ner",
            "--data",
            source(tmp_path, text).data,
            "--model",
            tmp_path / "m",
            "--data-dir",
            tmp_path / "d",
        )


def test_a_type_that_train_has_not_is_refused_by_name():
    targets = np.array(["0\t3\tPER", "", "0\t8\tSCHOOL"], object)
    with pytest.raises(InputError, match=r"test row 3: .*SCHOOL.* that train has not"):
        encode.targets(targets, Entities(("PER",)), name="test")


def test_a_long_row_is_trained_on_in_windows_that_begin_in_no_entity():
    text = " ".join(["Ana Maria da Silva", "mora em", "São Paulo"] * 40)
    targets, at = [], 0
    for part in ["Ana Maria da Silva", "mora em", "São Paulo"] * 40:
        if part != "mora em":
            targets.append(Entity(at, at + len(part), "x"))
        at += len(part) + 1
    inputs = encode.inputs(np.array([b"Ana", text.encode(), b"mora"], object), Words())
    of_rows = encode.targets(np.array(["0\t3\tx", lines(targets), ""], object), Entities(("x",)), name="train")
    batches = windows.batches(Columns(inputs, of_rows), 10)
    assert batches.columns.inputs.lengths.max() <= 10
    assert batches.columns.inputs.lengths.sum() == inputs.lengths.sum()
    found = [batches.batch(np.array([row])) for row in range(len(batches))]
    assert all(tags[0, 0] != 2 for _, tags in found)
    assert sum((tags == 1).sum() for _, tags in found) == 1 + len(targets)
    assert len(batches.whole) == 3


def test_an_entity_longer_than_a_window_is_not_cut():
    inputs = encode.inputs(np.array([b"a " * 30 + b"b " * 5], object), Words())
    of_rows = encode.targets(np.array(["0\t59\tx"], object), Entities(("x",)), name="train")
    assert windows.batches(Columns(inputs, of_rows), 8).columns.inputs.lengths.tolist() == [30, 5]


def test_training_reads_other_entities_of_the_same_type_and_validation_the_texts_as_they_are():
    texts = ["Ana mora em São Paulo", "Rui Alves viu Bruno", "nada"]
    spans = ["0\t3\tPER\n12\t21\tLOC", "0\t9\tPER\n14\t19\tPER", ""]
    words, tags = fitted(*texts * 2), Entities(("PER", "LOC"))
    inputs = encode.inputs(np.array([text.encode() for text in texts], object), words)
    of_rows = encode.targets(np.array(spans, object), tags, name="train")
    batches = windows.batches(Columns(inputs, of_rows, 8), 256, 1.0)
    order = batches.epoch_batches(batch_size=3, min_steps=1, seed=0, epoch=0)
    assert [index.tolist() for index in order] == [
        index.tolist() for index in batches.epoch_batches(batch_size=3, min_steps=1, seed=0, epoch=0)
    ]
    names = ["<pad>", "<unk>", *words.vocabulary]
    seen: dict[int, set[str]] = {0: set(), 1: set(), 2: set()}
    for view in range(1, 60):
        (pieces, lengths), ids = batches.batch(np.arange(3) + 3 * view)
        for row in range(3):
            marks = [f"{names[word]}/{tag}" for word, tag in zip(pieces[row, :, 0], ids[row], strict=True) if tag >= 0]
            assert len(marks) == lengths[row]
            seen[row].add(" ".join(marks))
    people = ("ana/1", "rui/1 alves/2", "bruno/1")
    assert seen[0] == {f"{person} mora/0 em/0 são/3 paulo/4" for person in people}
    assert seen[1] == {f"{one} viu/0 {other}" for one in people for other in people}
    assert seen[2] == {"nada/0"}
    (pieces, _), ids = batches.batch(np.arange(3))
    assert [names[word] for word in pieces[0, :5, 0]] == ["ana", "mora", "em", "são", "paulo"]
    assert ids[0, :5].tolist() == [1, 0, 0, 3, 4]


def test_a_missed_entity_costs_more_in_training():
    task = replace(ner_task.TASK, targets=Entities(("PER",))).configure({"missed_cost": 2.0})
    plain = many_to_many.objective(task.configure({"missed_cost": 0.0})).loss
    draw = np.random.default_rng(1)
    emissions = tf.constant(draw.normal(size=(2, 4, 1, 3)), tf.float32)
    parameters = tf.zeros((1, 4, 3))
    tags = tf.constant([[0, 1, 2, 0], [0, 0, -1, -1]])
    costly, usual = (
        many_to_many.objective(task).loss(tags, (emissions, parameters)),
        plain(tags, (emissions, parameters)),
    )
    shares = tf.nn.softmax(emissions[0, 1:3, 0])
    more = tf.math.log(1 + shares[:, 0] * (np.exp(2.0) - 1))
    np.testing.assert_allclose(costly - usual, [tf.reduce_sum(more), 0.0], atol=1e-5)


def test_several_taggers_are_one_crf_whose_scores_are_their_mean():
    draw = np.random.default_rng(0)
    emissions, parameters = (tf.constant(draw.normal(size=size), tf.float32) for size in ((2, 4, 3, 5), (3, 6, 5)))
    found = averaged((emissions, parameters))
    np.testing.assert_allclose(found[0], emissions.numpy().mean(axis=2), atol=1e-6)
    np.testing.assert_allclose(found[1], parameters.numpy().mean(axis=0), atol=1e-6)


def conlleval(truth: Sequence[str], found: Sequence[str]) -> tuple[int, int, int]:
    """Chunks that are in both, found, and true, counted tag by tag as the shared task's script counts them."""
    right = guessed = true = 0
    inside, before = False, ("O", "O")

    def starts(was: str, now: str) -> bool:
        return now != "O" and (now[0] == "B" or was == "O" or was[2:] != now[2:])

    def ends(was: str, now: str) -> bool:
        return was != "O" and (now == "O" or now[0] == "B" or was[2:] != now[2:])

    for one, other in [*zip(truth, found, strict=True), ("O", "O")]:
        both_end = ends(before[0], one), ends(before[1], other)
        if inside and (all(both_end) or any(both_end) or one[2:] != other[2:]):
            right, inside = right + all(both_end), False
        begin = starts(before[0], one), starts(before[1], other)
        inside = inside or (all(begin) and one[2:] == other[2:])
        true, guessed, before = true + begin[0], guessed + begin[1], (one, other)
    return right, guessed, true


FIXTURE = (  # truth, found; by hand: two of three that were found are right, of four
    "B-PER I-PER O B-LOC O B-ORG I-ORG B-ORG O",
    "B-PER I-PER O I-LOC O B-ORG O     O     O",
)


def sets(tags: Sequence[str]) -> list[Entity]:
    return [Entity(*each) for each in conll.spans_of(tags)[0]]


def test_entities_are_counted_as_conlleval_counts_them():
    truth, found = (each.split() for each in FIXTURE)
    assert conlleval(truth, found) == (2, 3, 4)
    assert spans.counted([sets(truth)], [sets(found)]) == (2, 3, 4)
    assert spans.f1(2, 3, 4) == pytest.approx({"precision": 2 / 3, "recall": 1 / 2, "f1": 4 / 7})
    draw, codec = np.random.default_rng(0), Entities(("LOC", "PER"))
    metric, total = EntityF1(), np.zeros(3, int)
    for _ in range(300):
        ids = draw.choice(codec.choices, (2, 1, int(draw.integers(1, 12))), p=[0.3, 0.15, 0.2, 0.15, 0.2])
        one, other = (" ".join(codec.tags[each] for each in row[0]).split() for row in ids)
        counts = spans.counted([sets(one)], [sets(other)])
        assert counts == conlleval(one, other), (one, other)
        total += counts
        padded = np.pad(ids, [(0, 0), (0, 0), (0, 2)], constant_values=-1).astype(np.int32)
        metric.update_state(padded[0], np.abs(padded[1]))
    assert float(metric.result()) == pytest.approx(spans.f1(*total)["f1"])


def test_entities_are_counted_as_nervaluate_counts_them():
    nervaluate = pytest.importorskip("nervaluate")
    draw, types = np.random.default_rng(1), ("LOC", "PER")

    def some() -> list[Entity]:
        borders = np.sort(draw.choice(30, 6, replace=False)).tolist()
        return [Entity(a, b, types[draw.integers(2)]) for a, b in zip(borders[::2], borders[1::2], strict=True)]

    truth, found = [], []
    for _ in range(50):
        one = some()
        truth.append(one)
        found.append([*one[: draw.integers(4)]] if draw.random() < 0.6 else some())
    given = (
        [[{"label": each.type, "start": each.start, "end": each.end} for each in row] for row in rows]
        for rows in (truth, found)
    )
    strict = nervaluate.Evaluator(*given, tags=list(types)).evaluate()["overall"]["strict"]
    right, guessed, true = spans.counted(truth, found)
    assert (strict.correct, strict.actual, strict.possible) == (right, guessed, true)
    assert strict.f1 == pytest.approx(spans.f1(right, guessed, true)["f1"])


def test_the_report_tells_types_unseen_ones_and_the_worst_texts():
    texts = ["Ron met Ana", "Ana in Rio", "nobody"]
    truth = [[Entity(0, 3, "per"), Entity(8, 11, "per")], [Entity(0, 3, "per"), Entity(7, 10, "loc")], []]
    found = [[Entity(0, 3, "per"), Entity(8, 11, "loc")], [Entity(7, 10, "loc")], [Entity(0, 6, "loc")]]
    figures = spans.measure(texts, truth, found, {"Ana", "nobody"}, ["loc", "per"])
    assert figures["f1"] == pytest.approx(2 * 2 / 8)
    assert figures["sentence_accuracy"] == 0
    assert (figures["unseen_entities"], figures["unseen_f1"]) == (2, 1.0)
    assert figures["by_type"]["per"] == pytest.approx({"precision": 1, "recall": 1 / 3, "f1": 0.5, "entities": 3})
    assert figures["confusion"] == [[1, 0, 0], [1, 1, 1], [1, 0, 0]]
    worst = spans.worst(texts, truth, [[(each, 0.9) for each in row] for row in found])
    assert worst["mistakes"].tolist() == [2, 1, 1]
    assert worst["missed"].tolist() == ["Ana [per]", "Ana [per]", ""]
    assert worst["wrong"].tolist() == ["Ana [loc] (0.90)", "", "nobody [loc] (0.90)"]


@ner
def test_the_lecture_s_sentence(learned: Learned):
    printed = run("predict", "ner", LECTURE, "--model", learned.folder).stdout
    found = json.loads(printed)
    assert [(each["text"], each["type"]) for each in found] == [
        ("Harry Potter", "person"),
        ("Hermione Granger", "person"),
    ]
    assert all(LECTURE[each["start"] : each["end"]] == each["text"] for each in found)
    assert all(each["probability"] > 0.5 for each in found)


@ner
def test_a_text_longer_than_a_window_has_all_its_entities(learned: Learned):
    number = 400
    (answer,) = seqtasks.load(learned.folder)([f"{LECTURE} " * number])
    found = json.loads(answer["answer"])
    assert [each["text"] for each in found] == ["Harry Potter", "Hermione Granger"] * number
    assert [each["start"] for each in found[::2]] == [11 + 46 * place for place in range(number)]


@ner
def test_signs_of_json_in_an_entity_are_escaped(learned: Learned):
    model, text = seqtasks.load(learned.folder), 'Yesterday, Harry "\\\n\tPotter met Hermione\x07Granger.'
    (answer,) = model([text])
    for each in json.loads(answer["answer"]):
        assert each["text"] == text[each["start"] : each["end"]].replace("\x07", " ")


@ner
def test_tokens_get_a_tag_each(learned: Learned):
    tokens = "Yesterday , Harry O'Hara met\tHermione  Granger."
    given, empty = seqtasks.load(learned.folder).answers([tokens, " "], "tag_tokens")
    assert given["answer"] == "O O B-person I-person O B-person I-person"
    assert given["tags"] == given["answer"].split()
    assert empty["answer"] == ""


@ner
def test_files_are_answered_in_columns_or_rows(learned: Learned, tmp_path: Path):
    (tmp_path / "own.conll").write_text("Yesterday\tO\n,\tO\nHarry\tO\nPotter\tO\n\nRose\nlives\nin\nFlorence\n")
    where = ("--model", learned.folder)
    printed = run("predict", "ner", "--file", tmp_path / "own.conll", *where).stdout
    assert printed == (
        "Yesterday\tO\n,\tO\nHarry\tB-person\nPotter\tI-person\n\nRose\tB-person\nlives\tO\nin\tO\nFlorence\tB-place\n\n"
    )
    (tmp_path / "own.txt").write_text(f"{LECTURE}\n")
    run("predict", "ner", "--file", tmp_path / "own.txt", "--output", tmp_path / "out.conll", *where)
    assert (tmp_path / "out.conll").read_text().startswith("Yesterday,\tO\nHarry\tB-person\n")
    run("predict", "ner", "--file", tmp_path / "own.txt", "--output", tmp_path / "out.csv", *where)
    (row,) = csv.DictReader((tmp_path / "out.csv").read_text().splitlines())
    assert [each["start"] for each in json.loads(row["answer"])] == [11, 28]


@ner
def test_entities_are_coloured_on_a_page(learned: Learned, tmp_path: Path):
    text = "<b>Rose & Will left London on 3 May.</b>"
    printed = run("predict", "ner", text, "--explain", tmp_path / "out.html", "--model", learned.folder).stdout
    page = (tmp_path / "out.html").read_text()
    assert "&lt;b&gt;" in page
    assert page.count("<mark") == len(json.loads(printed)) > 0


@ner
def test_the_manifest_says_what_places_are(learned: Learned):
    manifest = seqtasks.load(learned.folder).manifest
    assert manifest.inputs["offsets"] == "characters"
    model = seqtasks.load(learned.folder).model
    assert [each.decode() for each in model.types()["answer"].numpy()] == ["date", "person", "place"]


@pytest.mark.thorough
@ner
@pytest.mark.parametrize("name", [name for name in ODD_TEXTS if name.startswith("10 MB")])
def test_a_long_text_has_an_answer(learned: Learned, name: str):
    (answer,) = seqtasks.load(learned.folder)([ODD_TEXTS[name]])
    assert isinstance(json.loads(answer["answer"]), list)
