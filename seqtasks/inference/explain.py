"""What an answer hangs on, from an export alone: words left out, letters replaced, attention, nats of each token."""

from __future__ import annotations

import functools
from collections.abc import Sequence

import numpy as np

from seqtasks.codecs import InputCodec
from seqtasks.errors import UsageError
from seqtasks.inference import mutagenesis, occlusion, values
from seqtasks.inference.explanation import Entities, Explanation, Legend, log_odds
from seqtasks.inference.generation import BeamOptions, arrays, require, searching
from seqtasks.inference.predictor import Predictor, plain
from seqtasks.metrics import plots

SIDE = 448  # pixels of both sides of the picture that is drawn
MAX_CHARACTERS = 50_000  # of a text whose words are left out
MAX_SCORED = 2_000  # characters whose nats are shown


def explain(predictor: Predictor, value: bytes, beams: BeamOptions | None = None) -> Explanation | Entities:
    """What the answer to one value hangs on; raises UsageError for an export whose answers cannot be explained."""
    codec = values.codec(predictor.manifest.inputs)
    if "timeline" in predictor.manifest.endpoints:
        return timeline(predictor, value)
    if "attention" in predictor.manifest.endpoints:
        return attention(predictor, value, beams or BeamOptions())
    if codec.traits.alphabet is not None:
        return letters(predictor, codec, bytes(codec.clean(value)))
    if "tag_tokens" in predictor.manifest.endpoints:
        return Entities(predictor([value])[0], value.decode(errors="replace"))
    serve = predictor.manifest.endpoints.get("serve")
    if codec.traits.reads_files or serve is None or "probabilities" not in serve.classes:
        raise UsageError(
            f"answers of {predictor.manifest.task} cannot be explained; --explain is for classes of texts or of "
            "sequences of letters, for recordings, and for pictures with attention"
        )
    return words(predictor, value)


def words(predictor: Predictor, value: bytes) -> Explanation:
    """What each word of a text adds to the log odds of its class; see occlusion. Raises UsageError for a long text."""
    text = value.decode(errors="replace")
    if len(text) > MAX_CHARACTERS:
        raise UsageError(
            f"--explain is for at most {MAX_CHARACTERS:,} characters, not {len(text):,}; give a part of them"
        )
    (answer,) = predictor([value])
    every = occlusion.split(text)
    pieces = occlusion.grouped(every, occlusion.MAX_PIECES)
    name = str(answer["answer"])

    def ask(texts: Sequence[str]) -> list[float]:
        return [log_odds(each, name) for each in predictor(texts)]

    effects, change = occlusion.effects(pieces, ask)
    together = len(every) > len(pieces)
    notes = [
        f"Log odds of the whole text less those of an empty one: {change:+.4f}; the {len(pieces):,} pieces add up to "
        f"{effects.sum():+.4f}."
    ]
    if together:
        notes.append(f"Of {len(every):,} words and signs, neighbours are taken together: {len(pieces):,} pieces.")
    method = (
        f"A word is coloured by what it adds to the log odds of {name!r} against everything else, in nats: the mean "
        "change when it is removed after random others (Shapley values by sampling; Strumbelj and Kononenko, 2010)."
    )
    piece = "group of words" if together else "word"
    legend = Legend(
        f"Answer: {name}", method, notes, heading="What each word adds", piece=piece, unit="nats of log odds"
    )
    return Explanation(answer, tuple(pieces), effects, change, legend)


def letters(predictor: Predictor, codec: InputCodec, value: bytes) -> Explanation:
    """What each letter of a sequence matters, as a logo; see mutagenesis."""
    found = mutagenesis.effects(predictor, codec, value)
    (answer,) = predictor([value])
    sequence, alphabet = value.decode(), mutagenesis.alphabet_of(codec).letters
    method = (
        f"A letter is coloured by how far the log odds of {answer['answer']!r} fall, on average, when another takes "
        "its place (in silico mutagenesis; Alipanahi et al., 2015). These effects need not add up to anything."
    )
    legend = Legend(
        f"Answer: {answer['answer']}",
        method,
        heading="What each letter matters",
        piece="letter",
        unit="nats of log odds",
        caption="Each letter as high as what is lost without it, above what each other letter in its place costs",
    )
    draw = functools.partial(plots.logo, sequence, alphabet, found)
    return Explanation(answer, tuple(sequence), found.sum(axis=1) / (len(alphabet) - 1), None, legend, draw)


