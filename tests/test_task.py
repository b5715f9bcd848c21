"""Settings: their values and checks, and how a task knows, changes and keeps them."""

from __future__ import annotations

import dataclasses
import re
from typing import Any

import pytest

from seqtasks import setting, tasks
from seqtasks.codecs.labels import Labels
from seqtasks.codecs.sentences import Sentences
from seqtasks.codecs.text import Text
from seqtasks.data import prepare
from seqtasks.errors import UsageError
from seqtasks.setting import TRAINING, Setting, Value
from seqtasks.task import Folders, Task
from seqtasks.tasks.sentiment import TASK
from seqtasks.training import experiment

NAN, INFINITY = float("nan"), float("inf")
# both codecs have a vocabulary_size, one of them a max_length, the other a max_target_length
TRANSLATION = dataclasses.replace(TASK, inputs=Text(), targets=Sentences())


def refused(words: str) -> Any:
    return pytest.raises(UsageError, match=f"^{re.escape(words)}$")


# --- one setting ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("default", "given", "value"),
    [
        (5, 7, 7),
        (5, "7", 7),
        (5, 7.0, 7),
        (5, " 7 ", 7),
        (0.5, 1, 1.0),
        (0.5, "1e-3", 0.001),
        (False, "yes", True),
        (False, "True", True),
        (False, 1, True),
        (True, "no", False),
        (True, "FALSE", False),
        (True, "0", False),
        ("lstm", "gru", "gru"),
        ("lstm", 7, "7"),
    ],
)
def test_a_value_may_be_given_as_text_and_gets_the_default_s_type(default: Value, given: Value, value: Value):
    found = Setting(default, "").read("it", given)
    assert found == value
    assert type(found) is type(default)


@pytest.mark.parametrize(
    ("default", "given", "wanted"),
    [
        (5, "seven", "a whole number"),
        (5, "7.5", "a whole number"),
        (5, 7.5, "a whole number"),
        (5, "", "a whole number"),
        (5, NAN, "a whole number"),
        (5, INFINITY, "a whole number"),
        (5, None, "a whole number"),
        (5, [7], "a whole number"),
        (0.5, "half", "a number"),
        (0.5, "", "a number"),
        (0.5, None, "a number"),
        (True, "maybe", "true or false"),
        (True, 2, "true or false"),
        (True, "", "true or false"),
        ("lstm", None, "a word"),
        ("lstm", ["gru"], "a word"),
    ],
)
def test_what_is_no_value_of_its_type_is_refused(default: Value, given: Any, wanted: str):
    with refused(f"setting it is {wanted}, not {given!r}"):
        Setting(default, "").read("it", given)


@pytest.mark.parametrize(
    ("check", "fine", "wrong", "words"),
    [
        (setting.at_least(1), [1, 2, 10**9], [0, -1, NAN, INFINITY, -INFINITY], "it is at least 1, not {}"),
        (setting.above(0), [1e-9, 3.0], [0, -0.5, NAN, INFINITY, -INFINITY], "it is above 0, not {}"),
        (setting.between(1, 6), [1, 3, 6], [0, 7, NAN, INFINITY, -INFINITY], "it is from 1 to 6, not {}"),
        (setting.share, [0, 0.999], [1, 1.0, -1e-9, NAN, INFINITY], "it is at least 0 and below 1, not {}"),
    ],
    ids=["at least", "above", "between", "share"],
)
def test_numbers_are_checked(check: setting.Check, fine: list[float], wrong: list[float], words: str):
    for value in fine:
        check("it", value)
    for value in wrong:
        with refused(words.format(value)):
            check("it", value)


def test_words_are_checked_and_the_nearest_is_proposed():
    check = setting.one_of("lstm", "gru")
    check("cell", "gru")
    with refused("unknown cell 'lsmt'; did you mean lstm? choose from lstm, gru"):
        check("cell", "lsmt")
    with refused("unknown cell 'x'; choose from lstm, gru"):
        check("cell", "x")


def test_a_value_is_checked_after_it_was_read():
    with refused("it is at least 1, not 0"):
        Setting(5, "", setting.at_least(1)).read("it", "0")
    with refused("it is at least 0 and below 1, not nan"):
        Setting(0.5, "", setting.share).read("it", "nan")


