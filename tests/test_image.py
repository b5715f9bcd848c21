"""Photographs as their codec reads them, with an encoder whose weights are chance."""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

from seqtasks.codecs import image_files
from seqtasks.codecs.image import Image
from seqtasks.errors import InputError, UsageError

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
    codec = Image(encoder_weights=str(weights), encoder_width=0.35, size=SIZE)
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
    whole = Image(encoder_weights=str(weights), encoder_width=0.35, size=SIZE)
    codec = Image(encoder_weights=str(weights), encoder_width=0.35, size=SIZE, fine_tuned=behind)
    values = photographs(2)
    assert codec.placeholder().shape[-1] == kept
    inputs = codec.placeholder()
    model = keras.Model(inputs, codec.embed(inputs, {}))
    found = model(codec.encode(values)[0], training=True)  # where batches are normalized as they were before
    np.testing.assert_allclose(found, whole.encode(values)[0], rtol=1e-2, atol=1e-2)
    assert {each.name for each in model.layers if each.trainable_variables} == ({"encoder"} if behind else set())
    before = codec.fingerprint()
    for each in model.trainable_variables:
        each.assign(each * 2)
    assert codec.fingerprint() == before
    assert (before == whole.fingerprint()) == (behind == 0)


def test_photographs_are_seen_in_a_mirror_as_well_and_for_answers_nearer():
    assert Image(encoder="small", size=SIZE).augmented() == ()
    codec = Image(encoder="small", size=SIZE, mirrored=True, near=0.25)
    ways = [codec, *codec.augmented(answering=True)]
    plain, mirrored, near, both = (each.encode(photographs(2))[0].numpy() for each in ways)
    np.testing.assert_array_equal(mirrored, plain[:, :, ::-1])
    np.testing.assert_array_equal(both, near[:, :, ::-1])
    edge = SIZE // 8
    middle = tf.image.resize(plain[:, edge:-edge, edge:-edge], [SIZE, SIZE])
    np.testing.assert_allclose(near, middle, atol=0.5)
    assert len({each.fingerprint() for each in ways}) == 4
    assert codec.augmented() == codec.augmented(answering=True)[:1]  # training has the mirror
    assert len(Image(encoder="small", near=0.1).augmented(answering=True)) == 1


def test_every_way_is_seen_as_each_codec_sees_it(weights: Path):
    codec = Image(encoder_weights=str(weights), encoder_width=0.35, size=SIZE, mirrored=True, near=0.25)
    values = photographs(2)
    every, good = codec.see(values)
    assert good.numpy().all()
    for way, each in enumerate((codec, *codec.augmented(answering=True))):
        np.testing.assert_allclose(every[:, way], each.encode(values)[0], rtol=1e-2, atol=1e-2)


@pytest.mark.parametrize("near", [-0.1, 0.6, float("nan")])
def test_a_look_that_is_too_near_is_refused(near: float):
    with pytest.raises(UsageError, match=r"near is from 0 to 0\.5, not"):
        Image(near=near)


def test_an_encoder_that_is_learned_is_given_the_pictures():
    codec = Image(encoder="small", size=32)
    found, lengths = codec.encode(photographs(3))
    assert (found.dtype, found.shape) == (tf.uint8, (3, 32, 32, 3))
    assert lengths.numpy().tolist() == [32] * 3
    inputs = codec.placeholder()
    assert keras.Model(inputs, codec.embed(inputs, {}))(found).shape == (3, 16, 64)
    assert codec.tables() == []


def test_what_is_no_picture_is_a_grey_one(weights: Path):
    codec = Image(encoder="small", size=32)
    assert (codec.encode(tf.constant([b"nothing"]))[0].numpy() == image_files.GREY).all()


def test_the_fingerprint_is_that_of_encoder_and_weights(weights: Path, tmp_path: Path):
    codec = Image(encoder_weights=str(weights), encoder_width=0.35, size=SIZE)
    again = Image(encoder_weights=str(weights), encoder_width=0.35, size=SIZE)
    assert codec.fingerprint() == again.fingerprint()
    again.network.trainable_variables[0].assign_add(tf.ones_like(again.network.trainable_variables[0]))
    assert codec.fingerprint() != again.fingerprint()


def test_weights_that_are_not_the_encoder_s_are_told(weights: Path, tmp_path: Path):
    (tmp_path / "odd.h5").write_bytes(b"nothing")
    for wrong, options in (("missing.h5", {}), ("odd.h5", {}), (str(weights), {"encoder": "MobileNet"})):
        with pytest.raises(InputError, match=r"does not exist|does not hold the weights"):
            Image(encoder_weights=str(tmp_path / wrong), encoder_width=0.5, size=SIZE, **options).fit([])


@pytest.mark.parametrize("wrong", [{"encoder": "Small"}, {"encoder": "layers"}, {"size": 4}, {"fine_tuned": -2}])
def test_settings_that_make_none_are_refused(wrong: dict[str, object]):
    with pytest.raises(UsageError):
        Image(**wrong)


def test_an_encoder_of_a_size_that_it_cannot_have_is_told():
    with pytest.raises(UsageError, match="MobileNetV2: "):
        _ = Image(encoder_weights="none", size=16).network


def test_other_ways_are_seen_by_the_same_encoder(weights: Path):
    codec = Image(encoder_weights=str(weights), encoder_width=0.35, size=SIZE, mirrored=True, near=0.25)
    assert all(each.network is codec.network for each in codec.augmented(answering=True))
