#!/bin/sh
# Requests the answer to one value from TensorFlow Serving's REST form, https://www.tensorflow.org/tfx/serving/api_rest.
# Request and reply are as TensorFlow Serving documents them; this was not run against such a server.
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