def test_the_settings_of_a_codec_are_fields_with_their_present_values():
    found = setting.of(Text(max_length=9, vocabulary=("a",)))
    assert setting.defaults(found) == {
        "level": "word",
        "vocabulary_size": 30_000,
        "max_length": 9,
        "truncation_side": "left",
        "lowercase": True,
        "bigram_vocabulary_size": 0,
    }
    assert setting.of(Labels(("a", "b"))) == {}


# --- the settings of a task -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", tasks.names())
def test_every_setting_of_a_task_has_help_and_a_value_that_it_can_have(name: str):
    task = tasks.find(name)
    for one, each in task.all_settings().items():
        assert each.help, one
        assert each.read(one, each.default) == each.default
    assert task.configure(task.values()).values() == task.values()
    assert task.configure({one: str(value) for one, value in task.values().items()}).values() == task.values()


@pytest.mark.parametrize("name", tasks.names())
def test_no_two_settings_of_a_task_have_one_name(name: str):
    task = tasks.find(name)
    codecs = [task.inputs] if task.shares_codec() else [task.inputs, task.targets]
    fields = {field for codec in codecs for field in setting.of(codec)}  # one of both has its side in its name
    layers = [one for codec in codecs for one in codec.traits.settings]
    names = [*fields, *layers, *task.pattern.SETTINGS, *TRAINING]
    assert sorted(names) == sorted(set(names))


def test_a_task_has_every_setting_and_those_of_its_file_outweigh_the_defaults():
    assert TASK.values() == {**setting.defaults(setting.of(TASK.inputs)), **TASK.settings}
    assert {*TASK.settings} == {*TRAINING, *TASK.pattern.SETTINGS, *TASK.inputs.traits.settings}
    assert TRAINING["epochs"].default == 5
    assert TASK.settings["epochs"] == 4
    assert TASK.settings["patience"] == TRAINING["patience"].default == 3


@pytest.mark.parametrize("name", tasks.names())
def test_a_setting_that_a_pattern_can_only_refuse_is_none_of_its_own(name: str):
    task = tasks.find(name)
    pattern = task.pattern.__name__.rpartition(".")[2]
    assert ("bidirectional" in task.settings) == (pattern in ("many_to_one", "many_to_many"))
    assert ("bptt_steps" in task.settings) == (pattern == "language_model")


def test_settings_of_codecs_layers_and_training_are_changed_alike():
    changes: dict[str, Value] = {
        "max_length": "9", "lowercase": "no", "units": 7, "embedding_dim": "5", "learning_rate": "1e-3",
    }  # fmt: skip
    task = TASK.configure(changes)
    assert (task.inputs.max_length, task.inputs.lowercase) == (9, False)
    assert (task.settings["units"], task.settings["embedding_dim"], task.settings["learning_rate"]) == (7, 5, 1e-3)
    others = {name: value for name, value in task.values().items() if name not in changes}
    assert others == {name: value for name, value in TASK.values().items() if name not in changes}
    assert task.configure({"units": 8}).inputs is task.inputs  # with what it looked up already
    assert TASK.inputs.max_length == 400  # a task is a value


def test_where_both_codecs_have_a_setting_it_is_named_by_its_side():
    names = {*TRANSLATION.values()}
    assert {"source.vocabulary_size", "target.vocabulary_size", "max_length", "max_target_length"} < names
    assert "vocabulary_size" not in names
    task = TRANSLATION.configure({"source.vocabulary_size": 7, "target.vocabulary_size": "8", "max_target_length": 9})
    assert (task.inputs.vocabulary_size, task.targets.vocabulary_size, task.targets.max_target_length) == (7, 8, 9)
    assert task.values()["target.vocabulary_size"] == 8
    one = TRANSLATION.configure({"target.vocabulary_size": 8})
    assert (one.inputs.vocabulary_size, one.targets.vocabulary_size) == (30_000, 8)


