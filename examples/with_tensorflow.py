"""Runs a SavedModel, with TensorFlow alone: raw values go in, answers come out.

seqtasks export sentiment
pip install tensorflow
python examples/with_tensorflow.py saved_models/sentiment/serving/1 "A fine film."
"""

import argparse
import os
from pathlib import Path

import tensorflow as tf

parser = argparse.ArgumentParser()
parser.add_argument("export", help="the folder of an export")
parser.add_argument("values", nargs="+", help="values to answer")
parser.add_argument("--files", action="store_true", help="values are names of files")
given = parser.parse_args()
values = [Path(value).read_bytes() for value in given.values] if given.files else given.values
os.chdir(given.export)  # TensorFlow takes [ ] * ? in a path for a pattern
model = tf.saved_model.load(".")
for answer in model.serve(tf.constant(values))["answer"].numpy():
    print(answer.decode())
