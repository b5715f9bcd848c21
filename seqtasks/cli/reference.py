"""The command line as a page of the documents: every verb with its arguments, options and help."""

from __future__ import annotations

import click

BEGIN, END = "<!-- verbs:begin -->", "<!-- verbs:end -->"


def markdown() -> str:
    """A section a verb, as its --help has it."""
    from seqtasks.cli import group

    parent = click.Context(group, info_name="seqtasks")
    sections = ["### Options before the verb", "", *_options(group, parent)]
    for name, verb in group.commands.items():
        context = click.Context(verb, parent, info_name=name)
        usage = " ".join(verb.collect_usage_pieces(context))
        sections += ["", f"### `{name}`", "", f"Usage: `seqtasks {name} {usage}`", "", _prose(verb.help or "")]
        sections += ["", *_options(verb, context)]
    return "\n".join(sections)


def _options(command: click.Command, context: click.Context) -> list[str]:
    """A table of a command's options but --help, which all have."""
    options = [each for each in command.params if isinstance(each, click.Option)]
    records = [each.get_help_record(context) for each in options]
    rows = [f"| `{_cell(names)}` | {_cell(_prose(text))} |" for names, text in filter(None, records)]
    return ["| option | |", "|---|---|", *rows]


def _prose(text: str) -> str:
    """A help text with each paragraph on a line."""
    return "\n\n".join(" ".join(each.split()) for each in text.replace("\b", "").split("\n\n"))


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
