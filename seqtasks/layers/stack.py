"""The only place where recurrent layers are made."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import keras
from keras import ops

from seqtasks.errors import UsageError, unknown
from seqtasks.layers.fused_embedding import Folded
from seqtasks.layers.gru import GRU
from seqtasks.layers.lstm import LSTM
from seqtasks.layers.simple_rnn import SimpleRNN
from seqtasks.layers.stateful import Carried

DEFAULTS: dict[str, bool | int | float | str] = {
    "cell": "gru",  # simple, irnn, lstm or gru
    "layers": 1,
    "units": 64,  # of each direction
    "bidirectional": False,
    "dropout": 0.0,  # of whole features of a row, the same at every step (Gal and Ghahramani, 2016)
    "recurrent_dropout": 0.0,
    "weight_dropout": 0.0,  # of the recurrent kernels, one mask a batch (Merity et al., 2018)
    "precision": "float32",  # of the products in training; bfloat16 keeps states and weights in float32
}
PRECISIONS = ("float32", "bfloat16")

# irnn: ReLU with the identity as recurrent matrix (Le, Jaitly and Hinton, 2015)
CELLS: dict[str, tuple[type[keras.layers.RNN], dict[str, str]]] = {
    "simple": (SimpleRNN, {}),
    "irnn": (SimpleRNN, {"activation": "relu", "recurrent_initializer": "identity"}),
    "lstm": (LSTM, {}),
    "gru": (GRU, {}),
}


def stack(
    values: keras.KerasTensor,
    mask: keras.KerasTensor,
    settings: Mapping[str, Any],
    *,
    sequences: bool,
    embedding: keras.layers.Embedding | None = None,
) -> keras.KerasTensor:
    """Values (B, T, E) through the recurrent layers -> all states (B, T, U) or, without `sequences`, the last (B, U).

    With an embedding values are the ids (B, T) that it takes, and it folds into the first layer where it can. The last
    state is the one at a row's own last step; U is doubled where both directions are read. Raises UsageError for
    settings that make no layer.
    """
    check(settings)
    for number in range(1, settings["layers"] + 1):
        layer = recurrent(settings, sequences=sequences or number < settings["layers"], name=f"recurrent_{number}")
        if embedding is not None and number == 1:
            layer = Folded(embedding, layer, settings["dropout"], name="folded")
        else:
            values = keras.layers.SpatialDropout1D(settings["dropout"], name=f"dropout_{number}")(values)
        values = layer(values, mask=mask)
    return ops.cast(values, "float32")


def carried(
    ids: keras.KerasTensor, fresh: keras.KerasTensor, settings: Mapping[str, Any], *, embedding: keras.layers.Embedding
) -> list[keras.KerasTensor]:
    """Ids (B, T) of a stream, B at most the setting `batch` -> the states (B, T, U) of each layer.

    They go on from the last batch's, but in rows that are `fresh`, bool (B,). Raises UsageError as `stack` does, and
    for layers that read both ways: what is to be written does not stand there yet.
    """
    check(settings)
    if settings["bidirectional"]:
        raise UsageError("what is still to be written cannot be read backwards; leave bidirectional out")
    values, states = ids, []
    for number in range(1, settings["layers"] + 1):
        layer = recurrent(settings, sequences=True, name=f"recurrent_{number}", carries=True)
        if number == 1:
            layer = Folded(embedding, layer, settings["embedding_dropout"], name="folded")
        else:
            values = keras.layers.SpatialDropout1D(settings["dropout"], name=f"dropout_{number}")(values)
        values = Carried(layer, settings["batch"], name=f"carried_{number}")(values, fresh)
        states.append(ops.cast(values, "float32"))
    return states


def recurrent(settings: Mapping[str, Any], *, sequences: bool, name: str, carries: bool = False) -> keras.layers.Layer:
    """One recurrent layer, in one direction or both; one that carries gives its last states beside its outputs.

    No cuDNN: an export traced beside a GPU would run on no CPU.
    """
    kind, arguments = CELLS[settings["cell"]]
    portable = {} if kind is SimpleRNN else {"use_cudnn": False}
    layer = kind(
        settings["units"],
        return_sequences=sequences,
        return_state=carries,
        recurrent_dropout=settings["recurrent_dropout"],
        dtype="float32" if settings["precision"] == "float32" else "mixed_bfloat16",
        name=name,
        **arguments,
        **portable,
    )
    if settings["bidirectional"]:
        layer = keras.layers.Bidirectional(layer, name=name)
    for each in (layer.forward_layer, layer.backward_layer) if settings["bidirectional"] else (layer,):
        each.weight_dropout = settings["weight_dropout"]
    return layer


def check(settings: Mapping[str, Any]) -> None:
    """Raises UsageError for settings that make no layer."""
    if settings["cell"] not in CELLS:
        raise unknown("cell", settings["cell"], CELLS)
    if settings["precision"] not in PRECISIONS:
        raise unknown("precision", settings["precision"], PRECISIONS)
    for name in ("layers", "units", "embedding"):
        if settings.get(name, 1) < 1:
            raise UsageError(f"{name} is at least 1, not {settings[name]}")
    for name, value in settings.items():
        if name.endswith("dropout") and not 0 <= value < 1:
            raise UsageError(f"{name} is at least 0 and below 1, not {value}")


def emulates_bfloat16() -> bool:
    """Whether the processor names its abilities (Linux, x86) and products in bfloat16 are none of them."""
    try:
        abilities = Path("/proc/cpuinfo").read_text()
    except OSError:
        return False
    return "avx" in abilities and not any(each in abilities for each in ("avx512_bf16", "amx_bf16"))
