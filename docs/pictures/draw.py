"""Draws the README's pictures of models of the samples: python docs/pictures/draw.py saved_models

First, from the root of the project: seqtasks train captioning --sample-data; seqtasks train dna --sample-data.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

from PIL import Image

from seqtasks.data.samples import scenes

PICTURES = Path(__file__).parent
SCENE, SIDE = 7, 64  # of the scenes one with things beside each other
PROMOTER = "TTGTTTACGCCGTTATAAAAGACTCATTTTCGTGTGACGCGCTAGAAGCCCTGCTTCAAAGG"
WIDTH, COLOURS = 900, 128  # pixels; so many colours are enough, in a third of the bytes


def main(models: Path) -> None:
    with tempfile.TemporaryDirectory() as place:
        scene = Path(place) / "scene.png"
        scene.write_bytes([picture for picture, _ in scenes.draw(SCENE + 1, SIDE)][SCENE])
        for task, value, name in (("captioning", scene, "scene"), ("dna", PROMOTER, "bases")):
            drawn = Path(place) / f"{name} drawn.png"
            command = [sys.executable, "-m", "seqtasks", "predict", task, str(value), "--explain", str(drawn)]
            subprocess.run([*command, "--model", str(models / task)], check=True)
            with Image.open(drawn) as image:
                small = image.convert("RGB").resize((WIDTH, round(WIDTH * image.height / image.width)))
                small.quantize(COLOURS).save(PICTURES / f"{name}.png", optimize=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
