"""Measure the test error of random-feature regression through its interpolation peak.

Run it with ``python -m bayescale.datasets.random_features_double_descent [OUT.csv]``; it needs
scikit-learn and a minute of one core. The data card, ``random_features_double_descent.md``, says
why each choice was made.
"""

import csv
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

COLUMNS = ("task", "features", "seed", "test_mse", "test_error", "train_mse")
LABEL_NOISE = {"digits": 0.0, "digits_noisy": 0.2}
TRAIN_SIZE = 300
RIDGE = 1e-6
SEEDS = range(10)


def feature_counts() -> list[int]:
    """Give the numbers of random features: log-spaced, denser around the interpolation threshold.

    Returns
    -------
    list of int
        Increasing numbers; ``TRAIN_SIZE`` is one of them.
    """
    wide = np.geomspace(10, 6000, 19)
    near = TRAIN_SIZE * np.array([0.7, 0.8, 0.87, 0.93, 0.97, 1.0, 1.03, 1.07, 1.15, 1.25, 1.4])
    wide = wide[(wide < 0.65 * TRAIN_SIZE) | (wide > 1.5 * TRAIN_SIZE)]
    return [int(p) for p in np.sort(np.rint(np.concatenate([wide, near])))]


def load_split(task: str, seed: int) -> tuple[np.ndarray, ...]:
    """Draw a training set, spoil some of its labels, and keep all other images for the test.

    Parameters
    ----------
    task
        ``"digits"`` (labels as they are) or ``"digits_noisy"`` (a fifth of the training labels
        replaced by another class).
    seed
        Seed of the split and of the label noise; both tasks share the split.

    Returns
    -------
    tuple of numpy.ndarray
        Training images, test images (pixels divided by 16, mean of the training images taken
        off), training labels (spoiled), test labels (clean).
    """
    from sklearn.datasets import load_digits
    from sklearn.model_selection import train_test_split

    bunch: Any = load_digits()
    parts: Any = train_test_split(
        bunch.data / 16,
        bunch.target,
        train_size=TRAIN_SIZE,
        stratify=bunch.target,
        random_state=seed,
    )
    x_train, x_test, y_train, y_test = parts
    rng = np.random.default_rng([seed, 0])
    spoiled = rng.permutation(TRAIN_SIZE)[: round(LABEL_NOISE[task] * TRAIN_SIZE)]
    y_train = y_train.copy()
    y_train[spoiled] = (y_train[spoiled] + rng.integers(1, 10, len(spoiled))) % 10
    centre = x_train.mean(axis=0)
    return x_train - centre, x_test - centre, y_train, y_test


def random_relu(images: np.ndarray, features: int, seed: int) -> np.ndarray:
    """Map images to random ReLU features, one fresh draw of weights for each number of features.

    Parameters
    ----------
    images
        Shape (images, pixels).
    features
        How many random features.
    seed
        Seed of the weights, together with `features`.

    Returns
    -------
    numpy.ndarray
        Shape (images, features), scaled so that a squared row sum does not grow with `features`.
    """
    weights = np.random.default_rng([seed, features]).standard_normal((images.shape[1], features))
    return np.maximum(images @ weights, 0.0) / np.sqrt(features)


def measure(task: str, seed: int, counts: Iterable[int]) -> list[tuple]:
    """Fit ridge regression on random features and measure its errors, for several feature counts.

    Parameters
    ----------
    task
        ``"digits"`` or ``"digits_noisy"``.
    seed
        Seed of the split, the label noise and the random features.
    counts
        Numbers of random features.

    Returns
    -------
    list of tuple
        One row per count, in the order of ``COLUMNS``.
    """
    x_train, x_test, y_train, y_test = load_split(task, seed)
    one_hot = np.eye(10)
    centre = one_hot[y_train].mean(axis=0)
    target = one_hot[y_train] - centre
    rows = []
    for features in counts:
        phi, phi_test = (random_relu(x, features, seed) for x in (x_train, x_test))
        # Ridge by singular values: exact on both sides of the interpolation threshold.
        u, s, vt = np.linalg.svd(phi, full_matrices=False)
        weights = vt.T @ ((s / (s**2 + RIDGE))[:, None] * (u.T @ target))
        predicted = phi_test @ weights + centre
        test_mse = np.mean(np.sum((predicted - one_hot[y_test]) ** 2, axis=1))
        train_mse = np.mean(np.sum((phi @ weights - target) ** 2, axis=1))
        test_error = np.mean(predicted.argmax(axis=1) != y_test)
        numbers = (f"{test_mse:.5g}", f"{test_error:.5f}", f"{train_mse:.3g}")
        rows.append((task, features, seed, *map(float, numbers)))
    return rows


def main(out: Path) -> None:
    """Measure every cell and write the table.

    Parameters
    ----------
    out
        The CSV file to write.
    """
    rows: list[tuple] = []
    for task in LABEL_NOISE:
        cells = [row for seed in SEEDS for row in measure(task, seed, feature_counts())]
        rows += sorted(cells, key=lambda row: row[1:3])
    with out.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        writer.writerows(rows)


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "random_features_double_descent.csv"))
