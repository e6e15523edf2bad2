"""TensorBoard: event files in the run's folder, by torch's writer; nothing leaves the machine."""

from __future__ import annotations

from typing import Any

import numpy as np
from PIL import Image

from ..events import Event
from ..folder import RunFolder

FOLDER = "tensorboard"  # in the run's


class _Files:
    """A channel into event files."""

    def __init__(self, folder: RunFolder, config: dict[str, Any], known: int) -> None:
        from torch.utils.tensorboard import SummaryWriter
        from torch.utils.tensorboard.summary import hparams

        # Whatever lies there of later steps is of what a resume took back: TensorBoard is told to forget it.
        self._writer = SummaryWriter(str(folder.path / FOLDER), purge_step=known + 1 if known >= 0 else None)
        # As `add_hparams` does, which would make a run of its own of them.
        writer: Any = self._writer.file_writer
        for summary in hparams(config, {"loss/g_loss": None, "loss/d_loss": None}) if known < 0 else ():
            writer.add_summary(summary)

    def scalars(self, event: Event, values: dict[str, float]) -> None:
        """Numbers by their tags."""
        for tag, value in values.items():
            self._writer.add_scalar(tag, value, event.step, event.time)

    def picture(self, event: Event, tag: str, image: Image.Image) -> None:
        """A sheet of samples; what is transparent stays so."""
        pixels = np.asarray(image if image.mode in ("RGB", "RGBA") else image.convert("RGB"))
        self._writer.add_image(tag, pixels, event.step, event.time, dataformats="HWC")

    def text(self, event: Event, tag: str, markdown: str) -> None:
        """Under the tab of texts."""
        self._writer.add_text(tag, markdown, event.step, event.time)

    def flush(self) -> None:
        """Onto the disk."""
        self._writer.flush()

    def close(self) -> None:
        """Ends the file."""
        self._writer.close()


def opened(
    folder: RunFolder, project: str | None, config: dict[str, Any], remembered: dict[str, Any], known: int
) -> _Files:
    """Opens a new event file; see `mirroring.Open`."""
    return _Files(folder, config, known)
