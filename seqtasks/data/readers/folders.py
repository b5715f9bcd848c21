"""Folders: a folder per class with a text per file, or a FASTA file per class.

Files that systems and editors leave behind are nobody's examples: `left_behind` names them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from seqtasks.data.readers import fasta
from seqtasks.data.readers.encodings import UTF_8
from seqtasks.data.readers.row import Options, Reject, Row
from seqtasks.data.readers.text import opened, suffix
from seqtasks.errors import InputError

SYSTEMS = {"__macosx", "thumbs.db", "desktop.ini"}  # beside what begins with a dot
UNLABELLED = "unsup"  # the folder of the IMDB reviews without a label
PATH, CLASS = "path", "label"  # the columns of a folder of files
SHOWN = 5  # names in a message
FORM = "give a folder with a folder per class, each of .txt files, or with a FASTA file per class"


def rows(path: Path, options: Options) -> Iterator[Row | Reject]:
    """FASTA files first, each group in the order of names; UTF-8 unless the options say otherwise.

    Raises InputError for a folder of another form.
    """
    options = replace(options, encoding=options.encoding or UTF_8)  # for all of them: nobody is told of each
    inside = visible(path)
    files = [each for each in inside if suffix(each) in fasta.SUFFIXES and each.is_file()]
    folders = [each for each in inside if each.is_dir()]
    if len(folders) > 1 and UNLABELLED in {folder.name for folder in folders}:
        folders = [folder for folder in folders if folder.name != UNLABELLED]
    if deeper := [folder for folder in folders if any(each.is_dir() for each in visible(folder))]:
        raise InputError(f"{path} {_found(path, inside, deeper)}")
    texts = {folder: [each for each in visible(folder) if suffix(each) == ".txt"] for folder in folders}
    if not files and not any(texts.values()):
        raise InputError(f"{path} {_found(path, inside, folders)}")
    if empty := [folder for folder in folders if texts and not texts[folder] and visible(folder)]:
        raise InputError(f"{path} {_found(path, inside, empty)}")
    number = 0
    for file in files:
        with opened(file, options) as lines:
            for row in fasta.rows(file, lines, options, label=file.name[: file.name.lower().rindex(suffix(file))]):
                number += 1
                yield _renumbered(row, number, f"{file.name}:{row.number}")
    for folder, found in texts.items():
        for file in found:
            number += 1
            with opened(file, options) as text:
                fields = {"text": text.read(options.max_characters + 1), "label": folder.name}
            yield Row(number, fields)


def files(path: Path, suffixes: Sequence[str]) -> Iterator[Row]:
    """The paths of files with these endings, relative to where the folder is, and the folders that are their classes.

    Raises InputError where a folder has none, or folders.
    """
    number = 0
    for folder in (each for each in visible(path) if each.is_dir()):
        inside = visible(folder)
        found = [each for each in inside if not each.is_dir() and (not suffixes or each.suffix.lower() in suffixes)]
        if not found or any(each.is_dir() for each in inside):
            wanted = f"with a folder a class, each of files that end in {', '.join(suffixes)}"
            raise InputError(f"{path} has {_listed(inside) or 'nothing'} in {folder.name}; give a folder {wanted}")
        for each in found:
            number += 1
            yield Row(number, {PATH: str(each.relative_to(path.parent)), CLASS: folder.name})


def visible(folder: Path) -> list[Path]:
    """What is in a folder, in the order of names, without what systems leave behind."""
    return sorted(each for each in folder.iterdir() if not left_behind(each))


def below(folder: Path) -> list[Path]:
    """The files in a folder and the folders in it, in the order of paths, without what systems leave behind."""
    found: list[Path] = []
    for each in visible(folder):
        found += below(each) if each.is_dir() and not each.is_symlink() else [each]
    return found


def left_behind(path: Path) -> bool:
    """Whether it is a file or folder of a system or an editor: .DS_Store, ._name, __MACOSX, Thumbs.db, ..."""
    return path.name.startswith(".") or path.name.lower() in SYSTEMS or path.name.endswith("~")


def notice(path: Path) -> str:
    """What to say of a folder: files that systems left behind, texts without a label; nothing if it has none."""
    said: list[str] = []
    folders = [each for each in visible(path) if each.is_dir()]
    unlabelled = path / UNLABELLED
    if unlabelled.is_dir() and len(folders) > 1:
        said.append(f"{sum(1 for _ in unlabelled.iterdir()):,} texts of {UNLABELLED} have no label and are left out")
    others = sum(suffix(each) != ".txt" for folder in folders if folder.name != UNLABELLED for each in visible(folder))
    if others:
        said.append(f"{others:,} files that are no .txt are left out")
    hidden = sum(left_behind(each) for folder in (path, *folders) for each in folder.iterdir())
    if hidden:
        said.append(f"{hidden:,} hidden files are left out")
    return "; ".join(said)


def _found(path: Path, inside: Iterable[Path], folders: list[Path]) -> str:
    """What a folder has instead of what is read, and the form that is."""
    names = {each.name.lower(): each for each in inside if each.is_dir()}
    if len(names) > 1 and "train" in names:
        test = next((f" --test-data {names[name]}" for name in ("test", "val", "valid") if name in names), "")
        return f"has {_listed(list(names.values()))}, which are no classes; give --data {names['train']}{test}"
    for folder in folders:
        within = visible(folder)
        if any(each.is_dir() for each in within):
            return f"has folders in {folder.name}, one level deeper than the classes; {FORM}, such as {folder}"
        if within:
            kinds = Counter(each.suffix or "no ending" for each in within)
            shown = ", ".join(f"{number:,} with {kind}" for kind, number in kinds.most_common(SHOWN))
            return f"has no .txt file in {folder.name}: its files are {shown}; rename them to .txt"
    return f"has {_listed(list(inside)) or 'nothing'}; {FORM}"


def _listed(paths: list[Path]) -> str:
    names = [each.name for each in paths[:SHOWN]]
    return ", ".join([*names, *(["..."] if len(paths) > SHOWN else [])])


def _renumbered(row: Row | Reject, number: int, where: str) -> Row | Reject:
    """The row by its number in the folder; a reject also says in which file it is."""
    if isinstance(row, Row):
        return Row(number, row.fields)
    return Reject(number, f"({where}) {row.reason}")
