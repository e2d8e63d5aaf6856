"""What a person does with a language model that came out: generate, eval --text, bench, beside transformers on the same folder."""
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

from program import DATA, SOURCE, ProgramTest, coppice, environment

GOLDEN = SOURCE / "tests" / "golden"
SMOLLM2 = pathlib.Path(os.environ.get("COPPICE_SMOLLM2_DIR", "/nowhere"))
WIKITEXT = DATA / "wikitext2" / "test.txt"

# A folder of a random Llama whose vocabulary is that of a small tokenizer.
MAKE = """
import sys, torch
from transformers import LlamaConfig, LlamaForCausalLM
torch.manual_seed(3)
model = LlamaForCausalLM(LlamaConfig(vocab_size=600, hidden_size=32, intermediate_size=48, num_hidden_layers=3, num_attention_heads=4,
                                     num_key_value_heads=2, max_position_embeddings=256, tie_word_embeddings=True, bos_token_id=None,
                                     eos_token_id=None))
with torch.no_grad():
    for parameter in model.parameters():
        parameter.add_(0.2 * torch.randn(parameter.shape))
model.save_pretrained(sys.argv[1])
"""
GREEDY = """
import sys, torch
from transformers import AutoModelForCausalLM, PreTrainedTokenizerFast
folder, prompt, tokens = sys.argv[1], sys.argv[2], int(sys.argv[3])
tokenizer = PreTrainedTokenizerFast(tokenizer_file=folder + "/tokenizer.json", clean_up_tokenization_spaces=False)
model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
ids = tokenizer(prompt, return_tensors="pt")["input_ids"]
out = model.generate(ids, attention_mask=torch.ones_like(ids), do_sample=False, max_new_tokens=tokens, repetition_penalty=1.0)[0]
new = [i for i in out[ids.shape[1]:].tolist() if i != model.generation_config.eos_token_id]
sys.stdout.write(prompt + tokenizer.decode(new, skip_special_tokens=False) + "\\n")
"""


def python(*arguments):
    done = subprocess.run([sys.executable, *map(str, arguments)], env=environment(), text=True, capture_output=True, check=False)
    if "No module named 'transformers'" in done.stderr:
        raise unittest.SkipTest("transformers is not installed here")
    if done.returncode != 0:
        raise RuntimeError(done.stderr)
    return done.stdout


class Language(ProgramTest):
    @classmethod
    def setUpClass(cls):
        cls.model = pathlib.Path(tempfile.mkdtemp(prefix="coppice-test-"))
        cls.addClassCleanup(shutil.rmtree, cls.model, True)
        python("-c", MAKE, cls.model)
        shutil.copy(GOLDEN / "tokenizers" / "smollm.json", cls.model / "tokenizer.json")
        cls.text = cls.model / "text.txt"
        cls.text.write_text("\n\n".join(json.loads((GOLDEN / "tokenizers" / "texts.json").read_text())[7:20]))

    def perplexity(self, model, *arguments):
        done = self.run_ok("eval", model, "--text", *arguments)
        return float(re.search(r"perplexity +([0-9.]+)", done.stdout).group(1)), done.stdout

    def test_greedy_text_is_that_of_transformers(self):
        prompt = "The old man's boat, 2024"
        ours = self.run_ok("generate", self.model, "--prompt", prompt, "--tokens", "40", "--dtype", "float32")
        self.assertEqual(ours.stdout, python("-c", GREEDY, self.model, prompt, "40"))
        self.assertRegex(ours.stderr, r"tokens a second; \d+ threads?, float32")

    def test_perplexity_is_that_of_transformers(self):
        for flags in ((), ("--rows",)):
            ours, printed = self.perplexity(self.model, self.text, self.text, *flags, "--seq-len", "64", "--blocks", "5")
            peer = json.loads(python(SOURCE / "tools" / "perplexity.py", self.model, self.text, self.text, *flags, "--seq-len", "64",
                                     "--blocks", "5"))
            self.assertLess(abs(ours / peer["perplexity"] - 1), 1e-3)
            self.assertIn(f"5 blocks of 64 tokens without overlap, the first 320 of {peer['tokens']}", printed)
            self.assertIn('2 files, joined by "\\n\\n"', printed)

    def test_draws_are_the_seeds(self):
        def draw(seed, *more):
            return self.run_ok("generate", self.model, "--ids", "5", "6", "7", "--tokens", "12", "--temperature", "1", "--top-p", "0.9",
                               "--top-k", "50", "--seed", seed, *more).stdout
        self.assertEqual(draw("1"), draw("1", "--threads", "1"))
        self.assertNotEqual(draw("1"), draw("2"))
        self.assertEqual(len(draw("1").split()), 12)

    def test_what_does_not_fit_is_refused(self):
        other = self.folder / "other"
        shutil.copytree(self.model, other)
        tokenizer = json.loads((other / "tokenizer.json").read_text())
        tokenizer["added_tokens"][0]["id"] = 700
        (other / "tokenizer.json").write_text(json.dumps(tokenizer))
        for command in (("generate", other, "--prompt", "a"), ("eval", other, "--text", self.text)):
            self.assert_refused(coppice(*command), "tokenizer.json", "700", "0 to 599")
        tokenizer["pre_tokenizer"] = {"type": "Metaspace"}
        (other / "tokenizer.json").write_text(json.dumps(tokenizer))
        self.assert_refused(coppice("generate", other, "--prompt", "a"), "pre_tokenizer.type", "Metaspace")
        (other / "tokenizer.json").unlink()
        self.assert_refused(coppice("generate", other, "--prompt", "a"), "tokenizer.json")
        self.assert_refused(coppice("generate", self.model), "--prompt")
        self.assert_refused(coppice("generate", self.model, "--ids", "600"), "token 600")
        self.assert_refused(coppice("generate", self.model, "--prompt", "a", "--top-p", "2"), "top-p")
        self.assert_refused(coppice("eval", self.model, "--text", self.text, "--seq-len", "100000"), "--seq-len")
        self.assert_refused(coppice("eval", self.model), "--text")

    def test_bench_says_what_was_done_and_how(self):
        done = self.run_ok("bench", self.model, "--repeats", "1", "--threads", "1", "--dtype", "float32")
        line = json.loads(done.stdout.splitlines()[0])
        self.assertEqual((line["threads"], line["dtype"]), (1, "float32"))
        for key in ("prefill_tokens_per_s", "decode_tokens_per_s", "step_s", "importance_s"):
            self.assertGreater(line[key], 0)
        self.assertIn("1 thread, float32, best of 1", done.stdout)

    @unittest.skipUnless(SMOLLM2.is_dir(), "COPPICE_SMOLLM2_DIR names no folder that tools/prepare_model.py made")
    def test_smollm2_greedy_and_perplexity(self):
        prompt = "The capital of France is"
        ours = self.run_ok("generate", SMOLLM2, "--prompt", prompt, "--tokens", "48", "--dtype", "float32").stdout
        self.assertEqual(ours, python("-c", GREEDY, SMOLLM2, prompt, "48"))
        if not WIKITEXT.exists():
            self.skipTest("WikiText-2 is not in COPPICE_DATA_DIR")
        found, _ = self.perplexity(SMOLLM2, WIKITEXT, "--rows", "--seq-len", "512", "--blocks", "4")
        peer = json.loads(python(SOURCE / "tools" / "perplexity.py", SMOLLM2, WIKITEXT, "--rows", "--seq-len", "512", "--blocks", "4"))
        self.assertLess(abs(found / peer["perplexity"] - 1), 1e-3)


if __name__ == "__main__":
    unittest.main()
