"""Photographs as their codec reads them, with an encoder whose weights are chance."""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

from seqtasks import codecs
from seqtasks.codecs import encoder_weights, image, image_files
from seqtasks.codecs.image import Image
from seqtasks.data import rows
from seqtasks.errors import InputError, ResourceError, UsageError
from seqtasks.task import Folders

SIZE = 64


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The weights of a narrow encoder."""
    keras.utils.set_random_seed(0)
    path = tmp_path_factory.mktemp("weights") / "encoder.weights.h5"
    network = keras.applications.MobileNetV2(weights=None, include_top=False, input_shape=(SIZE, SIZE, 3), alpha=0.35)
    for layer in network.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.gamma.assign(3 * tf.ones_like(layer.gamma))  # or hardly anything would come through
    network.save_weights(path)
    return path


def photographs(count: int) -> tf.Tensor:
    draw = np.random.default_rng(0)
    return tf.stack([tf.io.encode_png(draw.integers(0, 255, (SIZE, SIZE, 3), np.uint8)) for _ in range(count)])


def test_features_are_what_the_encoder_makes_of_the_picture(weights: Path):
    codec = Image(encoder_weights=str(weights), encoder_alpha=0.35, image_size=SIZE)
    values = photographs(2)
    found, lengths = tf.function(codec.encode, autograph=False)(values)
    assert found.dtype == tf.float16
    assert found.shape[1:] == codec.placeholder().shape[1:] == (4, 1280)
    assert lengths.numpy().tolist() == [4, 4]
    seen = tf.cast(image_files.upright(values, SIZE)[0], tf.float32)
    network = keras.applications.MobileNetV2(weights=None, include_top=False, input_shape=(SIZE, SIZE, 3), alpha=0.35)
    network.load_weights(weights)
    np.testing.assert_allclose(found, network(seen / 127.5 - 1).numpy().reshape(2, 4, 1280), rtol=2e-3, atol=2e-3)
    assert np.abs(found[0] - found[1]).max() > 1e-3


@pytest.mark.parametrize(
    ("behind", "kept"),
    [
        pytest.param(0, 1280, marks=pytest.mark.thorough),
        (3, 336),
        pytest.param(4, 56, marks=pytest.mark.thorough),
        (-1, 3),
    ],
)
def test_what_is_trained_begins_where_what_is_kept_ends(weights: Path, behind: int, kept: int):
    whole = Image(encoder_weights=str(weights), encoder_alpha=0.35, image_size=SIZE)
    codec = Image(encoder_weights=str(weights), encoder_alpha=0.35, image_size=SIZE, trainable_encoder_layers=behind)
    values = photographs(2)
    assert codec.placeholder().shape[-1] == kept
    inputs = codec.placeholder()
    model = keras.Model(inputs, codec.embed(inputs, {}))
    found = model(codec.encode(values)[0], training=True)  # where batches are normalized as they were before
    np.testing.assert_allclose(found, whole.encode(values)[0], rtol=1e-2, atol=1e-2)
    assert {each.name for each in model.layers if each.trainable_variables} == ({"image_encoder"} if behind else set())
    before = codec.fingerprint()
    for each in model.trainable_variables:
        each.assign(each * 2)
    assert codec.fingerprint() == before
    assert (before == whole.fingerprint()) == (behind == 0)


def test_views_are_flipped_and_centre_crops():
    codec = Image(encoder="small", image_size=SIZE, flip_augmentation=True, tta="flip_crop")
    views = [codec, *codec.traits.tta]
    plain, flipped, crop, both = (each.encode(photographs(2))[0].numpy() for each in views)
    np.testing.assert_array_equal(flipped, plain[:, :, ::-1])
    np.testing.assert_array_equal(both, crop[:, :, ::-1])
    edge = round(SIZE * image.TTA_CROP / 2)
    middle = tf.image.resize(plain[:, edge:-edge, edge:-edge], [SIZE, SIZE])
    np.testing.assert_allclose(crop, middle, atol=0.5)
    assert len({each.fingerprint() for each in views}) == 4


@pytest.mark.parametrize(("tta", "views"), [("none", []), ("flip", ["flip"]), ("flip_crop", list(image.VIEWS)[1:])])
@pytest.mark.parametrize("flipped", [False, True])
def test_training_sees_flipped_pictures_and_answers_are_averaged_over_views(flipped: bool, tta: str, views: list[str]):
    traits = Image(encoder="small", flip_augmentation=flipped, tta=tta).traits
    assert [each.view for each in traits.augmentations] == ["flip"] * flipped
    assert [each.view for each in traits.tta] == views


@pytest.mark.parametrize(
    "tta", [pytest.param(name, marks=() if name == "flip_crop" else pytest.mark.thorough) for name in image.TTA]
)
def test_every_view_is_seen_as_its_codec_sees_it(weights: Path, tta: str):
    codec = Image(encoder_weights=str(weights), encoder_alpha=0.35, image_size=SIZE, tta=tta)
    values = photographs(2)
    pictures, good = codec.decode_images(values)
    assert good.numpy().all()
    found = codec.features_of_views(pictures)
    assert found.shape[1] == 1 + len(codec.traits.tta)
    for view, each in enumerate((codec, *codec.traits.tta)):
        np.testing.assert_allclose(found[:, view], each.encode(values)[0], rtol=1e-2, atol=1e-2)


def test_all_views_are_seen_by_one_encoder(weights: Path):
    codec = Image(encoder_weights=str(weights), encoder_alpha=0.35, image_size=SIZE, flip_augmentation=True, tta="flip")
    traits = codec.traits
    assert all(
        each.image_encoder.network is codec.image_encoder.network for each in (*traits.augmentations, *traits.tta)
    )


def test_weights_that_were_written_again_are_read_again(weights: Path, tmp_path: Path):
    path = tmp_path / "copied.weights.h5"
    path.write_bytes(weights.read_bytes())
    before = Image(encoder_weights=str(path), encoder_alpha=0.35, image_size=SIZE).fingerprint()
    network = keras.applications.MobileNetV2(weights=None, include_top=False, input_shape=(SIZE, SIZE, 3), alpha=0.35)
    network.save_weights(path)
    assert Image(encoder_weights=str(path), encoder_alpha=0.35, image_size=SIZE).fingerprint() != before


def test_an_encoder_that_is_learned_is_given_the_pictures():
    codec = Image(encoder="small", image_size=32)
    found, lengths = codec.encode(photographs(3))
    assert (found.dtype, found.shape) == (tf.uint8, (3, 32, 32, 3))
    assert lengths.numpy().tolist() == [32] * 3
    inputs = codec.placeholder()
    assert keras.Model(inputs, codec.embed(inputs, {}))(found).shape == (3, 16, 64)
    assert codec.tables() == []


def test_what_is_no_picture_is_a_grey_one(weights: Path):
    codec = Image(encoder="small", image_size=32)
    assert (codec.encode(tf.constant([b"nothing"]))[0].numpy() == image_files.GREY).all()


def test_the_fingerprint_is_that_of_encoder_and_weights(weights: Path):
    codec = Image(encoder_weights=str(weights), encoder_alpha=0.35, image_size=SIZE)
    again = Image(encoder_weights=str(weights), encoder_alpha=0.35, image_size=SIZE, flip_augmentation=True)
    assert codec.fingerprint() == again.fingerprint()
    assert codec.traits.cache_key is not None
    assert codec.traits.cache_key() == codec.fingerprint()
    before, variable = codec.fingerprint(), codec.image_encoder.network.trainable_variables[0]
    value = variable.numpy()
    variable.assign_add(tf.ones_like(variable))
    changed = codec.fingerprint()
    variable.assign(value)  # of the network that other tests share
    assert changed != before == codec.fingerprint()


def test_features_are_kept_under_their_name_as_long_as_all_pictures_are_read_as_ever():
    codec = Image(encoder="small", image_size=32)
    jpeg, png = tf.io.encode_jpeg(np.zeros((8, 8, 3), np.uint8)).numpy(), photographs(1)[0].numpy()
    assert rows._versions(np.array([jpeg, jpeg], object), codec) == []
    assert rows._versions(np.array([jpeg, png, png], object), codec) == ["2"]


def test_weights_that_are_not_the_encoder_s_are_told(weights: Path, tmp_path: Path):
    (tmp_path / "odd.h5").write_bytes(b"nothing")
    for wrong, options in (("missing.h5", {}), ("odd.h5", {}), (str(weights), {"encoder": "MobileNet"})):
        with pytest.raises(InputError, match=r"does not exist|does not hold the weights"):
            Image(encoder_weights=str(tmp_path / wrong), encoder_alpha=0.5, image_size=SIZE, **options).fit(
                [], Folders(())
            )


@pytest.mark.parametrize(
    "wrong",
    [
        {"encoder": "Small"},
        {"encoder": "layers"},
        {"image_size": 4},
        {"trainable_encoder_layers": -2},
        {"tta": "crop"},
        {"encoder_alpha": float("nan")},
        {"encoder_alpha": 0.0},
    ],
)
def test_settings_that_make_none_are_refused(wrong: dict[str, object]):
    with pytest.raises(UsageError):
        Image(**wrong)


def test_an_encoder_of_a_size_that_it_cannot_have_is_told():
    with pytest.raises(UsageError, match="MobileNetV2: "):
        _ = Image(encoder_weights="none", image_size=16).image_encoder.network


@pytest.mark.parametrize(
    ("options", "asset", "recorded"),
    [
        ({}, True, None),
        ({"trainable_encoder_layers": 4}, True, None),
        ({"trainable_encoder_layers": -1}, False, "none"),
        ({"encoder_weights": "none"}, False, "none"),
        ({"encoder": "small"}, False, None),
    ],
)
def test_the_weights_of_what_is_not_trained_travel_with_a_model(
    weights: Path, tmp_path: Path, options: dict[str, object], asset: bool, recorded: str | None
):
    codec = Image(**{"encoder_weights": str(weights), "encoder_alpha": 0.35, "image_size": SIZE, **options})
    assets = codec.traits.assets
    for each in assets.values():
        each.write(tmp_path / each.name)
    assert [each.name for each in assets.values()] == ["encoder.weights.h5"] * asset
    described = codecs.describe(codec)
    assert described["encoder_weights"] == (recorded or codec.encoder_weights)
    restored = codecs.restore(described, lambda name: tmp_path / name)
    if asset:
        assert restored.encoder_weights == str(tmp_path / "encoder.weights.h5")
        assert restored.fingerprint() == codec.fingerprint()
    assert restored.image_encoder.fully_trained == codec.image_encoder.fully_trained


@pytest.mark.parametrize(
    ("encoder", "alpha", "name", "found"),
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
def test_an_encoder_finds_its_file_by_name(tmp_path: Path, encoder: str, alpha: float, name: str, found: bool):
    (tmp_path / "weights").mkdir()
    (tmp_path / "weights" / name).touch()
    for manual in (tmp_path, tmp_path / "data"):  # inside the folder, or next to it
        assert bool(encoder_weights.find(encoder, alpha, 224, manual)) == found


def test_no_weights_and_no_network(monkeypatch: pytest.MonkeyPatch):
    def refuse(**options: object) -> None:
        raise Exception("URL fetch failure")

    monkeypatch.setattr(keras.applications, "MobileNetV2", refuse)
    with pytest.raises(
        ResourceError, match=r"the weights of MobileNetV2 are not in Keras's cache .* --encoder-weights"
    ):
        Image().fit([], Folders(()))
