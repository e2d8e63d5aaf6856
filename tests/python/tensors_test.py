"""Tensors that both sides see: shared, alive as long as anybody holds them."""
import gc

import coppice
import torch
from small import SmallRun, main


class Tensors(SmallRun):
    def state(self):
        return coppice.run(self.config(stages=[{"warmup": {"rounds": 1}}]), out=self.folder / "run").state

    def test_a_write_on_one_side_is_read_on_the_other(self):
        values = self.state().track("model").values.clone()
        norm, digest = values.norm(), values.digest
        weight = values.tensors["layers.0.weight"]
        with torch.no_grad():
            weight.mul_(3.0)
        self.assertNotEqual(values.digest, digest)
        self.assertEqual(values.tensors["layers.0.weight"].data_ptr(), weight.data_ptr())
        total = sum(float(t.double().square().sum()) for t in values.tensors.values())
        self.assertAlmostEqual(values.norm(), total ** 0.5, places=6)
        self.assertGreater(values.norm(), norm)

    def test_a_clone_is_another_memory(self):
        values = self.state().track("model").values
        digest = values.digest
        values.clone().tensors["layers.0.weight"].zero_()
        self.assertEqual(values.digest, digest)

    def test_a_tensor_outlives_all_that_it_came_from(self):
        state = self.state()
        tensor = state.track("model").values.tensors["layers.1.weight"]
        before = tensor.clone()
        del state
        gc.collect()
        junk = [torch.full((1 << 16,), 7.0) for _ in range(64)]  # would land where freed memory was
        self.assertTrue(torch.equal(tensor, before))
        del junk

    def test_the_engine_keeps_what_python_let_go(self):
        state = self.state()
        values = state.track("model").values.clone()
        with torch.no_grad():
            for tensor in values.tensors.values():
                tensor.fill_(0.5)
        state.track("model").values = values
        expected = values.digest
        del values, tensor
        gc.collect()
        junk = [torch.full((1 << 16,), 7.0) for _ in range(64)]
        self.assertEqual(state.track("model").values.digest, expected)
        del junk

    def test_values_and_masks_of_the_wrong_shape_are_refused(self):
        track = self.state().track("model")
        good = torch.zeros(16, 4, dtype=torch.bool)
        for mask, word in (({"layers.9.weight": good}, "no tensor 'layers.9.weight'"), ({"layers.0.weight": good[:3]}, "bool [16, 4]"),
                           ({"layers.0.weight": good.float()}, "bool [16, 4]"), ({"layers.0.weight": 1}, "expected a torch.Tensor")):
            with self.assertRaises(coppice.InputError) as raised:
                track.mask = mask
            self.assertIn(word, str(raised.exception))
        track.mask = {"layers.1.weight": torch.arange(128).reshape(8, 16) % 2 == 0}
        self.assertEqual(int((track.values.tensors["layers.1.weight"] != 0).sum()), 64)
        self.assertEqual(int(track.mask["layers.1.weight"].sum()), 64)
        track.mask = None
        self.assertIsNone(track.mask)


if __name__ == "__main__":
    main()
