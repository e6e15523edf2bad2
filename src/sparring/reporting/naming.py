"""What may stand on a page that is mailed: names, and no path of the machine it was made on."""

from __future__ import annotations

import os
import re
from functools import cache
from typing import Any

# A path from the root, of two parts or more: /home/me/x.png, C:\Users\me\x.png, ~/x/y.png, //server/share/x. What a
# letter, a dot or a slash stands before is none (https://a/b, and/or, a/b/c).
_PATH = re.compile(r"(?<![\w./:\\])(?:~|[A-Za-z]:)?[\\/]{1,2}(?:[^\s\\/'\"<>|:*?]+[\\/]+)+([^\s\\/'\"<>|:*?]*)|"
                   r"(?<![\w./:\\])~[\\/]([^\s\\/'\"<>|:*?]*)")  # fmt: skip


def names_only(value: Any) -> Any:
    """Plain data with every path from the root in its texts cut down to its last name.

    A file's own address (file:///...) counts as a path too; addresses of the web stay.
    """
    if isinstance(value, str):
        return _named(value)
    if isinstance(value, dict):
        return {names_only(name): names_only(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [names_only(each) for each in value]
    return value


def _named(text: str) -> str:
    if text.startswith("data:image/") or not ("/" in text or "\\" in text):
        return text
    return _PATH.sub(_last, text.replace("file://", " ").replace(_home(), "~"))


@cache
def _home() -> str:
    """Where the user lives: alone it is a path of one part, and tells his name."""
    home = os.path.expanduser("~")
    return home if len(home) > 1 and home != "~" else "\0"


def _last(found: re.Match[str]) -> str:
    parts = [part for part in re.split(r"[\\/]", found[0]) if part]
    return parts[-1] if parts else ""
