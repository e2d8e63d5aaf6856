"""coppice.prune: a module in, a smaller module out."""
import copy

import coppice
import torch
from networks import Random, Squeezed
from program import summary
from safetensors.torch import load_file
from small import SmallRun, main
from torch import nn


def classes_of(x, count=10):
    """Something that can be learnt, for data that is drawn."""
    return (x.flatten(1).sum(dim=1).abs() * 3).long() % count


class Prune(SmallRun):
    def setUp(self):
        super().setUp()
        torch.manual_seed(3)
        self.x = torch.randn(200, 3, 32, 32)
        self.y = classes_of(self.x)

    def test_the_smaller_module_is_the_masked_one(self):
        """Zero what was cut in the module that went in: the same outputs."""
        net = nn.Sequential(nn.Conv2d(3, 12, 3), nn.ReLU(), nn.Conv2d(12, 8, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 10)).eval()
        before = copy.deepcopy(net.state_dict())
        out = self.folder / "run"
        small = coppice.prune(net, self.x[:4], (self.x, self.y), keep=0.6, out=out)
        for name, tensor in net.state_dict().items():
            self.assertTrue(torch.equal(tensor, before[name]), name)
        self.assertTrue(all(not module.training for module in small.modules()))
        self.assertLess(sum(p.numel() for p in small.parameters()), sum(p.numel() for p in net.parameters()))
        masks = coppice.load_run(out).masks
        with torch.no_grad():
            for name, parameter in net.named_parameters():
                parameter.mul_(masks[name])
            torch.testing.assert_close(small(self.x), net(self.x), rtol=1e-5, atol=1e-5)
        self.assertLessEqual(summary(out)["variants"][-1]["flops"], 0.6 * summary(out)["variants"][0]["flops"])
        saved = load_file(out / "model" / "model.safetensors")
        self.assertEqual(sum(t.numel() for t in saved.values()), sum(p.numel() for p in small.parameters()))

    def test_a_network_with_norms_gates_and_dense_connections(self):
        small = coppice.prune(Squeezed(), (self.x[:4],), (self.x, self.y), keep=0.7)
        logits = small(self.x)
        self.assertEqual(logits.shape, (200, 10))
        self.assertTrue(logits.isfinite().all())
        self.assertLess(sum(p.numel() for p in small.parameters()), 0.9 * sum(p.numel() for p in Squeezed().parameters()))
        small.train()(self.x).sum().backward()  # it goes on training in PyTorch
        self.assertTrue(all(p.grad is not None for p in small.parameters()))

    def test_single_weights_of_features(self):
        net = nn.Sequential(nn.Linear(12, 16), nn.ReLU(), nn.Linear(16, 16), nn.ReLU(), nn.Linear(16, 3))
        x = torch.randn(200, 12)
        sparse = coppice.prune(net, x[:2], (x, classes_of(x, 3)), pattern="2:4")
        weight = dict(sparse.named_parameters())["2.weight"] if "2.weight" in dict(sparse.named_parameters()) else list(sparse.parameters())[2]
        self.assertEqual(int((weight.reshape(-1, 4) != 0).sum(dim=1).max()), 2)

    def test_a_table_is_known_by_its_target(self):
        net, table = nn.Sequential(nn.Linear(2, 16), nn.ReLU(), nn.Linear(16, 2)), self.folder / "table.csv"
        table.write_text("a,b,outcome\n" + "".join(f"{i % 17},{i % 13},{'yes' if i % 17 > i % 13 else 'no'}\n" for i in range(200)))
        small = coppice.prune(net, torch.randn(2, 2), table, keep=0.6, targets=["outcome"])
        self.assertLess(sum(p.numel() for p in small.parameters()), sum(p.numel() for p in net.parameters()))
        for arguments, words in (({}, ["--target", "table.csv"]), ({"targets": ["outcom"]}, ["'outcome'"]), ({"targets": ["b"], "task": "clas"}, ["'class'"])):
            with self.assertRaises(coppice.InputError) as raised:
                coppice.prune(net, torch.randn(2, 2), table, **arguments)
            for word in words:
                self.assertIn(word, str(raised.exception))

    def test_bad_input_is_refused(self):
        net = Squeezed()
        for arguments, words in (
                ((net, self.x[:4], "fashion-mnits"), ["did you mean 'fashion-mnist'?"]),
                ((net, self.x[:1], (self.x, self.y)), ["example_inputs", "two samples"]),
                ((net, self.x[0], (self.x, self.y)), ["the module refuses the example"]),
                ((net, self.x[:4], (self.x, self.y.float())), ["data: classes", "int64"]),
                ((net, self.x[:4], (self.x[:, 0], self.y)), ["data: inputs", "[N, C, H, W]"]),
                ((net, self.x[:4], (self.x * float("nan"), self.y)), ["data: inputs", "not finite"]),
                ((net, self.x[:4], (self.x[..., :16], self.y)), ["model.input"]),
                ((Random(), self.x[:4], (self.x, self.y)), ["aten.randn.default"])):
            with self.assertRaises(coppice.InputError) as raised:
                coppice.prune(*arguments)
            self.assertEqual(str(raised.exception).count("\n"), 0)
            for word in words:
                self.assertIn(word, str(raised.exception))


if __name__ == "__main__":
    main()
