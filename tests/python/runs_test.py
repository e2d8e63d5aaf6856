"""coppice.run, check and load_run: what the program does, from Python, with the same bits."""
import pathlib
import re
import signal
import subprocess
import sys
import textwrap

import coppice
import torch
from program import MPIRUN, SMOKE, environment, needs_cifar, weights
from small import STAGES, SmallRun, main


class Runs(SmallRun):
    def test_a_dict_a_file_and_the_program_give_the_same_bits(self):
        file = self.config_file()
        self.run_ok("run", file, "--out", self.folder / "program")
        threads = torch.get_num_threads()
        by_file = coppice.run(file, out=self.folder / "file")
        by_dict = coppice.run(self.config(), out=self.folder / "dict", overrides=["run.ranks=2"])
        self.assertEqual(torch.get_num_threads(), threads)
        for run in (by_file, by_dict):
            self.assertEqual(weights(run.folder), weights(self.folder / "program"))
        self.assertEqual([(r["stage"], r.get("train_loss"), r.get("eval")) for r in by_file.metrics],
                         [(r["stage"], r.get("train_loss"), r.get("eval")) for r in coppice.load_run(self.folder / "program").metrics])

    @needs_cifar
    def test_batch_norms_and_bfloat16_give_the_programs_bits(self):
        self.run_ok("run", SMOKE, "--out", self.folder / "program")
        run = coppice.run(SMOKE, out=self.folder / "python")
        self.assertEqual(weights(run.folder), weights(self.folder / "program"))

    def test_observers_hear_of_every_round(self):
        heard = []
        run = coppice.run(self.config(), out=self.folder / "run", observers=[lambda *told: heard.append(told)])
        self.assertEqual([metrics for _, _, metrics in heard], list(run.metrics))
        self.assertEqual([stage for _, stage, _ in heard if stage == "finetune"], ["finetune"] * 3)  # one evaluation among them
        self.assertEqual([number for number, stage, _ in heard if stage == "warmup"], [0, 0, 1, 1, 2, 2])

    def test_an_observer_that_raises_stops_the_run_and_a_resume_goes_on(self):
        reference = coppice.run(self.config(), out=self.folder / "reference")

        def tired(number, stage, metrics):
            if stage == "finetune":
                raise KeyError("enough")

        out = self.folder / "run"
        self.assertIn("tired", self.functions_in(KeyError, lambda: coppice.run(self.config(), out=out, observers=[tired])))
        with self.assertRaises(coppice.InputError):
            coppice.run(self.config(), out=out)
        coppice.run(self.config(), out=out, resume="auto")
        self.assertEqual(weights(out), weights(reference.folder))

    def test_what_a_run_leaves_behind(self):
        run = coppice.load_run(coppice.run(self.config(), out=self.folder / "run").folder)
        self.assertEqual(run.config["federation"]["cohort"], 4)
        self.assertEqual(run.config["model"]["hidden"], [16, 8])
        self.assertIs(run.config["federation"]["optimizer"]["nesterov"], False)
        self.assertEqual(run.summary["name"], "small")
        self.assertEqual(run.masks["layers.0.weight"].shape, (16, 4))
        self.assertEqual(run.masks["layers.0.weight"].dtype, torch.bool)
        kept = sum(int(mask.sum()) for mask in run.masks.values())
        self.assertEqual(kept, run.summary["variants"][-1]["parameters"])
        self.assertEqual(run.scores, {})  # the cut has used them
        scores = coppice.run(self.config(stages=STAGES[:2]), out=self.folder / "scored").scores
        self.assertGreater(float(scores["weight"]), 0.0)
        self.assertTrue(all(s.dtype == torch.float64 and s.isfinite().all() for s in scores.values()))
        self.assertTrue((run.model_folder / "model.safetensors").is_file())
        self.assertEqual(run.state.stage, 5)
        try:
            import pandas  # noqa: F401
        except ImportError:
            with self.assertRaises(ImportError):
                run.metrics.to_pandas()
        else:
            self.assertEqual(len(run.metrics.to_pandas()), len(run.metrics))

    def test_check_says_what_the_program_says(self):
        file = self.config_file()
        check = coppice.check(file)
        before, _, memory = check.text.partition("memory of a rank")  # which is this process's, and larger than the program's
        self.assertTrue(self.run_ok("check", file).stdout.startswith(before))
        self.assertIn("in all", memory)
        self.assertEqual(check["parameters"], 4 * 16 + 16 + 16 * 8 + 8 + 8 * 3 + 3)
        self.assertEqual(check["rounds"], 5)
        self.assertEqual(check["memory_bytes"], sum(check["memory"].values()))

    def test_bad_input_is_the_programs_line(self):
        file = self.config_file(federation={"cohrt": 3})
        for call in (coppice.run, coppice.check):
            with self.assertRaises(coppice.InputError) as raised:
                call(file)
            self.assertEqual(str(raised.exception).count("\n"), 0)
            for word in (str(file), "federation", "cohrt", "did you mean 'cohort'?"):
                self.assertIn(word, str(raised.exception))
        for bad, words in (({"federation": {"cohort": 0}}, ["config: federation.cohort", "found '0'", ">= 1"]),
                           ({"federation": {"cohort": "4"}}, ["federation.cohort", "an integer"]),
                           ({"federation": {"cohort": object()}}, ["federation.cohort", "type object"]),
                           ({"federation": {3: 4}}, ["federation", "the key 3"]),
                           ({"federation": {"cohort": 9}}, ["9", "8"])):
            with self.assertRaises(coppice.InputError) as raised:
                coppice.check(self.config(**bad))
            for word in words:
                self.assertIn(word, str(raised.exception))
        with self.assertRaises(coppice.InputError):
            coppice.load_run(self.folder / "nothing")
        with self.assertRaises(coppice.InputError):
            coppice.run(self.config(), resume="perhaps")

    def python(self, code, ranks=0, **arguments):
        script = self.folder / "script.py"
        script.write_text(textwrap.dedent(code))
        launcher = [MPIRUN, "-n", str(ranks), "--oversubscribe", "--bind-to", "none"] if ranks else []
        return subprocess.Popen([*launcher, sys.executable, str(script)], env=dict(environment(), **arguments), text=True,
                                stdout=subprocess.PIPE, stderr=subprocess.STDOUT)

    def test_signals_stop_behind_a_committed_round(self):
        config = str(self.config_file())
        coppice.run(config, out=self.folder / "reference")
        for number in (signal.SIGINT, signal.SIGTERM):
            out = self.folder / f"signal{int(number)}"
            process = self.python(f"""
                import coppice, os, signal
                def hit(number, stage, metrics):
                    if metrics["step"] == 2: os.kill(os.getpid(), {int(number)})
                before = signal.getsignal(signal.SIGINT)
                try:
                    coppice.run({config!r}, out={str(out)!r}, observers=[hit])
                except coppice.Stopped as stopped:
                    print("stopped:", stopped)
                assert signal.getsignal(signal.SIGINT) is before
                try:
                    os.kill(os.getpid(), signal.SIGINT)
                    import time; time.sleep(10)
                except KeyboardInterrupt:
                    print("the interpreter has its signals again")
            """)
            text, _ = process.communicate(timeout=300)
            self.assertIn("stopped:", text)
            self.assertIn("signals again", text)
            self.assertEqual(len(coppice.load_run(out).metrics), 3)
            coppice.run(config, out=out, resume=True)
            self.assertEqual(weights(out), weights(self.folder / "reference"))

    def test_ranks_of_mpirun(self):
        if not MPIRUN:
            self.skipTest("this build has no MPI")
        config = str(self.config_file())
        coppice.run(config, out=self.folder / "reference")
        out = self.folder / "mpi"
        process = self.python(f"""
            import coppice
            print("rank has", coppice.run({config!r}, out={str(out)!r}))
            print("again", coppice.run({config!r}, out={str(out)!r}, resume="auto"))
        """, ranks=2)
        text, _ = process.communicate(timeout=300)
        self.assertEqual(process.returncode, 0, text)
        self.assertEqual(len(re.findall("rank has None", text)), 1, text)
        self.assertEqual(weights(out), weights(self.folder / "reference"))

    def test_another_torch_is_refused_with_a_clear_line(self):
        process = self.python("""
            import torch
            torch.__version__ = "1.0.0"
            import coppice
        """)
        text, _ = process.communicate(timeout=300)
        self.assertNotEqual(process.returncode, 0)
        self.assertRegex(text, r"ImportError: coppice .* was built against torch .*; found torch 1\.0\.0")

    def test_the_stubs_are_python_and_name_what_there_is(self):
        package = pathlib.Path(coppice.__file__).parent
        stub = (package / "_coppice.pyi").read_text()
        compile(stub, "_coppice.pyi", "exec")
        self.assertTrue((package / "py.typed").exists())
        for name in ("class State", "def run(", "def read_state(", "torch.Tensor", "class InputError"):
            self.assertIn(name, stub)
        for name in coppice.__all__:
            self.assertTrue(getattr(coppice, name).__doc__, name)


if __name__ == "__main__":
    main()
