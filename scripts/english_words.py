#!/usr/bin/env python3
"""Generates data/english.words, the built-in word list of the text transform.

    scripts/english_words.py SOURCES > data/english.words

SOURCES is a folder with a git clone of each repository named below, as OWNER/NAME. Needs numpy.

Words and counts come from books in the public domain, as edited by Standard Ebooks (CC0), and
from texts of the United States government (CC0). A list of counts from SymSpell (MIT) adds the
words of today, with the share COUNTS_SHARE. Nothing was counted on the files on which lockstep
is measured. The most frequent words, which have the shortest codes, are in the order of a tree
of likeness: words with the same neighbours in texts share the leading bytes of their codes and
the high bits of the last one. The other words are sorted. data/README.md has the licences.
"""

import collections
import html
import os
import re
import subprocess
import sys

import numpy as np

# Repository, commit, and weight of its counts.
BOOKS = [
    ("standardebooks/adam-smith_the-wealth-of-nations", "2b5c1ea", 1),
    ("standardebooks/arthur-conan-doyle_the-adventures-of-sherlock-holmes", "23b2b6e", 1),
    ("standardebooks/bertrand-russell_roads-to-freedom", "1eb92d8", 1),
    ("standardebooks/charles-darwin_the-origin-of-species", "7c13c26", 1),
    ("standardebooks/charles-dickens_david-copperfield", "b00322a", 1),
    ("standardebooks/edward-gibbon_the-history-of-the-decline-and-fall-of-the-roman-empire", "557e5c4", 1),
    ("standardebooks/herman-melville_moby-dick", "f6a2550", 1),
    ("standardebooks/jane-austen_pride-and-prejudice", "8ec1ca8", 1),
    ("standardebooks/john-maynard-keynes_the-economic-consequences-of-the-peace", "295ec2b", 1),
    ("standardebooks/l-m-montgomery_anne-of-green-gables", "87a8976", 1),
    ("standardebooks/p-g-wodehouse_love-among-the-chickens", "225f938", 1),
    ("standardebooks/samuel-pepys_the-diary", "a303189", 1),
    ("standardebooks/william-james_the-varieties-of-religious-experience", "9468e74", 1),
    ("18F/18f.gsa.gov", "0a55c75", 2),
    ("18F/handbook", "1e49556", 1),
]
COUNTS = ("wolfgarbe/SymSpell", "1480593", "SymSpell/frequency_dictionary_en_82_765.txt")
COUNTS_SHARE = 0.35

ONE_BYTE, TWO_BYTES = 64, 48 * 64  # as in src/transform/text/dictionary.rs
ALIKE = 10_000  # words in the order of likeness
WORDS = 54_500
NEIGHBOURS, DIMENSIONS = 600, 60
PUNCTUATION = list(".,;?!()\"':") + ["\u2014"]


def git(repository, *arguments):
    command = ["git", "-C", os.path.join(sys.argv[1], repository), *arguments]
    return subprocess.run(command, capture_output=True, check=True).stdout.decode("utf-8", "replace")


def book(repository, commit):
    """Returns the text of a repository, in lower case, without markup."""
    text = []
    for name in git(repository, "ls-tree", "-r", "--name-only", commit).split("\n"):
        if re.search(r"src/epub/text/.*\.xhtml$", name):
            if not re.search("endnotes|colophon|uncopyright|imprint|titlepage|halftitle|toc", name):
                page = re.sub(r"<head>.*?</head>", "", git(repository, "show", f"{commit}:{name}"), flags=re.S)
                text.append(html.unescape(re.sub(r"<[^>]+>", "", page)))
        elif name.endswith(".md") and not repository.startswith("standardebooks"):
            page = re.sub(r"```.*?```", "", git(repository, "show", f"{commit}:{name}"), flags=re.S)
            text.append(re.sub(r"\]\([^)]*\)|https?://\S+|<[^>]+>", "", page))
    text = "\n".join(text).replace("\u2019", "'").replace("\u201c", '"').replace("\u201d", '"')
    return re.sub("[\u2060\u00ad]", "", text).lower()


