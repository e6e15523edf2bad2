"""All readers: where two know a line, the earlier reads it."""

from __future__ import annotations

from . import (
    basicsr,
    biggan,
    ctgan,
    cyclegan,
    dcgan,
    dcgan_tensorflow,
    epoch_step,
    fastgan,
    hifigan,
    improved_wgan,
    json_lines,
    keras_fit,
    keras_gan,
    lightweight_gan,
    mimicry,
    numbered_loop,
    pytorch_gan,
    rosinality,
    studiogan,
    stylegan_log,
    tables,
)  # fmt: skip

# Readers of lines that no pattern tells apart.
WHOLES = (json_lines.JsonLines, tables.Tables)
# What their names mean, by producer.
TAGS = json_lines.TAGS
FORMATS = (
    studiogan.SAID_AGAIN,
    studiogan.FORMAT,
    studiogan.SCORES,
    dcgan.FORMAT,
    pytorch_gan.FORMAT,
    epoch_step.FORMAT,
    numbered_loop.FORMAT,
    dcgan_tensorflow.FORMAT,
    keras_gan.FORMAT,
    keras_fit.FORMAT,
    stylegan_log.FORMAT,
    lightweight_gan.FORMAT,
    cyclegan.FORMAT,
    fastgan.FORMAT,
    rosinality.FORMAT,
    mimicry.FORMAT,
    basicsr.FORMAT,
    ctgan.FORMAT,
    hifigan.FORMAT,
    improved_wgan.FORMAT,
    biggan.FORMAT,
    biggan.ALONE,
)
