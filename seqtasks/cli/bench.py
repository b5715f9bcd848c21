"""seqtasks bench"""

from __future__ import annotations

import click


@click.command("bench")
def command() -> None:
    """Measure side by side with what people would use instead."""
