"""The monitor in Keras' `fit` and in Lightning's `Trainer`: callbacks of a few lines.

Each imports its framework where it is made, so that neither is needed.
"""

from __future__ import annotations

from typing import Any

from .monitor import Monitor

# What people call their networks.
_GENERATORS = ("generator", "gen", "netG", "G", "g_net")
_DISCRIMINATORS = ("discriminator", "disc", "netD", "D", "d_net", "critic")


def KerasMonitor(monitor: Monitor | None = None, **options: Any) -> Any:  # noqa: N802
    """A `keras.callbacks.Callback` that tells a monitor the logs of every batch; of every epoch where only it has any.

    The model's own `generator` and `discriminator` are watched, where it has them and they are torch's. The monitor is
    its `.monitor`.

    Args:
        monitor: one that is there; made anew by default, for logs that are means over the epoch so far, as metrics are.
        options: for the new one; see `Monitor`.
    """
    from ..networks.keras import import_keras

    keras = import_keras()
    given = Monitor(**{"running_means": True, **options}) if monitor is None else monitor

    class Callback(keras.callbacks.Callback):  # type: ignore[name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.monitor, self._batches, self._told = given, 0, False

        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            self._told = bool(logs)
            if logs:
                self.monitor.observe(self._batches, logs=logs, **_networks(self.model))
            self._batches += 1

        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            if not self._told:
                seen = {name: value for name, value in (logs or {}).items() if not name.startswith("val_")}
                self.monitor.observe(self._batches or epoch, logs=seen)

        def on_train_end(self, logs: Any = None) -> None:
            self.monitor.close()

    return Callback()


def LightningMonitor(monitor: Monitor | None = None, **options: Any) -> Any:  # noqa: N802
    """A Lightning `Callback` that tells a monitor what the module logs (`self.log("d_loss", ...)`) after every batch.

    The module's `generator` and `discriminator` are watched, where it has them (or names like them). The monitor is
    its `.monitor`; only the first process has one that speaks.

    Args:
        monitor: one that is there; made anew by default.
        options: for the new one; see `Monitor`.

    Raises ImportError where neither `lightning` nor `pytorch_lightning` is installed.
    """
    try:
        from lightning.pytorch.callbacks import Callback as Base
    except ImportError:
        from pytorch_lightning.callbacks import Callback as Base
    given = Monitor(**options) if monitor is None else monitor

    class Callback(Base):
        def __init__(self) -> None:
            super().__init__()
            self.monitor, self._batches = given, 0

        def on_train_batch_end(self, trainer: Any, pl_module: Any, *_: Any) -> None:
            if trainer.is_global_zero:
                # Of a number that is logged for steps and for epochs, the mean of an epoch is no news.
                seen = {name: value for name, value in trainer.callback_metrics.items() if not name.endswith("_epoch")}
                self.monitor.observe(self._batches, logs=seen, **_networks(pl_module))
            self._batches += 1

        def on_train_end(self, trainer: Any, pl_module: Any) -> None:
            self.monitor.close()

        def on_exception(self, trainer: Any, pl_module: Any, exception: BaseException) -> None:
            self.monitor.close()

    return Callback()


def _networks(model: Any) -> dict[str, Any]:
    """The networks of a model that holds both, for `observe`; nothing where they are not torch's."""
    found = {}
    for role, names in (("generator", _GENERATORS), ("discriminator", _DISCRIMINATORS)):
        network = next((n for name in names if (n := getattr(model, name, None)) is not None), None)
        if callable(getattr(network, "register_load_state_dict_post_hook", None)):
            found[role] = network
    return found
