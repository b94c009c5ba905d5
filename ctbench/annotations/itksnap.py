"""Read the label descriptions of ITK-SNAP: a text file with the number, colour and name of each label."""

from __future__ import annotations

import re
from pathlib import Path

from ctbench.errors import LabelError, MissingFileError

__all__ = ["read_descriptions"]

_LINE = re.compile(r'\s*(\d{1,9})\s+(?:[-+\d.eE]+\s+){4,6}"(.*)"\s*')
_CLEAR = "clear label"
_MOST_BYTES = 1 << 20


def read_descriptions(path: Path) -> dict[int, str]:
    """Return the name of each label by its number, without the clear label (0).

    A line is ``IDX R G B A VIS MSH "LABEL"``; lines that begin with ``#`` are comments.

    Raises:
        MissingFileError: The file does not exist.
        LabelError: It has another form, or two lines have the same number.
    """
    try:
        if path.stat().st_size > _MOST_BYTES:
            msg = f"{path} is larger than {_MOST_BYTES >> 20} MiB; expected the label descriptions of ITK-SNAP"
            raise LabelError(msg)
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except FileNotFoundError as error:
        msg = f"there is no file {path}; save the label descriptions in ITK-SNAP, or correct the path"
        raise MissingFileError(msg) from error
    except (OSError, UnicodeDecodeError) as error:
        msg = f"{path} cannot be read as label descriptions of ITK-SNAP: {error}"
        raise LabelError(msg) from error
    names: dict[int, str] = {}
    for number, line in enumerate(lines, start=1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        found = _LINE.fullmatch(line)
        code = int(found[1]) if found else 0
        if found is None or code in names:
            problem = f"has the number {code} twice" if found else f"has {line[:60]!r}"
            msg = (
                f'{path}, line {number}: {problem}; expected lines like 1 255 0 0 1 1 1 "name", as ITK-SNAP saves them'
            )
            raise LabelError(msg)
        names[code] = found[2].strip()
    return {code: name for code, name in names.items() if code}
