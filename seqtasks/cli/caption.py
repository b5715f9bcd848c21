"""seqtasks caption IMAGE..."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from seqtasks.cli import options
from seqtasks.errors import InputError, UsageError

if TYPE_CHECKING:
    from seqtasks.inference.looking import Choice

DEFAULT = "captioning"
STDIN = "-"
SUFFIXES = (".jpg", ".jpeg", ".png", ".gif", ".webp")  # of the pictures of a folder


@click.command("caption")
@click.argument("images", metavar="IMAGE...", nargs=-1, required=True)
@click.option("--beam", type=click.IntRange(1, 100), help="Ways of telling that are followed.  [default: the model's]")
@click.option("--sample", is_flag=True, help="Let chance choose each word, instead of the most probable sentence.")
@click.option("--temperature", type=float, help="Of --sample: below 1 the probable is said more often.  [default: 1]")
@click.option("--seed", type=click.IntRange(-(2**62), 2**62), help="Of --sample.  [default: 0]")
@click.option("--attention", type=click.Path(dir_okay=False, path_type=Path), help="Draw where it looked, as PNG.")
@click.option("--skip-invalid", is_flag=True, help="Leave out what is no picture, and count it.")
@options.json_option
@options.model_option
def command(
    images: tuple[str, ...],
    beam: int | None,
    sample: bool,
    temperature: float | None,
    seed: int | None,
    attention: Path | None,
    skip_invalid: bool,
    as_json: bool,
    model: Path | None,
) -> None:
    """Say what is to be seen in pictures: files (JPEG, PNG, WebP, GIF), folders of them, or - for standard input."""
    if not sample and (temperature is not None or seed is not None):
        raise UsageError("--temperature and --seed are of --sample; give it as well")
    if sample and beam:
        raise UsageError("--beam finds the most probable sentence; leave it or --sample out")
    folder = options.model_folder(model, DEFAULT)
    from seqtasks.inference import predictor

    predictor.newest(folder)  # a missing export is told before TensorFlow takes its seconds
    names = list(_expanded(images))
    several = len(names) > 1
    if attention and several:
        raise UsageError(f"--attention draws one picture; give one, not {len(names):,}")
    if attention and sample:
        raise UsageError("--attention draws the most probable sentence; leave --sample out")
    options.start_tensorflow()
    from seqtasks.inference import looking

    served = predictor.load(folder)
    looking.check(served)
    names, contents = _opened(names, skip_invalid)
    choice = looking.Choice(beam, sample, 1.0 if temperature is None else temperature, seed or 0)
    if attention:
        answers = [_draw(served, contents[0], choice, attention)]
    else:
        answers = looking.tell(served, contents, choice)
    if as_json:
        options.say_json([{"image": name, **answer} for name, answer in zip(names, answers, strict=True)])
        return
    for name, answer in zip(names, answers, strict=True):
        fields = [name] if several else []
        score = [f"{answer['score']:.2f}"] if "score" in answer else []
        click.echo("\t".join([*fields, answer["answer"], *score]))


def _expanded(images: tuple[str, ...]) -> Any:
    """The files' names, a folder's pictures in the order of their names; raises InputError for what is not there."""
    for image in images:
        path = Path(image)
        if image != STDIN and not path.exists():
            raise InputError(f"{path} does not exist; give the path of a picture or a folder")
        found = sorted(each for each in path.iterdir() if each.suffix.lower() in SUFFIXES) if path.is_dir() else [path]
        if not found:
            raise InputError(f"{path} has no picture ({', '.join(SUFFIXES)}); give a folder of some")
        yield from (str(each) for each in found)


def _opened(names: list[str], skip_invalid: bool) -> tuple[list[str], _Contents]:
    """The pictures' names and bytes; raises InputError for what is none, or says how many were left out."""
    from seqtasks import files
    from seqtasks.codecs import image_files

    every = _Contents(names, sys.stdin.buffer.read() if STDIN in names else b"")
    kept, refused = list[str](), list[str]()
    for place, name in enumerate(names):
        try:
            fault = "a pipe or a device" if files.endless(Path(name)) else image_files.fault(every[place])
        except OSError as error:
            fault = f"not to be read ({error.strerror})"
        if fault:
            refused.append(f"{'standard input' if name == STDIN else name} is {fault}")
        else:
            kept.append(name)
    if refused and not (skip_invalid and kept):
        raise InputError(refused[0])
    for each in refused:
        options.say(each)
    if refused:
        options.say(f"{len(refused):,} left out")
    return kept, replace(every, names=kept)


@dataclass(frozen=True)
class _Contents(Sequence[bytes]):
    """Bytes of files, which are opened when they are asked for: a folder's pictures need not fit into the memory."""

    names: list[str]
    given: bytes  # on standard input

    def __len__(self) -> int:
        return len(self.names)

    def __getitem__(self, place: Any) -> Any:
        if isinstance(place, slice):
            return [self[each] for each in range(*place.indices(len(self)))]
        return self.given if self.names[place] == STDIN else Path(self.names[place]).read_bytes()


def _draw(served: Any, content: bytes, choice: Choice, path: Path) -> dict[str, Any]:
    from seqtasks import files
    from seqtasks.inference import looking
    from seqtasks.metrics import plots

    answer, picture, words, weights = looking.explain(served, content, choice.beam)
    with files.writing(path, point="plot") as part:
        plots.attention(picture, words, weights, part)
    return answer
