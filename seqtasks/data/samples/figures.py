"""Stick figures in motion: tables of the places of 20 joints, a line a frame, with what each figure does."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

ACTIONS = ("raise an arm", "lower an arm", "wave", "clap", "kick", "bend")  # the second is the first backwards
PEOPLE = ("Ana", "Zoë", "João", "Ida")  # whose names stand in a remark above some tables
SEED = 30
LENGTHS = (14, 30)  # frames, from and to
SPINE, HEAD, HIPS, SHOULDERS = (0.0, 0.25, 0.5), 0.7, 0.12, 0.2  # metres: heights above the hip; half widths
UPPER_ARM, FORE_ARM, HAND, THIGH, SHIN, FOOT = 0.3, 0.25, 0.08, 0.42, 0.4, 0.15

Angles = tuple[float, float, float, float, float]  # of both arms and a leg from hanging, of both elbows, of the back


def draw(count: int) -> Iterator[tuple[bytes, str]]:
    """So many recordings, as text, and what the figure does: always the same."""
    random = np.random.default_rng(SEED)
    for number in range(count):
        action = ACTIONS[number % len(ACTIONS)]
        length = int(random.integers(*LENGTHS))
        speed, start, reach = random.uniform(0.8, 1.2), random.uniform(0, 0.1), random.uniform(0.85, 1.1)
        turn, size, place = random.normal(0, 0.3), random.uniform(0.85, 1.15), random.normal((0, 0, 2.5), 0.3)
        frames = []
        for at in np.linspace(0, 1, length):
            figure = _figure(MOTIONS[action](min(start + speed * at, 1.0), reach)) * size
            cosine, sine = np.cos(turn), np.sin(turn)
            frames.append(figure @ np.array([[cosine, 0, sine], [0, 1, 0], [-sine, 0, cosine]]) + place)
        places = np.array(frames).reshape(length, -1) + random.normal(0, 0.004, (length, 60))
        lines = [" ".join(f"{each:.3f}" for each in frame) for frame in places]
        remark = [f"# {PEOPLE[number % 5]}"] if number % 5 < len(PEOPLE) else []
        yield "\n".join([*remark, *lines]).encode(), action


def _raise(at: float, reach: float) -> Angles:
    return 2.6 * reach * at, 0.1, 0.0, 0.2, 0.0


def _lower(at: float, reach: float) -> Angles:
    return _raise(1 - at, reach)


def _wave(at: float, reach: float) -> Angles:
    return 2.3, 0.1, 0.0, 0.6 + 0.6 * reach * float(np.sin(18 * at)), 0.0


def _clap(at: float, reach: float) -> Angles:
    swing = 0.5 * reach * float(np.sin(15 * at))
    return 1.3 + swing, 1.3 + swing, 0.0, 0.8, 0.0


def _kick(at: float, reach: float) -> Angles:
    return 0.1, 0.1, 1.4 * reach * float(np.sin(np.pi * at)), 0.2, 0.0


def _bend(at: float, reach: float) -> Angles:
    return 0.4, 0.4, 0.0, 0.1, 1.2 * reach * float(np.sin(np.pi * at))


MOTIONS: dict[str, Callable[[float, float], Angles]] = dict(
    zip(ACTIONS, (_raise, _lower, _wave, _clap, _kick, _bend), strict=True)
)


def _figure(angles: Angles) -> np.ndarray:
    """The places (20, 3) of the joints of a figure whose hip is in the origin, and which looks along z."""
    right, left, leg, elbow, back = angles
    spine = [np.array([0, height * np.cos(back), height * np.sin(back)]) for height in (*SPINE, HEAD)]
    joints = list(spine)
    for side, arm in ((-1, right), (1, left)):
        shoulder = spine[2] + np.array([side * SHOULDERS, 0, 0])
        elbow_place = shoulder + UPPER_ARM * _hanging(arm)
        wrist = elbow_place + FORE_ARM * _hanging(arm + elbow)
        joints += [shoulder, elbow_place, wrist, wrist + HAND * _hanging(arm + elbow)]
    for side, angle in ((-1, leg), (1, 0.0)):
        hip = np.array([side * HIPS, 0, 0])
        knee = hip + THIGH * _hanging(angle)
        ankle = knee + SHIN * _hanging(angle * 0.7)
        joints += [hip, knee, ankle, ankle + np.array([0, 0, FOOT])]
    return np.array(joints)


def _hanging(angle: float) -> np.ndarray:
    """The direction of a limb that is lifted forwards by an angle in radians."""
    return np.array([0, -np.cos(angle), np.sin(angle)])