def test_a_name_that_both_codecs_have_is_ambiguous():
    with refused("both codecs have a vocabulary_size; give source.vocabulary_size or target.vocabulary_size"):
        TRANSLATION.configure({"vocabulary_size": 7})
    with pytest.raises(UsageError, match=r"^unknown setting 'source\.max_length'; did you mean "):
        TRANSLATION.configure({"source.max_length": 7})


def test_one_codec_for_inputs_and_targets_has_its_settings_once():
    task = tasks.find("text_generation")
    assert task.shares_codec()
    changed = task.configure({"level": "word"})
    assert changed.inputs is changed.targets
    assert changed.inputs.level == "word"
    assert not [name for name in task.values() if "." in name]
    assert not TASK.shares_codec()


def test_fitted_codecs_take_the_place_of_both():
    task = TASK.with_codecs(Text(vocabulary=("a",)), Labels(("x", "y")))
    assert (task.inputs.vocabulary, task.targets.names) == (("a",), ("x", "y"))
    generation = tasks.find("text_generation")
    codec = dataclasses.replace(generation.inputs, vocabulary=("a",))
    assert generation.with_codecs(codec, None).targets is codec


@pytest.mark.parametrize(
    ("name", "near"),
    [
        ("unit", "units"),
        ("batch_sizes", "batch_size"),
        ("learning-rate", "learning_rate"),
        ("maxlength", "max_length"),
        ("bigram_vocabulary", "bigram_vocabulary_size"),
    ],
)
def test_an_unknown_name_proposes_the_nearest(name: str, near: str):
    with pytest.raises(UsageError, match=rf"^unknown setting '{name}'; did you mean {near}\? choose from "):
        TASK.configure({name: 7})


def test_a_task_file_with_an_unknown_setting_is_refused():
    with pytest.raises(UsageError, match=r"^unknown setting 'unit'; did you mean units\?"):
        dataclasses.replace(TASK, settings={"unit": 7})
    with pytest.raises(UsageError, match=r"^unknown setting 'max_length'; "):  # a codec's is its field
        dataclasses.replace(TASK, settings={"max_length": 7})
    with refused("units is at least 1, not 0"):
        dataclasses.replace(TASK, settings={"units": 0})


@pytest.mark.parametrize(
    ("name", "changes", "words"),
    [
        ("sentiment", {"max_length": 0}, "max_length is at least 1, not 0"),
        ("sentiment", {"level": "syllable"}, "unknown level 'syllable'; choose from word, character, subword"),
        ("sentiment", {"embedding_dim": "0"}, "embedding_dim is at least 1, not 0"),
        ("sentiment", {"units": 0}, "units is at least 1, not 0"),
        ("sentiment", {"dropout": NAN}, "dropout is at least 0 and below 1, not nan"),
        ("sentiment", {"epochs": "0"}, "epochs is at least 1, not 0"),
        ("sentiment", {"batch_size": 0}, "batch_size is at least 1, not 0"),
        ("sentiment", {"patience": 0}, "patience is at least 1, not 0"),
        ("sentiment", {"learning_rate": INFINITY}, "learning_rate is above 0, not inf"),
        ("sentiment", {"global_clipnorm": 0}, "global_clipnorm is above 0, not 0.0"),
        ("sentiment", {"ema_momentum": 1}, "ema_momentum is at least 0 and below 1, not 1.0"),
        ("sentiment", {"adversarial_epsilon": -1}, "adversarial_epsilon is at least 0, not -1.0"),
        ("sentiment", {"pool_size": 2}, "pool_size is that of a convolution; give conv_kernel_size as well"),
        (
            "sentiment",
            {"monitor": "accurcay"},
            "unknown monitor 'accurcay'; did you mean accuracy? choose from loss, accuracy",
        ),
        ("dna", {"kmer": 7}, "kmer is from 1 to 6, not 7"),
        ("dna", {"conv_kernel_size": 0}, "pool_size is that of a convolution; give conv_kernel_size as well"),
        ("text_generation", {"validation_split": 0.6}, "validation_split is from 0 to 0.5, not 0.6"),
        ("text_generation", {"temperature": NAN}, "temperature is at least 0, not nan"),
        (
            "text_generation",
            {"tie_embeddings": True},
            "a tied embedding is as wide as the layer: embedding_dim is 128, units are 512",
        ),
        ("text_generation", {"monitor": "bleu_4"}, "unknown monitor 'bleu_4'; choose from loss, accuracy"),
    ],
    ids=lambda value: str(value) if isinstance(value, dict) else "",
)
def test_every_check_runs_when_a_task_is_configured(name: str, changes: dict[str, Value], words: str):
    with refused(words):
        tasks.find(name).configure(changes)


