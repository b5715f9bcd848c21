"""DNA and RNA <-> sets of bases, with the IUPAC letters as the mixtures they mean (Cornish-Bowden, 1985).

A base is a number of four bits, one for each of A, C, G and T that it may be: 1, 2, 4, 8, and 15 for N. So the
complement is the same bits read backwards. Small letters are capitals, U is T; white space is nothing, and so are the
numbers that GenBank prints before blocks of bases. Whatever else stands there is read as N by `encode`, which always
answers, and refused by `clean`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from seqtasks.codecs import Alphabet, InputCodec, Traits
from seqtasks.errors import InputError
from seqtasks.layers.embeddings import TokenDropout
from seqtasks.layers.nucleotides import BaseFrequencies, Kmers, ReverseComplement
from seqtasks.setting import Setting, Settings, at_least, between, check_fields, field, one_of, share
from seqtasks.task import Folders

BASES = "ACGT"
IUPAC = {
    "A": "A", "C": "C", "G": "G", "T": "T", "U": "T", "R": "AG", "Y": "CT", "S": "CG", "W": "AT", "K": "GT", "M": "AC",
    "B": "CGT", "D": "AGT", "H": "ACT", "V": "ACG", "N": "ACGT",
}  # fmt: skip
SETS = {letter: sum(1 << BASES.index(base) for base in bases) for letter, bases in IUPAC.items()}
ANY = SETS["N"]
LETTERS = "".join(SETS).encode()
COLUMNS = ("sequence", "seq", "dna", "rna", "nucleotides")
BLANKS = re.compile(rb"(?:^|(?<=\s))\d+(?=\s|$)|\s+")  # and numbers between blanks
GAP = "a gap of an alignment and no nucleotide; take the gaps out"
OTHERS = {"-": GAP, ".": GAP, "*": "the end of a protein and no nucleotide; take it out"}
SIDES = ("right", "left")
MIN_KNOWN = 0.5  # of the letters of a sequence, at least, must be one of the four bases

SETTINGS: Settings = {
    "embedding_dim": Setting(96, "width of the vector of a k-mer", at_least(1)),
    "base_dropout": Setting(0.0, "share of bases that training reads as N", share),
}


@dataclass(frozen=True)
class Nucleotides(InputCodec):
    kmer: int = field(1, "bases that have a vector together; one is the share of each of the four", between(1, 6))
    max_length: int = field(1_000, "bases at most", at_least(1))
    truncation_side: str = field("right", "end at which a longer sequence is cut: right or left", one_of(*SIDES))
    reverse_complement: bool = field(False, "whether a sequence and its reverse complement are the same thing")

    def __post_init__(self) -> None:
        check_fields(self)

    @property
    def traits(self) -> Traits:
        alphabet = Alphabet(BASES, self.normalized, self.known)
        second_view = ReverseComplement(name="reverse_complement") if self.reverse_complement else None
        return Traits(columns=COLUMNS, settings=SETTINGS, unambiguous=True, second_view=second_view, alphabet=alphabet)

    def fit(self, values: Iterable[np.ndarray], folders: Folders) -> Nucleotides:
        """There is nothing to learn."""
        return self

    def clean(self, value: bytes) -> bytes:
        """A person's sequence in capitals, without white space and numbers of bases, and with T for U.

        Raises InputError, which names the place, for what is no nucleotide, and for less than MIN_KNOWN known bases.
        """
        letters = self.normalized(BLANKS.sub(b"", value))
        if not letters:
            raise InputError("has no bases; give a sequence of A, C, G and T")
        if not self.known(letters):
            raise InputError(f"has {len(letters):,} bases, most of them not known; give more of A, C, G and T")
        return letters

    def normalized(self, value: bytes) -> bytes:
        """The same in capitals, with T for U; raises InputError, which names the place, for what is no nucleotide."""
        letters = value.upper().replace(b"U", b"T")
        if strange := letters.translate(None, LETTERS):
            place = letters.index(strange[:1])
            shown = value[place : place + 1].decode("ascii", "backslashreplace")
            raise InputError(f"has {shown!r} at base {place + 1:,}, which is {OTHERS.get(shown, 'no nucleotide')}")
        return letters

    def known(self, letters: bytes) -> bool:
        """Whether enough of a sequence in capitals is A, C, G or T."""
        return len(letters.translate(None, BASES.encode())) <= (1 - MIN_KNOWN) * len(letters)

    def encode(self, values: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Sequences, string (B,) -> sets of bases, uint8 (B, T), 0 behind the end, and lengths, int32 (B,).

        A sequence of no letters is one N.
        """
        letters = tf.strings.regex_replace(self._cut(values), r"[\s0-9]", "")
        size = tf.strings.length(letters)
        start = tf.zeros_like(size) if self.truncation_side == "right" else tf.maximum(size - self.max_length, 0)
        letters = tf.strings.substr(letters, start, tf.fill(tf.shape(size), self.max_length))
        lengths = tf.maximum(tf.strings.length(letters), 1)
        most = tf.reduce_max(tf.concat([[1], lengths], 0))
        found = tf.gather(
            tf.constant(_table()), tf.cast(tf.io.decode_raw(letters, tf.uint8, fixed_length=most), tf.int32)
        )
        return tf.where(tf.sequence_mask(lengths, most), found, tf.zeros_like(found)), lengths

    def _cut(self, values: tf.Tensor) -> tf.Tensor:
        """What may be needed of values however long: a blank for every base, at most."""
        most = 2 * self.max_length
        size = tf.strings.length(values)
        start = tf.zeros_like(size) if self.truncation_side == "right" else tf.maximum(size - most, 0)
        return tf.strings.substr(values, start, tf.fill(tf.shape(size), most))

    def placeholder(self) -> keras.KerasTensor:
        """The network's input, sets of bases (B, T)."""
        return keras.Input((None,), dtype="uint8", name="bases")

    def embed(self, values: keras.KerasTensor, settings: Mapping[str, Any]) -> keras.KerasTensor:
        """Sets of bases (B, T) -> vectors (B, T, E): the shares of the four bases or, of k-mers, learned ones."""
        if settings["base_dropout"]:
            values = TokenDropout(settings["base_dropout"], ANY, name="base_dropout")(values)
        if self.kmer == 1:
            return BaseFrequencies(name="base_frequencies")(values)
        table = keras.layers.Embedding(4**self.kmer + 1, settings["embedding_dim"], name="embedding")
        return table(Kmers(self.kmer, name="kmers")(values))

    def tables(self) -> list[Any]:
        """What an export must carry along: nothing."""
        return []


def _table() -> np.ndarray:
    """Byte -> set of bases, uint8 (256,)."""
    table = np.full(256, ANY, np.uint8)
    for letter, bases in SETS.items():
        table[[ord(letter), ord(letter.lower())]] = bases
    return table
