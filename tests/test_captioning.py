"""Your own photographs with captions: read, kept as features, learned from."""

from __future__ import annotations

import io
import json
import os
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image as Picture

from seqtasks import tasks
from seqtasks.codecs import Traits
from seqtasks.codecs.image import Image
from seqtasks.codecs.sentences import Sentences
from seqtasks.data import user
from seqtasks.data.prepare import encode
from seqtasks.data.readers import Options
from seqtasks.errors import InputError, IntegrityError, UsageError
from seqtasks.inference import predictor
from seqtasks.task import Examples, Folders
from seqtasks.training import experiment, model_folder
from tests.conftest import Learned, run, sets
from tests.samples import UNCOMPILED

pytestmark = pytest.mark.trains

SIZE = 32
SETTINGS = {
    "encoder": "MobileNet",
    "encoder_alpha": "0.25",
    "image_size": str(SIZE),
    "trainable_encoder_layers": "0",
    "flip_augmentation": "no",
    "tta": "none",
    "epochs": "1",
    "batch_size": "4",
    "min_steps_per_epoch": "3",
    **UNCOMPILED,
    "embedding_dim": "8",
    "attention_dim": "8",
    "min_frequency": "1",
    "max_target_length": "8",
    "num_beams": "2",
    "tie_embeddings": "yes",  # or three steps teach it that nothing is to be said
}
EVERYTHING = {
    "dropout": "0.1",
    "trainable_encoder_layers": "2",
    "flip_augmentation": "yes",
    "tta": "flip_crop",
    "scheduled_sampling": "0.5",
}


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of files fetched by hand, with an encoder's weights beside it, named as Keras names them."""
    folder = tmp_path_factory.mktemp("fetched")
    (folder / "weights").mkdir()
    keras.utils.set_random_seed(0)
    made = keras.applications.MobileNet(weights=None, include_top=False, input_shape=(SIZE, SIZE, 3), alpha=0.25)
    for layer in made.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.gamma.assign(3 * tf.ones_like(layer.gamma))  # or hardly anything would come through
    made.save_weights(folder / "written.weights.h5")
    (folder / "written.weights.h5").rename(folder / "weights" / f"mobilenet_2_5_{SIZE}_tf_no_top.weights.h5")
    (folder / "data").mkdir()
    return folder / "data"


def photographs(folder: Path, count: int = 12) -> list[str]:
    """Files of random pictures; their names."""
    draw = np.random.default_rng(0)
    for number in range(count):
        pixels = draw.integers(0, 255, (SIZE, 40, 3), np.uint8)
        Picture.fromarray(pixels).save(folder / f"{number}.png")
    return [f"{number}.png" for number in range(count)]


@pytest.fixture
def captioned(tmp_path: Path) -> Path:
    """A folder of pictures with a table of captions, two each."""
    names = photographs(tmp_path)
    rows = [
        f"{name},a picture {'two' if number % 2 else 'one'}\n{name},some noise\n" for number, name in enumerate(names)
    ]
    (tmp_path / "captions.csv").write_text("image,caption\n" + "".join(rows))
    return tmp_path


def read(path: Path, **options: str) -> dict[str, Examples]:
    source, codec = user.Source(str(path), None, Options(**options)), Image(encoder="small", image_size=SIZE)
    return user.read(source, codec, Sentences(), path.parent / "datasets", lambda text: None)


@pytest.mark.parametrize("named", ["captions.csv", ""])
def test_the_captions_of_a_picture_are_one_target(captioned: Path, named: str):
    train = read(captioned / named)["train"]
    assert len(train) == 12
    assert train.targets[:2].tolist() == ["a picture one\nsome noise", "a picture two\nsome noise"]
    assert train.inputs[:1][0] == (captioned / "0.png").read_bytes()


def test_a_picture_that_was_replaced_is_read_again(captioned: Path):
    before = read(captioned / "captions.csv")["train"].inputs[:]
    (captioned / "3.png").write_bytes((captioned / "4.png").read_bytes() + b" ")
    after = read(captioned / "captions.csv")["train"].inputs[:]
    assert [place for place in range(12) if before[place] != after[place]] == [3]


