"""Measure test error against the number of training examples, for seven classifiers.

Run it with ``python -m bayescale.datasets.digits_learning_curves [OUT.csv]``; it needs scikit-learn
and about eight minutes of one core. The data card, ``digits_learning_curves.md``, says why each
choice was made.
"""

import csv
import sys
import warnings
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np

COLUMNS = ("task", "model", "examples", "seed", "error", "test_size")
TEST_SIZE = {"digits": 450, "breast_cancer": 169}
SMALLEST = 10
N_SIZES = 16
SEEDS = range(20)


def classifiers() -> dict[str, Callable[[int], Any]]:
    """Give the seven classifiers, each as a function of the seed.

    The hyper-parameters are the same for both tasks and for every number of examples.

    Returns
    -------
    dict
        Name of the classifier -> function that takes a seed and returns an unfitted estimator.
    """
    from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
    from sklearn.linear_model import LogisticRegression
    from sklearn.neighbors import KNeighborsClassifier
    from sklearn.neural_network import MLPClassifier
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler
    from sklearn.svm import SVC

    def scaled(estimator: Any) -> Any:
        # In the pipeline, so that the means and deviations come from the training subset alone.
        return make_pipeline(StandardScaler(), estimator)

    return {
        "logistic_regression": lambda seed: scaled(LogisticRegression(C=1.0, max_iter=2000)),
        "linear_svm": lambda seed: scaled(SVC(kernel="linear", C=0.1)),
        "rbf_svm": lambda seed: scaled(SVC(kernel="rbf", C=10.0, gamma="scale")),
        "knn": lambda seed: scaled(KNeighborsClassifier(n_neighbors=3, weights="distance")),
        "random_forest": lambda seed: RandomForestClassifier(
            n_estimators=100, n_jobs=1, random_state=seed
        ),
        "gradient_boosting": lambda seed: HistGradientBoostingClassifier(
            max_iter=50,
            learning_rate=0.2,
            max_leaf_nodes=15,
            min_samples_leaf=5,
            early_stopping=False,  # pyright: ignore[reportArgumentType]
            random_state=seed,
        ),
        "mlp": lambda seed: scaled(
            MLPClassifier((100,), solver="lbfgs", alpha=0.1, max_iter=300, random_state=seed)
        ),
    }


def load_task(task: str) -> tuple[np.ndarray, np.ndarray]:
    """Load the features and the labels of a task.

    Parameters
    ----------
    task
        ``"digits"`` or ``"breast_cancer"``.

    Returns
    -------
    tuple of numpy.ndarray
        Features, shape (examples, features), and integer labels, shape (examples,).
    """
    from sklearn import datasets

    load: Any = {"digits": datasets.load_digits, "breast_cancer": datasets.load_breast_cancer}[task]
    bunch = load()
    return bunch.data, bunch.target


def split(task: str, seed: int) -> tuple[np.ndarray, ...]:
    """Split a task into an ordered training part and a test part.

    The training subset of n examples is the first n of the training part, so subsets are nested.
    If the first ``SMALLEST`` examples have one class only, the last of them changes places with the
    first example of another class: every subset can then train a classifier.

    Parameters
    ----------
    task
        ``"digits"`` or ``"breast_cancer"``.
    seed
        Seed of the stratified, shuffled split.

    Returns
    -------
    tuple of numpy.ndarray
        Training features, test features, training labels, test labels.
    """
    from sklearn.model_selection import train_test_split

    features, labels = load_task(task)
    parts: Any = train_test_split(
        features, labels, test_size=TEST_SIZE[task], stratify=labels, random_state=seed
    )
    x_train, x_test, y_train, y_test = parts
    others = np.flatnonzero(y_train != y_train[0])
    if others[0] >= SMALLEST:
        order = np.arange(len(y_train))
        order[[SMALLEST - 1, others[0]]] = order[[others[0], SMALLEST - 1]]
        x_train, y_train = x_train[order], y_train[order]
    return x_train, x_test, y_train, y_test


def training_sizes(task: str) -> list[int]:
    """Give the numbers of training examples: log-spaced integers up to all that the split leaves.

    Parameters
    ----------
    task
        ``"digits"`` or ``"breast_cancer"``.

    Returns
    -------
    list of int
        ``N_SIZES`` increasing numbers, from ``SMALLEST`` up.
    """
    largest = len(load_task(task)[1]) - TEST_SIZE[task]
    return [int(n) for n in np.rint(np.geomspace(SMALLEST, largest, N_SIZES))]


def measure(task: str, model: str, seed: int, sizes: Iterable[int]) -> list[tuple]:
    """Train one classifier on nested subsets of one split and count its mistakes on the test part.

    Parameters
    ----------
    task
        ``"digits"`` or ``"breast_cancer"``.
    model
        A name among :func:`classifiers`.
    seed
        Seed of the split and of the classifier.
    sizes
        Numbers of training examples.

    Returns
    -------
    list of tuple
        One row per size, in the order of ``COLUMNS``.
    """
    from sklearn.exceptions import ConvergenceWarning

    x_train, x_test, y_train, y_test = split(task, seed)
    make = classifiers()[model]
    rows = []
    for n in sizes:
        with warnings.catch_warnings():
            # The network stops at max_iter by design; nothing is tuned per size.
            warnings.simplefilter("ignore", ConvergenceWarning)
            fitted = make(seed).fit(x_train[:n], y_train[:n])
        error = float(np.mean(fitted.predict(x_test) != y_test))
        rows.append((task, model, n, seed, round(error, 5), len(y_test)))
    return rows


def main(out: Path) -> None:
    """Measure every cell and write the table.

    Parameters
    ----------
    out
        The CSV file to write.
    """
    rows: list[tuple] = []
    for task in TEST_SIZE:
        sizes = training_sizes(task)
        for model in classifiers():
            cells = [row for seed in SEEDS for row in measure(task, model, seed, sizes)]
            rows += sorted(cells, key=lambda row: row[2:4])
            print(f"{task} {model}: {len(cells)} rows", flush=True)
    with out.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        writer.writerows(rows)


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "digits_learning_curves.csv"))
