"""Scores of a model beside those of humans, in sections: for the report's page and as Markdown."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from metrics.score_table import in_sections, shown


class ScoreRow(NamedTuple):
    """A line of the table.

    Attributes:
        name: The score's name.
        cells: As text: of the model, and of humans if they were scored.
    """

    name: str
    cells: Sequence[str]


class ScoreSection(NamedTuple):
    """A part of the table.

    Attributes:
        title: What its scores measure.
        explanation: How to read them.
        rows: One for each score.
    """

    title: str
    explanation: str
    rows: Sequence[ScoreRow]


def score_columns(scores: Mapping[str, float], human: Mapping[str, float]) -> dict[str, Mapping[str, float]]:
    """Return what the table has a column for: humans only if they were scored at all."""
    return {"model": scores} | ({"human": human} if human else {})


def score_sections(scores: Mapping[str, float], human: Mapping[str, float]) -> list[ScoreSection]:
    """Return the table section by section; a score that only one side has is "-" on the other."""
    columns = score_columns(scores, human).values()
    return [
        ScoreSection(
            section.title,
            section.explanation,
            [ScoreRow(name, [shown(name, values.get(name)) for values in columns]) for name in names],
        )
        for section, names in in_sections(name for values in columns for name in values).items()
    ]


def markdown_table(scores: Mapping[str, float], human: Mapping[str, float]) -> str:
    """Return the scores as a Markdown table whose sections begin with a bold row."""
    columns = [*score_columns(scores, human)]
    lines = [_line("score", columns), _line("---", ["---:"] * len(columns))]
    for section in score_sections(scores, human):
        lines.append(_line(f"**{section.title}**", [""] * len(columns)))
        lines += [_line(row.name, row.cells) for row in section.rows]
    return "Accuracies × 100, all else as it is.\n\n" + "\n".join(lines) + "\n"


def _line(first: str, cells: Sequence[str]) -> str:
    return f"| {' | '.join([first, *cells])} |"
