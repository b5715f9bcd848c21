"""seqtasks caption IMAGE..."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from seqtasks.cli import options
from seqtasks.errors import InputError, UsageError

if TYPE_CHECKING:
    from seqtasks.looking import Choice

DEFAULT = "captioning"
SUFFIXES = (".jpg", ".jpeg", ".png", ".gif", ".webp")  # of the pictures of a folder


@click.command("caption")
@click.argument("images", metavar="IMAGE...", nargs=-1, required=True)
@click.option("--beam", type=click.IntRange(1, 100), help="Ways of telling that are followed.  [default: the model's]")
@click.option("--sample", is_flag=True, help="Let chance choose each word, instead of the most probable sentence.")
@click.option("--temperature", type=float, default=1.0, help="Of --sample: below 1 the probable is said more often.")
@click.option("--seed", type=click.IntRange(-(2**62), 2**62), default=0, show_default=True, help="Of --sample.")
@click.option("--attention", type=click.Path(dir_okay=False, path_type=Path), help="Draw where it looked, as PNG.")
@click.option("--skip-invalid", is_flag=True, help="Leave out what is no picture, and count it.")
@options.json_option
@options.model_option
def command(
    images: tuple[str, ...],
    beam: int | None,
    sample: bool,
    temperature: float,
    seed: int,
    attention: Path | None,
    skip_invalid: bool,
    as_json: bool,
    model: Path | None,
) -> None:
    """Say what is to be seen in pictures: files (JPEG, PNG, WebP, GIF), folders of them, or - for standard input."""
    folder = options.model_folder(model, DEFAULT)
    from seqtasks import serving

    serving.newest(folder)  # a missing export is told before TensorFlow takes its seconds
    names = list(_expanded(images))
    if attention and len(names) != 1:
        raise UsageError(f"--attention draws one picture; give one, not {len(names):,}")
    if attention and sample:
        raise UsageError("--attention draws the most probable sentence; leave --sample out")
    options.start_tensorflow()
    from seqtasks import looking

    served = serving.load(folder)
    looking.check(served)
    contents = _opened(names, skip_invalid)
    choice = looking.Choice(beam or served.manifest["settings"]["beam"], sample, temperature, seed)
    if attention:
        answers = [_draw(served, next(iter(contents.values())), choice, attention)]
    else:
        answers = looking.tell(served, list(contents.values()), choice)
    if as_json:
        options.say_json([{"image": name, **answer} for name, answer in zip(contents, answers, strict=True)])
        return
    for name, answer in zip(contents, answers, strict=True):
        fields = [name] if len(names) > 1 else []
        score = [f"{answer['score']:.2f}"] if "score" in answer else []
        click.echo("\t".join([*fields, answer["answer"], *score]))


def _expanded(images: tuple[str, ...]) -> Any:
    """The files' names, a folder's pictures in the order of their names; raises InputError for what is not there."""
    for image in images:
        path = Path(image)
        if image != "-" and not path.exists():
            raise InputError(f"{path} does not exist; give the path of a picture or a folder")
        found = sorted(each for each in path.iterdir() if each.suffix.lower() in SUFFIXES) if path.is_dir() else [path]
        if not found:
            raise InputError(f"{path} has no picture ({', '.join(SUFFIXES)}); give a folder of some")
        yield from (str(each) for each in found)


def _opened(names: list[str], skip_invalid: bool) -> dict[str, bytes]:
    """The files' bytes; raises InputError for what is no picture, or says how many were left out."""
    from seqtasks import pictures

    contents, refused = dict[str, bytes](), list[str]()
    for name in names:
        content = sys.stdin.buffer.read() if name == "-" else Path(name).read_bytes()
        if fault := pictures.fault(content):
            refused.append(f"{'standard input' if name == '-' else name} is {fault}")
        else:
            contents[name] = content
    if refused and not (skip_invalid and contents):
        raise InputError(refused[0])
    for each in refused:
        options.say(each)
    if refused:
        options.say(f"{len(refused):,} left out")
    return contents


def _draw(served: Any, content: bytes, choice: Choice, path: Path) -> dict[str, Any]:
    from seqtasks import files, looking, plots

    answer, picture, words, weights = looking.explain(served, content, choice.beam)
    with files.writing(path, point="plot") as part:
        plots.attention(picture, words, weights, part)
    return answer
