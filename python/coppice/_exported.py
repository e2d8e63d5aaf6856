"""A module's graph as the engine takes it. tools/import_model.py and coppice.prune share this; it needs torch alone.

The graph is exported in PyTorch's training dialect, whose operations (conv2d, batch_norm, layer_norm, scaled_dot_product_attention) are
those that the module calls: decomposed they would hide products from the engine, train more slowly and fix the mode of batch norms.
"""
import torch


class NotExported(ValueError):
    """torch.export has no graph of the module."""


def returning_logits(net):
    """The same module, its tensors under the same names, returning the logits alone."""
    kind = type(net)

    class Logits(kind):
        def forward(self, x):
            y = kind.forward(self, x)
            return y.logits if hasattr(y, "logits") else y[0]

    net.__class__ = Logits
    return net


def exported_program(net, example, dynamic):
    """`dynamic`: the dims of the example that are of any size."""
    try:
        return torch.export.export(net, (example,), dynamic_shapes=(dynamic,))
    except Exception as error:  # torch raises several kinds
        raise NotExported(f"torch.export refuses the module: {str(error).strip().splitlines()[0]}") from error


def exported(net, example):
    """The program of a batch of any size; of texts of any length too, where the module has one graph for all."""
    net = net.float().eval()
    with torch.no_grad():
        try:
            logits = net(example)
        except Exception as error:  # of the module's own making
            raise NotExported(f"the module refuses the example: {str(error).strip().splitlines()[0]}") from error
        if not isinstance(logits, torch.Tensor):
            net = returning_logits(net)
        net.train()
        for parameter in net.parameters():
            parameter.data = parameter.data.contiguous()
    auto = torch.export.Dim.AUTO
    if example.dtype == torch.int64:
        try:
            return exported_program(net, example, {0: auto, 1: auto})
        except NotExported:
            pass
    return exported_program(net, example, {0: auto})
