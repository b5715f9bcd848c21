"""seqtasks score [TASK] FILE"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import click

from seqtasks.cli import chosen_task, completion, models, options
from seqtasks.cli.verb import READING, Verb
from seqtasks.errors import InputError, UsageError


@click.command(
    "score",
    cls=Verb,
    short_help="What each character of a text costs",
    example="seqtasks score mine.txt",
    groups={"How your own file is read": READING},
)
@click.argument(
    "arguments",
    metavar="[TASK] FILE",
    nargs=-1,
    required=True,
    shell_complete=completion.beginning(completion.of_answering),
)
@click.option(
    "--explain",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write as .html what each character, or word, of its beginning costs.",
)
@chosen_task.code_option
@options.reading_options
@options.json_option
@options.model_option
def command(
    arguments: tuple[str, ...],
    explain: Path | None,
    reading: dict[str, Any],
    as_json: bool,
    model: Path | None,
) -> None:
    """What each character of a text costs a language model: bits, the fewer the better it knows such text.

    A single argument is the FILE. Without TASK and --model it is the only trained task that goes on with a text, else
    text_generation.
    """
    if len(arguments) > 2:
        raise UsageError(f"give a task and one file, not {len(arguments)} arguments")
    task = models.locate(arguments[0], model)[0] if len(arguments) == 2 else None
    file = Path(arguments[-1])
    folder = model or models.FOLDER / (task or models.default("decode"))
    from seqtasks.inference import generation, predictor

    manifest = models.manifest(task, folder)
    generation.require(manifest, folder, "decode")  # before TensorFlow takes its seconds
    options.start_tensorflow()
    from seqtasks.data import corpus, streams
    from seqtasks.data.readers import Options
    from seqtasks.inference import explain as explaining
    from seqtasks.inference import values

    served = predictor.load(folder)
    columns = values.codec(manifest.inputs).traits.columns
    text = corpus.text(file, Options(**reading), columns)
    if not text:
        raise InputError(f"{file} is empty; give a text")
    if explain:
        explaining.scored(served, text).write(explain)
    nats, characters = generation.score(served, streams.chunks([text]))
    each = nats / characters
    bits = each / math.log(2)
    if as_json:
        result = {"file": str(file), "characters": characters, "nats_per_character": each, "bits_per_character": bits}
        options.say_json(result)
        return
    click.echo(f"{file}: {characters:,} characters, {bits:.4f} bits each ({each:.4f} nats)")
