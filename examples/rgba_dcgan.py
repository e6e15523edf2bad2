"""The RGBA DCGAN of a public question (docs/casebook/seed-003.md), and what was proposed against its blow-up, as words.

    sparring check "rgba_dcgan.py:G(100)" "rgba_dcgan.py:D()" --loss bce --channels 4
    sparring train FOLDER --generator "rgba_dcgan.py:G(100)" --discriminator "rgba_dcgan.py:D()" --channels 4 --steps 99

`feature_maps` is 512 and 64 in the question; narrower copies train faster.
"""

import torch
from torch import nn

import sparring


class D(nn.Module):
    """RGBA pictures of 64 px -> the probability that each is real.  # [N, 4, 64, 64] in [-1, 1] -> [N]"""

    def __init__(self, feature_maps: int = 64) -> None:
        super().__init__()
        layers: list[nn.Module] = [nn.Conv2d(4, feature_maps, 4, 2, 1, bias=False), nn.LeakyReLU(0.2, inplace=True)]
        for maps in (feature_maps, 2 * feature_maps, 4 * feature_maps):
            layers += [nn.Conv2d(maps, 2 * maps, 4, 2, 1, bias=False), nn.BatchNorm2d(2 * maps)]
            layers += [nn.LeakyReLU(0.2, inplace=True)]
        self.main = nn.Sequential(*layers, nn.Conv2d(8 * feature_maps, 1, 4, 1, 0, bias=False), nn.Sigmoid())

    def forward(self, pictures: torch.Tensor) -> torch.Tensor:
        return self.main(pictures).view(-1)


class G(nn.Module):
    """z -> RGBA pictures.  # [N, input_vector, 1, 1] -> [N, 4, 64, 64] in [-1, 1]"""

    def __init__(self, input_vector: int, feature_maps: int = 512) -> None:
        super().__init__()
        layers: list[nn.Module] = [nn.ConvTranspose2d(input_vector, feature_maps, 4, 1, 0, bias=False)]
        for maps in (feature_maps, feature_maps // 2, feature_maps // 4):
            layers += [nn.BatchNorm2d(maps), nn.ReLU(True), nn.ConvTranspose2d(maps, maps // 2, 4, 2, 1, bias=False)]
        layers += [nn.BatchNorm2d(feature_maps // 8), nn.ReLU(True)]
        self.main = nn.Sequential(*layers, nn.ConvTranspose2d(feature_maps // 8, 4, 4, 2, 1, bias=False), nn.Tanh())

    def forward(self, z: torch.Tensor) -> torch.Tensor:
        return self.main(z)


# Each answer that the question got is a word of the recipe; early stopping on quality is on wherever pictures are
# held out, and the sigmoid at D's end is left out by itself.
REMEDIES = {
    "clip the norm of G's gradient": {"g_clip_norm": 1.0},
    "clip it at twice the mean of the norms": {"g_clip_mean": 2.0},
    "clip its values": {"g_clip_value": 100.0},
    "clip the norm of D's gradient": {"d_clip_norm": 1.0},
    "Xavier": {"init": "xavier"},
    "Kaiming": {"init": "kaiming"},
    "spectral norm in D": {"d_spectral_norm": True},
    "noise on reals and fakes": {"instance_noise": 0.1, "instance_noise_images": 500_000},
    "R1": {"r1": 1.0, "r1_every": 16},
}

if __name__ == "__main__":
    emoji_like = torch.rand(64, 4, 64, 64) * 2 - 1
    for name, words in REMEDIES.items():
        recipe = sparring.recipes["dcgan"].but(batch=8, precision="fp32", **words)
        trainer = sparring.Trainer(G(100, 32), D(4), emoji_like, recipe)
        *_, last = (event for event in trainer.run(steps=2) if event.kind == "tick")
        print(f"{name}: D {last.values['d_loss']:.2f}, G {last.values['g_loss']:.2f}")
