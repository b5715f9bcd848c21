"""DNA or RNA -> sets of bases: what `seqtasks` does in TensorFlow's graph, in plain Python.

A base is four bits, one for each of A, C, G and T that it may be: 1, 2, 4, 8, and 15 for N (IUPAC's letters;
Cornish-Bowden, 1985). `codec` is the `inputs` of an export's codecs.json, where the codec is `nucleotides`.
"""

import numpy as np

IUPAC = {
    "A": "A", "C": "C", "G": "G", "T": "T", "U": "T", "R": "AG", "Y": "CT", "S": "CG", "W": "AT", "K": "GT", "M": "AC",
    "B": "CGT", "D": "AGT", "H": "ACT", "V": "ACG", "N": "ACGT",
}  # fmt: skip
ANY = 15  # any other character may be any base
TABLE = np.full(256, ANY, np.uint8)
for letter, bases in IUPAC.items():
    TABLE[[ord(letter), ord(letter.lower())]] = sum(1 << "ACGT".index(base) for base in bases)


def read(codec: dict, value: bytes) -> np.ndarray:
    """A sequence's bytes -> sets of bases, uint8 (1, steps), without blanks and digits; of no letters is one N."""
    length, head = codec["max_length"], codec["truncation_side"] == "right"
    value = value[: 2 * length] if head else value[-2 * length :]
    letters = value.translate(None, b"\t\n\f\r 0123456789")
    letters = letters[:length] if head else letters[-length:]
    return TABLE[np.frombuffer(letters or b"N", np.uint8)][None]
