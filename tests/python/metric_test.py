"""Importance as a graph of one's own: of exact sums, from Python and from the plain program."""
import coppice
import torch
from program import coppice as program
from program import weights
from safetensors.torch import load_file
from small import SmallRun, main


def mine(w, g, g2, a):
    return (w * g).abs() + 0.5 * w * w * g2 + w.abs() * a.sqrt()


class Metrics(SmallRun):
    def stages(self, path, digest="", prune=None, **score):
        importance = {"kind": "graph", "path": str(path), "digest": digest}
        return [{"warmup": {"rounds": 2}}, {"score": {"importance": importance, "batches": 0, "batch": 8, **score}},
                {"prune": prune or {"pattern": "unstructured", "budget": {"density": 0.4}, "allocation": "global"}},
                {"finetune": {"rounds": 1}}, {"export": {}}]

    def metric(self, function, name="metric.pt2"):
        path = self.folder / name
        return path, coppice.export_metric(function, path)

    def scored(self, config, name):
        """A run that has come as far as the scores."""
        def stop(number, stage, metrics):
            if stage == "prune":
                raise StopIteration
        with self.assertRaises(StopIteration):
            coppice.run(config, out=self.folder / name, observers=[stop])
        return coppice.load_run(self.folder / name)

    def test_the_mask_is_that_of_the_metric_on_the_sums(self):
        path, digest = self.metric(mine)
        config = self.config(stages=self.stages(path, digest))
        run = coppice.run(config, out=self.folder / "run", overrides=["stages.finetune.rounds=0"])
        scored = self.scored(config, "scored")
        model, sums = scored.state.track().values.tensors, scored.scores
        n = float(sums["weight"])
        scores = {}
        for name in ("layers.0.weight", "layers.1.weight", "layers.2.weight"):
            if f"gradient/{name}" not in sums:
                continue
            w = model[name]
            g, g2 = (sums[f"{kind}/{name}"].view_as(w) / n for kind in ("gradient", "square"))
            a = (sums[f"input/{name}"] / n).expand_as(w)
            scores[name] = mine(w, g.float(), g2.float(), a.float())
        self.assertTrue(scores)
        kept = torch.cat([run.masks[name].flatten() for name in scores])
        values = torch.cat([s.flatten() for s in scores.values()])
        self.assertLess(0, int(kept.sum()))
        self.assertLess(int(kept.sum()), kept.numel())
        self.assertGreaterEqual(float(values[kept].min()), float(values[~kept].max()))

    def test_the_statistics_are_those_of_pooled_data(self):
        """Against autograd on all samples at once: eight clients, or one, one sum."""
        path, _ = self.metric(mine)
        stages = self.stages(path)[1:]
        sums = []
        for clients in (8, 1):
            config = self.config(stages=stages, federation={"cohort": 1})
            config["data"] = dict(config["data"], partition={"kind": "iid", "clients": clients}, holdout={"fraction": 0.0})
            sums.append(self.scored(config, f"run{clients}").scores)
        for name, of_eight in sums[0].items():
            if not name.startswith("square/"):
                torch.testing.assert_close(of_eight, sums[1][name], rtol=1e-4, atol=1e-4)

    def test_the_program_gives_the_same_bits_on_any_ranks(self):
        path, digest = self.metric(mine)
        file = self.config_file(stages=self.stages(path, digest))
        self.run_ok("run", file, "--out", self.folder / "program", "--set", "run.ranks=2")
        run = coppice.run(file, out=self.folder / "python")
        self.assertEqual(weights(run.folder), weights(self.folder / "program"))
        self.assertTrue(load_file(run.model_folder / "model.safetensors"))

    def test_units_are_scored_by_the_sum_of_their_weights(self):
        path, _ = self.metric(mine)
        prune = {"pattern": "channels", "budget": {"flops": 0.5}, "recalibration": {"batches": 1, "batch": 8}}
        stages = self.stages(path, prune=prune, fusion={"granularity": {"kind": "fixed"}})
        run = coppice.run(self.config(stages=stages), out=self.folder / "run")
        self.assertLessEqual(run.summary["variants"][-1]["flops"], 0.5 * run.summary["variants"][0]["flops"])

    def refused(self, *words, stages):
        done = program("run", self.config_file(stages=stages), "--out", self.folder / f"refused{len(list(self.folder.iterdir()))}")
        self.assert_refused(done, *words)

    def test_what_is_no_metric_is_refused_with_one_line(self):
        path, digest = self.metric(mine)
        self.refused(str(path), digest, "expected " + "0" * 64, stages=self.stages(path, "0" * 64))
        for name, function, words in (
                ("random", lambda w, g, g2, a: w * torch.randn_like(w), ["aten.randn_like.default"]),
                ("shape", lambda w, g, g2, a: torch.cat([w, g]), ["expected [2]"]),
                ("slice", lambda w, g, g2, a: w[:1], ["expected [2]"])):
            bad, _ = self.metric(function, name + ".pt2")
            self.refused(str(bad), *words, stages=self.stages(bad))
        for name, function, words in (("nan", lambda w, g, g2, a: (w - 10.0).log(), ["nan", "expected a finite number >= 0"]),
                                      ("negative", lambda w, g, g2, a: -w * w, ["the score of 'layers.", ">= 0"])):
            bad, _ = self.metric(function, name + ".pt2")
            self.refused(str(bad), *words, stages=self.stages(bad))
        net = self.folder / "net.pt2"
        torch.export.save(torch.export.export(torch.nn.Linear(4, 3), (torch.rand(2, 4),)), net)
        self.refused(str(net), "a metric takes float32 [4, any]", stages=self.stages(net))
        self.refused("missing.pt2", stages=self.stages(self.folder / "missing.pt2"))

    def test_fusion_of_finished_scores_is_refused(self):
        path, _ = self.metric(mine)
        self.refused("stages[2].prune", "importance graph", "expected mean", stages=self.stages(path, fusion={"clients": {"kind": "rank"}}))


if __name__ == "__main__":
    main()
