"""seqtasks bench [NAME]"""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any

import click

from seqtasks.cli import completion, options
from seqtasks.cli.verb import Verb
from seqtasks.errors import unknown
from seqtasks.task import SAMPLE


@click.command(
    "bench", cls=Verb, short_help="Measure beside what people would use instead", example="seqtasks bench sentiment"
)
@click.argument("name", required=False, shell_complete=completion.beginning(completion.of_benchmarks))
@click.option("--sample-data", is_flag=True, help="On the project's own sample: to see that it works, not how fast.")
@options.json_option
@options.data_dir_option
@options.manual_option
def command(name: str | None, sample_data: bool, as_json: bool, data_dir: str, manual_dir: str | None) -> None:
    """Measure side by side with what people would use instead; without a name, everything."""
    known = sorted(path.stem for path in (Path(__file__).parents[1] / "benchmarks").glob("[a-z]*.py"))
    if name and name not in known:
        raise unknown("benchmark", name, known)
    options.start_tensorflow()
    chosen = [name] if name else known
    folders = options.folders(data_dir, manual_dir)
    results = [
        import_module(f"seqtasks.benchmarks.{each}").run(folders, options.say, dataset=SAMPLE if sample_data else None)
        for each in chosen
    ]
    if as_json:
        options.say_json(results[0] if name else results)
        return
    for result in results:
        _table(result)


def _table(result: dict[str, Any]) -> None:
    from rich.table import Table

    click.echo(f"{result['benchmark']} on {result['dataset']}: {result['machine']}, commit {result['commit']}")
    rows = result["rows"] if "rows" in result else _by_measure(result)
    table = Table()
    for column in rows[0]:
        table.add_column(column.replace("_", " "), justify="right")
    for row in rows:
        table.add_row(*map(_text, row.values()))
    options.console().print(table)


def _by_measure(result: dict[str, Any]) -> list[dict[str, Any]]:
    """A row for each measure with a column for each who was measured; figures of the whole have a single column."""
    rivals = {key: value for key, value in result.items() if isinstance(value, dict) and key != "versions"}
    measures = next(iter(rivals.values()))
    rows = [
        {"measure": measure.replace("_", " ")} | {name: figures.get(measure) for name, figures in rivals.items()}
        for measure in measures
    ]
    blank = dict.fromkeys(rivals, "")
    whole = {key.replace("_", " "): value for key, value in result.items() if isinstance(value, float)}
    return rows + [{"measure": key} | blank | {next(iter(rivals)): value} for key, value in whole.items()]


def _text(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(_text(each) for each in value)
    if isinstance(value, float):
        return f"{value:.4g}"
    return "-" if value is None else str(value)
