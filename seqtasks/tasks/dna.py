"""What is a piece of DNA: a promoter, a splice site, a place where a factor binds?

Many-to-one. GUE's core promoters (Zhou et al., 2024), its other tasks, UCI's splice junctions and promoters, through
builders of ours; or random background in which the project plants a TATA box and splice sites, in order or not.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from seqtasks.codecs.labels import Labels
from seqtasks.codecs.nucleotides import BASES, Nucleotides
from seqtasks.data import tfds
from seqtasks.errors import unknown
from seqtasks.patterns import many_to_one
from seqtasks.setting import Value
from seqtasks.task import Examples, Folders, Task

DATASET = "gue/prom_core_all"
# which strand was read matters where something has a direction, and only there
ONE: dict[str, Value] = {"reverse_complement": False}
BOTH: dict[str, Value] = {"reverse_complement": True}
DATASETS = {  # and what they declare
    "gue/prom_core_all": ONE,
    "gue/prom_core_notata": ONE,
    "gue/prom_core_tata": ONE,
    "gue/prom_300_tata": ONE,
    "gue/tf_0": BOTH,
    "gue/tf_1": BOTH,
    "gue/tf_2": BOTH,
    "gue/mouse_0": BOTH,
    "gue/mouse_2": BOTH,
    "gue/mouse_3": BOTH,
    "uci_splice": ONE,
    "uci_promoters": ONE
    | {"min_steps_per_epoch": 10},  # 106 sequences are one batch: in 16 epochs they are learned by heart
}

BOX, DONOR, ACCEPTOR = "TATAAAAG", "CAGGTAAGT", "TTTCCCTACAG"
KINDS = {  # what is planted, in this order; a decoy has the same in another order
    "promoter": (BOX,),
    "intron": (DONOR, ACCEPTOR),
    "neither": (ACCEPTOR, DONOR),
}
ROWS, LENGTHS, SEED = 140, (60, 90), 4  # of each kind; bases, from and to
HELD_OUT = 7  # every seventh is for the test


def examples(dataset: str, folders: Folders) -> Mapping[str, Examples]:
    """The splits that the data set has: sequences, bytes (N,), and the names of their classes, str (N,)."""
    if dataset not in DATASETS:
        raise unknown("data set", dataset, [*DATASETS, "sample"])
    splits, names = tfds.load_classes(dataset, folders)
    return {name: Examples(rows["sequence"], names[rows["label"]]) for name, rows in splits.items()}


def sample() -> Mapping[str, Examples]:
    """Random bases in which a TATA box stands, an intron's two ends, or these in the wrong order."""
    draw = np.random.default_rng(SEED)
    rows: dict[str, list[tuple[bytes, str]]] = {"train": [], "test": []}
    for number in range(ROWS * len(KINDS)):
        kind = list(KINDS)[number % len(KINDS)]
        sequence = "".join(draw.choice(list(BASES), draw.integers(*LENGTHS)))
        part = len(sequence) // len(KINDS[kind])
        for place, planted in enumerate(KINDS[kind]):
            start = place * part + int(draw.integers(part - len(planted)))
            sequence = sequence[:start] + planted + sequence[start + len(planted) :]
        split = "test" if number // len(KINDS) % HELD_OUT == 0 else "train"
        rows[split].append((sequence.encode(), kind))
    return {split: Examples.of(pairs) for split, pairs in rows.items()}


TASK = Task(
    name="dna",
    pattern=many_to_one,
    inputs=Nucleotides(),
    targets=Labels(),
    dataset=DATASET,
    examples=examples,
    sample=sample,
    settings={
        "epochs": 16,
        "patience": 5,
        "bidirectional": True,
        "conv_kernel_size": 15,
        "conv_filters": 128,
        "pool_size": 2,
        "position_embedding": True,
        "dropout": 0.3,
        "output_dropout": 0.3,
        "base_dropout": 0.05,
    },
    dataset_settings=DATASETS,
)
