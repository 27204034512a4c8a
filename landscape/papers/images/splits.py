"""Which alphabets are easy and hard, to train and to test on: Large and Small r_H of Collins et al., section 5."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from landscape.core import Array
from landscape.papers.images.episodes import hard_task, nearest_neighbour

Part = tuple[Array, ...]
"""Alphabets, each of shape (characters, drawings, channels, side, side)."""

WAYS = 5
"""Characters of a task, N."""

COUNTS = {"easy_train": 25, "easy_test": 15, "hard_train": 5, "hard_test": 5}
"""Alphabets in each part, of the 50 of Omniglot."""

SMALL = {"hard_train": "Sanskrit", "hard_test": "Bengali"}
"""The one hard alphabet to train and to test on in the Small setting."""


class Split(NamedTuple):
    """Alphabets of easy and hard tasks, to train and to test on, and in words which are hard."""

    easy_train: Part
    easy_test: Part
    hard_train: Part
    hard_test: Part
    hard: str

    def kinds(self) -> dict[str, Part]:
        """Return the alphabets that tasks are drawn from, by part."""
        return {name: getattr(self, name) for name in COUNTS}


def by_alphabet(drawings: Mapping[str, Array], parts: Mapping[str, Sequence[str]], small: bool) -> Split:
    """Split by alphabet, as printed; in the Small setting one hard alphabet is left on either side, the first."""
    chosen = {name: list(parts[name][:1] if small and name in SMALL else parts[name]) for name in COUNTS}
    hard = f"{', '.join(chosen['hard_train'])}, unseen {', '.join(chosen['hard_test'])}"
    taken = {name: tuple(drawings[alphabet] for alphabet in chosen[name]) for name in COUNTS}
    return Split(**taken, hard=hard)


def omniglot_parts(drawings: Mapping[str, Array], seed: int) -> dict[str, list[str]]:
    """Choose the parts of all of Omniglot: which alphabets are hard, other than Sanskrit and Bengali, is not printed.

    The others here are those whose characters the nearest neighbour by pixels confuses most; the paper took those
    that MAML, trained on all 50, confuses most. Easy alphabets are split at random.
    """
    others = sorted(set(drawings) - set(SMALL.values()), key=lambda name: (confusion(drawings[name]), name))
    hard, easy = others[-8:], np.random.default_rng(seed).permutation(sorted(others[:-8])).tolist()
    return {
        "easy_train": easy[: COUNTS["easy_train"]], "easy_test": easy[COUNTS["easy_train"] :],
        "hard_train": [SMALL["hard_train"], *hard[0::2]], "hard_test": [SMALL["hard_test"], *hard[1::2]],
    }  # fmt: skip


def confusion(alphabet: Array, tasks: int = 50) -> float:
    """Compute how often the nearest neighbour by pixels is of another character, over tasks of an alphabet."""
    rng, draw = np.random.default_rng(0), hard_task([alphabet], WAYS, 1, 10)
    return 1 - float(np.mean([nearest_neighbour(draw(rng)) for _ in range(tasks)]))


def by_character(drawings: Mapping[str, Array], seed: int, small: bool) -> Split:
    """Split few alphabets: the hard ones, other ones for each seed, and the characters of the easy ones, two to train on to one to test.

    Five alphabets (as many as a task has ways) or more are easy, one is the unseen hard one, and two (Large) or one
    of them (Small) are the hard ones to train on.

    Raises
    ------
    ValueError
        If there are fewer than eight alphabets.
    """
    if len(drawings) < WAYS + 3:
        raise ValueError(
            f"the table needs at least {WAYS + 3} alphabets, and there are {len(drawings)}: {', '.join(drawings)}"
        )
    names = sorted(drawings)
    turned = [names[(i + 3 * seed) % len(names)] for i in range(len(names))]
    hard_test, hard_train, easy = turned[:1], turned[1:3], turned[3:]
    rng = np.random.default_rng([seed, len(names)])
    train, test = [], []
    for name in easy:
        order = rng.permutation(len(drawings[name]))
        cut = len(order) * 2 // 3
        train.append(drawings[name][order[:cut]])
        test.append(drawings[name][order[cut:]])
    hard_train = hard_train[: 1 if small else 2]
    hard = f"{', '.join(hard_train)}, unseen {', '.join(hard_test)}"
    return Split(
        tuple(train),
        tuple(test),
        tuple(drawings[n] for n in hard_train),
        tuple(drawings[n] for n in hard_test),
        hard,
    )


def omniglot_split(drawings: Mapping[str, Array], seed: int, *, small: bool) -> Split:
    """Split Omniglot as printed where all 50 alphabets are there, else by characters."""
    if len(drawings) == sum(COUNTS.values()):
        return by_alphabet(drawings, omniglot_parts(drawings, seed), small)
    return by_character(drawings, seed, small)
