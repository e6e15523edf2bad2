"""Names of numbers, as logs have them -> whose they are and what of it: (network, term, note)."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple


class Tag(NamedTuple):
    """Whose a number is and what it is; see `sparring.history`."""

    network: str
    term: str
    note: str = ""


_WORDS = re.compile(r"[lrLR][12](?![0-9A-Za-z])|[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")
_D = {
    "d",
    "dis",
    "disc",
    "discr",
    "discrim",
    "discriminator",
    "distriminator",
    "critic",
    "errd",
    "lossd",
    "dloss",
    "netd",
}
_G = {"g", "gen", "generator", "errg", "lossg", "gloss", "netg", "gan"}
_PENALTIES = {
    "gp", "penalty", "r1", "r2", "pl", "plp", "reg", "lecam", "drift", "path", "regularization", "regularisation",
}  # fmt: skip
_QUALITY = {
    "fid", "kid", "inception", "fd", "precision", "recall", "density", "coverage", "lpips", "psnr", "ssim", "swd",
    "ppl", "isc", "msssim", "niqe",
}  # fmt: skip
_LOSSES = {"loss", "losses", "err", "error", "cost", "errd", "errg", "lossd", "lossg", "dloss", "gloss"}
_AUXILIARY = {
    "cls", "class", "aux", "auxiliary", "ss", "cr", "pixel", "pix", "cycle", "cyc", "idt", "identity", "recon", "rec",
    "perceptual", "percep", "feat", "fm", "feature", "l1", "l2", "vgg", "mel", "info", "content", "style", "tv", "kl",
    "lpips", "quantize", "q",
}  # fmt: skip


def words(name: str) -> list[str]:
    """The words of a name in small letters: "errD_real" -> err, d, real; "Loss/G/loss" -> loss, g, loss."""
    return [word.lower() for word in _WORDS.findall(name)]


@lru_cache(maxsize=4096)
def tag(name: str) -> Tag:
    """Whose a number is, by its name alone."""
    name = name.rpartition(" - ")[2]  # "run-1 - d_loss"
    told = words(name)
    squeezed = re.sub(r"[\s_]+", "", name).lower()
    if squeezed.startswith("d(g(z))"):
        after = "after" in told or squeezed[7:] in ("2", "_2")
        return Tag("d", "p_fake_after" if after else "p_fake")
    if squeezed == "d(x)":
        return Tag("d", "p_real")
    having = set(told)
    network = _network(told)
    return Tag(network, *_term(having, network))


def _network(told: list[str]) -> str:
    """The first word that names a network decides: "d_loss_gan" is D's; "G_GAN" G's."""
    for word in told:
        if word in _D:
            return "d"
        if word in _G and (word != "gan" or len(told) < 4):
            return "g"
        if word == "adv" or word == "adversarial":
            return "g"
    return ""


def _term(having: set[str], network: str) -> tuple[str, str]:
    side = "real" if having & {"real", "reals", "x"} else "fake" if having & {"fake", "fakes", "gen_fake"} else ""
    if having & {"grad", "gradient", "gradnorm"} and not having & {"penalty", "loss"}:
        return "gradient", ""
    if having & {"acc", "accuracy"}:
        return (f"accuracy_{side}" if side else "accuracy"), ""
    if having & {"lr", "learning"}:
        return "rate", ""
    if having & _QUALITY or having == {"is"} or having == {"is", "mean"}:
        return "quality", ""
    if having & {"logit", "logits", "score", "scores"}:
        return (f"logit_{side}" if side else "other"), ""
    if having & {"prob", "p", "output", "out", "pred"} and side and network != "g":
        return ("p_" if having & {"prob", "p"} else "logit_") + side, ""
    if having & _PENALTIES:
        return "penalty", ""
    return _loss_term(having, network, side)


def _loss_term(having: set[str], network: str, side: str) -> tuple[str, str]:
    if not network:
        return "other", ""
    if having & {"adv", "adversarial"} or (network == "g" and having >= {"gan", "g"}):
        return "fake", "adversarial term only"
    if side and (network == "d" or side == "fake"):
        return side, f"{side} term only"
    if having & _AUXILIARY:
        return "auxiliary", ""
    rest = having - _D - _G - _LOSSES - {
        "total", "mean", "avg", "average", "train", "training", "a", "b", "l",
        "step", "epoch",
    }  # fmt: skip
    rest = {word for word in rest if not word.isdigit()}
    if having & _LOSSES or not rest:
        return ("loss", "average" if having & {"avg", "average", "mean"} else "") if not rest else ("auxiliary", "")
    return "other", ""