def attention(predictor: Predictor, content: bytes, options: BeamOptions) -> Explanation:
    """What was attended to for each word: parts of a picture or, where the export says what it read, pieces of a text.

    Raises UsageError for an export without attention, and for more beams than it has tokens.
    """
    import tensorflow as tf

    require(predictor.manifest, predictor.folder, "attention")
    width = options.width(predictor)
    with searching(width):
        outputs = arrays(predictor.model.attention(tf.constant([content]), width))
    found = {name: array[0] for name, array in outputs.items()}
    generated = [word.decode() for word in found.pop("words") if word]
    weights, pieces = found.pop("weights")[: len(generated)], found.pop("pieces", None)
    answer = {name: plain(value) for name, value in found.items()}
    if pieces is None:
        method = "The picture once for each word, brighter where it was attended to (soft attention; Xu et al., 2015)."
        caption = "Where the picture was attended to, word by word"
        draw = functools.partial(plots.attention, _upright(content), generated, weights)
    else:
        read = [piece.decode() for piece in pieces if piece]
        method = "How much of each piece of the text was attended to for each word (Luong et al., 2015)."
        caption = "What was attended to, word by word; each row adds up to 1"
        draw = functools.partial(plots.alignment, read, generated, weights[:, : len(read)])
    legend = Legend(answer["answer"] or "no answer", method, caption=caption)
    return Explanation(answer, tuple(generated), np.zeros(0), None, legend, draw)


def _upright(content: bytes) -> np.ndarray:
    """A picture as it is shown, uint8 (SIDE, SIDE, 3)."""
    import tensorflow as tf

    from seqtasks.codecs import image_files

    return np.asarray(image_files.upright(tf.constant([content]), SIDE)[0].numpy()[0])


def timeline(predictor: Predictor, value: bytes) -> Explanation:
    """How the probabilities of the classes change with each moment of a recording."""
    (answer,) = predictor([value])
    (found,) = predictor.answers([value], "timeline")
    moments, names = found["probabilities"][: found["lengths"]], predictor.manifest.classes
    shares = np.array([[moment[name] for name in names] for moment in moments])
    before = np.flatnonzero(shares.argmax(axis=1) != names.index(answer["answer"]))
    known = int(before[-1]) + 1 if before.size else 0  # the first of the moments that all give the answer
    method = (
        "The model is asked after each moment, as if the recording ended there; a curve is the probability of a class."
    )
    notes = [f"From moment {known + 1:,} of {len(moments):,} on the answer is {answer['answer']!r}."]
    caption = "Probabilities after each moment"
    legend = Legend(f"Answer: {answer['answer']}", method, notes, caption=caption)
    draw = functools.partial(plots.timeline, shares, names)
    return Explanation(answer, (), np.zeros(0), None, legend, draw)


def scored(predictor: Predictor, text: bytes) -> Explanation:
    """What each token of a text's first MAX_SCORED characters costs a language model, in nats.

    Raises UsageError for an export that does not go on with a text.
    """
    import tensorflow as tf

    require(predictor.manifest, predictor.folder, "decode")
    codec = values.codec(predictor.manifest.inputs)
    whole = text.decode(errors="replace")
    shown = whole[:MAX_SCORED]
    tokens = codec.split(tf.constant([shown.encode()]))[0]
    states, nats = predictor.model.initial_state(1), list[float]()
    for token in tokens:
        cost, states = predictor.model.score(token[None], states)
        nats.append(float(cost[0]))
    total = sum(nats)
    notes = [f"{total / max(len(shown), 1):.4f} nats a character, {total:,.1f} in all."]
    if len(shown) < len(whole):
        notes.append(f"The first {len(shown):,} of {len(whole):,} characters are shown.")
    unit = str(predictor.manifest.inputs.get("level", "token"))
    method = f"A {unit} is coloured by its surprise: minus the logarithm of its probability after all before it."
    legend = Legend(
        f"What a text costs {predictor.manifest.task}",
        method,
        notes,
        heading=f"Nats of each {unit}",
        piece=unit,
        adds="the most surprising",
        lowers="",
    )
    pieces = tuple(token.decode() for token in tokens.numpy())
    return Explanation({"nats_per_character": total / max(len(shown), 1)}, pieces, np.array(nats), total, legend)
