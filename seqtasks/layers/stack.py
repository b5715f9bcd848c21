"""The only place where recurrent layers are made."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import keras
from keras import ops

from seqtasks.layers.fused_embedding import FusedEmbedding
from seqtasks.layers.gru import GRU
from seqtasks.layers.lstm import LSTM
from seqtasks.layers.simple_rnn import SimpleRNN
from seqtasks.layers.stateful import Stateful
from seqtasks.setting import Setting, Settings, at_least, one_of, share

CELL_NAMES = ("simple_rnn", "irnn", "lstm", "gru")
POLICIES = ("float32", "mixed_bfloat16")

SETTINGS: Settings = {
    "cell": Setting("gru", "simple_rnn, irnn, lstm or gru", one_of(*CELL_NAMES)),
    "num_layers": Setting(1, "recurrent layers", at_least(1)),
    "units": Setting(64, "units of each recurrent layer, in each direction", at_least(1)),
    "bidirectional": Setting(False, "whether sequences are read in both directions"),
    "dropout": Setting(0.0, "of whole features, the same at every step (Gal and Ghahramani, 2016)", share),
    "recurrent_dropout": Setting(0.0, "of the recurrent layers' states", share),
    "weight_dropout": Setting(0.0, "of the recurrent kernels, one mask a batch (Merity et al., 2018)", share),
    "dtype_policy": Setting(
        "float32", "float32, or mixed_bfloat16: products in bfloat16, states and weights in float32", one_of(*POLICIES)
    ),
}

# irnn: ReLU with the identity as recurrent matrix (Le, Jaitly and Hinton, 2015)
CELLS: dict[str, tuple[type[keras.layers.RNN], dict[str, str]]] = {
    "simple_rnn": (SimpleRNN, {}),
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
    prefix: str = "",
) -> keras.KerasTensor:
    """Values (B, T, E) through the recurrent layers -> all states (B, T, U) or, without `sequences`, the last (B, U).

    Where values are an embedding's output, it is fused with the first layer. The last state is the one at a row's own
    last step; U is doubled where both directions are read. The layers' names begin with the prefix.
    """
    looked_up = embedding_of(values)
    for number in range(1, settings["num_layers"] + 1):
        sequence = sequences or number < settings["num_layers"]
        layer = recurrent(settings, sequences=sequence, name=f"{prefix}recurrent_{number}")
        if looked_up and number == 1:
            embedding, values = looked_up
            layer = FusedEmbedding(embedding, layer, settings["dropout"], name=f"{prefix}fused_embedding")
        else:
            values = keras.layers.SpatialDropout1D(settings["dropout"], name=f"{prefix}dropout_{number}")(values)
        values = layer(values, mask=mask)
    return ops.cast(values, "float32")


def embedding_of(values: keras.KerasTensor) -> tuple[keras.layers.Embedding, keras.KerasTensor] | None:
    """The embedding whose output some values are, and the ids that it takes; None for any other values."""
    history = values._keras_history
    if not isinstance(history.operation, keras.layers.Embedding):
        return None
    return history.operation, history.operation._inbound_nodes[history.node_index].input_tensors[0]  # of this call


def stateful_stack(
    ids: keras.KerasTensor,
    reset_states: keras.KerasTensor,
    settings: Mapping[str, Any],
    *,
    embedding: keras.layers.Embedding,
) -> list[keras.KerasTensor]:
    """Ids (B, T) of a stream, B at most the setting `batch_size` -> the states (B, T, U) of each layer.

    They continue the last batch's, except in rows where `reset_states`, bool (B,). All layers read forward: what is to
    be written is not there yet.
    """
    values, states = ids, []
    for number in range(1, settings["num_layers"] + 1):
        layer = recurrent(settings, sequences=True, name=f"recurrent_{number}", states=True)
        if number == 1:
            layer = FusedEmbedding(embedding, layer, settings["embedding_dropout"], name="fused_embedding")
        else:
            values = keras.layers.SpatialDropout1D(settings["dropout"], name=f"dropout_{number}")(values)
        values = Stateful(layer, settings["batch_size"], name=f"stateful_{number}")(values, reset_states)
        states.append(ops.cast(values, "float32"))
    return states


def recurrent(settings: Mapping[str, Any], *, sequences: bool, name: str, states: bool = False) -> keras.layers.Layer:
    """One recurrent layer; in both directions where settings say `bidirectional`; it may give its last states as well.

    No cuDNN: an export traced beside a GPU would run on no CPU.
    """
    kind, arguments = CELLS[settings["cell"]]
    portable = {} if kind is SimpleRNN else {"use_cudnn": False}
    layer = kind(
        settings["units"],
        return_sequences=sequences,
        return_state=states,
        recurrent_dropout=settings["recurrent_dropout"],
        dtype=settings["dtype_policy"],
        name=name,
        **arguments,
        **portable,
    )
    both = settings.get("bidirectional", False)
    if both:
        layer = keras.layers.Bidirectional(layer, name=name)
    for each in (layer.forward_layer, layer.backward_layer) if both else (layer,):
        each.weight_dropout = settings["weight_dropout"]
    return layer


def emulates_bfloat16() -> bool:
    """Whether the processor names its abilities (Linux, x86) and products in bfloat16 are none of them."""
    try:
        abilities = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return False
    return "avx" in abilities and not any(each in abilities for each in ("avx512_bf16", "amx_bf16"))