BAD = {
    "missing.png,a dog": r"captions\.csv:814 names .*missing\.png, which does not exist",
    "empty.png,a dog": r"captions\.csv:814 names .*empty\.png, which is empty",
    "text.jpg,a dog": r"captions\.csv:814 names .*text\.jpg, which is a text that begins with 'no picture'",
    "cut.jpg,a dog": r"captions\.csv:814 names .*cut\.jpg, which is cut off or damaged",
    "bomb.png,a dog": r"captions\.csv:814 names .*bomb\.png, which is of 400 million pixels, more than 40 million",
    "x" * 300 + ",a dog": r"captions\.csv:814 names .*x, which cannot be read \(File name too long\)",
    "pipe.png,a dog": r"captions\.csv:814 names .*pipe\.png, which is a pipe or a device; give the path",
    "/dev/zero,a dog": r"captions\.csv:814 names /dev/zero, which is a pipe or a device",
    "circle.png,a dog": r"captions\.csv:814 names .*circle\.png, which cannot be read \(Too many levels of symb",
    "a folder,a dog": r"captions\.csv:814 names .*a folder, which cannot be read \(Is a directory\)",
    "0.png,": r"captions\.csv:814 has no caption; fill it in",
    "0.png,...": r"captions\.csv:814 has a sentence without a word",
    "0.png," + "a " * 200: r"captions\.csv:814 has a sentence of 200 words, more than 100",
    "0.png": r"captions\.csv:814 has 1 fields, expected 2",
}


@pytest.mark.parametrize("row", BAD)
def test_a_bad_row_is_named_or_left_out(tmp_path: Path, row: str):
    photographs(tmp_path, 2)
    (tmp_path / "empty.png").touch()
    (tmp_path / "a folder").mkdir()
    (tmp_path / "text.jpg").write_text("no picture")
    os.mkfifo(tmp_path / "pipe.png")
    (tmp_path / "circle.png").symlink_to("circle.png")
    whole = io.BytesIO()
    Picture.fromarray(np.random.default_rng(0).integers(0, 255, (90, 90, 3), np.uint8)).save(whole, "JPEG")
    (tmp_path / "cut.jpg").write_bytes(whole.getvalue()[:2_000])
    (tmp_path / "bomb.png").write_bytes(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + b"\0\0\x4e\x20" * 2)
    table = tmp_path / "captions.csv"
    table.write_text("image,caption\n" + "1.png,a cat\n" * 812 + row + "\n1.png,the last\n")
    with pytest.raises(InputError, match=BAD[row]):
        read(table)
    (kept,) = read(table, on_invalid="skip")["train"].targets[:]
    assert kept.split("\n")[-1] == "the last"


def test_a_line_without_a_picture_is_a_row_like_others(tmp_path: Path):
    photographs(tmp_path, 1)
    lines = ({"image": "0.png", "caption": "a cat"}, {"caption": "a dog"})
    (tmp_path / "captions.jsonl").write_text("\n".join(map(json.dumps, lines)))
    with pytest.raises(InputError, match=r"captions\.jsonl:2 has no image; fill it in"):
        read(tmp_path / "captions.jsonl")
    assert len(read(tmp_path / "captions.jsonl", on_invalid="skip")["train"]) == 1


@pytest.mark.parametrize("count", [0, 2])
def test_a_folder_has_one_table(tmp_path: Path, count: int):
    for number in range(count):
        (tmp_path / f"{number}.csv").write_text("image,caption\n")
    with pytest.raises(InputError, match=r"has (no table|2 tables \(0.csv, 1.csv\)); give a folder with one CSV"):
        read(tmp_path)


def prepared(captioned: Path, encoder: Path, notices: list[str], **changes: str) -> experiment.Experiment:
    folders = Folders((str(captioned / "datasets"),), str(encoder))
    task = tasks.find("captioning").configure(SETTINGS | changes)
    return experiment.prepare(task, user.Source(str(captioned / "captions.csv")), folders, notices.append)


