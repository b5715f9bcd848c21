"""What does a photograph show?

One-to-many. Flickr8k (Hodosh, Young and Hockenmaier, 2013), 8,000 photographs with five captions each, through a
builder of the project's; COCO's 83,000 (Chen et al., 2015), through TensorFlow Datasets; your own photographs with
captions; or drawn scenes of two coloured shapes and how they stand to each other.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from seqtasks.codecs.image import Image
from seqtasks.codecs.sentences import Sentences
from seqtasks.data import store, tfds
from seqtasks.data.samples import scenes
from seqtasks.errors import unknown
from seqtasks.patterns import one_to_many
from seqtasks.setting import Value
from seqtasks.task import SAMPLE, Examples, Folders, Task

DATASET = "flickr8k"
SPLITS = ("train", "validation", "test")
DATASETS = {"flickr8k": SPLITS, "coco_captions": ("train", "val", "test")}  # and how they name their splits

SCENES, SIDE = 4_000, 64  # how many, and their sides in pixels
HELD_OUT = 8  # every eighth is for the test
SMALL: dict[str, Value] = {  # for drawn scenes: an encoder that is learned with the rest
    "encoder": "small",
    "trainable_encoder_layers": 0,
    "flip_augmentation": False,  # or left were right
    "tta": "none",
    "image_size": SIDE,
    "min_frequency": 1,
    "max_target_length": 12,
    "epochs": 12,
    "batch_size": 64,
    "learning_rate": 3e-3,
    "patience": 12,
    "num_decoders": 1,
    "units": 128,
    "embedding_dim": 32,
    "attention_dim": 64,
    "dropout": 0.1,
    "embedding_dropout": 0.0,
    "output_dropout": 0.0,
    "label_smoothing": 0.0,
    "ema_momentum": 0.99,
    "num_beams": 3,
}


def examples(dataset: str, folders: Folders) -> Mapping[str, Examples]:
    """The splits: photographs, bytes (N,), and their captions, about five each, str (N,), with line feeds between."""
    if dataset not in DATASETS:
        raise unknown("data set", dataset, [*DATASETS, SAMPLE])
    if dataset != DATASET:  # which fits into the memory
        builder = tfds.find(dataset, folders) or tfds.prepare(dataset, folders)
        folder = Path(folders.datasets[0]) / store.FOLDER
        return {
            name: store.kept(folder / f"{dataset}-{split}", functools.partial(tfds.captioned, builder, split))
            for name, split in zip(SPLITS, DATASETS[dataset], strict=True)
        }
    found = tfds.load(dataset, folders, SPLITS)
    captions = {name: [each.decode() for each in rows["captions"]] for name, rows in found.items()}
    return {name: Examples(rows["image"], np.array(captions[name], object)) for name, rows in found.items()}


def sample() -> Mapping[str, Examples]:
    """Scenes of two things of different colours, one above, left of or inside the other."""
    rows: dict[str, list[tuple[bytes, str]]] = {"train": [], "test": []}
    for number, pair in enumerate(scenes.draw(SCENES, SIDE)):
        rows["test" if number % HELD_OUT == 0 else "train"].append(pair)
    return {split: Examples.of(pairs) for split, pairs in rows.items()}


TASK = Task(
    name="captioning",
    pattern=one_to_many,
    inputs=Image(trainable_encoder_layers=4, flip_augmentation=True, tta="flip_crop"),
    targets=Sentences(),
    dataset=DATASET,
    examples=examples,
    sample=sample,
    settings={
        "epochs": 9,
        "batch_size": 32,
        "learning_rate": 2e-3,
        "ema_momentum": 0.998,
        "monitor": "loss",
        "patience": 3,
        "num_decoders": 2,
        "cell": "lstm",
        "units": 384,
        "embedding_dim": 256,
        "dropout": 0.5,
        "embedding_dropout": 0.3,
        "output_dropout": 0.5,
        "label_smoothing": 0.1,
        "num_beams": 10,
    },
    dataset_settings={SAMPLE: SMALL},
)
