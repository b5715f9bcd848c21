"""DNA and RNA <-> sets of bases, with the IUPAC letters as the mixtures they mean (Cornish-Bowden, 1985).

A base is a number of four bits, one for each of A, C, G and T that it may be: 1, 2, 4, 8, and 15 for N. So the
complement is the same bits read backwards. Small letters are capitals, U is T, white space is nothing. Whatever else
stands there is read as N by `encode`, which always answers, and refused by `clean`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from seqtasks.errors import InputError, UsageError, unknown
from seqtasks.layers.nucleotides import Kmers, Mixtures, Strands
from seqtasks.layers.steps import DropSteps

BASES = "ACGT"
IUPAC = {
    "A": "A", "C": "C", "G": "G", "T": "T", "U": "T", "R": "AG", "Y": "CT", "S": "CG", "W": "AT", "K": "GT", "M": "AC",
    "B": "CGT", "D": "AGT", "H": "ACT", "V": "ACG", "N": "ACGT",
}  # fmt: skip
SETS = {letter: sum(1 << BASES.index(base) for base in bases) for letter, bases in IUPAC.items()}
ANY = SETS["N"]
LETTERS = "".join(SETS).encode()
KNOWN = 0.5  # of the letters of a sequence, at least, must be one of the four bases

DEFAULTS: dict[str, bool | int | float | str] = {
    "base_dropout": 0.0,  # share of bases that training reads as N
}

KEEPS = ("head", "tail")
STRANDS = ("one", "both")


@dataclass(frozen=True)
class Nucleotides:
    kmer: int = 1  # bases that have a vector together; one is the share of each of the four that it may be
    length: int = 1_000  # bases at most
    keep: str = "head"  # of a longer sequence
    strands: str = "one"  # both: a sequence and its reverse complement are the same thing, and get the same answer

    def __post_init__(self) -> None:
        if self.keep not in KEEPS:
            raise unknown("keep", self.keep, KEEPS)
        if self.strands not in STRANDS:
            raise unknown("strands", self.strands, STRANDS)
        if not 1 <= self.kmer <= 6:
            raise UsageError(f"kmer is from 1 to 6, not {self.kmer}")
        if self.length < 1:
            raise UsageError(f"length is at least 1, not {self.length}")

    @property
    def settled(self) -> bool:
        """Whether one value can be of one class only: a sequence is what it is."""
        return True

    @property
    def alternatives(self) -> str:
        """The letters that may stand in another's place."""
        return BASES

    @property
    def columns(self) -> tuple[str, ...]:
        """What people call a column of sequences."""
        return ("sequence", "seq", "dna", "rna", "nucleotides")

    def settings(self) -> dict[str, Any]:
        """The fields that a person may set: all."""
        return dataclasses.asdict(self)

    def fit(self, values: Iterable[np.ndarray]) -> Nucleotides:
        """There is nothing to learn."""
        return self

    def clean(self, value: bytes) -> bytes:
        """A person's sequence in capitals, without white space at its ends and with T for U.

        Raises InputError, which names the place, for what is no nucleotide, and where less than KNOWN of it is known.
        """
        letters = self.letters(value.strip())
        if not letters:
            raise InputError("has no bases; give a sequence of A, C, G and T")
        if not self.known(letters):
            raise InputError(f"has {len(letters):,} bases, most of them not known; give more of A, C, G and T")
        return letters

    def letters(self, value: bytes) -> bytes:
        """The same in capitals, with T for U; raises InputError, which names the place, for what is no nucleotide."""
        letters = value.upper().replace(b"U", b"T")
        if strange := letters.translate(None, LETTERS):
            place = letters.index(strange[:1])
            shown = value[place : place + 1].decode("ascii", "backslashreplace")
            raise InputError(f"has {shown!r} at base {place + 1:,}, which is no nucleotide")
        return letters

    def known(self, letters: bytes) -> bool:
        """Whether enough of a sequence in capitals is A, C, G or T."""
        return len(letters.translate(None, BASES.encode())) <= (1 - KNOWN) * len(letters)

    def encode(self, values: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Sequences, string (B,) -> sets of bases, uint8 (B, T), 0 behind the end, and lengths, int32 (B,).

        A sequence of no letters is one N.
        """
        letters = tf.strings.regex_replace(self._cut(values), r"\s", "")
        size = tf.strings.length(letters)
        start = tf.zeros_like(size) if self.keep == "head" else tf.maximum(size - self.length, 0)
        letters = tf.strings.substr(letters, start, tf.fill(tf.shape(size), self.length))
        lengths = tf.maximum(tf.strings.length(letters), 1)
        most = tf.reduce_max(tf.concat([[1], lengths], 0))
        found = tf.gather(
            tf.constant(_table()), tf.cast(tf.io.decode_raw(letters, tf.uint8, fixed_length=most), tf.int32)
        )
        return tf.where(tf.sequence_mask(lengths, most), found, tf.zeros_like(found)), lengths

    def _cut(self, values: tf.Tensor) -> tf.Tensor:
        """What may be needed of values however long: a blank for every base, at most."""
        most = 2 * self.length
        size = tf.strings.length(values)
        start = tf.zeros_like(size) if self.keep == "head" else tf.maximum(size - most, 0)
        return tf.strings.substr(values, start, tf.fill(tf.shape(size), most))

    def placeholder(self) -> keras.KerasTensor:
        """The network's input, sets of bases (B, T)."""
        return keras.Input((None,), dtype="uint8", name="bases")

    def views(self) -> keras.layers.Layer | None:
        """What makes of (values (B, T), lengths (B,)) those of both strands, (2B, T) and (2B,); None for one strand."""
        return Strands(name="strands") if self.strands == "both" else None

    def embed(self, values: keras.KerasTensor, settings: Mapping[str, Any]) -> keras.KerasTensor:
        """Sets of bases (B, T) -> vectors (B, T, E): the shares of the four bases or, of k-mers, learned ones."""
        if settings["base_dropout"]:
            values = DropSteps(settings["base_dropout"], ANY, name="base_dropout")(values)
        if self.kmer == 1:
            return Mixtures(name="mixtures")(values)
        table = keras.layers.Embedding(4**self.kmer + 1, settings["embedding"], name="embedding")
        return table(Kmers(self.kmer, name="kmers")(values))

    def embedding(self, settings: Mapping[str, Any]) -> None:
        """No table alone is all there is to `embed`."""

    def tables(self) -> list[Any]:
        """What an export must carry along: nothing."""
        return []


def _table() -> np.ndarray:
    """Byte -> set of bases, uint8 (256,)."""
    table = np.full(256, ANY, np.uint8)
    for letter, bases in SETS.items():
        table[[ord(letter), ord(letter.lower())]] = bases
    return table
