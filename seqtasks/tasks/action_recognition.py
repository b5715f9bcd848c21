"""What does somebody do, in a recording of joints or sensors, or in a film?

Many-to-one. MSR-Action3D's skeletons (Li, Zhang and Liu, 2010), cross-subject, through a builder of ours; recordings of
your own, a table of numbers a file, or animated GIFs; stick figures that the project moves, of which one does the same
backwards; or films that it draws.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from seqtasks.codecs.frames import Frames
from seqtasks.codecs.labels import Labels
from seqtasks.data import tfds
from seqtasks.data.samples import figures, films
from seqtasks.errors import unknown
from seqtasks.patterns import many_to_one
from seqtasks.setting import Value
from seqtasks.task import Examples, Folders, Task

DATASET = "msr_action3d/all"
# there are few people: all of those for training are learned from, and the epochs were chosen by leaving one out
WHOLE: dict[str, Value] = {"validation_split": 0.0}
FILM: dict[str, Value] = {
    "medium": "film",
    "max_length": 16,
    "shift_augmentation": 6,
    "epochs": 25,
    "patience": 25,
    "num_layers": 1,
    "units": 64,
    "dropout": 0.2,
    "output_dropout": 0.0,
    "learning_rate": 3e-3,
}
DATASETS = {  # and what they declare
    "msr_action3d/all": WHOLE,
    "msr_action3d/as1": WHOLE,
    "msr_action3d/as2": WHOLE,
    "msr_action3d/as3": WHOLE,
    "msr_action3d/without_1": WHOLE,
    "msr_action3d/without_3": WHOLE,
    "msr_action3d/without_5": WHOLE,
    "msr_action3d/without_7": WHOLE,
    "msr_action3d/without_9": WHOLE,
    "drawn_films": FILM,
}
FILMS = 1_200  # of drawn_films
RECORDINGS, HELD_OUT = 420, 7  # of the sample; the first of each class and every seventh after it are for the test


def examples(dataset: str, folders: Folders) -> Mapping[str, Examples]:
    """The splits that the data set has: recordings, bytes (N,), and the names of the actions, str (N,)."""
    if dataset not in DATASETS:
        raise unknown("data set", dataset, [*DATASETS, "sample"])
    if dataset == "drawn_films":
        return _parts(films.draw(FILMS), len(films.MOTIONS))
    splits, names = tfds.load_classes(dataset, folders)
    return {name: Examples(rows["recording"], names[rows["label"]]) for name, rows in splits.items()}


def sample() -> Mapping[str, Examples]:
    """Stick figures of different sizes, turned this way and that, each action at several speeds."""
    return _parts(figures.draw(RECORDINGS), len(figures.ACTIONS))


def _parts(pairs: Iterable[tuple[bytes, str]], classes: int) -> Mapping[str, Examples]:
    """Recordings, whose classes take turns, for training and for the test."""
    rows: dict[str, list[tuple[bytes, str]]] = {"train": [], "test": []}
    for number, pair in enumerate(pairs):
        rows["test" if number // classes % HELD_OUT == 0 else "train"].append(pair)
    return {split: Examples.of(pairs) for split, pairs in rows.items()}


TASK = Task(
    name="action_recognition",
    pattern=many_to_one,
    inputs=Frames(
        turn_augmentation=0.25,
        scale_augmentation=0.1,
        warp_augmentation=0.2,
        noise_augmentation=0.02,
        cut_augmentation=2,
    ),
    targets=Labels(),
    dataset=DATASET,
    examples=examples,
    sample=sample,
    settings={
        "epochs": 120,
        "patience": 120,
        "batch_size": 32,
        "min_steps_per_epoch": 0,
        "learning_rate": 2e-3,
        "num_layers": 2,
        "units": 96,
        "bidirectional": True,
        "pooling": "mean+max",
        "dropout": 0.4,
        "output_dropout": 0.3,
        "label_smoothing": 0.1,
    },
    dataset_settings=DATASETS,
)
