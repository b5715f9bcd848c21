"""seqtasks predict TASK VALUE... | --file FILE"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from seqtasks.cli import answers, chosen_task, completion, models, options
from seqtasks.cli.verb import READING, Verb
from seqtasks.errors import UsageError

FORMATS = ("csv", "tsv", "xlsx", "jsonl", "json", "parquet", "txt", "fa", "conll")


@click.command(
    "predict",
    cls=Verb,
    short_help="Answer values, files or rows of a file",
    example="""seqtasks predict sentiment "A fine film." --top 2
seqtasks predict sentiment --file new.csv --output answered.csv""",
    groups={
        "A file of rows": ("file", "output", "kind"),
        "How your own file is read": READING,
        "Texts": ("num_beams", "do_sample", "temperature", "seed"),
        "What is shown": ("top", "explain", "as_json"),
    },
)
@click.argument("task", shell_complete=completion.beginning(completion.of_answering))
@click.argument("values", nargs=-1)
@click.option(
    "--file",
    "file",
    type=click.Path(path_type=Path),
    help="Rows to answer: CSV, TSV, Excel, JSONL, Parquet, text, FASTA, CoNLL columns; - for standard input.",
)
@click.option(
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Where rows, or names of files, go with their answers; interrupted, it goes on.  [default: standard output]",
)
@click.option("--format", "kind", type=options.OneOf(FORMATS), help="What the file is, if its name does not say so.")
@click.option("--num-beams", type=click.IntRange(1, 100), help="Beams of a search for texts.  [default: the model's]")
@click.option("--do-sample", is_flag=True, help="Sample each word of a text, instead of searching for the best.")
@click.option("--temperature", type=float, help="Of --do-sample: below 1 favours the probable.  [default: 1]")
@click.option("--seed", type=click.IntRange(-(2**62), 2**62), help="Of --do-sample.  [default: 0]")
@click.option(
    "--explain",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write as .html what each word or letter adds to the answer, or what of a picture or a sentence was attended "
    "to for each word; the last three also as .png.",
)
@click.option(
    "--runtime", type=options.OneOf(["onnx", "litert"]), help="Answer from such an export, and sooner: no TensorFlow."
)
@click.option("--top", type=click.IntRange(1), help="The so many most probable classes of a value.")
@chosen_task.code_option
@options.on_invalid_option
@options.reading_options
@options.json_option
@options.model_option
def command(
    task: str,
    values: tuple[str, ...],
    file: Path | None,
    output: Path | None,
    kind: str | None,
    num_beams: int | None,
    do_sample: bool,
    temperature: float | None,
    seed: int | None,
    explain: Path | None,
    runtime: str | None,
    top: int | None,
    on_invalid: str,
    reading: dict[str, Any],
    as_json: bool,
    model: Path | None,
) -> None:
    """Answer raw values from a task's export, one line each; or the rows of a file, with their columns kept.

    Where a task is about files, photographs for example, values are their paths, folders of them, or - for standard
    input.
    """
    if bool(values) == bool(file):
        raise UsageError("give values or --file FILE, one of the two")
    if runtime and (file or explain or num_beams or do_sample):
        raise UsageError("--runtime answers values; leave --file, --explain, --num-beams and --do-sample out")
    if top and (file or runtime):
        raise UsageError("--top is for values that the SavedModel answers; leave it, or --file and --runtime, out")
    if file and as_json:
        raise UsageError("--json is for the answers to values, a file's keep its form; leave --json out")
    if file and (do_sample or explain):
        raise UsageError("--do-sample and --explain are for values; leave them out, or --file")
    _check_generation(num_beams, do_sample, temperature, seed, explain)
    if output and (do_sample or explain or top or as_json or runtime):
        raise UsageError(
            "--output is for a table of answers; leave --do-sample, --explain, --top, --json, --runtime out"
        )
    of_files = {"format": kind, **reading}
    needless = [f"--{name.replace('_', '-')}" for name, given in of_files.items() if given is not None]
    if values and needless:
        raise UsageError(f"{needless[0]} is for the rows of a file; leave it out, or give --file FILE")
    task, folder = models.locate(task, model)
    from seqtasks.inference import generation, predictor

    manifest = models.manifest(task, folder, runtime or predictor.SAVED_MODEL)  # before TensorFlow takes its seconds
    if runtime:
        found = zip(values, predictor.without_tensorflow(folder, runtime, values), strict=True)
        named = manifest.reads_files and len(values) > 1
        answers.show(found, ("answer", "probability"), as_json=as_json, named=named)
        return
    for wanted, endpoint in ((num_beams, "beam_search"), (do_sample, "sample")):
        if wanted:
            generation.require(manifest, folder, endpoint)
    options.start_tensorflow()
    from seqtasks.cli import meter
    from seqtasks.data.readers import Options
    from seqtasks.inference import files
    from seqtasks.inference import values as giving

    codec = giving.codec(manifest.inputs)
    if output and not file and not codec.traits.reads_files:
        raise UsageError("--output is for the rows of a file; leave it out, or give --file FILE")
    beams = generation.BeamOptions(num_beams) if num_beams else None
    if file:
        how = Options(**reading, kind=kind, on_invalid=on_invalid)
        files.one_core_a_batch()
        answers.of_file(predictor.load(folder), codec, file, how, output, beams=beams)
        return
    sampling = generation.SamplingOptions(1.0 if temperature is None else temperature) if do_sample else None
    traits = codec.traits
    names = list(values)
    if traits.reads_files:
        names = giving.expanded(values, traits.suffixes, other_suffixes=traits.other_suffixes)
    if explain and len(names) != 1:
        raise UsageError(f"--explain is for one value; give one, not {len(names):,}")
    if output:
        answers.of_named(predictor.load(folder), codec, names, output, on_invalid, beams)
        return
    served = predictor.load(folder)

    def ask_values(contents: Sequence[bytes], done: int) -> Sequence[Mapping[str, Any]]:
        if how := beams or sampling:
            return generation.generate(served, contents, how, seed=(seed or 0) + done)
        return served(contents)

    if explain:
        answered = answers.explained(served, names[0], codec, beams, explain)
    else:
        size = manifest.batch_size
        answered = answers.of_values(names, codec, ask_values, batch_size=size, on_invalid=on_invalid)
    columns = manifest.endpoints["serve"].columns
    if top:
        answered, columns = answers.most_probable(answered, top), answers.of_classes(columns, top)
    with meter.shown(beside_answers=True):
        answers.show(answered, columns, as_json=as_json, named=traits.reads_files and len(names) > 1)


def _check_generation(
    num_beams: int | None, do_sample: bool, temperature: float | None, seed: int | None, explain: Path | None
) -> None:
    """Raises UsageError for options of a search and of sampling that do not go together."""
    if not do_sample and (temperature is not None or seed is not None):
        raise UsageError("--temperature and --seed are of --do-sample; give it as well")
    if do_sample and num_beams:
        raise UsageError("--num-beams searches for the most probable text; leave it or --do-sample out")
    if do_sample and explain:
        raise UsageError("--explain is of the most probable answer; leave --do-sample out")
