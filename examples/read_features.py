"""A row of features -> standardised numbers: what `seqtasks` does in TensorFlow's graph, in plain Python.

`codec` is the `inputs` of an export's codecs.json, where the codec is `features`.
"""

import sys
from pathlib import Path

import numpy as np

sys.path.append(str(Path(__file__).parent))
import read_tables  # beside this program, from wherever that is run


def read(codec: dict, value: bytes) -> np.ndarray:
    """A line of numbers, or one of names and one of numbers -> float32 (1, numbers)."""
    table = read_tables.by_name(value, codec["names"], 1)
    missing = np.full((1, len(codec["names"])), np.nan, np.float32)
    return read_tables.standardised(table[:1] if len(table) else missing, codec)
