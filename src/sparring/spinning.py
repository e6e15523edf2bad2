"""How long OpenMP's threads spin while they wait for each other; to be said before torch is imported."""

from __future__ import annotations

import os

# On two cores, quiet: 41 and 43 ms a step, 47 and 51 as it comes. Beside a program that holds one of them: 176 and 914.
_TURNS = "10000"


def wait_briefly() -> None:
    """Lets a thread that waits give its core away soon, unless the user said how threads wait.

    As it comes it spins so long that on a busy machine it keeps from its core the very thread that it waits for.
    """
    if not {"GOMP_SPINCOUNT", "OMP_WAIT_POLICY"} & os.environ.keys():
        os.environ["GOMP_SPINCOUNT"] = _TURNS
