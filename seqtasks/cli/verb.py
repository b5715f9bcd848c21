"""A command of the line: its options in groups, an example below them, and its help in 80 columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import click

OTHERS = "Options"  # the group of what is in no other
DATA = ("dataset", "sample_data", "data", "test_data", "data_dir", "manual_dir")
READING = (
    "input_column", "label_column", "ignore_label", "label_pattern", "on_invalid", "separator", "quoting", "no_header",
    "encoding", "sheet",
)  # fmt: skip

Groups = Mapping[str, Sequence[str]]  # a title -> the parameters below it, as the command calls them


class Verb(click.Command):
    """A command that shows its options in groups, in their order there, those of no group last; and an example."""

    def __init__(self, *arguments: Any, example: str, groups: Groups | None = None, **more: Any) -> None:
        super().__init__(*arguments, **more)
        self.example = example
        self.groups = dict(groups or {})

    def grouped(self, context: click.Context) -> dict[str, list[click.Option]]:
        """The options of each group; a group without any is left out."""
        options = {each.name: each for each in self.get_params(context) if isinstance(each, click.Option)}
        found = {
            title: [options.pop(name) for name in names if name in options] for title, names in self.groups.items()
        }
        return {title: several for title, several in {**found, OTHERS: [*options.values()]}.items() if several}

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        for title, options in self.grouped(ctx).items():
            with formatter.section(title):
                formatter.write_dl([record for each in options if (record := each.get_help_record(ctx))])

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Example"):
            for line in self.example.splitlines():
                formatter.write(f"{'':>{formatter.current_indent}}{line}\n")