def ranked(texts):
    """Returns all words, the most frequent first."""
    shares, books = collections.Counter(), collections.Counter()
    for (_, _, weight), text in zip(BOOKS, texts):
        counts = collections.Counter(re.findall("[a-z]+", text))
        total = sum(counts.values())
        for word, count in counts.items():
            shares[word] += weight * count / total
            books[word] += 1
    total = sum(shares.values())
    listed = {}
    for line in git(COUNTS[0], "show", f"{COUNTS[1]}:{COUNTS[2]}").lstrip("\ufeff").splitlines():
        word, count = line.split()
        if re.fullmatch("[a-z]+", word):
            listed[word] = int(count)
    listed_total = sum(listed.values())
    score = {}
    for word in set(shares) | set(listed):
        if 2 <= len(word) <= 32 and (word in listed or books[word] >= 3):
            own = (1 - COUNTS_SHARE) * shares[word] / total
            score[word] = own + COUNTS_SHARE * listed.get(word, 0) / listed_total
    return sorted(score, key=lambda word: (-score[word], word))[:WORDS]


def likeness(words, texts):
    """Returns a vector for each word, which shows the frequent words before and behind it
    (positive pointwise mutual information, projected on its main axes)."""
    place = {word: i for i, word in enumerate(words)}
    beside = {word: i for i, word in enumerate(words[:NEIGHBOURS] + PUNCTUATION)}
    n = len(beside)
    counts = np.zeros((len(words), 2 * n), dtype=np.float32)
    token = re.compile("[a-z]+|[" + re.escape("".join(PUNCTUATION)) + "]")
    for text in texts:
        tokens = token.findall(text)
        word = np.array([place.get(t, -1) for t in tokens])
        neighbour = np.array([beside.get(t, -1) for t in tokens])
        before = (word[1:] >= 0) & (neighbour[:-1] >= 0)
        np.add.at(counts, (word[1:][before], neighbour[:-1][before]), 1)
        behind = (word[:-1] >= 0) & (neighbour[1:] >= 0)
        np.add.at(counts, (word[:-1][behind], n + neighbour[1:][behind]), 1)
    rows = counts.sum(1, keepdims=True) + 1e-9
    columns = (counts.sum(0, keepdims=True) + 1e-9) ** 0.75
    columns *= counts.sum() / columns.sum()
    with np.errstate(divide="ignore"):
        information = np.log(counts * counts.sum() / (rows * columns))
    information = np.maximum(information, 0)
    _, _, axes = np.linalg.svd(information[:8000], full_matrices=False)
    vectors = information @ axes[:DIMENSIONS].T
    return vectors / (np.linalg.norm(vectors, axis=1, keepdims=True) + 1e-6)


def by_likeness(items, vectors):
    """Orders items by repeated halving into similar ones; 64 of them share their leading bytes."""
    n = len(items)
    if n <= 2:
        return list(items)
    centred = vectors[items] - vectors[items].mean(0)
    _, axes = np.linalg.eigh(centred.T @ centred)
    items = items[np.argsort(centred @ axes[:, -1], kind="stable")]
    half = (-(-n // 64) // 2) * 64 if n > 64 else 1 << (n - 1).bit_length() - 1
    for _ in range(6):  # k-means with two clusters of fixed sizes
        apart = vectors[items[half:]].mean(0) - vectors[items[:half]].mean(0)
        items = items[np.argsort(vectors[items] @ apart, kind="stable")]
    return by_likeness(items[:half], vectors) + by_likeness(items[half:], vectors)


def main():
    texts = [book(repository, commit) for repository, commit, _ in BOOKS]
    words = ranked(texts)
    vectors = likeness(words[:ALIKE], texts)
    order = []
    for first, end in [(0, ONE_BYTE), (ONE_BYTE, ONE_BYTE + TWO_BYTES), (ONE_BYTE + TWO_BYTES, ALIKE)]:
        order += [words[i] for i in by_likeness(np.arange(first, end), vectors)]
    order += sorted(words[ALIKE:])
    previous = ""
    for word in order:
        shared = len(os.path.commonprefix([word, previous]))
        sys.stdout.write(chr(ord("A") + min(shared, 25)) + word[min(shared, 25):])
        previous = word


if __name__ == "__main__":
    main()
