"""seqtasks score FILE"""

from __future__ import annotations

import math
from pathlib import Path

import click

from seqtasks.cli import options
from seqtasks.cli.generate import DEFAULT
from seqtasks.errors import InputError


@click.command("score")
@click.argument("file", type=click.Path(path_type=Path))
@options.reading_options
@options.json_option
@options.model_option
def command(
    file: Path, input_column: str | None, separator: str | None, encoding: str, as_json: bool, model: Path | None
) -> None:
    """What each character of a text costs a model that writes: bits, the fewer the better it knows such text."""
    folder = options.model_folder(model, DEFAULT)
    from seqtasks.inference import predictor

    predictor.newest(folder)
    options.start_tensorflow()
    from seqtasks.codecs.tokens import Tokens
    from seqtasks.data import streams, user
    from seqtasks.data.readers import Options
    from seqtasks.inference import generation

    text = user.text(file, Options(input_column, None, separator, encoding), Tokens().columns)
    if not text:
        raise InputError(f"{file} is empty; give a text")
    nats, characters = generation.score(predictor.load(folder), streams.chunks([text]))
    each = nats / characters
    bits = each / math.log(2)
    if as_json:
        result = {"file": str(file), "characters": characters, "nats_per_character": each, "bits_per_character": bits}
        options.say_json(result)
        return
    click.echo(f"{file}: {characters:,} characters, {bits:.4f} bits each ({each:.4f} nats)")
