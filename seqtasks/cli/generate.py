"""seqtasks generate [TASK] [PROMPT]"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from seqtasks.cli import chosen_task, completion, models, options
from seqtasks.cli.verb import Verb
from seqtasks.errors import UsageError

MAX_SEED = 2**63 - 1


@click.command(
    "generate",
    cls=Verb,
    short_help="Go on from a text",
    example="""seqtasks generate "TOAD: Good day, crow!" --max-new-tokens 60 --seed 1""",
    groups={
        "The text": ("max_new_tokens", "stop", "num_samples", "seed"),
        "Sampling": ("temperature", "top_k", "top_p", "repetition_penalty"),
    },
)
@click.argument(
    "arguments", metavar="[TASK] [PROMPT]", nargs=-1, shell_complete=completion.beginning(completion.of_answering)
)
@click.option("--max-new-tokens", type=int, help="Tokens to generate.  [default: the model's]")
@click.option("--temperature", type=float, help="0 for always the most probable token.  [default: the model's]")
@click.option("--top-k", type=int, default=0, help="Sample from so many of the most probable; 0 for all.")
@click.option("--top-p", type=float, default=1.0, help="Sample from the fewest that are this probable together.")
@click.option("--repetition-penalty", type=float, default=1.0, help="Make generated tokens less probable; 1 for not.")
@click.option("--stop", default="", metavar="STRING", help="End before this string.")
@click.option("--seed", type=click.IntRange(-MAX_SEED - 1, MAX_SEED), default=0, show_default=True)
@click.option(
    "--num-samples", type=click.IntRange(1, 1_000), default=1, help="So many texts; text i has the seed SEED + i."
)
@chosen_task.code_option
@options.json_option
@options.model_option
def command(
    arguments: tuple[str, ...],
    max_new_tokens: int | None,
    temperature: float | None,
    seed: int,
    num_samples: int,
    stop: str,
    as_json: bool,
    model: Path | None,
    **sampling: Any,
) -> None:
    """Go on from PROMPT, or from standard input where it is -, and show the text as it is generated.

    A single argument is the TASK if it is the name of a task or of a folder in saved_models, else the PROMPT. Without
    TASK and --model it is the only trained task that goes on with a text, else text_generation.
    """
    if seed + num_samples - 1 > MAX_SEED:
        raise UsageError(f"the last of {num_samples} texts would have a seed above {MAX_SEED}; give a lower --seed")
    task, prompts = models.task_first(arguments, model)
    prompt = prompts[0] if prompts else ""
    folder = model or models.FOLDER / (task or models.default("decode"))
    from seqtasks.inference import generation, predictor

    manifest = models.manifest(task, folder)
    generation.require(manifest, folder, "decode")  # before TensorFlow takes its seconds
    settings = manifest.settings
    chosen = generation.SamplingOptions(settings["temperature"] if temperature is None else temperature, **sampling)
    given = sys.stdin.buffer.read() if prompt == "-" else predictor.as_bytes(prompt)
    options.start_tensorflow()
    import tensorflow as tf

    # rewriting the graphs of an export takes longer than it saves in a text, and changes no bit of it
    tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": True})
    served = predictor.load(folder)
    if unseen := generation.unknown_tokens(served, [given])[0]:
        options.say(f"not in the training text, read as unknown: {unseen!r}")
    seeds = [seed + number for number in range(num_samples)]
    length = settings["max_new_tokens"] if max_new_tokens is None else max_new_tokens
    parts = generation.stream(
        served, [given] * num_samples, max_new_tokens=length, seeds=seeds, options=chosen, stop=stop
    )
    shown_prompt = given.decode(errors="replace")
    beginning = "" if prompt == "-" else shown_prompt
    if num_samples == 1 and not as_json:
        _show(parts, beginning)
        return
    texts = ["".join(each) for each in zip(*parts, strict=True)] or [""] * num_samples
    if as_json:
        pairs = zip(seeds, texts, strict=True)
        options.say_json([{"prompt": shown_prompt, "seed": each, "text": text} for each, text in pairs])
        return
    for each, text in zip(seeds, texts, strict=True):
        click.echo(f"--- seed {each}\n{beginning}{text}")


def _show(parts: Any, prompt: str) -> None:
    """Prints the text as it is generated; an interruption ends the line first."""
    click.echo(prompt, nl=False)
    try:
        for (text,) in parts:
            click.echo(text, nl=False)
            sys.stdout.flush()
    finally:
        click.echo()