def test_settings_that_go_together_may_be_changed_in_any_order():
    for names in (("conv_kernel_size", "pool_size"), ("pool_size", "conv_kernel_size")):
        assert TASK.configure(dict.fromkeys(names, 3)).settings["pool_size"] == 3
    tied = tasks.find("text_generation").configure({"tie_embeddings": "yes", "embedding_dim": "64", "units": "64"})
    assert tied.settings["tie_embeddings"] is True


def unread(*arguments: object) -> Any:
    raise AssertionError("the data were read")


def test_a_task_whose_settings_do_not_go_together_is_refused_before_its_data_are_read():
    task = dataclasses.replace(TASK, settings={"pool_size": 2}, examples=unread, sample=unread)
    with refused("pool_size is that of a convolution; give conv_kernel_size as well"):
        experiment.prepare(task, None, Folders(()), print)
    with pytest.raises(AssertionError, match="the data were read"):  # where they do
        experiment.prepare(dataclasses.replace(task, settings={}), None, Folders(()), print)


# --- the settings of a data set ---------------------------------------------------------------------------------------


def declaring(**values: Value) -> Task[Any, Any]:
    return dataclasses.replace(TASK, dataset_settings={"small": values})


def test_a_data_set_changes_settings_but_not_those_that_somebody_chose():
    task = declaring(units=8, max_length=9, epochs=2)
    small = task.for_dataset("small")
    assert (small.settings["units"], small.settings["epochs"], small.inputs.max_length) == (8, 2, 9)
    assert task.for_dataset("another").values() == task.values()
    chosen = task.configure({"units": "16"})
    assert chosen.explicit == {"units"}
    small = chosen.for_dataset("small")
    assert (small.settings["units"], small.settings["epochs"], small.inputs.max_length) == (16, 2, 9)


def test_a_choice_counts_though_it_is_the_default():
    assert TASK.settings["units"] == 64
    assert declaring(units=8).configure({"units": 64}).for_dataset("small").settings["units"] == 64


def test_what_a_data_set_declares_is_nobody_s_choice():
    task = declaring(units=8).for_dataset("small")
    assert task.explicit == frozenset()
    other = dataclasses.replace(task, dataset_settings={"other": {"units": 4}})
    assert other.for_dataset("other").settings["units"] == 4
    assert task.configure({"units": 3}).configure({"epochs": 1}).explicit == {"units", "epochs"}


@pytest.mark.parametrize(
    ("declared", "words"),
    [
        ({"unit": 8}, "unknown setting 'unit'; did you mean units?"),
        ({"units": 0}, "units is at least 1, not 0"),
        ({"pool_size": 2}, "pool_size is that of a convolution"),
    ],
)
def test_what_a_data_set_declares_is_checked(declared: dict[str, Value], words: str):
    with pytest.raises(UsageError, match=f"^{re.escape(words)}"):
        declaring(**declared).for_dataset("small")


@pytest.mark.parametrize("name", tasks.names())
def test_every_data_set_of_a_task_declares_what_it_can_have(name: str):
    task = tasks.find(name)
    for dataset, values in task.dataset_settings.items():
        assert values.items() <= task.for_dataset(dataset).values().items()


def test_what_a_data_set_declares_decides_how_it_is_split():
    task = tasks.find("text_generation")
    undivided = dataclasses.replace(task, dataset_settings={"sample": {"validation_split": 0.0}})
    found = prepare.read(undivided, "sample", Folders(()), print)
    assert (set(found.examples), found.validation) == ({"train", "test"}, None)
    for divided in (task, undivided.configure({"validation_split": 0.2})):
        found = prepare.read(divided, "sample", Folders(()), print)
        assert (set(found.examples), found.validation) == ({"train", "validation", "test"}, "validation")
