"""seqtasks scan TASK FASTA"""

from __future__ import annotations

from pathlib import Path

import click

from seqtasks.cli import answers, chosen_task, completion, models, options
from seqtasks.cli.verb import Verb
from seqtasks.errors import UsageError

FORMATS = ("bed", "csv", "tsv", "jsonl")


@click.command(
    "scan",
    cls=Verb,
    short_help="Answer windows along a FASTA file",
    example="seqtasks scan dna genome.fa.gz --window 57 --output promoters.bed",
    groups={"Windows": ("window", "stride"), "What is written": ("output", "kind")},
)
@click.argument("task", shell_complete=completion.beginning(completion.of_answering))
@click.argument("fasta", type=click.Path(path_type=Path))
@click.option("--window", type=int, required=True, help="Bases that are answered together.")
@click.option("--stride", type=int, help="Bases from one window to the next.  [default: a half of --window]")
@click.option(
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Where the windows go with their answers; interrupted, it goes on.  [default: standard output]",
)
@click.option(
    "--format", "kind", type=options.OneOf(FORMATS), help="What is written.  [default: as --output is called, or bed]"
)
@chosen_task.code_option
@options.on_invalid_option
@options.encoding_option
@options.model_option
def command(
    task: str,
    fasta: Path,
    window: int,
    stride: int | None,
    output: Path | None,
    kind: str | None,
    on_invalid: str,
    encoding: str | None,
    model: Path | None,
) -> None:
    """Answer windows that slide along the records of a FASTA file, of any length, in constant memory."""
    task, folder = models.locate(task, model)
    manifest = models.manifest(task, folder)
    columns = manifest.endpoints["serve"].columns
    if kind is None:
        ends = output.name.lower().removesuffix(".gz").rpartition(".")[2] if output else ""
        kind = ends if ends in FORMATS else "bed"
    if kind == "bed" and "probability" not in columns:
        raise UsageError(f"bed needs probabilities, and {task} has none; choose csv, tsv or jsonl with --format")
    options.start_tensorflow()
    from seqtasks.data.readers import Options
    from seqtasks.inference import files, predictor, values
    from seqtasks.inference.scan import Scan

    codec = values.codec(manifest.inputs)
    alphabet = codec.traits.alphabet
    if alphabet is None:
        raise UsageError(f"windows are of sequences of letters such as DNA, not of {task}; use seqtasks predict {task}")
    reading = Options(encoding=encoding, kind="fa", on_invalid=on_invalid)
    scan = Scan(fasta, reading, alphabet, window, max(window // 2, 1) if stride is None else stride)
    files.one_core_a_batch()
    answers.of_file(predictor.load(folder), codec, fasta, reading, output, scan=scan, kind=f".{kind}")
