"""Write a page of reference for every public name of bayescale, and the page that lists them.

There is no list to keep: names come from the package, and what a name is says where it stands.
"""

import inspect
from pathlib import Path
from typing import Any

import bayescale as bs

OUT = Path(__file__).parent / "reference"
#: Title of a group of names, and what is said of it.
GROUPS = {
    "Laws": "What a curve may follow. Every law has the methods of `Law`.",
    "Noise": "How runs scatter about the curve: the likelihoods.",
    "Functions": "What is done with tables, laws and fits.",
    "Plots": "Every plot draws a table that there is as well.",
    "Records": "What functions return, and what laws are made of.",
    "Errors and warnings": "What can go wrong, and is said before anything is sampled.",
}


def group_of(name: str, found: Any) -> str:
    """Return the title of the group that a public name belongs to."""
    if name.startswith("plot_"):
        return "Plots"
    if not inspect.isclass(found):
        return "Functions"
    if issubclass(found, BaseException):
        return "Errors and warnings"
    if issubclass(found, bs.Law):
        return "Laws"
    return "Noise" if issubclass(found, bs.Likelihood) else "Records"


def members_of(found: type) -> bool:
    """Return whether a class shows its methods: laws and likelihoods share theirs."""
    shared = (bs.Law, bs.Likelihood)
    return found in shared or not issubclass(found, (*shared, BaseException))


def page(name: str, found: Any) -> str:
    """Return the page of one name, as reStructuredText."""
    head = f"{name}\n{'=' * len(name)}\n\n.. currentmodule:: bayescale\n\n"
    if inspect.isclass(found):
        options = "\n   :members:\n   :inherited-members: Exception, ABC\n"
        return head + f".. autoclass:: {name}{options if members_of(found) else ''}\n"
    if callable(found):
        return head + f".. autofunction:: {name}\n"
    return head + f".. autodata:: {name}\n"


def first_line(found: Any) -> str:
    """Return what a docstring says first."""
    if not inspect.isclass(found) and not callable(found):
        return f"{found:g}"
    return (inspect.getdoc(found) or "").splitlines()[0]


def pages() -> dict[str, str]:
    """Return file names of the reference and what is in them."""
    names = {name: getattr(bs, name) for name in dir(bs) if not name.startswith("_")}
    made = {f"{name}.rst": page(name, found) for name, found in names.items()}
    lines = ["# Reference", "", "Every public name, under `import bayescale as bs`.", ""]
    for title, words in GROUPS.items():
        own = [name for name in names if group_of(name, names[name]) == title]
        lines += [f"## {title}", "", words, "", "| name | what it is |", "|---|---|"]
        for name in own:
            said = first_line(names[name]).replace("|", "\\|").replace("``", "`")
            lines.append(f"| [`{name}`]({name}.rst) | {said} |")
        lines += ["", "```{toctree}", ":hidden:", "", *own, "```", ""]
    made["index.md"] = "\n".join(lines)
    return made


def main() -> None:
    """Write the pages; pages of names that are gone are removed."""
    OUT.mkdir(exist_ok=True)
    made = pages()
    for old in OUT.iterdir():
        if old.name not in made:
            old.unlink()
    for name, text in made.items():
        place = OUT / name
        if not place.exists() or place.read_text() != text:
            place.write_text(text)


if __name__ == "__main__":
    main()
