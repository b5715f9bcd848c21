"""Bases as they are read, and what the layers of the DNA task make of them."""

from __future__ import annotations

import gzip
import json
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from seqtasks import files, tasks
from seqtasks.codecs.nucleotides import Nucleotides
from seqtasks.data import prepare, tfds, user
from seqtasks.errors import InputError, ResourceError, UsageError
from seqtasks.inference import mutagenesis, predictor
from seqtasks.layers.convolution import convolution
from seqtasks.layers.nucleotides import BaseFrequencies, Kmers, ReverseComplement
from seqtasks.layers.pooling import AttentionPooling
from seqtasks.task import Folders
from seqtasks.training import cross_validate
from tests.conftest import Learned, run, serving_files, sets
from tests.samples import SAMPLES, UNCOMPILED

A, C, G, T, N = 1, 2, 4, 8, 15
# whatever is learned
SHORT = {"epochs": "1", "min_steps_per_epoch": "5", "cell": "simple_rnn", "conv_filters": "4"} | UNCOMPILED


def encoded(*values: str, **fields: object) -> list[list[int]]:
    found, lengths = Nucleotides(**fields).encode(tf.constant([value.encode() for value in values]))
    return [row[:length].tolist() for row, length in zip(found.numpy(), lengths.numpy(), strict=True)]


def test_letters_are_the_bases_they_may_be():
    assert encoded("ACGTU") == [[A, C, G, T, T]]
    assert encoded("acgtu") == encoded("ACGTU")
    assert encoded("RYSWKM") == [[A | G, C | T, C | G, A | T, G | T, A | C]]
    assert encoded("BDHVN") == [[C | G | T, A | G | T, A | C | T, A | C | G, N]]


def test_what_is_no_letter_of_theirs_is_any_base():
    assert encoded("A-E\0") == [[A, N, N, N]]
    assert encoded("", " \n") == [[N], [N]]


def test_white_space_is_nothing():
    assert encoded(" AC\r\nGT\t") == [[A, C, G, T]]


def test_behind_the_end_stands_nothing():
    values, _ = Nucleotides().encode(tf.constant(["ACGT", "A"]))
    assert values.numpy()[1].tolist() == [A, 0, 0, 0]


@pytest.mark.parametrize(("side", "kept"), [("right", [A, C]), ("left", [G, T])])
def test_a_longer_one_is_cut_at_one_of_its_ends(side: str, kept: list[int]):
    assert encoded("AC" + "N" * 100 + "GT", max_length=2, truncation_side=side) == [kept]


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("", "has no bases"),
        ("ACGX", "has 'X' at base 4"),
        ("acg5", "has '5' at base 4"),
        ("AC*", r"has '\*' at base 3"),
        ("MKVLAAGIEQFP", "has 'L' at base 4"),
        ("NNNNNACGT", "has 9 bases, most of them not known"),
        ("acé", r"has '\\\\xc3' at base 3"),
    ],
)
def test_what_is_no_sequence_is_refused(value: str, reason: str):
    with pytest.raises(InputError, match=reason):
        Nucleotides().clean(value.encode())


def test_what_is_one_is_taken_in_capitals():
    assert Nucleotides().clean(b" acgun\n") == b"ACGTN"


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"kmer": 7}, "kmer is from 1 to 6, not 7"),
        ({"kmer": 0}, "kmer is from 1 to 6, not 0"),
        ({"max_length": 0}, "max_length is at least 1, not 0"),
        ({"truncation_side": "middle"}, "unknown truncation_side 'middle'; choose from right, left"),
        ({"reverse_complement": "three"}, "setting reverse_complement is true or false, not 'three'"),
    ],
)
def test_wrong_settings_are_told(wrong: dict[str, Any], words: str):
    with pytest.raises(UsageError, match=words):
        tasks.find("dna").configure(wrong)
    if "reverse_complement" not in wrong:
        with pytest.raises(UsageError, match=words):
            Nucleotides(**wrong)


def test_the_other_strand_is_read_backwards_with_each_base_s_partner():
    values, lengths = ReverseComplement()(tf.constant([[A, A, C, A | G], [T, G, 0, 0]], tf.uint8), tf.constant([4, 2]))
    assert values.numpy()[2:].tolist() == [[C | T, G, T, T], [C, A, 0, 0]]
    assert lengths.numpy().tolist() == [4, 2, 4, 2]


