"""Readers of logs: one format a file, told by its content; text -> History. `read_log` reads whatever it is given."""

from .following import Following
from .opening import read_log

__all__ = ["Following", "read_log"]
