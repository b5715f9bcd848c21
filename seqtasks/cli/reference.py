"""The command line as a page of the documents: every verb with its arguments, options and help."""

from __future__ import annotations

from collections.abc import Sequence

import click

from seqtasks.cli.verb import Verb

HEAD = ("| option | |", "|---|---|")
BEGIN, END = "<!-- verbs:begin -->", "<!-- verbs:end -->"


def markdown() -> str:
    """A section a verb, as its --help has it."""
    from seqtasks.cli import group

    parent = click.Context(group, info_name="seqtasks", **group.context_settings)
    sections = ["### Options before the verb", "", *_options(group, parent)]
    for name, verb in group.commands.items():
        assert isinstance(verb, Verb)
        context = click.Context(verb, parent, info_name=name)
        usage = " ".join(verb.collect_usage_pieces(context))
        sections += ["", f"### `{name}`", "", f"Usage: `seqtasks {name} {usage}`", "", _prose(verb.help or "")]
        sections += ["", "```console", *verb.example.splitlines(), "```", "", *_grouped(verb, context)]
    return "\n".join(sections)


def _grouped(verb: Verb, context: click.Context) -> list[str]:
    """A table of a verb's options, below the title of each group where there are several."""
    groups = verb.grouped(context)
    if len(groups) == 1:
        return _options(verb, context)
    rows = []
    for title, options in groups.items():
        rows += [f"| **{title}** | |", *_rows([each for each in options if each.name != "help"], context)]
    return [*HEAD, *rows]


def _options(command: click.Command, context: click.Context) -> list[str]:
    """A table of a command's options but --help, which all have."""
    return [*HEAD, *_rows([each for each in command.params if isinstance(each, click.Option)], context)]


def _rows(options: Sequence[click.Option], context: click.Context) -> list[str]:
    records = [each.get_help_record(context) for each in options]
    return [f"| `{_cell(names)}` | {_cell(_prose(text))} |" for names, text in filter(None, records)]


def _prose(text: str) -> str:
    """A help text with each paragraph on a line."""
    return "\n\n".join(" ".join(each.split()) for each in text.replace("\b", "").split("\n\n"))


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
