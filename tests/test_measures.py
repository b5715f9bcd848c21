from __future__ import annotations

import numpy as np
import pytest

from seqtasks.metrics import classification

TARGETS = np.array([0, 0, 1, 1])
PROBABILITIES = np.array([[0.9, 0.1], [0.4, 0.6], [0.3, 0.7], [0.1, 0.9]])
LENGTHS = np.array([10, 150, 150, 900])


def test_classification_by_hand():
    measured = classification.classification(TARGETS, PROBABILITIES, LENGTHS, ("a", "b"))
    assert measured["accuracy"] == 0.75
    assert measured["confusion"] == [[1, 1], [0, 2]]
    assert measured["macro_f1"] == pytest.approx((2 / 3 + 4 / 5) / 2)
    assert measured["roc_auc"] == 1.0
    assert measured["accuracy_by_length"] == {
        "1-100": {"accuracy": 1.0, "rows": 1},
        "101-200": {"accuracy": 0.5, "rows": 2},
        "over 400": {"accuracy": 1.0, "rows": 1},
    }


def test_calibration_error_by_hand():
    confidences, right = np.array([0.9, 0.9, 0.6]), np.array([True, False, True])
    assert classification.calibration_error(confidences, right) == pytest.approx((2 * 0.4 + 0.4) / 3)


def test_roc_auc_is_not_defined_for_one_class():
    assert (
        classification.classification(np.array([0, 0]), PROBABILITIES[:2], LENGTHS[:2], ("a", "b"))["roc_auc"] is None
    )
