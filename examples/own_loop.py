"""The loop stays yours: a Trainer is an iterator of events, and takes actions while it runs."""

import torch

import sparring
from sparring import networks
from sparring.findings import Action

pictures = torch.rand(64, 1, 28, 28) * 2 - 1  # stands for your data
recipe = sparring.recipes["dcgan"].but(width=8, batch=16)
G, D = networks.build(recipe.network, size_px=28, channels=1, width=recipe.width, latent=recipe.latent)

trainer = sparring.Trainer(G, D, pictures, recipe, seed=1)
for event in trainer.run(steps=40):
    if event.kind == "tick":
        print(f"step {event.step}: D {event.values['d_loss']:.3f}, G {event.values['g_loss']:.3f}")
    if event.kind == "tick" and event.step == 20:
        trainer.apply(Action("set", {"d_lr": "/2"}, why="D learns too fast"))