def test_a_mixture_is_a_share_of_each():
    shares = BaseFrequencies()(tf.constant([[G, A | T, N, 0]], tf.uint8)).numpy()[0]
    assert shares.tolist() == [[0, 0, 1, 0], [0.5, 0, 0, 0.5], [0.25] * 4, [0] * 4]


def test_kmers_are_numbered_as_digits_and_unknown_ones_are_0():
    values = tf.constant([[A, A, C, N, T, T]], tf.uint8)
    assert Kmers(2)(values).numpy().tolist() == [[1, 1 + 1 * 4 + 0, 0, 0, 1 + 15, 0]]
    assert Kmers(1)(values).numpy().tolist() == [[1, 1, 2, 0, 4, 4]]


@pytest.mark.parametrize("pool_size", [1, 2, 3])
def test_a_convolution_sees_no_padding(pool_size: int):
    import keras

    inputs, mask = keras.Input((None, 4)), keras.Input((None,), dtype="bool")
    settings = {"conv_kernel_size": 5, "conv_filters": 3, "pool_size": pool_size}
    model = keras.Model([inputs, mask], convolution(inputs, mask, settings))
    values = np.random.default_rng(0).normal(size=(1, 7, 4)).astype(np.float32)
    alone, kept = model([values, np.ones((1, 7), bool)])
    padded = np.concatenate([values, np.full((1, 5, 4), 9, np.float32)], axis=1)
    beside, kept_beside = model([padded, np.arange(12)[None] < 7])
    steps = -(-7 // pool_size)
    assert int(tf.reduce_sum(tf.cast(kept, tf.int32))) == steps
    assert int(tf.reduce_sum(tf.cast(kept_beside, tf.int32))) == steps
    np.testing.assert_allclose(beside[:, :steps], alone, atol=1e-6)


def test_attention_weighs_only_what_is_there():
    states = np.random.default_rng(0).normal(size=(2, 3, 4)).astype(np.float32)
    layer = AttentionPooling(5)
    found = layer(states, np.array([[True, True, True], [True, False, False]])).numpy()
    np.testing.assert_allclose(found[1], states[1, 0], atol=1e-6)
    scores = np.tanh(states[0] @ layer.kernel.numpy()) @ layer.direction.numpy()[:, 0]
    weights = np.exp(scores) / np.exp(scores).sum()
    np.testing.assert_allclose(found[0], weights @ states[0], atol=1e-5)


# --- both strands -----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> predictor.Predictor:
    """An export that reads both strands; what it learned in one epoch does not matter."""
    folder = tmp_path_factory.mktemp("both")
    settings = SAMPLES["dna"].settings | SHORT | {"reverse_complement": "yes", "kmer": "3", "bidirectional": "no"}
    run("train", "dna", "--sample-data", "--model", folder, *sets(settings))
    run("export", "dna", "--model", folder)
    return predictor.load(folder)


def reverse_complement(value: str) -> str:
    return value[::-1].translate(str.maketrans("ACGT", "TGCA"))


@pytest.mark.trains
def test_both_strands_get_the_same_answer_in_the_export(both: predictor.Predictor):
    values = [value for value in SAMPLES["dna"].answers if set(value) <= set("ACGT")]
    there, back = both(values), both([reverse_complement(value) for value in values])
    for one, other in zip(there, back, strict=True):
        assert one["probabilities"] == pytest.approx(other["probabilities"], abs=1e-6)
    assert len({round(one["probability"], 6) for one in there}) > 1


def test_the_data_set_says_whether_both_strands_are_read_unless_somebody_chose():
    task = tasks.find("dna")
    assert task.for_dataset("gue/prom_core_all").inputs.reverse_complement is False
    assert task.for_dataset("gue/tf_0").inputs.reverse_complement is True
    assert task.configure({"reverse_complement": "no"}).for_dataset("gue/tf_0").inputs.reverse_complement is False


# --- what a base matters ----------------------------------------------------------------------------------------------


class Planted:
    """Answers by a C in the second place, as an export would."""

    def __call__(self, values: list[bytes]) -> list[dict[str, object]]:
        found = [0.9 if value[1:2] == b"C" else 0.2 for value in values]
        return [{"answer": "yes", "probability": p, "probabilities": {"yes": p, "no": 1 - p}} for p in found]


def test_a_base_matters_where_its_loss_changes_the_answer():
    found = mutagenesis.effects(Planted(), Nucleotides(), b"ACG")
    lost = np.log(9) - np.log(0.25)
    np.testing.assert_allclose(found, [[0] * 4, [lost, 0, lost, lost], [0] * 4], atol=1e-9)


def test_only_letters_are_replaced_and_only_those_that_are_read():
    with pytest.raises(UsageError, match="few letters"):
        mutagenesis.effects(Planted(), tasks.find("sentiment").inputs, b"good")
    with pytest.raises(UsageError, match="at most 2 letters, not 3"):
        mutagenesis.effects(Planted(), Nucleotides(max_length=2), b"ACG")


@pytest.mark.thorough
def test_what_each_base_matters_is_drawn_of_what_the_model_reads(learned_of: Callable[[str], Learned], tmp_path: Path):
    folder = Path(shutil.copytree(learned_of("dna").folder / "serving" / "1", tmp_path / "model"))
    draw = ("predict", "dna", "ACGTTGCAACGT", "--explain", tmp_path / "drawn.png", "--model", folder)
    run(*draw)
    assert (tmp_path / "drawn.png").read_bytes().startswith(b"\x89PNG")
    manifest = files.without_checksum((folder / "manifest.json").read_bytes())
    manifest["inputs"]["max_length"] = 10  # as after --set max_length=10
    files.write_json(folder / "manifest.json", files.with_checksum(manifest))
    with pytest.raises(UsageError, match="draws at most 10 letters, not 12"):
        run(*draw)


# --- data sets --------------------------------------------------------------------------------------------------------

ROWS = "sequence,label\nACGT,1\nGGTT,0\nTTTT,1\n"


def gue(folder: Path, *, gz: bool) -> None:
    (folder / "gue" / "tf_0").mkdir(parents=True)
    for split in ("train", "dev", "test"):
        path = folder / "gue" / "tf_0" / f"{split}.csv"
        if gz:
            path.with_name(f"{split}.csv.gz").write_bytes(gzip.compress(ROWS.encode()))
        else:
            path.write_text(ROWS)


@pytest.mark.parametrize("gz", [True, False])
def test_files_fetched_by_hand_make_the_data_set(tmp_path: Path, gz: bool):
    gue(tmp_path / "manual", gz=gz)
    found = tasks.find("dna").examples("gue/tf_0", Folders((str(tmp_path / "sets"),), str(tmp_path / "manual")))
    assert set(found) == {"train", "validation", "test"}
    rows = set(zip(found["train"].inputs.tolist(), found["train"].targets.tolist(), strict=True))
    assert rows == {(b"ACGT", "1"), (b"GGTT", "0"), (b"TTTT", "1")}
    again = tasks.find("dna").examples("gue/tf_0", Folders((str(tmp_path / "sets"),)))  # it is prepared now
    assert len(again["test"]) == 3


@pytest.mark.parametrize(
    ("dataset", "file", "text", "labels"),
    [
        ("uci_promoters", "uci_promoters/promoters.data", "+,S10,\t\ttacta\n-,X,\tggtc\n", {"+", "-"}),
        ("uci_promoters", "uci_promoters/promoters.data.gz", "+,S10,\t\ttacta\n-,X,\tggtc\n", {"+", "-"}),
        ("uci_splice", "uci_splice/splice.data", "EI, A-1,   CCAG\nN,B-2,ACGT\n\nIE,C,  GGTN\n", {"EI", "IE", "N"}),
        ("uci_splice", "uci_splice/splice.data.gz", "EI, A-1,   CCAG\nN,B-2,ACGT\n", {"EI", "N"}),
        ("uci_splice", "uci_splice/splice.csv.gz", "class,name,sequence\nEI, A-1,   CCAG\nN,B-2,ACGT\n", {"EI", "N"}),
    ],
)
def test_uci_s_lines_are_read(tmp_path: Path, dataset: str, file: str, text: str, labels: set[str]):
    (tmp_path / file).parent.mkdir()
    content = text.encode()
    (tmp_path / file).write_bytes(gzip.compress(content) if file.endswith(".gz") else content)
    found = tasks.find("dna").examples(dataset, Folders((str(tmp_path / "sets"),), str(tmp_path)))["train"]
    assert set(found.targets) == labels
    assert all(set(value) <= set(b"ACGTN") for value in found.inputs)


def test_a_data_set_is_prepared_by_name(tmp_path: Path):
    gue(tmp_path / "manual", gz=False)
    folders = ("--data-dir", tmp_path / "sets", "--manual-dir", tmp_path / "manual")
    done = run("download", "dna", "--dataset", "gue/tf_0", *folders)
    assert done.stdout.startswith(f"gue/tf_0: {tmp_path / 'sets'}")
    with pytest.raises(UsageError, match="unknown data set 'gue/tf_9'"):
        run("download", "dna", "--dataset", "gue/tf_9", *folders)
    with pytest.raises(UsageError, match="name the task"):
        run("download", "dna", "sentiment", "--dataset", "gue/tf_0", *folders)


def test_without_files_and_network_it_says_what_to_do(no_downloads: Folders):
    with pytest.raises(ResourceError, match="SEQTASKS_MANUAL_DIR"):
        tfds.load_classes("uci_splice", no_downloads)


def test_a_download_is_made_into_the_data_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    from seqtasks.data.datasets import uci_promoters

    with zipfile.ZipFile(tmp_path / "set.zip", "w") as archive:
        archive.writestr("promoters.data", "+,S10,\t\ttacta\n-,X,\tggtc\n")
    with serving_files(tmp_path) as address:
        monkeypatch.setattr(uci_promoters, "ADDRESS", f"{address}/set.zip")
        splits, names = tfds.load_classes("uci_promoters", Folders((str(tmp_path / "sets"),)))
    assert sorted(splits["train"]["sequence"].tolist()) == [b"GGTC", b"TACTA"]
    assert list(names) == ["-", "+"]


def test_an_unknown_set_is_answered_with_those_there_are():
    with pytest.raises(UsageError, match="gue/tf_0"):
        tasks.find("dna").examples("gue/tf_9", Folders(()))


# --- folds ------------------------------------------------------------------------------------------------------------


@pytest.mark.thorough
@pytest.mark.trains
def test_folds_answer_every_example_once_and_are_the_same_whichever_was_trained_before(tmp_path: Path):
    drawn = {"dropout": "0.3", "output_dropout": "0.3", "base_dropout": "0.1"}  # begins anew with each
    run("train", "dna", "--sample-data", "--model", tmp_path, *sets(SAMPLES["dna"].settings | SHORT | drawn))

    def folded() -> dict[str, Any]:
        return json.loads(run("evaluate", "dna", "--folds", "3", "--model", tmp_path, "--json").stdout)

    first = folded()
    assert first["examples"] == 420
    assert sum(map(sum, first["confusion"])) == 420
    assert first["errors"] == round(420 * (1 - first["accuracy"]))
    (kept,) = (tmp_path / "folds").iterdir()
    before = {path.name: path.stat().st_mtime_ns for path in kept.iterdir()}
    assert sorted(before) == ["0.npz", "1.npz", "2.npz"]
    with np.load(kept / "1.npz") as found:
        second = found["probabilities"]
    (kept / "1.npz").unlink()
    assert folded() == first
    after = {path.name: path.stat().st_mtime_ns for path in kept.iterdir()}
    assert [name for name in before if after[name] != before[name]] == ["1.npz"]  # what is there is not done again
    with np.load(kept / "1.npz") as found:
        np.testing.assert_array_equal(found["probabilities"], second)


def test_other_data_are_not_answered_from_the_folds_of_these(tmp_path: Path):
    def key(sequence: str) -> str:
        rows = "".join(f"{sequence}{base}{other}\t{base}\n" for base in "ACGT" for other in "ACGTRYSW")
        (tmp_path / "own.tsv").write_text("sequence\tlabel\n" + rows)
        source = user.Source(str(tmp_path / "own.tsv"))
        data = prepare.read(tasks.find("dna"), source, Folders((str(tmp_path / "sets"),)), print)
        return cross_validate._key({}, data, 2, 0)

    assert key("ACGT") != key("TGCA")
