"""Photographs of one's own: learned from, kept as features, told of."""

from __future__ import annotations

import io
import json
import os
import re
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
from click.testing import CliRunner
from PIL import Image as Picture

from seqtasks import files, tasks
from seqtasks.cli import group
from seqtasks.codecs.image import Image
from seqtasks.codecs.labels import Labels
from seqtasks.codecs.sentences import Sentences
from seqtasks.codecs.text import Text
from seqtasks.data import batches, user
from seqtasks.data.readers import Options
from seqtasks.errors import InputError, IntegrityError, ResourceError, UsageError
from seqtasks.inference import predictor
from seqtasks.metrics import classification, report
from seqtasks.task import Examples, Folders
from seqtasks.training import experiment, model_folder
from tests.conftest import Learned, run, sets
from tests.samples import answers

SIZE = 32
SETTINGS = {
    "encoder": "MobileNet",
    "encoder_width": "0.25",
    "size": str(SIZE),
    "fine_tuned": "0",
    "mirrored": "no",
    "near": "0",
    "epochs": "1",
    "batch": "4",
    "least_steps": "3",
    "units": "8",
    "embedding": "8",
    "attention": "8",
    "least": "1",
    "words": "8",
    "beam": "2",
    "tied": "yes",  # or three steps teach it that nothing is to be said
}
EVERY_WAY = {"dropout": "0.1", "fine_tuned": "2", "mirrored": "yes", "near": "0.25", "scheduled": "0.5"}


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


def read(path: Path, **options: bool) -> dict[str, Examples]:
    columns = user.Columns(Image(encoder="small", size=SIZE), Sentences(), files=True)
    source = user.Source(str(path), None, Options(**options))
    return user.read(source, columns, path.parent / "datasets", lambda text: None)


@pytest.mark.parametrize("named", ["captions.csv", ""])
def test_what_is_told_of_a_picture_is_one_target(captioned: Path, named: str):
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
    "text.jpg,a dog": r"captions\.csv:814 names .*text\.jpg, which is no JPEG, PNG, GIF or WebP",
    "cut.jpg,a dog": r"captions\.csv:814 names .*cut\.jpg, which is cut off or damaged",
    "bomb.png,a dog": r"captions\.csv:814 names .*bomb\.png, which is of 400 million pixels, more than 40 million",
    "x" * 300 + ",a dog": r"captions\.csv:814 names .*x, which cannot be read \(File name too long\)",
    "pipe.png,a dog": r"captions\.csv:814 names .*pipe\.png, which is a pipe or a device; give the path",
    "/dev/zero,a dog": r"captions\.csv:814 names /dev/zero, which is a pipe or a device",
    "circle.png,a dog": r"captions\.csv:814 names .*circle\.png, which cannot be read \(Too many levels of symb",
    "a folder,a dog": r"captions\.csv:814 names .*a folder, which cannot be read \(Is a directory\)",
    "0.png,": r"captions\.csv:814 has no caption; fill it in",
    "0.png,...": r"captions\.csv:814 has a caption without a word",
    "0.png," + "a " * 200: r"captions\.csv:814 has a caption of 200 words, more than 100",
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
    (kept,) = read(table, skip_invalid=True)["train"].targets[:]
    assert kept.split("\n")[-1] == "the last"


def test_a_line_without_a_picture_is_a_row_like_others(tmp_path: Path):
    photographs(tmp_path, 1)
    lines = ({"image": "0.png", "caption": "a cat"}, {"caption": "a dog"})
    (tmp_path / "captions.jsonl").write_text("\n".join(map(json.dumps, lines)))
    with pytest.raises(InputError, match=r"captions\.jsonl:2 names "):
        read(tmp_path / "captions.jsonl")
    assert len(read(tmp_path / "captions.jsonl", skip_invalid=True)["train"]) == 1


@pytest.mark.parametrize("count", [0, 2])
def test_a_folder_has_one_table(tmp_path: Path, count: int):
    for number in range(count):
        (tmp_path / f"{number}.csv").write_text("image,caption\n")
    with pytest.raises(InputError, match=r"has (no table|2 tables \(0.csv, 1.csv\)); give a folder with one CSV"):
        read(tmp_path)


def prepared(captioned: Path, encoder: Path, said: list[str], **changes: str) -> experiment.Lesson:
    folders = Folders((str(captioned / "datasets"),), str(encoder))
    task = tasks.find("captioning").configure(SETTINGS | changes)
    return experiment.prepare(task, user.Source(str(captioned / "captions.csv")), folders, said.append)


