"""Methods written in Python: the state they see, the plans they say, the sums they absorb."""
import coppice
from program import weights
from small import SmallRun, main


class FedAvg(coppice.Method):
    """FedAvg from the sums alone, evaluated after every round: what `warmup: {evaluate_every: 1}` is."""

    name = "my_fedavg"
    settings = {"rounds": 3}

    @property
    def rounds(self):
        return 2 * self.settings["rounds"]

    def next_plans(self, state):
        federation = self.federation
        return [federation.plan(state, [federation.train_task() if state.step % 2 == 0 else federation.measure_task()])]

    def absorb(self, state, plans, answers):
        [plan], [answer] = plans, answers
        if state.step % 2 == 1:
            count = answer.scalar("measure//count")
            return {"eval/loss": answer.scalar("measure//loss") / count, "eval/accuracy": answer.scalar("measure//hits") / count}
        track = state.track()
        values = track.values.clone()
        weight = answer.scalar("train/weight")
        for name, tensor in values.tensors.items():
            tensor += (answer.sum(f"train/delta/{name}") / weight).float().view_as(tensor)
        track.values = values
        state["my_fedavg/rounds"] = state["my_fedavg/rounds"].item() + 1 if "my_fedavg/rounds" in state else 1.0
        return {"train_loss": answer.scalar("train/loss") / answer.scalar("train/samples"), "remarks": ["a round is done"]}


