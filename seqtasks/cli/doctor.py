"""seqtasks doctor"""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import click

from seqtasks.cli import options
from seqtasks.cli.verb import Verb
from seqtasks.errors import IntegrityError


@click.command("doctor", cls=Verb, short_help="Check machine, data, models and exports", example="seqtasks doctor")
@click.option(
    "--models",
    type=click.Path(file_okay=False, path_type=Path),
    default=options.MODELS,
    show_default=True,
    help="Folder of trained models.",
)
@options.json_option
@options.data_dir_option
@options.manual_option
def command(models: Path, as_json: bool, data_dir: str, manual_dir: str | None) -> None:
    """Check the machine, the data sets, every trained model and export; say what is damaged and what to do.

    Exit code 4 where something is damaged.
    """
    options.start_tensorflow()
    from seqtasks.cli import diagnostics

    found = list(diagnostics.examined(models, options.folders(data_dir, manual_dir)))
    if as_json:
        options.say_json([asdict(each) for each in found])
    else:
        width = max(len(each.what) for each in found)
        for each in found:
            remedy = f": {each.remedy}" if each.remedy else ""
            click.echo(f"{each.state:4}  {each.what:{width}}  {each.found}{remedy}")
    ill = sum(each.state == diagnostics.BAD for each in found)
    if ill:
        raise IntegrityError(f"{ill} of {len(found)} are not as they should be; see above")
