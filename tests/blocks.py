"""The fenced blocks of README and docs: found, and run in a folder with the samples' models as saved_models/.

A command that asks a model is run in this process. One that trains, downloads, measures or exports is parsed: its verb,
options and settings are looked up; where it names a model's folder, the sample's model is put there for what follows.
`make` and `pip` are looked up as well. A block of Python is run; seqtasks.train finds the sample's model trained.
"""

from __future__ import annotations

import contextlib
import gzip
import io
import os
import re
import shlex
import subprocess
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import click
from click.testing import CliRunner

from seqtasks import tasks
from seqtasks.cli import group, options, tables
from seqtasks.data.samples import scenes
from tests.samples import learned_from

ROOT = Path(__file__).parents[1]
PORTUGUESE = ROOT / "README.pt-BR.md"
FENCE = re.compile(r"(?P<indent> *)(?P<fence>`{3,})(?P<language>.*)")
NOT_RUN = re.compile(r"<!-- not run: (?P<reason>.+) -->")
CONSOLE = ("", "console")
LONG = ("train", "compare", "export", "download", "bench")  # verbs that are parsed, not run
SCENES = 8


@dataclass(frozen=True)
class Block:
    path: Path
    line: int  # of its fence
    language: str
    text: str
    reason: str  # why it is not run, or ""

    @property
    def place(self) -> str:
        return f"{self.path.relative_to(ROOT)}:{self.line}"

    @property
    def commands(self) -> list[str]:
        """Those of a console block: what stands behind $ where one does, else every line."""
        lines = self.text.replace("\\\n", " ").splitlines()
        typed = [line[2:] for line in lines if line.startswith("$ ")]
        return typed or [line for line in lines if line.strip() and not line.startswith("#")]


def documents() -> list[Path]:
    return [*tables.documents(ROOT), PORTUGUESE]


def blocks(path: Path) -> list[Block]:
    """The fenced blocks of a document but directives of MyST's, in their order."""
    found: list[Block] = []
    lines = path.read_text(encoding="utf-8").splitlines()
    at = 0
    while at < len(lines):
        opened = FENCE.fullmatch(lines[at])
        if opened:
            end = lines.index(opened["indent"] + opened["fence"], at + 1)
            why = NOT_RUN.fullmatch(lines[at - 1].strip()) if at else None
            language = opened["language"].strip()
            if not language.startswith("{"):
                text = "\n".join(lines[at + 1 : end])
                found.append(Block(path, at + 1, language, text, why["reason"] if why else ""))
            at = end
        at += 1
    return found


def make_files(folder: Path) -> None:
    """The files that the documents name, made of the samples."""
    from PIL import Image

    holidays = folder / "holidays"
    holidays.mkdir()
    captions = ["image,caption"]
    for number, (scene, caption) in enumerate(scenes.draw(SCENES, 64)):
        (holidays / f"{number}.png").write_bytes(scene)
        captions.append(f"{number}.png,{caption}")
    (holidays / "captions.csv").write_text("\n".join(captions))
    for name in ("photo.jpg", "photo.webp", "scene.png"):
        with Image.open(holidays / "0.png") as image:
            image.save(folder / name)
    reviews = learned_from(tasks.find("sentiment"))
    rows = [f'"{text.decode()}",{label}' for text, label in zip(reviews.inputs, reviews.targets, strict=True)]
    for name in ("reviews.csv", "new.csv"):
        (folder / name).write_text("\n".join(["text,label", *rows[:60]]))
    (folder / "reviews.jsonl").write_text('{"text": "The film was good."}\n{"text": "The food was bad."}\n')
    bases = b"".join(learned_from(tasks.find("dna")).inputs[:6]).decode()
    (folder / "genome.fa.gz").write_bytes(gzip.compress(f">chr1\n{bases}\n".encode()))
    own_task = next(block for block in blocks(ROOT / "docs" / "own-task.md") if block.language == "python")
    (folder / "stars.py").write_text(own_task.text)
    for name in ("mine.txt", "beginning.txt"):
        (folder / name).write_text("CROW: Good day, fox! How is the café?\nFOX:")


@dataclass(frozen=True)
class Runner:
    """Runs blocks in the present folder."""

    model: Callable[[str, Path], None]  # puts the sample's model of a task into a folder

    def run(self, block: Block) -> None:
        """Raises AssertionError that names the block, and the command in it, for one that does not work."""
        if block.language == "python":
            with self._named(f"{block.place}: a block of Python"), contextlib.redirect_stdout(io.StringIO()):
                code = compile("\n" * block.line + block.text, block.place, "exec")
                exec(code, {"__name__": "__main__"})
            return
        for command in block.commands:
            with self._named(f"{block.place}: {command}"):
                self.command(command)

    def command(self, line: str) -> None:
        """One command of a console block. Raises what it raises."""
        words = shlex.split(line, comments=True)
        program, *arguments = words
        if program == "seqtasks":
            self.seqtasks(arguments)
        elif program == "make":
            targets = [word for word in arguments if "=" not in word]
            done = subprocess.run(["make", "-n", *targets], cwd=ROOT, capture_output=True, text=True, check=False)
            assert done.returncode == 0, done.stderr
        elif words[:2] == ["pip", "install"]:
            known = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
            extras = [name for word in arguments for part in re.findall(r"\[(.*)\]", word) for name in part.split(",")]
            assert set(extras) <= set(known), f"there is no extra of {extras}"
        else:
            raise AssertionError(f"{program} is run by nobody here; mark the block as not run")

    def seqtasks(self, words: list[str]) -> None:
        given = os.devnull
        if "<" in words:
            at = words.index("<")
            given = words[at + 1]
            words = words[:at] + words[at + 2 :]
        at = next(number for number, word in enumerate(words) if word in group.commands)
        verb, rest = words[at], words[at + 1 :]
        context = group.commands[verb].make_context(verb, list(rest), click.Context(group, info_name="seqtasks"))
        if (verb in LONG and not context.params.get("print_config")) or context.params.get("folds"):
            if verb == "train":
                self._put(context)
            return
        with Path(given).open("rb") as file:
            outcome = CliRunner().invoke(group, words, input=file, catch_exceptions=False, standalone_mode=False)
        assert outcome.exit_code == 0, outcome.output

    def _put(self, context: click.Context) -> None:
        """What is trained, so that the next commands find it; its settings are checked."""
        task, folder = context.params["task"], context.params["model"]
        known = tasks.find(task)
        named = {name: value for name, value in context.params.items() if name in known.all_settings()}
        known.configure(options.settings(context.params["changes"], named))
        if folder is not None and not folder.exists():
            self.model(task, folder)

    @contextlib.contextmanager
    def _named(self, place: str) -> Iterator[None]:
        try:
            yield
        except Exception as error:
            raise AssertionError(f"{place}\n{type(error).__name__}: {error}") from error
