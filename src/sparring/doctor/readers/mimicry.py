"""mimicry: a step, then its numbers a line each."""

from __future__ import annotations

import re

from .reading.formats import Format
from .reading.naming import Tag

FORMAT = Format(
    "mimicry",
    re.compile(
        r"\[Epoch (?P<epoch>[0-9]++)/[0-9]++\] ?\[Global Step: (?P<step>[0-9]++)/(?P<steps>[0-9]++)\]|"
        r"^\| (?=[A-Za-z][\w()]*+: )|^\| \([0-9.]++ sec/idx\)"
    ),
    tags={"D(x)": Tag("d", "logit_real"), "D(G(z))": Tag("d", "logit_fake")},
    carried=True,
)
