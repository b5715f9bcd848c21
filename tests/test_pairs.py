"""Sentences with their translations: data sets, people's own files, the sample."""

from __future__ import annotations

import gzip
import os
import re
import zipfile
from pathlib import Path

import pytest

from seqtasks.codecs.subword_sentences import SubwordSentences
from seqtasks.codecs.subwords import Subwords
from seqtasks.codecs.tokens import Tokens
from seqtasks.data import corpus, splits, tfds, user
from seqtasks.data.datasets import multi30k, tatoeba
from seqtasks.data.readers import Options
from seqtasks.data.samples import phrases
from seqtasks.data.user import Source
from seqtasks.errors import InputError, IntegrityError, ResourceError, UsageError
from seqtasks.task import Examples, Folders
from tests.conftest import run, serving_files

GERMAN = ["Ein Hund läuft .", "Zwei Kinder  ", "Das Häuschen", "Ein Café"]
ENGLISH = ["A dog runs .", "Two children", "The little house", "A café"]
FRENCH = ["Un chien court .", "Deux enfants", "La maisonnette", "Un café"]


def written(folder: Path, name: str, lines: list[str]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    text = "".join(f"{line}\n" for line in lines).encode()
    path.write_bytes(gzip.compress(text) if name.endswith(".gz") else text)
    return path


# --- data sets --------------------------------------------------------------------------------------------------------


def fetched(tmp_path: Path, *, ending: str = "", english: list[str] = ENGLISH) -> Folders:
    for split in multi30k.SPLITS.values():
        for language, lines in {"de": GERMAN, "en": english, "fr": FRENCH}.items():
            written(tmp_path / "manual" / "multi30k", f"{split}.{language}{ending}", lines)
    return Folders((str(tmp_path / "sets"),), str(tmp_path / "manual"))


@pytest.mark.parametrize("ending", ["", ".gz"])
def test_multi30k_in_a_direction(tmp_path: Path, ending: str):
    found = tfds.load_all("multi30k/de-en", fetched(tmp_path, ending=ending))
    assert set(found) == {"train", "validation", "test"}
    pairs = {(rows.decode(), other.decode()) for rows, other in zip(*found["test"].values(), strict=True)}
    assert pairs == set(zip((line.strip() for line in GERMAN), ENGLISH, strict=True))


def test_multi30k_in_the_other_direction(tmp_path: Path):
    rows = tfds.load_all("multi30k/fr-en", fetched(tmp_path))["train"]
    assert dict(zip(rows["source"], rows["target"], strict=True))[b"Un chien court ."] == b"A dog runs ."


def test_multi30k_is_downloaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    fetched(tmp_path, ending=".gz")
    with serving_files(tmp_path / "manual" / "multi30k") as address:
        monkeypatch.setattr(multi30k, "ADDRESS", address + "/{}.gz")
        found = tfds.load_all("multi30k/en-fr", Folders((str(tmp_path / "sets"),)))
    assert sorted(found["validation"]["target"].tolist()) == sorted(line.encode() for line in FRENCH)


def test_files_that_are_not_parallel_are_refused_with_both_counts(tmp_path: Path):
    with pytest.raises(IntegrityError, match=r"train\.de has 4 lines and .*train\.en 3; download"):
        tfds.load_all("multi30k/de-en", fetched(tmp_path, english=ENGLISH[:3]))


CONNECTED = [
    "Go.\tVa !",
    "Run!\tCours !",
    "Run!\tCourez !",
    "Go away!\tVa !",
    "Hi.\tSalut !",
    "Hey.\tSalut !\tCC-BY 2.0",
]
TATOEBA = [*CONNECTED, *(f"Number {number}.\tNuméro {number}." for number in range(20))]


def test_pairs_that_share_a_sentence_are_in_one_split():
    pairs = [(f"{number // 2} fr", f"{(number + 1) // 2 % 40} en") for number in range(400)]
    found = tatoeba.components(pairs)
    assert len(set(tatoeba.components([("a", "x"), ("b", "y"), ("b", "x"), ("c", "z")]).values())) == 2
    assert len(set(found.values())) == 1
    many = [(f"{number} fr {version}", f"{number} en") for number in range(3_000) for version in "ab"]
    parts = tatoeba.split(many)
    english = {name: {target for _, target in rows} for name, rows in parts.items()}
    assert not english["train"] & english["test"] and not english["validation"] & english["test"]
    assert 30 < len(english["test"]) < 90 and 30 < len(english["validation"]) < 90
    assert sum(map(len, parts.values())) == len(many)


def test_translations_of_one_sentence_are_together():
    assert list(tatoeba.joined([("a", "x"), ("b", "y"), ("a", "z"), ("a", "x")])) == [("a", "x\nz"), ("b", "y")]


@pytest.mark.parametrize("name", ["tatoeba/fra.txt", "tatoeba_eng_fra/fra.txt.gz", "archive"])
def test_tatoeba(tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(tatoeba, "SHARES", {"test": 40, "validation": 20})
    if name == "archive":
        path = written(tmp_path, "fra.txt", TATOEBA)
        with zipfile.ZipFile(tmp_path / "fra-eng.zip", "w") as archive:
            archive.write(path, "fra.txt")
        with serving_files(tmp_path) as address:
            monkeypatch.setattr(tatoeba, "ADDRESS", f"{address}/fra-eng.zip")
            found = tfds.load_all("tatoeba/fr-en", Folders((str(tmp_path / "sets"),)))
    else:
        written(tmp_path / "manual" / Path(name).parent, Path(name).name, TATOEBA)
        found = tfds.load_all("tatoeba/fr-en", Folders((str(tmp_path / "sets"),), str(tmp_path / "manual")))
    pairs = {
        (source.decode(), target)
        for rows in found.values()
        for source, targets in zip(rows["source"], rows["target"], strict=True)
        for target in targets.decode().split("\n")
    }
    assert len(pairs) == len(TATOEBA)
    assert pairs >= {("Va !", "Go."), ("Va !", "Go away!"), ("Courez !", "Run!"), ("Salut !", "Hey.")}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "sizes"),
    [
        ("multi30k/de-en", (29_000, 1_014, 1_000)),
        ("multi30k/en-fr", (29_000, 1_014, 1_000)),
        ("tatoeba/fr-en", (160_367, 3_080, 3_299)),
    ],
)
def test_the_real_sets_have_their_rows(name: str, sizes: tuple[int, ...], tmp_path: Path):
    try:
        found = tfds.load_all(name, Folders((str(tmp_path),), os.environ.get("SEQTASKS_MANUAL_DIR")))
    except ResourceError as error:
        pytest.skip(str(error))
    assert tuple(len(found[split]["source"]) for split in ("train", "validation", "test")) == sizes
    assert all(all(each.strip() for each in rows["target"]) for rows in found.values())