def test_features_are_computed_once_and_again_where_they_are_damaged(captioned: Path, encoder: Path):
    said: list[str] = []
    first = prepared(captioned, encoder, said)
    assert first.task.inputs.encoder_weights.endswith("no_top.weights.h5")
    assert first.train.batch(np.arange(2))[0][0].shape == (2, 1, 256)
    whole = first.train.fingerprint()
    assert len(said) == 1
    assert prepared(captioned, encoder, said).train.fingerprint() == whole
    assert prepared(captioned, encoder, said, words="7").train.fingerprint() != whole  # of what is told, not of these
    assert len(said) == 1
    one, *others = sorted((captioned / "datasets" / "own").glob("encoded-*"))
    values = {each / "values.bin": (each / "values.bin").read_bytes() for each in (one, *others)}
    (one / "rows.npz").write_bytes(b"")  # as a full disk leaves it
    for each in others:
        content = bytearray(values[each / "values.bin"])
        content[100] ^= 1
        (each / "values.bin").write_bytes(content)
    assert prepared(captioned, encoder, said).train.fingerprint() == whole
    assert {file: file.read_bytes() for file in values} == values
    assert sum("rows.npz cannot be read (EOFError): it is made again" in each for each in said) == 1
    assert sum("values.bin is not what was written: it is made again" in each for each in said) == len(others) >= 1


def test_encoding_goes_on_where_it_was_interrupted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(batches, "PART", 2 * batches.CHUNK)
    texts = np.array([f"word{number} ".encode() * (number % 3 + 1) for number in range(2_600)], object)
    examples = Examples(texts, np.array(["a", "b"] * 1_300, object))
    codec, labels = Text().fit([texts]), Labels(("a", "b"))

    def encoded(folder: Path) -> str:
        given = (examples, codec, labels, folder)
        return batches.encode_to_disk(*given, name="train", notice=lambda text: None).fingerprint()

    def interrupt(point: str) -> None:
        if point == "part.renamed" and len(list((tmp_path / "cut-parts").glob("*.npz"))) == 2:
            raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(files, "fault", interrupt)
        with pytest.raises(KeyboardInterrupt):
            encoded(tmp_path / "cut")
    _, second = sorted((tmp_path / "cut-parts").glob("*.npz"))
    second.write_bytes(second.read_bytes()[:-100])  # what the disk lost
    whole, made = encoded(tmp_path / "whole"), list[str]()
    monkeypatch.setattr(files, "fault", made.append)
    assert encoded(tmp_path / "cut") == whole
    assert made.count("part.renamed") == 2  # the second and the third
    assert not (tmp_path / "cut-parts").exists()


@pytest.fixture
def own_model(captioned: Path, encoder: Path) -> Path:
    """A folder with a model of one's own photographs, whose encoder is nowhere else any more."""
    weights = next((encoder.parent / "weights").iterdir())
    copied = captioned / weights.name
    copied.write_bytes(weights.read_bytes())
    where = ["--model", captioned / "model", "--datasets", captioned / "datasets"]
    settings = sets(SETTINGS | EVERY_WAY)
    run("train", "captioning", "--data", captioned / "captions.csv", "--encoder-weights", copied, *where, *settings)
    copied.unlink()
    return captioned / "model"


def learned_layers(model: Path) -> set[str]:
    """Those of the encoder that were trained."""
    restored = model_folder.restore(model, "captioning")
    names = {each.path.split("/")[0] for each in restored.model.trainable_variables}
    return {name for name in names if name.startswith("conv")}


def test_the_encoder_travels_with_the_model(own_model: Path):
    run("export", "captioning", "--model", own_model)
    result = json.loads(
        run(
            "evaluate", "captioning", "--model", own_model, "--datasets", own_model.parent / "datasets", "--json"
        ).output
    )
    assert 0 <= result["bleu_4"] <= 1
    (answer,) = predictor.load(own_model)([(own_model.parent / "0.png").read_bytes()])
    assert answer["score"] < 0  # it was read, whatever three steps make of it
    assert (own_model / "captions.html").read_text().count("<img") == result["examples"]
    assert learned_layers(own_model)
    assert predictor.load(own_model).batch == Image().answered_at_once < predictor.BATCH
    (own_model / "encoder.weights.h5").write_bytes(b"another")
    with pytest.raises(IntegrityError, match=r"encoder\.weights\.h5 is not the file that was written"):
        model_folder.restore(own_model, "captioning")


