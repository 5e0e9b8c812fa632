r"""Tables as LaTeX: floats in booktabs to \input, and one document that sets them all."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from haiguan.transforms.estimators.table_formats import LATEX

_DOCUMENT = r"""\documentclass{article}
\usepackage[margin=2cm,landscape]{geometry}
\usepackage[T1]{fontenc}
\usepackage{booktabs}
\begin{document}
%s
\end{document}
"""


def escaped(text: str) -> str:
    r"""Text with the characters that LaTeX reads as commands written out.

    >>> escaped("R&D_share: 5 % of $")
    'R\\&D\\_share: 5 \\% of \\$'
    """
    return text.translate(LATEX)


def descriptive_float(
    name: str, title: str, headings: Sequence[str], rows: Iterable[Sequence[str]], notes: Iterable[str]
) -> str:
    r"""A `table` float in booktabs, labels left and cells right aligned; \input it where booktabs is loaded.

    Args:
        name: becomes the label `tab:<name>`.
        title: the caption.
        headings: of the label column and the others.
        rows: label and cells.
        notes: sentences below.
    """
    lines = [
        r"\begin{table}[htbp]",
        r"\centering",
        f"\\caption{{{escaped(title)}}}",
        f"\\label{{tab:{name}}}",
        f"\\begin{{tabular}}{{l{'r' * (len(headings) - 1)}}}",
        r"\toprule",
        _line(headings),
        r"\midrule",
        *map(_line, rows),
        r"\bottomrule",
        r"\end{tabular}",
        r"\par\smallskip",
        f"\\parbox{{\\linewidth}}{{\\footnotesize {escaped(' '.join(notes))}}}",
        r"\end{table}",
    ]
    return "\n".join(lines) + "\n"


def _line(cells: Sequence[str]) -> str:
    # A cell that starts with [ would be read as the optional argument of the line break before it.
    written = [f"{{{escaped(cell)}}}" if cell.startswith("[") else escaped(cell) for cell in cells]
    return " & ".join(written) + r" \\"


def document(paths: Iterable[str]) -> str:
    r"""A document that inputs the files at `paths` (relative, forward slashes), one float a page."""
    return _DOCUMENT % "\n".join(f"\\input{{{path}}}\\clearpage" for path in paths)