def test_features_are_computed_once_and_again_where_they_are_damaged(captioned: Path, encoder: Path):
    notices: list[str] = []
    first = prepared(captioned, encoder, notices)
    assert first.task.inputs.encoder_weights.endswith("no_top.weights.h5")
    (features, before), after = first.train.batch(np.arange(2))
    assert features.shape == (2, 1, 256)
    assert before.shape == after.shape == (2, 2, 4)  # two captions, of three words and an end at most
    whole = first.train.fingerprint()
    assert len(notices) == 1
    assert prepared(captioned, encoder, notices).train.fingerprint() == whole
    kept = set((captioned / "datasets" / ".cache" / "encoded").iterdir())
    other = prepared(captioned, encoder, notices, max_target_length="2")
    assert other.train.fingerprint() != whole  # of other captions, not of other features
    assert len(notices) == 1
    made = set((captioned / "datasets" / ".cache" / "encoded").iterdir()) - kept
    assert made
    assert all((each / "values.bin").stat().st_size < 500 for each in made)
    one, *others = sorted(kept)
    values = {each / "values.bin": (each / "values.bin").read_bytes() for each in (one, *others)}
    (one / "rows.npz").write_bytes(b"")  # as a full disk leaves it
    for each in others:
        content = bytearray(values[each / "values.bin"])
        content[20] ^= 1
        (each / "values.bin").write_bytes(content)
    assert prepared(captioned, encoder, notices).train.fingerprint() == whole
    assert {file: file.read_bytes() for file in values} == values
    assert sum("rows.npz cannot be read (EOFError): it is made again" in each for each in notices) == 1
    assert sum("values.bin is not what was written: it is made again" in each for each in notices) == len(others) >= 1


@pytest.mark.thorough
def test_a_view_is_kept_beside_the_pictures(captioned: Path, encoder: Path):
    plain, flipped = (
        prepared(captioned, encoder, [], flip_augmentation=each, tta="flip_crop") for each in ("no", "yes")
    )
    assert len(plain.train.columns.views) == 0
    (view,) = flipped.train.columns.views
    assert flipped.train.views(np.arange(3)).shape == (3, 2, 1, 256)
    rows = np.arange(3) + len(flipped.train)
    np.testing.assert_array_equal(flipped.train.batch(rows)[0][0], view.padded(np.arange(3), 1))
    everything = encode(flipped.task, flipped.data, ["train"], Folders((str(captioned / "datasets"),)), tta=True)
    assert everything["train"].views(np.arange(3)).shape == (3, 4, 1, 256)


@pytest.fixture
def own_model(captioned: Path, encoder: Path) -> Path:
    """A folder with a model of one's own photographs, whose encoder is nowhere else any more."""
    weights = next((encoder.parent / "weights").iterdir())
    copied = captioned / weights.name
    copied.write_bytes(weights.read_bytes())
    where = ["--model", captioned / "model", "--data-dir", captioned / "datasets"]
    settings = sets(SETTINGS | EVERYTHING)
    run("train", "captioning", "--data", captioned / "captions.csv", "--encoder-weights", copied, *where, *settings)
    copied.unlink()
    return captioned / "model"


def learned_layers(model: Path) -> set[str]:
    """Those of the encoder that were trained."""
    restored = model_folder.restore(model, "captioning")
    names = {each.path.split("/")[0] for each in restored.model.trainable_variables}
    return {name for name in names if name.startswith("conv")}


@pytest.mark.thorough
def test_the_encoder_travels_with_the_model(own_model: Path):
    run("export", "captioning", "--model", own_model)
    where = ("--model", own_model, "--data-dir", own_model.parent / "datasets")
    result = json.loads(run("evaluate", "captioning", *where, "--json").output)
    assert result["headline"] == "bleu_4"
    assert 0 <= result["bleu_4"] <= 1
    served = predictor.load(own_model)
    (answer,) = served([(own_model.parent / "0.png").read_bytes()])
    assert answer["score"] < 0  # it was read, whatever three steps make of it
    assert (own_model / "report.html").read_text().count("data:image/jpeg") == 2 * result["examples"]
    assert len((own_model / "predictions.csv").read_text().splitlines()) == 1 + result["examples"]
    assert learned_layers(own_model)
    assert served.manifest.batch_size == Image().traits.predict_batch_size < Traits().predict_batch_size
    (own_model / "encoder.weights.h5").write_bytes(b"another")
    with pytest.raises(IntegrityError, match=r"encoder\.weights\.h5 is not the file that was written"):
        model_folder.restore(own_model, "captioning")