@pytest.mark.parametrize(
    ("encoder", "width", "name", "found"),
    [
        ("MobileNet", 0.25, "mobilenet_2_5_224_tf_no_top.h5", True),
        ("MobileNet", 1.0, "mobilenet_1_0_224_tf_no_top.h5", True),
        ("MobileNet", 0.5, "mobilenet_2_5_224_tf_no_top.h5", False),
        ("MobileNetV2", 0.35, "mobilenet_v2_weights_tf_dim_ordering_tf_kernels_0.35_224_no_top.h5", True),
        ("MobileNetV2", 1.0, "mobilenet_v2_0.35_224_no_top.h5", False),
        ("MobileNet", 1.0, "mobilenet_v2_1.0_224_no_top.h5", False),
        ("MobileNetV3Small", 0.75, "weights_mobilenet_v3_small_224_0.75_float_no_top_v2.h5", True),
        ("MobileNetV3Small", 1.0, "weights_mobilenet_v3_large_224_1.0_float_no_top_v2.h5", False),
        ("VGG16", 1.0, "vgg16_weights_tf_dim_ordering_tf_kernels_notop.h5", True),
        ("VGG16", 1.0, "vgg16_weights_tf_dim_ordering_tf_kernels.h5", False),
    ],
)
def test_an_encoder_finds_its_file_by_name(tmp_path: Path, encoder: str, width: float, name: str, found: bool):
    (tmp_path / "weights").mkdir()
    (tmp_path / "weights" / name).touch()
    located = Image(encoder=encoder, encoder_width=width).located(tmp_path)
    assert (located.encoder_weights != "imagenet") == found


@pytest.mark.thorough
@pytest.mark.parametrize("settings", [{}, {"encoder_weights": "none"}, {"fine_tuned": "-1"}, {"scheduled": "0.5"}])
def test_other_ways_to_learn(captioned: Path, encoder: Path, settings: dict[str, str]):
    data, folders = ["--data", captioned / "captions.csv"], ["--datasets", captioned / "datasets"]
    changes = sets(SETTINGS | {"dropout": "0.1"} | settings)
    run("train", "captioning", *data, *folders, "--manual-dir", encoder, "--model", captioned / "model", *changes)
    judged = run("evaluate", "captioning", "--split", "train", "--model", captioned / "model", *folders, "--json")
    assert json.loads(judged.stdout)["examples"] == 10
    tuned = model_folder.restore(captioned / "model", "captioning").task.inputs.fine_tuned != 0
    assert bool(learned_layers(captioned / "model")) == tuned


@pytest.mark.thorough
def test_what_an_encoder_knew_is_moved_more_slowly(captioned: Path, encoder: Path):
    lesson, moved = prepared(captioned, encoder, [], fine_tuned="2"), {}
    for rate in (0.5, 1.0):
        training = lesson.configure({"tuned_rate": rate}).training(0)
        known = training.model.get_layer("encoder").trainable_variables
        others = [each for each in training.model.trainable_variables if all(each is not one for one in known)]
        before, before_others = ([each.numpy().copy() for each in group] for group in (known, others))
        training._compile(10, lesson.train)
        training._step(lesson.train, np.arange(4))
        moved[rate] = np.concatenate([(each - old).numpy().ravel() for each, old in zip(known, before, strict=True)])
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


def test_no_weights_and_no_network(monkeypatch: pytest.MonkeyPatch):
    def refuse(**options: object) -> None:
        raise Exception("URL fetch failure")

    monkeypatch.setattr(keras.applications, "MobileNetV2", refuse)
    with pytest.raises(
        ResourceError, match=r"the weights of MobileNetV2 are not in Keras's cache .* --encoder-weights"
    ):
        _ = Image().network


of_captioning = pytest.mark.parametrize("learned", ["captioning"], indirect=True)


@pytest.fixture
def scenes(tmp_path: Path) -> dict[Path, str]:
    """Files of scenes that were learned, and what is to be seen in them."""
    found = {}
    for number, (content, caption) in enumerate(answers("captioning").items()):
        found[tmp_path / f"{number}.png"] = caption
        (tmp_path / f"{number}.png").write_bytes(content)
    return found


@of_captioning
def test_caption_says_what_is_to_be_seen(learned: Learned, scenes: dict[Path, str], tmp_path: Path):
    model = learned.folder
    first, caption = next(iter(scenes.items()))
    assert re.fullmatch(rf"{caption}\t-\d\.\d\d\n", run("caption", first, "--model", model).output)
    every = run("caption", tmp_path, "--beam", "2", "--model", model).output.splitlines()
    assert [line.split("\t")[:2] for line in every] == [[str(path), caption] for path, caption in scenes.items()]
    (told,) = json.loads(run("caption", first, "--json", "--beam", "4", "--model", model).output)
    assert told["answer"] == caption
    assert [each["score"] for each in told["alternatives"]] == sorted(
        (each["score"] for each in told["alternatives"]), reverse=True
    )
    assert len(told["alternatives"]) == 3
    given = CliRunner().invoke(group, ["caption", "-", "--model", str(model)], input=first.read_bytes())
    assert given.stdout.startswith(f"{caption}\t-")


