#!/bin/sh
# Asks TensorFlow Serving's REST form, https://www.tensorflow.org/tfx/serving/api_rest, for the answer to one value.
# The request and the reply's form are TensorFlow Serving's; this was not run, as no such server was at hand.
#
#   seqtasks export sentiment
#   docker run -p 8501:8501 -e MODEL_NAME=sentiment \
#       -v "$PWD/saved_models/sentiment/serving:/models/sentiment" tensorflow/serving
#   printf "A fine film." | sh examples/rest.sh sentiment
#   sh examples/rest.sh captioning < photo.jpg
#
# Strings are bytes: they go as {"b64": ...}, whatever they hold.
set -eu
task=$1
body=$(printf '{"instances": [{"values": {"b64": "%s"}}]}' "$(base64 | tr -d '\n')")
printf '%s' "$body" |
    curl --fail --silent --show-error --data @- "${SERVER:-http://localhost:8501}/v1/models/$task:predict"