@pytest.mark.thorough
@pytest.mark.parametrize(
    "settings",
    [{}, {"encoder_weights": "none"}, {"trainable_encoder_layers": "-1"}, {"scheduled_sampling": "0.5"}],
)
def test_other_trainings(captioned: Path, encoder: Path, settings: dict[str, str]):
    data, folders = ["--data", captioned / "captions.csv"], ["--data-dir", captioned / "datasets"]
    changes = sets(SETTINGS | {"dropout": "0.1"} | settings)
    run("train", "captioning", *data, *folders, "--manual-dir", encoder, "--model", captioned / "model", *changes)
    measured = run("evaluate", "captioning", "--split", "train", "--model", captioned / "model", *folders, "--json")
    assert json.loads(measured.stdout)["examples"] == 10
    encoder_layers = model_folder.restore(captioned / "model", "captioning").task.inputs.image_encoder
    assert bool(learned_layers(captioned / "model")) == encoder_layers.fully_trained


@pytest.mark.thorough
def test_what_an_encoder_knew_is_moved_more_slowly(captioned: Path, encoder: Path):
    ready, moved = prepared(captioned, encoder, [], trainable_encoder_layers="2"), {}
    for multiplier in (0.5, 1.0):
        trainer = ready.configure({"encoder_lr_multiplier": multiplier}).trainer(0)
        known = trainer.model.get_layer("image_encoder").trainable_variables
        others = [each for each in trainer.model.trainable_variables if all(each is not one for one in known)]
        before, before_others = ([each.numpy().copy() for each in group] for group in (known, others))
        trainer._compile(10, ready.train)
        trainer._step(ready.train, np.arange(4))
        moves = [(each - old).numpy().ravel() for each, old in zip(known, before, strict=True)]
        moved[multiplier] = np.concatenate(moves)
        assert any((each.numpy() != old).any() for each, old in zip(others, before_others, strict=True))
    assert moved[1.0].any()
    np.testing.assert_allclose(moved[0.5], moved[1.0] / 2, rtol=1e-3, atol=1e-7)


def test_coco_is_read_one_photograph_after_the_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    class Prepared:
        """As TensorFlow Datasets gives them."""

        def as_dataset(self, *, split: str, decoders: object) -> tf.data.Dataset:
            texts = tf.constant([["A dog runs.", " a\nrunning dog"]])
            return tf.data.Dataset.from_tensor_slices({"image": [split.encode()], "captions": {"text": texts}})

    monkeypatch.setattr("seqtasks.data.tfds.find", lambda name, folders: Prepared())
    found = tasks.find("captioning").examples("coco_captions", Folders((str(tmp_path),)))
    assert {name: each.inputs[:].tolist() for name, each in found.items()} == {
        "train": [b"train"], "validation": [b"val"], "test": [b"test"]
    }  # fmt: skip
    assert found["train"].targets[:].tolist() == ["A dog runs.\na running dog"]


@pytest.mark.parametrize("given", [["--seed", "1"], ["--temperature", "1"], ["--do-sample", "--num-beams", "3"]])
def test_an_option_without_effect_is_told(given: list[str]):
    with pytest.raises(UsageError, match="--do-sample"):
        run("predict", "captioning", "0.png", *given)


@pytest.mark.thorough
def test_the_benchmark_runs():
    result = json.loads(run("bench", "captioning", "--sample-data", "--json").stdout)
    assert [row["work"] for row in result["rows"]] == ["captions, 1 at a time", "captions, 32 at a time", "training"]
    assert result["one_photograph_seconds"] > 0


@pytest.mark.parametrize("learned", ["captioning"], indirect=True)
def test_folds_are_for_classes(learned: Learned):
    with pytest.raises(UsageError, match="folds are for classes; leave --folds out"):
        run("evaluate", "captioning", "--folds", "3", "--model", learned.folder)