@of_captioning
def test_caption_by_chance_follows_the_seed(learned: Learned, scenes: dict[Path, str]):
    model = learned.folder
    asked = ("caption", *scenes, "--sample", "--temperature", "3", "--model", model)
    assert run(*asked, "--seed", "1").output == run(*asked, "--seed", "1").output != run(*asked, "--seed", "2").output


@of_captioning
@pytest.mark.parametrize("given", [["--seed", "1"], ["--temperature", "1"], ["--sample", "--beam", "3"]])
def test_what_has_no_use_is_told(learned: Learned, scenes: dict[Path, str], given: list[str]):
    with pytest.raises(UsageError, match="--sample"):
        run("caption", *scenes, *given, "--model", learned.folder)


@of_captioning
def test_caption_draws_where_it_looked(learned: Learned, scenes: dict[Path, str], tmp_path: Path):
    model = learned.folder
    run("caption", next(iter(scenes)), "--attention", tmp_path / "out.png", "--model", model)
    with Picture.open(tmp_path / "out.png") as drawn:
        assert min(drawn.size) > 300


@of_captioning
def test_caption_of_what_is_no_picture(learned: Learned, scenes: dict[Path, str], tmp_path: Path):
    model = learned.folder
    (tmp_path / "5.png").write_bytes(b"hi")
    with pytest.raises(InputError, match=r"5\.png is no JPEG, PNG, GIF or WebP"):
        run("caption", tmp_path, "--model", model)
    (tmp_path / "6.png").symlink_to(tmp_path / "gone.png")
    done = run("caption", tmp_path, "--skip-invalid", "--model", model)
    assert "6.png is not to be read (No such file or directory)\n2 left out" in done.stderr
    assert len(done.stdout.splitlines()) == len(scenes)
    (twice,) = scenes.keys() & {tmp_path / "0.png"}
    assert len(run("caption", twice, twice, "--model", model).stdout.splitlines()) == 2
    for wrong, message in (("none.png", "does not exist"), (tmp_path / "empty", r"has no picture")):
        (tmp_path / "empty").mkdir(exist_ok=True)
        with pytest.raises(InputError, match=message):
            run("caption", wrong, "--model", model)
    os.mkfifo(tmp_path / "empty" / "pipe.png")
    with pytest.raises(InputError, match=r"pipe\.png is a pipe or a device"):
        run("caption", tmp_path / "empty", "--model", model)


@of_captioning
def test_predict_over_a_table_of_paths(
    learned: Learned, scenes: dict[Path, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    model = learned.folder
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")  # what cannot be read is set aside here
    names = [path.name for path in scenes]  # beside the table, as in training
    (tmp_path / "a folder").mkdir()
    rows = [f"7,{name}\n" for name in [*names, "none.png", "a folder"]]
    (tmp_path / "some.csv").write_text("number,image\n" + "".join(rows))
    printed = run("predict", "captioning", "--file", tmp_path / "some.csv", "--model", model).stdout.splitlines()
    assert printed[0] == "number,image,answer,score"
    assert [line.split(",")[2] for line in printed[1:]] == list(scenes.values())
    assert all(float(line.split(",")[3]) < 0 for line in printed[1:])
    aside = [json.loads(line) for line in (tmp_path / "here" / "some.csv.rejects.jsonl").read_text().splitlines()]
    assert [each["row"] for each in aside] == [len(names) + 2, len(names) + 3]
    assert "does not exist" in aside[0]["reason"]
    assert "Is a directory" in aside[1]["reason"]


@pytest.mark.thorough
def test_the_benchmark_runs():
    result = json.loads(run("bench", "captioning", "--sample", "--json").stdout)
    assert [row["work"] for row in result["rows"]] == ["captions, 1 at a time", "captions, 32 at a time", "training"]
    assert result["one_photograph_seconds"] > 0


def test_figures_of_sentences():
    written = ["A dog runs.", "a dog runs", "a cat"]
    references = [["a dog runs"], ["a man"], ["the cat", "a cat sits"]]
    found = classification.captions(written, references, ["a cat", "nothing"])
    assert found["exact_match"] == pytest.approx(1 / 3)
    assert found["new"] == pytest.approx(2 / 3)
    assert found["distinct"] == pytest.approx(2 / 3)
    assert 0 < found["bleu_1"] < 1


def test_a_page_shows_pictures_and_escapes_words():
    page = report.captions("a & b", "test", [b"\x89PNG..."], ["<b>"], [["a", "b<"]])
    assert "data:image/png;base64,iVBORy4uLg==" in page
    assert "<h2>&lt;b&gt;</h2><ul><li>a</li><li>b&lt;</li></ul>" in page


@of_captioning
def test_folds_are_for_classes(learned: Learned):
    with pytest.raises(UsageError, match="folds are for classes; leave --folds out"):
        run("evaluate", "captioning", "--folds", "3", "--model", learned.folder)
