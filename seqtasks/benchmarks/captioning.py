"""Captions of photographs beside a loop over `model.predict`; training on kept features beside encoding each time.

Neither the weights nor the photographs matter here: both are chance, and every sentence is as long as it may be.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from seqtasks import benchmarks, tasks
from seqtasks.codecs.vocabulary import START
from seqtasks.data import batches
from seqtasks.data.prepare import Data
from seqtasks.task import Examples, Folders, Task
from seqtasks.training.experiment import Lesson

PHOTOGRAPHS, SIDES, VOCABULARY, SEVERAL = 32, (375, 500), 2_500, 5
REPEATS, ALONE, BEAM = 5, 20, 5


def run(folders: Folders, say: Callable[[str], None], *, dataset: str | None = None) -> dict[str, Any]:
    """Captions a second, one photograph at a time and 32 together, and examples a second. With "sample", small."""
    repeats, size, photographs = (1, 96, 4) if dataset else (REPEATS, 224, PHOTOGRAPHS)
    draw = np.random.default_rng(0)
    contents = [_jpeg(draw) for _ in range(photographs)]
    with tempfile.TemporaryDirectory() as name:
        task = _task(Path(name), size)
        examples = Examples.of([(content, _captions(draw)) for content in contents])
        task = Task(**{**vars(task), "targets": task.targets.fit([examples.targets])})
        encoded = batches.encode(examples, task.inputs, task.targets, name="train")
        lesson = Lesson(task, Data("random photographs", {"train": examples}, {}), encoded, None)
        training = lesson.training(0)
        served = benchmarks.export(task, training.model, Path(name), np.array(contents[:2], object)).model
        loop = _Loop(task, training.model)

        def ours(batch: int) -> Callable[[], None]:
            def call() -> None:
                for start in range(0, photographs, batch):
                    served.serve(tf.constant(contents[start : start + batch]))

            return call

        calls = {"1": ours(1), "32": ours(photographs), "loop": lambda: [loop(each) for each in contents[:4]]}
        seconds = benchmarks.interleaved(calls, repeats=repeats)
        rival = seconds["loop"] / 4
        say(f"{photographs / seconds['1']:.1f} captions a second one by one, {1 / rival:.2f} by a loop")
        width = tasks.find("captioning").settings["beam"]
        _taken(served, contents[0], width)
        alone = median(_taken(served, content, width) for content in (contents * ALONE)[:ALONE])
        say(f"one photograph in {alone:.3f} s with the {width} beams of the default")
        training._compile(1_000, encoded)
        place = training._order(encoded, 0)[0]
        encode = tf.function(task.inputs.encode, input_signature=[tf.TensorSpec([None], tf.string)], autograph=False)

        def encoding() -> None:
            encode(tf.constant(contents))
            training._step(encoded, place)

        steps = {"kept": lambda: training._step(encoded, place), "each time": encoding}
        learned = benchmarks.interleaved(steps, repeats=repeats)
    rows = [
        {"work": f"captions, {batch} at a time", "rival": "predict-loop", **_rates(photographs, seconds[batch], rival)}
        for batch in ("1", "32")
    ]
    rates = _rates(photographs, learned["kept"], learned["each time"] / photographs)
    return {
        "benchmark": "captioning",
        "dataset": "random photographs",
        **benchmarks.circumstances(),
        "rows": [*rows, {"work": "training", "rival": "encoding each time", **rates}],
        "one_photograph_seconds": alone,
    }


def _rates(examples: int, ours: float, rival_each: float) -> dict[str, float]:
    return {"a_second": examples / ours, "rival_a_second": 1 / rival_each, "ratio": rival_each * examples / ours}


def _taken(served: Any, content: bytes, width: int) -> float:
    start = time.perf_counter()
    served.alternatives(tf.constant([content]), width)
    return time.perf_counter() - start


def _task(folder: Path, size: int) -> Task:
    """Captioning with an encoder whose weights are chance."""
    weights = folder / "encoder.weights.h5"
    make = keras.applications.MobileNetV2
    make(weights=None, include_top=False, input_shape=(size, size, 3)).save_weights(weights)
    return tasks.find("captioning").configure({"encoder_weights": str(weights), "size": size, "least": 1, "beam": BEAM})


def _jpeg(draw: np.random.Generator) -> bytes:
    small = draw.integers(0, 255, (SIDES[0] // 25, SIDES[1] // 25, 3), np.uint8)
    pixels = tf.cast(tf.image.resize(small, SIDES, "bicubic"), tf.uint8)
    return bytes(tf.io.encode_jpeg(pixels).numpy())


def _captions(draw: np.random.Generator) -> str:
    """Five of them, of 8 to 16 words."""
    lengths = draw.integers(8, 17, SEVERAL)
    return "\n".join(" ".join(f"w{number}" for number in draw.integers(0, VOCABULARY, length)) for length in lengths)


class _Loop:
    """What people write: features by `predict`, then all beams of a picture in one `predict` for each word.

    Of the picture in all the ways that ours sees it, together.
    """

    def __init__(self, task: Task, model: keras.Model) -> None:
        self.beam, self.size, self.most = task.settings["beam"], task.inputs.size, task.targets.words + 1
        self.looks = (task.inputs, *task.inputs.augmented(answering=True))
        kept, ids = model.inputs
        regions = model.get_layer("looked_at").output
        photographs = keras.Input((self.size, self.size, 3))
        grid = keras.layers.Reshape(kept.shape[1:])(task.inputs.beginning(photographs))
        self.encoder = keras.Model(photographs, keras.Model(kept, regions)(keras.ops.cast(grid, "float16")))
        self.teller = keras.Model([regions, ids], model.output)

    def __call__(self, content: bytes) -> np.ndarray:
        picture = tf.image.resize(tf.io.decode_jpeg(content), (self.size, self.size))[None]
        seen = np.concatenate([look.turned(picture) for look in self.looks])
        regions = self.encoder.predict(keras.applications.mobilenet_v2.preprocess_input(seen), verbose=0)
        values = np.repeat(regions, self.beam, axis=0)
        ways = np.full((self.beam, 1, 1), START, np.int32)
        totals = np.array([0.0] + [-np.inf] * (self.beam - 1))
        for _ in range(self.most):
            logits = self.teller.predict([values, np.tile(ways, (len(seen), 1, 1))], verbose=0)[0][:, 0, -1]
            told = np.exp(logits) / np.exp(logits).sum(axis=-1, keepdims=True)
            chances = np.log(told.reshape(len(seen), self.beam, *told.shape[1:]).mean(axis=(0, 2)))
            every = (totals[:, None] + chances).ravel()
            best = np.argsort(-every)[: self.beam]
            parent, word = np.divmod(best, chances.shape[-1])
            ways = np.concatenate([ways[parent], word[:, None, None].astype(np.int32)], axis=2)
            totals = every[best]
        return ways
