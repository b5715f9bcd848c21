"""A fifth and a sixth task, laid over a copy of the package: files and rows of their own, and no edit elsewhere."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.trains

ROOT = Path(__file__).parents[1]
DRAFTS = {  # a task -> a value and its answer
    "toy_tagger": ("bané", "consonant vowel consonant vowel"),
    "toy_transducer": ("banédo", "odénab"),
}
COMMANDS = """
import json, sys
from click.testing import CliRunner
from seqtasks.cli import group
for arguments in json.loads(sys.argv[1]):
    done = CliRunner().invoke(group, arguments, catch_exceptions=False, standalone_mode=False)
    print(json.dumps({"verb": arguments[0], "printed": done.stdout}))
"""


@pytest.fixture(scope="module")
def overlaid(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the package and the drafts as if they were its own."""
    folder = tmp_path_factory.mktemp("overlaid")
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "seqtasks", folder / "seqtasks", ignore=ignored)
    for room in ("codecs", "patterns", "tasks"):
        shutil.copytree(
            ROOT / "tests" / "drafts" / room, folder / "seqtasks" / room, dirs_exist_ok=True, ignore=ignored
        )
    return folder


def test_a_draft_is_trained_measured_exported_and_asked_by_the_command_line(overlaid: Path):
    commands = [
        command
        for name, (value, _) in DRAFTS.items()
        for command in (
            ["list"],
            ["train", name, "--sample-data", "--seed", "1"],
            ["evaluate", name, "--json"],
            ["export", name],
            ["predict", name, value, "--json"],
        )
    ]
    environment = {**os.environ, "PYTHONPATH": str(overlaid), "TF_CPP_MIN_LOG_LEVEL": "3"}
    command = [sys.executable, "-c", COMMANDS, json.dumps(commands)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=overlaid, env=environment)
    assert done.returncode == 0, done.stderr
    printed = [json.loads(line) for line in done.stdout.splitlines()]
    for number, (name, (value, answer)) in enumerate(DRAFTS.items()):
        listed, _, measured, exported, asked = (each["printed"] for each in printed[5 * number : 5 * number + 5])
        assert name in listed
        result = json.loads(measured)
        assert result["task"] == name
        assert result[result["headline"]] > 0.8
        assert f"exported {name} to " in exported
        assert json.loads(asked)[0] == {"input": value, "answer": answer}
