"""seqtasks predict TASK VALUE..."""

from __future__ import annotations

from pathlib import Path

import click

from seqtasks.cli import options


@click.command("predict")
@options.task_argument
@click.argument("values", nargs=-1, required=True)
@options.json_option
@options.model_option
def command(task: str, values: tuple[str, ...], as_json: bool, model: Path | None) -> None:
    """Answer raw values from a task's export, one line each."""
    folder = options.model_folder(model, task)
    from seqtasks import serving

    serving.newest(folder)  # a missing export is told before TensorFlow takes its seconds
    options.start_tensorflow()
    answers = serving.load(folder)(values)
    if as_json:
        inputs = [value.encode("utf-8", "surrogateescape").decode(errors="replace") for value in values]
        options.say_json([{"input": value, **answer} for value, answer in zip(inputs, answers, strict=True)])
        return
    for answer in answers:
        click.echo(f"{answer['answer']}\t{answer['probability']:.4f}")