# --- people's own files -----------------------------------------------------------------------------------------------


def read(folder: Path, source: Source, said: list[str] | None = None) -> dict[str, Examples]:
    notice = (said if said is not None else []).append
    return user.read(source, Subwords(), SubwordSentences(), folder / "datasets", notice)


def rows(examples: Examples) -> list[tuple[str, str]]:
    return [(value.decode(), target) for value, target in zip(examples.inputs[:], examples.targets[:], strict=True)]


TABLES = {
    "a.csv": 'source,target\nEin Hund,A dog\n"Ja, ein\nHaus","A house,\nyes"\nEin Hund,One dog\n',
    "a.tsv": "source\ttarget\nEin Hund\tA dog\nJa, ein\\nHaus\tA house, yes\nEin Hund\tOne dog\n",
    "a.jsonl": '{"source": "Ein Hund", "target": "A dog"}\n{"source": "Ja, ein\\nHaus", "target": "A house,\\n yes"}\n'
    '{"source": "Ein Hund", "target": "One dog"}\n',
}


@pytest.mark.parametrize("name", TABLES)
def test_a_table_of_two_columns_and_several_translations_of_one_sentence(tmp_path: Path, name: str):
    path = tmp_path / name
    path.write_text(TABLES[name])
    first, second = rows(read(tmp_path, Source(str(path)))["train"])
    assert first == ("Ein Hund", "A dog\nOne dog")
    assert second[1] == "A house, yes"  # a line feed in a cell begins no other translation


