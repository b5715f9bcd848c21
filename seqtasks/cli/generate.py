"""seqtasks generate PROMPT"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from seqtasks.cli import options
from seqtasks.errors import UsageError

HIGHEST = 2**63 - 1
DEFAULT = "text_generation"


@click.command("generate")
@click.argument("prompt", default="")
@click.option("--length", type=int, help="Tokens to write.  [default: the model's]")
@click.option("--temperature", type=float, help="0 for always the most probable token.  [default: the model's]")
@click.option("--top-k", type=int, default=0, help="Choose among so many of the most probable; 0 for all.")
@click.option("--top-p", type=float, default=1.0, help="Choose among the fewest that are this probable together.")
@click.option("--penalty", type=float, default=1.0, help="Make what was written already less probable by this factor.")
@click.option("--stop", default="", metavar="STRING", help="End before this string.")
@click.option("--seed", type=click.IntRange(-HIGHEST - 1, HIGHEST), default=0, show_default=True)
@click.option("--count", type=click.IntRange(1, 1_000), default=1, help="So many texts; text i has the seed SEED + i.")
@options.json_option
@options.model_option
def command(
    prompt: str,
    length: int | None,
    temperature: float | None,
    seed: int,
    count: int,
    stop: str,
    as_json: bool,
    model: Path | None,
    **chosen: Any,
) -> None:
    """Write on from PROMPT, or from standard input where it is -, and show the text as it is written."""
    if seed + count - 1 > HIGHEST:
        raise UsageError(f"the last of {count} texts would have a seed above {HIGHEST}; give a lower --seed")
    folder = options.model_folder(model, DEFAULT)
    from seqtasks.inference import predictor

    predictor.newest(folder)  # a missing export is told before TensorFlow takes its seconds
    given = sys.stdin.buffer.read() if prompt == "-" else predictor.as_bytes(prompt)
    options.start_tensorflow()
    import tensorflow as tf

    from seqtasks.inference import generation

    # rewriting the graphs of an export takes longer than it saves in a text, and changes no bit of it
    tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": True})
    served = predictor.load(folder)
    generation.check(served)
    settings = served.manifest["settings"]
    choice = generation.Choice(settings["temperature"] if temperature is None else temperature, **chosen)
    if unseen := generation.strangers(served, [given])[0]:
        options.say(f"not in what it learned from, read as unknown: {unseen!r}")
    seeds = [seed + number for number in range(count)]
    length = settings["written"] if length is None else length
    parts = generation.stream(served, [given] * count, length=length, seeds=seeds, choice=choice, stop=stop)
    asked = given.decode(errors="replace")
    shown = "" if prompt == "-" else asked
    if count == 1 and not as_json:
        _show(parts, shown)
        return
    texts = ["".join(each) for each in zip(*parts, strict=True)] or [""] * count
    if as_json:
        options.say_json(
            [{"prompt": asked, "seed": each, "text": text} for each, text in zip(seeds, texts, strict=True)]
        )
        return
    for each, text in zip(seeds, texts, strict=True):
        click.echo(f"--- seed {each}\n{shown}{text}")


def _show(parts: Any, prompt: str) -> None:
    """Prints what is written at once; an interruption ends the line first."""
    click.echo(prompt, nl=False)
    try:
        for (text,) in parts:
            click.echo(text, nl=False)
            sys.stdout.flush()
    finally:
        click.echo()
