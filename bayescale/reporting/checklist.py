"""What a reader must know to redo a scaling law: asked, answered from the fit where it knows.

The questions are those of the checklist of Li, Kudugunta and Zettlemoyer (2025), "(Mis)Fitting: A
Survey of Scaling Laws", arXiv:2502.18969, in our words: hypothesis, training, data collection,
fitting.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from bayescale.errors import FileError, LawError, nearest
from bayescale.given import short
from bayescale.paths import given_path

#: Where the questions come from.
SOURCE = "Li, Kudugunta and Zettlemoyer (2025), (Mis)Fitting, arXiv:2502.18969"


def _asks(part: str, question: str) -> Any:
    return field(default="", metadata={"part": part, "asks": question})


_FORM, _TRAINING = "Hypothesis", "Training"
_DATA, _FIT = "Data collection", "Fitting"


@dataclass(frozen=True, kw_only=True)
class Checklist:
    """Answers to the questions that a scaling law's readers have.

    The questions are those of (Mis)Fitting (Li et al. 2025). A report answers from the fit what the
    fit knows; the rest is answered here, in a sentence each. What is given here comes first.

    Parameters
    ----------
    form, variables, parameters
        The law, what it relates, what is fitted and what is fixed.
    derivation
        On what grounds the form was chosen.
    assumptions
        What the form assumes of how the variables are related.
    runs, sizes
        How many models were trained, at which sizes.
    training_data, repetition
        On which data, and whether any was seen more than once.
    parameter_count
        How parameters were counted: with or without embeddings?
    compute_count
        How compute was counted: 6ND, or by operation? With attention?
    tuning
        How optimiser, learning rate, schedule and batch size were chosen at each scale.
    architecture
        What else changed with scale: width against depth, context, vocabulary.
    training_code
        Where the code that trained is.
    checkpoints
        How many checkpoints of each model were evaluated, and which.
    released
        Where the checkpoints are.
    metric
        What was measured, on which data.
    transformation
        Whether measured values were smoothed, interpolated, centred or averaged.
    objective, algorithm, settings, initialisation
        What was optimised or sampled, by what, with which settings, from where.
    rows_used
        Whether all rows were used, and why any was left out.
    uncertainty
        How sure the fit is.
    validation
        How it was tested on what it had not seen.
    fitting_code
        Where the code that fitted is.

    References
    ----------
    Li, Kudugunta, Zettlemoyer (2025), "(Mis)Fitting: A Survey of Scaling Laws", arXiv:2502.18969.

    Examples
    --------
    >>> import bayescale as bs
    >>> answers = bs.Checklist(parameter_count="all but embeddings", compute_count="6ND")
    >>> answers.given
    ['parameter_count', 'compute_count']
    """

    form: str = _asks(_FORM, "Which form is fitted?")
    variables: str = _asks(_FORM, "Which variables does it relate?")
    parameters: str = _asks(_FORM, "Which parameters are fitted, and which are fixed?")
    derivation: str = _asks(_FORM, "On what grounds was this form chosen?")
    assumptions: str = _asks(_FORM, "What does it assume of how the variables are related?")
    runs: str = _asks(_TRAINING, "How many models were trained?")
    sizes: str = _asks(_TRAINING, "At which sizes?")
    training_data: str = _asks(_TRAINING, "On which data?")
    repetition: str = _asks(_TRAINING, "Was any data seen more than once?")
    parameter_count: str = _asks(
        _TRAINING, "How were parameters counted: with embeddings or without?"
    )
    compute_count: str = _asks(_TRAINING, "How was compute counted: 6ND, by operation, measured?")
    tuning: str = _asks(
        _TRAINING,
        "How were optimiser, learning rate, schedule and batch size chosen, and did they change "
        "with scale?",
    )
    architecture: str = _asks(_TRAINING, "What else changed with scale: width and depth, context?")
    training_code: str = _asks(_TRAINING, "Where is the code that trained?")
    checkpoints: str = _asks(_DATA, "How many checkpoints of each model were evaluated, and which?")
    released: str = _asks(_DATA, "Where are the checkpoints?")
    metric: str = _asks(_DATA, "What was measured, and on which data?")
    transformation: str = _asks(
        _DATA, "Were measured values smoothed, interpolated, averaged or otherwise changed?"
    )
    objective: str = _asks(_FIT, "What is the objective (the loss of the fit)?")
    algorithm: str = _asks(_FIT, "By which algorithm was it fitted?")
    settings: str = _asks(_FIT, "With which settings?")
    initialisation: str = _asks(_FIT, "From where did it start?")
    rows_used: str = _asks(_FIT, "Were all data points used? Were outliers dropped?")
    uncertainty: str = _asks(_FIT, "How is uncertainty told?")
    validation: str = _asks(_FIT, "How was the law tested on what it had not seen?")
    fitting_code: str = _asks(_FIT, "Where is the code that fitted?")

    def __post_init__(self) -> None:
        """Check that answers are texts."""
        for entry in fields(self):
            given = getattr(self, entry.name)
            if not isinstance(given, str):
                raise LawError(
                    f"Checklist({entry.name}=) takes a sentence: {entry.metadata['asks']} "
                    f"Got {short(given)}."
                )

    @property
    def given(self) -> list[str]:
        """The names of the questions that were answered."""
        return [entry.name for entry in fields(self) if getattr(self, entry.name).strip()]


def checklist_of(given: Checklist | Mapping[str, str] | str | Path | None) -> Checklist:
    """Return answers from a record, a dict, or a TOML file of ``name = "answer"`` lines.

    Raises
    ------
    LawError
        If a question is not known, or an answer is no text.
    FileError
        If the file cannot be read.
    """
    if given is None:
        return Checklist()
    if isinstance(given, Checklist):
        return given
    if isinstance(given, str | Path):
        given = _read(given_path(given))
    if not isinstance(given, Mapping):
        raise LawError(
            "checklist= takes bs.Checklist(...), a dict of answers, or the path of a TOML file; "
            f"got {type(given).__name__}."
        )
    known = [entry.name for entry in fields(Checklist)]
    for name in given:
        if name not in known:
            raise LawError(
                f"The checklist has no question {name!r}.{nearest(str(name), known)} Questions: "
                f"{', '.join(known)}."
            )
    return Checklist(**given)


def _read(place: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(place.read_text(encoding="utf-8"))
    except OSError as error:
        raise FileError(
            f"The answers in {place} cannot be read: {error.strerror or error}."
        ) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise FileError(
            f'{place} is no TOML file of lines like parameter_count = "no embeddings": {error}.'
        ) from error


#: How a question stands, in words that are shown.
GIVEN, KNOWN, PARTLY, OPEN = (
    "from the authors",
    "from the fit",
    "partly, from the fit; please complete",
    "not answered",
)


@dataclass(frozen=True)
class Answer:
    """A question of the checklist and how it stands.

    Parameters
    ----------
    name, part, question
        Which it is.
    status
        Who answered it.
    words
        The answer; empty where there is none.
    """

    name: str
    part: str
    question: str
    status: str
    words: str

    @property
    def open(self) -> bool:
        """Whether something is asked of the authors."""
        return self.status in (PARTLY, OPEN)


def answers(given: Checklist, known: Mapping[str, str], partly: Mapping[str, str]) -> list[Answer]:
    """Return every question with its answer.

    Parameters
    ----------
    given
        The authors' answers, which come first.
    known, partly
        What the fit knows, by question: in full, or not.
    """
    found = []
    for entry in fields(Checklist):
        name, about = entry.name, entry.metadata
        words = getattr(given, name).strip()
        if words:
            status = GIVEN
        elif name in known:
            status, words = KNOWN, known[name]
        elif name in partly:
            status, words = PARTLY, partly[name]
        else:
            status = OPEN
        found.append(Answer(name, about["part"], about["asks"], status, words))
    return found
