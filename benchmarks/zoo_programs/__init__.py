"""Training programs with planted faults: what `benchmarks/zoo.py` runs.

Two parts, split by program. `tuned.py`: rules may be adjusted by what is seen there. `unseen.py`: other programs,
written without a look at any result; the figures that count are theirs. Both have the same plants and variations.

How to add a program
    A module with `PROGRAMS`, a tuple of `Program` (see `parts.py`). A program has two functions:

    `build(pictures, labels, classes) -> Parts`
        Makes networks, optimisers' maker, losses and numbers. The seed is set before. `pictures` are [n, c, h, w] in
        [-1, 1]; a conditional program hands `labels` and `classes` on to `Parts`, any other passes None.
    `loop(parts, watch) -> None`
        The training, written out as its author would write it. It must take all that follows from the parts, each
        time anew, since plants put other things in their place:
        - `for step in parts.going():` are the steps;
        - `parts.draw()` gives (pictures, labels or None), `parts.z(n)` latents;
        - `parts.G`, `parts.D`, `parts.g_opt`, `parts.d_opt`; `zero_grad()` and `step()` of these;
        - `parts.d_loss(real_logits, fake_logits)` gives the terms that D's loss is made of (apart, so that a loop can
          add them, average them, or send them backward one by one: `parts.d_loss(x, x)[0]` is the term of reals
          alone), `parts.g_loss(fake_logits, real_logits)` G's;
        - `parts.for_d(fake)` in D's step (it detaches), `parts.for_g(fake)` in G's (it does nothing);
        - `parts.told_g(labels)` and `parts.told_d(labels)` are what the networks are given of labels;
        - `parts.cut(network)` between backward and step, `parts.clip_weights()` after D's step where weights are
          clipped, `parts.penalty` as the weight of a gradient penalty;
        - `watch(step, d_loss=, g_loss=, real_logits=, fake_logits=, fake=, real=)` once a step, numbers as tensors or
          floats; terms under names that people use (d_loss_real, d_loss_fake, d_penalty, d_loss_cls, g_loss_adv,
          g_loss_cls); `condition=` (asked of the fakes) and `real_condition=` where there are any.
        A loop neither calls `train()` nor `requires_grad_()`: plants set the mode and what learns once, before it.
    Numbers of its own (n_critic) go into `parts.extra`. A Keras program stands in `keras_pair.py`.

    `traits` say which plants fit: torch or keras; adam; one loss of bce, hinge, squares, wasserstein, relativistic;
    with bce, logits or sigmoid (what D ends in); norm-d, norm-g (batch norms, whose mode matters), dropout-d,
    spectral, conv; clip (weights), penalty (any gradient penalty), gp (between reals and fakes); critic (several
    updates of D a step); conditional, acgan.
    D's last Linear or convolution must be what makes its logits, except with acgan and conditional. Under gp, D is an
    nn.Sequential with at least three convolutions.

    20 to 40 s of processor time on one thread, at least 1,200 steps if a step takes less than 30 ms: regimes are
    judged after a warm-up of 500. `python benchmarks/zoo.py --part unseen --grids FOLDER` draws each program's
    pictures, to see that it learns; do that before anything is told of the doctor.
"""