def test_columns_of_other_names_are_named(tmp_path: Path):
    path = tmp_path / "a.csv"
    path.write_text("de,en\nEin Hund,A dog\n")
    options = Options(input_column="de", label_column="en")
    assert rows(read(tmp_path, Source(str(path), None, options))["train"]) == [("Ein Hund", "A dog")]
    with pytest.raises(InputError, match="known to hold the targets; it has de, en: name one with --target-column"):
        read(tmp_path, Source(str(path), None, Options(input_column="de")))
    with pytest.raises(InputError, match="no column 'fr'; it has de, en: name one with --target-column"):
        read(tmp_path, Source(str(path), None, Options(input_column="de", label_column="fr")))


@pytest.mark.parametrize("empty", ["", "  "])
def test_a_row_without_a_translation_is_named_or_left_out(tmp_path: Path, empty: str):
    path = tmp_path / "a.csv"
    path.write_text(f"source,target\nEin Hund,A dog\nEin Haus,{empty}\n")
    with pytest.raises(InputError, match=r"a\.csv:3 has no target; fill it in or leave the row out"):
        read(tmp_path, Source(str(path)))
    said: list[str] = []
    skipping = Source(str(path), None, Options(on_invalid="skip"))
    assert rows(read(tmp_path, skipping, said)["train"]) == [("Ein Hund", "A dog")]
    assert any("1 rows that cannot be used are left out" in line for line in said)


@pytest.mark.parametrize("ending", ["", ".gz", ".txt"])
def test_two_files_that_are_parallel(tmp_path: Path, ending: str):
    sources, targets = (
        written(tmp_path, f"train.{language}{ending}", [*lines, lines[0]])
        for language, lines in {"de": GERMAN, "en": ENGLISH}.items()
    )
    test, test_targets = written(tmp_path, "test.de", ["Ein Haus"]), written(tmp_path, "test.en", ["A house"])
    found = read(tmp_path, Source(str(sources), str(test), Options(), str(targets), str(test_targets)))
    assert rows(found["train"])[0] == ("Ein Hund läuft .", "A dog runs .\nA dog runs .")
    assert rows(found["train"])[3] == ("Ein Café", "A café")
    assert rows(found["test"]) == [("Ein Haus", "A house")]


@pytest.mark.parametrize(("longer", "counts"), [(0, (6, 4)), (1, (4, 6))])
def test_two_files_of_unequal_length_are_refused_with_both_counts(tmp_path: Path, longer: int, counts: tuple[int, int]):
    sides = [GERMAN, ENGLISH]
    sides[longer] = [*sides[longer], "x", "y"]
    sources, targets = (written(tmp_path, f"train.{name}", lines) for name, lines in zip("ab", sides, strict=True))
    wanted = f"{sources} has {counts[0]} lines and {targets} {counts[1]}; "
    for on_invalid in ("error", "skip"):
        with pytest.raises(InputError, match=re.escape(wanted)):
            read(tmp_path, Source(str(sources), None, Options(on_invalid=on_invalid), str(targets)))


def test_a_file_of_targets_that_is_changed_is_read_again(tmp_path: Path):
    sources, targets = written(tmp_path, "a.de", GERMAN), written(tmp_path, "a.en", ENGLISH)
    source = Source(str(sources), None, Options(), str(targets))
    assert rows(read(tmp_path, source)["train"])[0][1] == "A dog runs ."
    written(tmp_path, "a.en", ["Changed .", *ENGLISH[1:]])
    assert rows(read(tmp_path, source)["train"])[0][1] == "Changed ."


