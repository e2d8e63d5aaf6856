"""Coherence and diversity of topics by their definitions, from sets of documents.

    python tests/golden/algorithms/make_topic_goldens.py      # rewrites topic_goldens.json beside this script
"""
import itertools
import json
import math
import pathlib
import random

WORDS, DOCUMENTS = 30, 80


def npmi(a, b, documents):
    def share(*words):
        return sum(all(word in document for word in words) for document in documents) / len(documents)
    joint = share(a, b)
    if joint in (0.0, 1.0):
        return 2 * joint - 1
    pmi = math.log(joint) - math.log(share(a)) - math.log(share(b))
    return pmi / -math.log(joint)


def main():
    draw = random.Random(5)
    # Word 0 stands everywhere, word 29 nowhere; the others come in two circles that seldom meet.
    documents = []
    for d in range(DOCUMENTS):
        circle = range(1, 15) if d % 2 else range(15, 29)
        words = [0, *draw.choices(circle, k=6), *draw.choices(range(1, 29), k=2)]
        documents.append(words + [0] * (d % 7 == 0))
    topics = [[1, 2, 3, 4], [1, 16, 2, 17], [0, 5, 20, 29], [0, 21, 22, 23]]
    sets = [set(document) for document in documents]
    coherence = [sum(npmi(a, b, sets) for a, b in itertools.combinations(topic, 2)) / math.comb(len(topic), 2) for topic in topics]
    diversity = len(set().union(*topics)) / sum(map(len, topics))
    out = {"words": WORDS, "documents": documents, "topics": topics, "coherence": coherence, "diversity": diversity}
    pathlib.Path(__file__).with_name("topic_goldens.json").write_text(json.dumps(out) + "\n")


if __name__ == "__main__":
    main()
