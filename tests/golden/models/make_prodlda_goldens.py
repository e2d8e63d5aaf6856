"""Golden numbers of the topic model, from PyTorch in float64: its parts as torch.distributions and torch.nn have them.

    python tests/golden/models/make_prodlda_goldens.py      # rewrites prodlda.safetensors beside this script

x: counts; noise; `param.*`, `moment.*` (before the pass), prior. For the modes eval (at the mean) and train (with the noise): `<mode>.costs`
[B, V], `<mode>.loss` (negative evidence bound per word), `<mode>.grad.*`; `after.*` are the moments after the training pass.
"""
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import nn
from torch.distributions import Multinomial, Normal, kl_divergence

WORDS, HIDDEN, TOPICS, ALPHA, DOCUMENTS = 15, (9, 7), 4, 0.5, 6


def unscaled(size):
    norm = nn.BatchNorm1d(size)
    norm.register_parameter("weight", None)
    return norm


class ProdLda(nn.Module):
    def __init__(self):
        super().__init__()
        sizes = [WORDS, *HIDDEN]
        self.encoder = nn.ModuleList(nn.Linear(a, b) for a, b in zip(sizes, sizes[1:]))
        self.mean, self.mean_bn = nn.Linear(sizes[-1], TOPICS, bias=False), unscaled(TOPICS)
        self.logvar, self.logvar_bn = nn.Linear(sizes[-1], TOPICS, bias=False), unscaled(TOPICS)
        self.topics, self.topics_bn = nn.Linear(TOPICS, WORDS, bias=False), unscaled(WORDS)

    def forward(self, x, noise):
        h = x
        for layer in self.encoder:
            h = nn.functional.softplus(layer(h))
        posterior = Normal(self.mean_bn(self.mean(h)), torch.exp(0.5 * self.logvar_bn(self.logvar(h))))
        z = posterior.loc if noise is None else posterior.loc + posterior.scale * noise
        logits = self.topics_bn(self.topics(torch.softmax(z, dim=1)))
        return posterior, logits


def laplace_prior():
    """Of Dirichlet(alpha, ..., alpha) in the softmax basis: Srivastava & Sutton 2017, eq. 5, as it stands there."""
    alpha = torch.full((TOPICS,), ALPHA, dtype=torch.float64)
    mean = alpha.log() - alpha.log().mean()
    variance = (1 - 2 / TOPICS) / alpha + (1 / alpha).sum() / TOPICS ** 2
    return Normal(mean, variance.sqrt())


def bound(model, x, noise):
    """(what an occurrence of each word costs, negative evidence bound of all documents per word)"""
    posterior, logits = model(x, noise)
    divergence = kl_divergence(posterior, laplace_prior()).sum(1)
    # The probability of a document as a sequence of words: that of its counts without the number of their orders.
    likelihood = torch.stack([Multinomial(int(n.sum()), logits=l).log_prob(n) for n, l in zip(x, logits)])
    orders = torch.lgamma(x.sum(1) + 1) - torch.lgamma(x + 1).sum(1)
    loss = (divergence - (likelihood - orders)).sum() / x.sum()
    return divergence[:, None] / x.sum(1, keepdim=True) - logits.log_softmax(1), loss


def exact(tensor):
    """A number that float32 holds, so that both sides start from the same."""
    return tensor.float().double()


def main():
    generator = torch.Generator().manual_seed(17)
    model = ProdLda().double()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(exact(torch.randn(parameter.shape, generator=generator, dtype=torch.float64) * 0.5))
        for name, buffer in model.named_buffers():
            if name.endswith("running_mean"):
                buffer.copy_(exact(0.5 * torch.randn(buffer.shape, generator=generator, dtype=torch.float64)))
            if name.endswith("running_var"):
                buffer.copy_(exact(0.5 + torch.rand(buffer.shape, generator=generator, dtype=torch.float64)))
    x = torch.randint(4, (DOCUMENTS, WORDS), generator=generator).double()
    noise = exact(torch.randn(DOCUMENTS, TOPICS, generator=generator, dtype=torch.float64))
    moments = {k: v for k, v in model.named_buffers() if not k.endswith("num_batches_tracked")}
    out = {"x": x, "noise": noise}
    out |= {f"param.{k}": v.clone() for k, v in model.named_parameters()}
    out |= {f"moment.{k}": v.clone() for k, v in moments.items()}
    for mode in ("eval", "train"):
        model.train(mode == "train")
        model.zero_grad()
        costs, loss = bound(model, x, noise if mode == "train" else None)
        loss.backward()
        out |= {f"{mode}.costs": costs, f"{mode}.loss": loss}
        out |= {f"{mode}.grad.{k}": v.grad.clone() for k, v in model.named_parameters()}
    out |= {f"after.{k}": v.clone() for k, v in moments.items()}
    save_file({k: v.detach().float().contiguous() for k, v in out.items()}, Path(__file__).parent / "prodlda.safetensors")


if __name__ == "__main__":
    main()