class Methods(SmallRun):
    def built_in(self):
        return coppice.run(self.config(stages=[{"warmup": {"rounds": 3, "evaluate_every": 1}}, {"export": {}}]), out=self.folder / "built-in")

    def stages(self, **settings):
        return self.config(stages=[{"my_fedavg": settings}, {"export": {}}])

    def test_fedavg_in_python_has_the_bits_of_the_built_in_one(self):
        built_in = self.built_in()
        run = coppice.run(self.stages(), method=FedAvg(), out=self.folder / "run")
        self.assertEqual(weights(run.folder), weights(built_in.folder))
        self.assertEqual([r.get("eval") for r in run.metrics], [r.get("eval") for r in built_in.metrics])
        self.assertEqual([r.get("train_loss") for r in run.metrics], [r.get("train_loss") for r in built_in.metrics])
        self.assertEqual(run.state["my_fedavg/rounds"].tolist(), [3.0])
        ranks = coppice.run(self.stages(), method=FedAvg(), out=self.folder / "ranks", overrides=["run.ranks=3"])
        self.assertEqual(weights(ranks.folder), weights(built_in.folder))

    def test_averaged_is_the_engines_own(self):
        class Short(FedAvg):
            def absorb(self, state, plans, answers):
                if state.step % 2 == 0:
                    state.track().values = coppice.averaged(plans[0], answers[0])
        run = coppice.run(self.stages(), method=Short(), out=self.folder / "run")
        self.assertEqual(weights(run.folder), weights(self.built_in().folder))

    def test_settings_come_from_the_config(self):
        method = FedAvg()
        run = coppice.run(self.stages(rounds=1), method=method, out=self.folder / "run")
        self.assertEqual(method.settings, {"rounds": 1})
        self.assertEqual(len(run.metrics), 3)
        self.assertEqual(run.config["stages"][0], {"my_fedavg": {"rounds": 1}})
        self.assertEqual(coppice.check(self.stages(rounds=1), method=FedAvg())["clients"], 8)
        for stages, words in (({"my_fedavg": {"round": 1}}, ["stages.0.my_fedavg", "round", "did you mean 'rounds'?"]),
                              ({"my_fedavgs": {}}, ["my_fedavgs", "did you mean 'my_fedavg'?"])):
            with self.assertRaises(coppice.InputError) as raised:
                coppice.check(self.config(stages=[stages]), method=FedAvg())
            for word in words:
                self.assertIn(word, str(raised.exception))

    def test_a_method_that_raises_keeps_the_last_round_and_is_resumed(self):
        reference = coppice.run(self.stages(), method=FedAvg(), out=self.folder / "reference")

        class Weak(FedAvg):
            def absorb(self, state, plans, answers):
                if state.step == 4:
                    state["junk"] = 1.0
                    raise ArithmeticError("too much")
                return super().absorb(state, plans, answers)

        for ranks in (1, 2):
            out = self.folder / f"run{ranks}"
            self.assertIn("absorb", self.functions_in(ArithmeticError, lambda: coppice.run(
                self.stages(), method=Weak(), out=out, overrides=[f"run.ranks={ranks}"])))  # noqa: B023
            stopped = coppice.load_run(out)
            self.assertEqual(stopped.state.step, 4)
            self.assertNotIn("junk", stopped.state)
            resumed = coppice.run(self.stages(), method=FedAvg(), out=out, resume=True)
            self.assertEqual(weights(out), weights(reference.folder))
            self.assertEqual(resumed.state["my_fedavg/rounds"].tolist(), [3.0])

    def test_a_state_kept_beyond_its_call_is_refused(self):
        kept = []

        class Keeper(FedAvg):
            def absorb(self, state, plans, answers):
                kept.extend([state, answers[0], plans[0]])
                return super().absorb(state, plans, answers)

        coppice.run(self.stages(rounds=1), method=Keeper(), out=self.folder / "run")
        for use in (lambda: kept[0].step, lambda: kept[0].track(), lambda: kept[1].accepted):
            with self.assertRaises(RuntimeError) as raised:
                use()
            self.assertIn("only during the call", str(raised.exception))
        self.assertEqual(len(kept[2].cohort), 4)

    def test_plans_that_nobody_can_carry_out_are_refused(self):
        for tasks, options, words in (
                ([{"trian": {}}], {}, ["plan: tasks.0", "trian", "did you mean 'train'?"]),
                ([{"train": {"epoch": 1}}], {}, ["tasks.0.train", "epoch", "did you mean 'epochs'?"]),
                ([], {}, ["tasks", "none"]),
                ([{"train": {}}], {"cohort": [0, 99]}, ["cohort", "99", "below 8"]),
                ([{"train": {}}], {"cohort": [1, 1]}, ["cohort", "ascending"]),
                ([{"train": {}}], {"cohort": []}, ["cohort", "no clients"])):
            class Wrong(FedAvg):
                def next_plans(self, state):
                    return [self.federation.plan(state, tasks, **options)]  # noqa: B023
            with self.assertRaises(coppice.InputError) as raised:
                coppice.run(self.stages(), method=Wrong(), out=self.folder / f"run{len(words)}{words[-1]}")
            for word in words:
                self.assertIn(word, str(raised.exception))

        class Nothing(FedAvg):
            def next_plans(self, state):
                return 3
        with self.assertRaises(TypeError):
            coppice.run(self.stages(), method=Nothing(), out=self.folder / "nothing")

    def test_scores_and_masks_of_ones_own(self):
        """Scores by any task, a mask by any rule: here magnitude times the gradient's square, pruned to half."""
        class Prune(coppice.Method):
            name = "my_prune"

            def next_plans(self, state):
                estimate = {"estimate": {"importance": "fisher", "target": "elements", "batches": 1, "batch": 8, "edge": True}}
                return [self.federation.plan(state, [estimate], cohort=list(range(8)))]

            def absorb(self, state, plans, answers):
                track = state.track()
                element = "estimate/element/"
                scores = {b.removeprefix(element): answers[0].sum(b) for b in answers[0].blocks if b.startswith(element)}
                track.mask = {name: (s > s.median()).view(track.values.tensors[name].shape) for name, s in scores.items()}
                return {"density": track.density}

        stages = [{"warmup": {"rounds": 1}}, {"my_prune": {}}, {"finetune": {"rounds": 1}}]
        run = coppice.run(self.config(stages=stages), method=Prune(), out=self.folder / "run")
        dropped = {name: ~mask for name, mask in run.masks.items() if not mask.all()}
        self.assertEqual(sorted(dropped), ["layers.0.weight", "layers.1.weight", "layers.2.weight"])
        for name, places in dropped.items():
            self.assertEqual(int(places.sum()), (places.numel() + 1) // 2)
            self.assertEqual(float(run.state.track().values.tensors[name][places].abs().sum()), 0.0)
        self.assertLess(run.metrics[-1]["density"], 0.6)


if __name__ == "__main__":
    main()
