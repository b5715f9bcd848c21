"""What the promises are tested with, one row a task: a further task adds a row."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any

from seqtasks.data import prepare
from seqtasks.task import SAMPLE, Examples, Folders, Task


@dataclass(frozen=True)
class Sample:
    settings: dict[str, str]  # small enough to learn the task's sample within seconds
    answers: dict[str, str]  # values of unequal length, one not ASCII, every label -> how a trained model answers
    smaller: dict[str, int] = field(default_factory=dict)  # the task's constants that are smaller here
    drawn: int = 0  # or so many values and answers are those of the sample's training split, which are files
    odd: dict[str, bytes] = field(default_factory=dict)  # what each is -> a value that must get a defined answer
    typed: tuple[str, str] = ("Good.", "Caf\udcff")  # on a command line, which may hold bytes that are no UTF-8


# where what is learned does not matter: compiling a narrow model takes longer than some steps of one too wide for it
UNCOMPILED = {"units": "256"}

ODD_TEXTS = {
    "empty": b"",
    "white space": b" \t\n",
    "NUL": b"\0",
    "NUL inside": b"The film was good,\0 not bad at all.",
    "invalid UTF-8": b"\xff\xfe\xc3",
    "cut character": "café".encode()[:-1],
    "emoji": "😀👍🏽".encode(),
    "right to left": "سرد جميل ومؤثر".encode(),
    "combining": "cafe\u0301 n\u0303".encode(),
    "unknown words": b"zyx wvu tsr",
    "markup": b"<br /><br/><br >" * 50,
    "angles": b"<" * 50_000,
    "ten times overlong": b"The film was good. " * 4_000,
    "10 MB line": b"good " * 2_000_000,
    "10 MB word": b"x" * 10_000_000,
}
SHORTER_TEXTS = {name: value for name, value in ODD_TEXTS.items() if not name.startswith("10 MB")}

SAMPLES = {
    "sentiment": Sample(
        settings={"units": "16", "embedding_dim": "16", "epochs": "2", "min_steps_per_epoch": "120", "dropout": "0.1"},
        answers={
            "The food was good, not bad at all.": "positive",
            "The food was bad, not good at all.": "negative",
            "The café is never boring.": "positive",
            "Honestly, I thought the ending would be moving, but it was clichéd!": "negative",
        },
        odd=ODD_TEXTS,
    ),
    "dna": Sample(
        typed=("ACGTTGCA", "acgtnryu"),
        settings={
            "units": "24",
            "conv_filters": "24",
            "pooling": "max",
            "epochs": "4",
            "learning_rate": "0.005",
            "dropout": "0",
            "output_dropout": "0",
            "base_dropout": "0",
        },
        answers={
            "TTGTTTACGCCGTTATAAAAGACTCATTTTCGTGTGACGCGCTAGAAGCCCTGCTTCAAAGGGTTGGACTTACCGACCATG": "promoter",
            "gagccctatattatacaggtaagtattctcccatacgcatttacccatgaacttatcatagcatttccctacagaaggcg": "intron",
            "GGGGGGAACATAGCTCATTTCCCTACAGGGTAGAGGACGTAGGCCAGGTAAGTCGTCTCTGGGAGCGGAT": "neither",
            "AGUACUCC–UUUCCCUACAGGAUUUAUCAAUAAGAGUACUCGGGGGGAGUCUGACCCAGGUAAGUGAUUUCA": "neither",
        },
        odd=ODD_TEXTS
        | {
            "protein": b"MKVLAAGIEQFP",
            "only N": b"N" * 50,
            "all letters of IUPAC": b"ACGTURYSWKMBDHVN",
            "gaps": b"ACGT--ACGT..ACGT**",
            "digits and blanks, as GenBank has them": b"  1 acgtacgtac gtacgtacgt\n 21 acgt",
        },
    ),
    "text_generation": Sample(
        settings={"embedding_dim": "16", "min_steps_per_epoch": "120", "max_new_tokens": "40", "temperature": "0"},
        answers={
            "TOAD: Good day, crow! How is the": " nest?\nCROW: The nest is high, thank",
            "CROW: Good day, fox! How is the café?\nFOX:": " The café is cosy, thank you,",
            "WASP: Good day, otter! How is the river?\nOTTER: The river": " is cool, thank you,",
        },
        odd=ODD_TEXTS,
    ),
    "captioning": Sample(
        smaller={"SCENES": 96},
        settings={
            "image_size": "32",
            "units": "64",
            "embedding_dim": "16",
            "attention_dim": "32",
            "epochs": "1",
            "min_steps_per_epoch": "600",
            "batch_size": "16",
            "dropout": "0",
            "learning_rate": "0.003",
            "ema_momentum": "0.95",
        },
        answers={},
        drawn=4,
        typed=("0.png", "1.png"),
        odd=ODD_TEXTS
        | {
            "cut JPEG": b"\xff\xd8\xff\xe0\x00\x10JFIF\x00",
            "cut PNG": b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR",
            "PNG of 20,000 x 20,000": b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR" + b"\x00\x00\x4e\x20" * 2,
            "SVG": b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        },
    ),
    "translation": Sample(
        settings={"dropout": "0"},  # every sentence of train is asked for
        answers={
            "Do you want to sing with me?": "Você quer cantar comigo?",
            "My new house is red.": "Minha casa nova é vermelha.",
            "Does the small bird see a white flower?": "O pássaro pequeno vê uma flor branca?",
            "This calm city does not have a train.": "Esta cidade tranquila não tem um trem.",
            "I want to dance with João.": "Eu quero dançar com João.",
        },
        typed=("My cat is new.", "Caf\udcff"),
        odd=SHORTER_TEXTS
        | {
            "another script": "你好，世界".encode(),
            "letters": b"a" * 500,
            "a sign": b"?",
            "5,000 words": b"house " * 5_000,
        },
    ),
    "ner": Sample(
        settings={
            "units": "32",
            "embedding_dim": "32",
            "character_filters": "32",
            "epochs": "3",
            "min_steps_per_epoch": "150",
            "learning_rate": "0.01",
            "ema_momentum": "0.98",
            "dropout": "0.2",
            "output_dropout": "0.2",
        },
        answers={  # entities: first character, the one behind the last, type
            "Yesterday, Harry Potter met Hermione Granger.": "11\t23\tperson\n28\t44\tperson",
            "On 3 May, Florence flew to Florence.": "3\t8\tdate\n10\t18\tperson\n27\t35\tplace",
            "João Conceição mora em São Paulo.": "0\t14\tperson\n23\t32\tplace",
            "The young hunter saw the rivers rise.": "",
        },
        odd={name: value for name, value in ODD_TEXTS.items() if not name.startswith("10 MB")}
        | {"line feeds": b"\n" * 10, "zero width": "\u200bRosa\u200b mora em \u200bParis".encode()},
    ),
    "action_recognition": Sample(
        smaller={"RECORDINGS": 168},
        settings={
            "units": "24",
            "num_layers": "1",
            "projection_dim": "32",
            "epochs": "3",
            "min_steps_per_epoch": "80",
            "batch_size": "24",
            "learning_rate": "0.01",
            "ema_momentum": "0.9",
            "dropout": "0.1",
            "output_dropout": "0",
        },
        answers={},
        drawn=12,
        typed=("0.png", "1.png"),
        odd=SHORTER_TEXTS
        | {
            "one frame": b" ".join(b"%d" % number for number in range(60)),
            "zeros": b" ".join([b"0"] * 60),
            "59 numbers": b" ".join([b"1"] * 59),
            "NaN and infinity": b" ".join([b"nan", b"inf"] * 30),
            "decimal commas": b" ".join([b"0,5"] * 60),
            "millimetres": b" ".join(b"%d" % (1000 * number) for number in range(60)),
            "10,000 frames": b"\n".join([b" ".join(b"%d" % number for number in range(60))] * 10_000),
        },
    ),
    "music_genre": Sample(
        settings={
            "units": "32",
            "epochs": "2",
            "min_steps_per_epoch": "150",
            "learning_rate": "0.01",
            "dropout": "0.1",
        },
        answers={
            "andamento,energia,brilho médio,variação\n70,0.2,1500,0.3": "balada",
            "variação;andamento;energia;brilho médio\n0,8;105;0,7;3000": "samba",
            "130 0.9 2500 0.1": "techno",
            "90, 0.3, 2000, 0.6": "valsa",
        },
        odd=SHORTER_TEXTS | {"a number too few": b"1,2,3", "NaN": b"nan,1,1,1", "too large": b"1e300,-1e300,1,1"},
        typed=("70 0.2 1500 0.3", "130,0.9,2500,0.1"),
    ),
    "tune_kind": Sample(
        settings={
            "units": "24",
            "level": "word",
            "conv_kernel_size": "0",
            "pool_size": "1",
            "embedding_dim": "16",
            "epochs": "3",
            "min_steps_per_epoch": "120",
            "learning_rate": "0.01",
            "dropout": "0",
            "output_dropout": "0",
            "word_dropout": "0",
        },
        answers={
            "C2 D E2 D | C2 B A2 G | A2 F G2 A |": "jig",
            "C D2 E2 D | C B2 A2 G | A F2 G2 A | B c2 d2 é |": "strathspey",
            "C2 D2 E D | C2 B2 A G | A2 F2 G A |": "reel",
        },
        odd=ODD_TEXTS,
    ),
}


def plainly(answer: dict[str, Any]) -> str:
    """An answer as targets are written: entities, which come as JSON with probabilities, a line each."""
    if "tags" not in answer:
        return str(answer["answer"])
    return "\n".join(f"{each['start']}\t{each['end']}\t{each['type']}" for each in json.loads(answer["answer"]))


def make_smaller() -> None:
    """Makes the samples of this process as small as the tests want them."""
    for name, row in SAMPLES.items():
        for constant, value in row.smaller.items():
            setattr(import_module(f"seqtasks.tasks.{name}"), constant, value)


def answers(name: str) -> dict[bytes, str]:
    """What a task is asked -> how it answers."""
    row = SAMPLES[name]
    if not row.drawn:
        return {value.encode(): answer for value, answer in row.answers.items()}
    examples = learned_from(import_module(f"seqtasks.tasks.{name}").TASK)
    return dict(zip(examples.inputs[: row.drawn], examples.targets[: row.drawn], strict=True))


def learned_from(task: Task[Any, Any]) -> Examples:
    """The examples of a task's sample that it is trained on."""
    return prepare.read(task, SAMPLE, Folders(()), print).examples["train"]
