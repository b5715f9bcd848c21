"""One export of each task's pattern, of a small model with fixed weights, in this process: nothing is trained."""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

from seqtasks import benchmarks, codecs, tasks
from seqtasks.data import prepare
from seqtasks.export import convert, savedmodel
from seqtasks.task import SAMPLE, Folders
from seqtasks.training.gradients import plain_gradients
from seqtasks.training.model_folder import TrainedModel
from tests.samples import SAMPLES

VALUES = 6


@pytest.fixture(scope="module", params=tasks.names())
def untrained(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> TrainedModel:
    task = tasks.find(request.param).for_dataset(SAMPLE).configure(SAMPLES[request.param].settings)
    folders = Folders((str(tmp_path_factory.mktemp("datasets")),))
    data = prepare.read(task, SAMPLE, folders, print)
    keras.utils.set_random_seed(1)
    return benchmarks.untrained(prepare.fit(task, data, folders), tmp_path_factory.mktemp("model"))


@pytest.fixture(scope="module")
def module(untrained: TrainedModel) -> tf.Module:
    return savedmodel.assemble(untrained)


def values(trained: TrainedModel) -> list[bytes]:
    return trained.task.pattern.golden(trained.task)[:VALUES]


def test_each_endpoint_is_traced(untrained: TrainedModel, module: tf.Module):
    for name, endpoint in untrained.task.pattern.endpoints(untrained.model, untrained.task).items():
        outputs = vars(module)[name].get_concrete_function().structured_outputs
        assert set(endpoint.columns) | set(endpoint.classes) <= set(outputs if isinstance(outputs, dict) else ())


def test_company_changes_no_answer(untrained: TrainedModel, module: tf.Module):
    together = module.serve(tf.constant([*values(untrained), SAMPLES[untrained.task.name].odd["emoji"]]))
    for number, value in enumerate(values(untrained)):
        alone = module.serve(tf.constant([value]))
        for name, found in together.items():
            wanted, given = alone[name][0].numpy(), found[number].numpy()
            if np.ndim(wanted) and np.shape(wanted) != np.shape(given):  # pieces, as many as the longest text has
                given = given[: len(wanted)]
            if np.asarray(wanted).dtype.kind in "SO":
                assert np.array_equal(given, wanted)
            else:
                np.testing.assert_allclose(given, wanted, atol=1e-5)


def test_other_runtimes_are_given_rows_that_the_network_takes(untrained: TrainedModel):
    endpoints = convert.in_tensorflow(untrained)
    for row in codecs.network_rows(untrained.task.inputs, values(untrained)[:2]):
        outputs = endpoints["serve" if "serve" in endpoints else "prefill"](values=row)
        assert all(np.isfinite(each).all() for each in outputs.values())


def test_a_step_of_training_has_a_gradient_for_every_variable(untrained: TrainedModel, tmp_path: Path):
    task = untrained.task
    folders = Folders((str(tmp_path),))
    data = prepare.read(task, SAMPLE, folders, print)
    batches = prepare.encode(task, data, ["train"], folders)["train"]
    index = batches.epoch_batches(batch_size=4, min_steps=1, seed=0, epoch=0)[0]
    x, y = tf.nest.map_structure(tf.constant, batches.batch(index))
    objective = task.pattern.objective(task)
    _, losses, gradients = plain_gradients(untrained.model, objective.loss, x, y)
    assert np.isfinite(losses).all()
    assert len(gradients) == len(untrained.model.trainable_variables)
    assert all(np.isfinite(each).all() for each in gradients)
    for monitor in task.pattern.MONITORS:  # what takes long is computed only where it is monitored
        objective = task.pattern.objective(task.configure({"monitor": monitor}))
        assert monitor in objective.metrics or monitor in objective.figures
