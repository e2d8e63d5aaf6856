"""Networks that the test of imported models brings along."""
import torch
from torch import nn
from torch.nn import functional as F


class Squeezed(nn.Module):
    """Depthwise and dilated convolutions, a gate for each channel, dense connections, dropout: nothing that is built in."""

    def __init__(self):
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 12, 3, 2, 1, bias=False), nn.BatchNorm2d(12, eps=1e-3, momentum=0.05), nn.ReLU6(inplace=True))
        self.wide, self.deep = nn.Conv2d(12, 24, 1), nn.Conv2d(24, 24, 3, 1, 2, dilation=2, groups=24)
        self.norm, self.gate = nn.BatchNorm2d(24), nn.Linear(24, 24)
        self.joined, self.drop, self.head = nn.Conv2d(36, 20, 3, 2, 1), nn.Dropout(0.2), nn.Linear(20, 10)

    def forward(self, x):
        x = self.stem(x)
        y = F.silu(self.norm(self.deep(self.wide(x))))
        y = y * torch.sigmoid(self.gate(F.adaptive_avg_pool2d(y, 1).flatten(1)))[:, :, None, None]
        y = F.relu(self.joined(torch.cat([x, y], dim=1)))
        return self.head(self.drop(F.max_pool2d(y, 8).flatten(1)))


class Tied(nn.Module):
    """A language model whose head is its embedding."""

    def __init__(self):
        super().__init__()
        self.embed, self.inner, self.head = nn.Embedding(40, 8), nn.Linear(8, 8), nn.Linear(8, 40, bias=False)
        self.head.weight = self.embed.weight

    def forward(self, ids):
        return self.head(F.gelu(self.inner(self.embed(ids))))


class Sampled(nn.Module):
    """The encoder of a variational autoencoder: a code that is drawn."""

    def __init__(self):
        super().__init__()
        self.mean, self.spread, self.head = nn.Linear(12, 4), nn.Linear(12, 4), nn.Linear(4, 12)

    def forward(self, x):
        spread = self.spread(x)
        return self.head(self.mean(x) + torch.exp(spread / 2) * torch.randn_like(spread))


class Random(nn.Module):
    """Draws numbers, which a run that repeats bit for bit cannot allow."""

    def __init__(self):
        super().__init__()
        self.head = nn.Linear(3, 10)

    def forward(self, x):
        return self.head(x.mean((2, 3)) + torch.randn(3))
