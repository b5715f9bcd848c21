"""What a drawing of an answer shows: where a picture was attended to, word by word. For letters see mutagenesis."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from seqtasks.inference.generation import BeamOptions, require
from seqtasks.inference.predictor import Predictor

SIDE = 448  # pixels of both sides of the picture that is drawn


@dataclass(frozen=True)
class Attention:
    """The most probable text of a picture, and the weight of each region for each of its words."""

    answer: dict[str, Any]  # answer and score
    picture: np.ndarray  # uint8 (H, W, 3)
    words: list[str]
    weights: np.ndarray  # (words, regions)


def attention(predictor: Predictor, content: bytes, options: BeamOptions) -> Attention:
    """What is to be drawn of a picture's file; raises UsageError for an export without attention."""
    import tensorflow as tf

    from seqtasks.codecs import image_files

    require(predictor.manifest, predictor.folder, "attention")
    outputs = predictor.model.attention(tf.constant([content]), options.width(predictor))
    found = {name: tensor.numpy()[0] for name, tensor in outputs.items()}
    picture = image_files.upright(tf.constant([content]), SIDE)[0].numpy()[0]
    words = [word.decode() for word in found["words"] if word]
    answer = {"answer": found["answer"].decode(), "score": float(found["score"])}
    return Attention(answer, picture, words, found["weights"][: len(words)])
