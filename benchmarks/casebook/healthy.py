"""A sound training, logged as the official DCGAN example logs: what does the doctor say of it?

    python benchmarks/casebook/healthy.py --path FOLDER_OF_FASHION_MNIST > docs/casebook/healthy.log

DCGAN at 32 px and width 32, binary cross-entropy on logits, Adam at 2e-4, batch 64; every fourth iteration is printed.
"""

from __future__ import annotations

import argparse

import torch
from torch import nn

from sparring import networks
from sparring.data import open_data

BATCH, LATENT, EPOCHS, ITERATIONS = 64, 100, 5, 2_400


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--path", required=True)
    data = open_data("fashion-mnist", size_px=32, path=parser.parse_args().path, say=None)
    torch.set_num_threads(1)
    torch.manual_seed(999)
    G, D = networks.build("dcgan", 32, 1, 32, LATENT)
    bce, ones, zeros = nn.BCEWithLogitsLoss(), torch.ones(BATCH), torch.zeros(BATCH)
    d_adam, g_adam = (torch.optim.Adam(network.parameters(), 2e-4, (0.5, 0.999)) for network in (D, G))
    batches = len(data) // BATCH
    for i in range(ITERATIONS):
        D.zero_grad()
        on_real = D(data.batch(i * BATCH, BATCH, seed=1, flip=False))
        fake = G(torch.randn(BATCH, LATENT, 1, 1))
        on_fake = D(fake.detach())
        d_loss = bce(on_real, ones) + bce(on_fake, zeros)
        d_loss.backward()
        d_adam.step()
        G.zero_grad()
        on_fake_after = D(fake)
        g_loss = bce(on_fake_after, ones)
        g_loss.backward()
        g_adam.step()
        if i % 4 == 0:
            x, before, after = (float(said.detach().sigmoid().mean()) for said in (on_real, on_fake, on_fake_after))
            print(
                f"[{i // batches}/{EPOCHS}][{i % batches}/{batches}]\tLoss_D: {d_loss.item():.4f}\t"
                f"Loss_G: {g_loss.item():.4f}\tD(x): {x:.4f}\tD(G(z)): {before:.4f} / {after:.4f}",
                flush=True,
            )


if __name__ == "__main__":
    main()