def test_a_line_without_a_translation_is_named(tmp_path: Path):
    sources, targets = written(tmp_path, "a.de", GERMAN), written(tmp_path, "a.en", [*ENGLISH[:3], ""])
    with pytest.raises(InputError, match=r"a\.de:4 has no target"):
        read(tmp_path, Source(str(sources), None, Options(), str(targets)))
    with pytest.raises(InputError, match=r"none\.en is no file; give two texts"):
        read(tmp_path, Source(str(sources), None, Options(), str(tmp_path / "none.en")))


@pytest.mark.parametrize(
    "arguments",
    [
        ["--target-data", "a.en"],
        ["--data", "a.de", "--target-data", "a.en", "--test-data", "b.de"],
        ["--data", "a.de", "--test-target-data", "b.en"],
    ],
)
def test_half_of_two_files_is_refused(arguments: list[str]):
    with pytest.raises(UsageError, match=r"-target-data goes with --.*; give "):
        run("train", "sentiment", *arguments)


def test_a_text_that_is_gone_on_with_has_no_targets_of_its_own(tmp_path: Path):
    source = Source(str(written(tmp_path, "a.txt", GERMAN)), None, Options(), str(written(tmp_path, "a.en", ENGLISH)))
    with pytest.raises(UsageError, match="--target-data is for what has inputs and targets"):
        corpus.read(source, Tokens().traits.columns, print)


def remarks(tmp_path: Path, pairs: list[tuple[str, str]]) -> str:
    path = tmp_path / "a.tsv"
    path.write_text("source\ttarget\n" + "".join(f"{source}\t{target}\n" for source, target in pairs))
    said: list[str] = []
    read(tmp_path, Source(str(path)), said)
    return "\n".join(said)


def test_rows_that_are_not_translated_and_sides_that_are_swapped_are_said(tmp_path: Path):
    good = [(f"eins{row} zwei{row}", f"one{row} two{row}") for row in range(20)]
    assert "target" not in remarks(tmp_path, good)
    assert "25% of the rows have their input as target" in remarks(tmp_path, good[:15] + [(s, s) for s, _ in good[15:]])
    swapped = good[:10] + [(target, source) for source, target in good]
    assert "67% of the words in target are in the inputs as well" in remarks(tmp_path, swapped)


# --- the sample -------------------------------------------------------------------------------------------------------


def test_the_sample_s_sentences_agree_and_are_always_the_same():
    found = list(phrases.pairs(400))
    assert found == list(phrases.pairs(400))
    assert len({source for source, _ in found}) == 400
    assert found[0] == ("Do you want to sing with me?", "Você quer cantar comigo?")
    assert any(not target.isascii() for _, target in found)
    feminine = "|".join(word for _, word, gender in phrases.NOUNS if gender)
    masculine = "|".join(word for _, word, gender in phrases.NOUNS if not gender)
    for _, target in found:
        for article, adjective in re.findall(rf"(\w+) (?:{feminine})\b(?: (\w+))?", target):
            assert article.lower() in {"a", "uma", "esta", "minha"}
            assert adjective not in {one for _, (one, other) in phrases.ADJECTIVES if one != other}
        for article, adjective in re.findall(rf"(\w+) (?:{masculine})\b(?: (\w+))?", target):
            assert article.lower() in {"o", "um", "este", "meu"}
            assert adjective not in {other for _, (one, other) in phrases.ADJECTIVES if one != other}


def test_no_row_of_the_sample_is_in_two_splits():
    pairs = [(source.encode(), target) for source, target in phrases.pairs(300)]
    found, dropped = splits.separate({"train": Examples.of(pairs[1:]), "test": Examples.of(pairs[:1])}, classes=False)
    assert not any(dropped.values())
    assert len(found["test"]) == 1
