"""Small trees as tables: the same margins as LightGBM to the last bit, and exact Shapley values many times faster.

A tree of up to eight splits asks up to eight yes/no questions. Their answers, read as a binary number, are an index: one
table holds the leaf's value for each of the 2^k answers, others hold what each feature of the tree contributes. So
scoring is: ask every different question of the model once, put the answers together tree by tree, look up, add up.

Worked example, a tree of two splits: question 0 "income > 5000?", question 1 "more than 2 sick?" asked of those who said no:
    answers 0b01 and 0b11 (yes, whatever else):  leaf C     0b00 (no, no):  leaf A     0b10 (no, yes):  leaf B
    household with income 4000 and 3 sick members: answers 0b10 = 2, its value is table[2] = B.

The contributions are path-dependent tree Shapley values: a question on a feature that is not yet known is answered by
both, in the shares in which the training households went. Their closed form for one leaf of value v, whose path asks of
features 1 … m, feature j being followed by the share r_j and satisfied (s_j = 1) or not (s_j = 0), is
    φ_i = v · (s_i - r_i) · Σ_k  k! (m-1-k)! / m!  ·  [t^k] Π_{j≠i} (r_j + s_j t).
A model with a larger tree, or a categorical one, is left to LightGBM.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise
from math import factorial
from typing import Any, NamedTuple

import numpy as np

from features.register import Array, FloatArray

MOST_QUESTIONS = 8
"""Questions of one table: their answers fit into a byte."""

LARGEST_TABLES = 1 << 23
"""Cells of all tables (64 MiB); a model with more is left to LightGBM."""

CELLS = 1 << 18
"""Cells worked on at a time: they stay in the processor's cache."""


class _Tree(NamedTuple):
    """One tree of a LightGBM text; children below 0 are leaves, leaf i standing as ~i."""

    feature: Array
    cut: FloatArray
    missing_left: Array
    left: Array
    right: Array
    value: FloatArray
    leaf_count: FloatArray
    node_count: FloatArray


@dataclass(frozen=True)
class Lookup:
    """A boosted model as tables.

    Attributes:
        width: features of the model.
        source, cut: (C,) the model's different questions: is column `source` > `cut`? Columns p … 2p-1 are the features
            negated, so that each question can be put such that a missing value answers no.
        asked: (K, T) index of the question behind each bit of each tree's answers; C is never true.
        offset: (T,) where each tree's values begin in `values`.
        values: leaf values by answers, tree after tree.
        speaker, tree, tree_offset: (E,) of each pair (feature, tree), ordered by both: the feature, the tree, and where its
            contributions begin.
        shares: contributions by answers, pair after pair.
        spans: of each feature that speaks: itself, its first pair, its last pair + 1.
        base: margin from which contributions start.
    """

    width: int
    source: Array
    cut: FloatArray
    asked: Array
    offset: Array
    values: FloatArray
    speaker: Array
    tree: Array
    tree_offset: Array
    shares: FloatArray
    spans: tuple[tuple[int, int, int], ...]
    base: float

    @classmethod
    def of(cls, text: str) -> Lookup | None:
        """The tables of a LightGBM model text; None where a tree does not fit, or the tables would need too much memory."""
        trees = _trees(text)
        if not trees or max(len(tree.feature) for tree in trees) > MOST_QUESTIONS:
            return None
        width = int(_header(text)["max_feature_idx"]) + 1
        return _build(width, trees)

    def margin(self, X: FloatArray, threads: int = 1) -> FloatArray:
        """(n,) sums of leaf values in the order of the trees, as LightGBM sums them."""
        out = np.empty(len(X))
        step = max(MOST_QUESTIONS, CELLS // max(len(self.source), self.asked.shape[1]))

        def work(start: int) -> None:
            rows = slice(start, start + step)
            index = self._answers(X[rows]) + self.offset[:, None]
            found = self.values.take(index)
            # One row alone would be summed pairwise by numpy; accumulating goes from tree to tree, as for many rows.
            out[rows] = np.add.accumulate(found[:, 0])[-1] if found.shape[1] == 1 else np.add.reduce(found, axis=0)

        _each(work, range(0, len(X), step), threads)
        return out

    def contributions(self, X: FloatArray, threads: int = 1) -> FloatArray:
        """(n, p) exact Shapley values; rows sum to margin - base."""
        out = np.zeros((len(X), self.width))
        step = max(MOST_QUESTIONS, CELLS // max(len(self.source), len(self.tree), 1))

        def work(start: int) -> None:
            rows = slice(start, start + step)
            index = self._answers(X[rows]).take(self.tree, axis=0) + self.tree_offset[:, None]
            found = self.shares.take(index)
            if found.shape[1] == 1:  # as above: in the order in which many rows are summed
                out[rows] = np.bincount(self.speaker, weights=found[:, 0], minlength=self.width)
                return
            for feature, first, last in self.spans:
                out[rows, feature] = np.add.reduce(found[first:last], axis=0)

        _each(work, range(0, len(X), step), threads)
        return out

    def _answers(self, X: FloatArray) -> Array:
        """(T, n) the answers to each tree's questions as a number below 256."""
        columns = np.empty((2 * self.width, len(X)))
        np.clip(X.T, -LARGEST, LARGEST, out=columns[: self.width])
        np.negative(columns[: self.width], out=columns[self.width :])
        yes = np.zeros((len(self.source) + 1, len(X)), dtype=np.bool_)
        np.greater(columns.take(self.source, axis=0), self.cut[:, None], out=yes[:-1])
        bits = yes.view(np.uint8)
        answers = bits.take(self.asked[-1], axis=0)
        for asked in self.asked[-2::-1]:
            answers <<= 1
            answers |= bits.take(asked, axis=0)
        return np.asarray(answers, dtype=np.intp)


LARGEST = float(np.finfo(np.float64).max)


class _Leaf(NamedTuple):
    """One leaf: of each feature that its path asks of, which bits are asked, what they must be, and the share that follows."""

    value: float
    features: list[int]
    bits: list[int]
    wanted: list[int]
    followed: list[float]


def _build(width: int, trees: list[_Tree]) -> Lookup | None:
    """The tables of trees that fit; None where they would need too much memory."""
    leaves = [_leaves(tree) for tree in trees]
    sizes = [1 << len(tree.feature) for tree in trees]
    spoken = [sorted({feature for leaf in found for feature in leaf.features}) for found in leaves]
    if sum(size * (1 + len(features)) for size, features in zip(sizes, spoken, strict=True)) > LARGEST_TABLES:
        return None
    questions: dict[tuple[int, float], int] = {}
    asked = np.full((max([1, *(len(tree.feature) for tree in trees)]), len(trees)), -1)
    shapley = _shapley_of([leaf.followed for found in leaves for leaf in found])
    values, shares = [], []
    for i, tree in enumerate(trees):
        negated = 0
        for k in range(len(tree.feature)):
            question, no_is_left = _question(tree, k, width)
            asked[k, i] = questions.setdefault(question, len(questions))
            negated |= no_is_left << k
        left = np.arange(sizes[i]) ^ negated  # bit k: goes left at node k
        value = np.zeros(sizes[i])
        share = np.zeros((sizes[i], len(spoken[i])))
        place = {feature: j for j, feature in enumerate(spoken[i])}
        for leaf in leaves[i]:
            table = next(shapley)
            m = len(leaf.features)
            satisfied = (left[:, None] & np.array(leaf.bits, dtype=np.int64)) == np.array(leaf.wanted, dtype=np.int64)
            met = satisfied @ (1 << np.arange(m))
            value[met == (1 << m) - 1] = leaf.value
            share[:, [place[feature] for feature in leaf.features]] += leaf.value * table[met]
        values.append(value)
        shares += [(feature, i, share[:, j]) for j, feature in enumerate(spoken[i])]
    shares.sort(key=lambda pair: pair[:2])
    features = np.array([feature for feature, _, _ in shares], dtype=np.intp)
    edges = np.flatnonzero(np.r_[True, features[1:] != features[:-1], True]).tolist() if len(features) else [0]
    return Lookup(
        width=width,
        source=np.array([source for source, _ in questions], dtype=np.intp),
        cut=np.array([cut for _, cut in questions], dtype=np.float64),
        asked=np.where(asked < 0, len(questions), asked).astype(np.intp),
        offset=_offsets(values),
        values=np.concatenate(values),
        speaker=features,
        tree=np.array([i for _, i, _ in shares], dtype=np.intp),
        tree_offset=_offsets([table for _, _, table in shares]),
        shares=np.concatenate([table for _, _, table in shares] or [np.zeros(0)]),
        spans=tuple((int(features[a]), a, b) for a, b in pairwise(edges)),
        base=float(sum(np.add.reduce(tree.value * tree.leaf_count) / np.add.reduce(tree.leaf_count) for tree in trees)),
    )


def _question(tree: _Tree, node: int, width: int) -> tuple[tuple[int, float], int]:
    """The question that a missing value answers with no, and whether no means left."""
    feature, cut = int(tree.feature[node]), float(tree.cut[node])
    if tree.missing_left[node]:
        return (feature, cut), 1
    return (width + feature, -float(np.nextafter(cut, np.inf))), 0


def _leaves(tree: _Tree) -> list[_Leaf]:
    """The leaves of a tree, with what their paths ask."""
    out: list[_Leaf] = []
    asks: dict[int, tuple[int, int, float]] = {}
    todo = [(0 if len(tree.feature) else -1, asks)]
    while todo:
        node, asks = todo.pop()
        if node < 0:
            said = list(asks.values())
            bits, wanted, followed = ([ask[0] for ask in said], [ask[1] for ask in said], [ask[2] for ask in said])
            out.append(_Leaf(float(tree.value[~node]), list(asks), bits, wanted, followed))
            continue
        feature = int(tree.feature[node])
        bit, want, follow = asks.get(feature, (0, 0, 1.0))
        for child, left in ((int(tree.left[node]), 1), (int(tree.right[node]), 0)):
            count = tree.leaf_count[~child] if child < 0 else tree.node_count[child]
            share = float(count / tree.node_count[node])
            todo.append((child, {**asks, feature: (bit | 1 << node, want | left << node, follow * share)}))
    return out


def _shapley_of(followed: list[list[float]]) -> Iterator[FloatArray]:
    """For each leaf of value 1, whose features are followed by these shares, its Shapley values.

    Yields:
        (2^m, m), by which of its m features are satisfied (bit j: feature j).
    """
    out: list[FloatArray] = [np.zeros((1, 0))] * len(followed)
    counts = np.array([len(shares) for shares in followed])
    for m in sorted(set(counts.tolist()) - {0}):
        which = np.flatnonzero(counts == m)
        r = np.array([followed[i] for i in which])[:, None, :]  # leaves × answers × features
        s = (np.arange(1 << m)[None, :, None] >> np.arange(m)) & 1
        weights = np.array([factorial(k) * factorial(m - 1 - k) / factorial(m) for k in range(m)])
        tables = np.empty((len(which), 1 << m, m))
        for i in range(m):
            polynomial = np.zeros((len(which), 1 << m, m))
            polynomial[:, :, 0] = 1.0
            for j in range(m):
                if j != i:
                    raised = polynomial[:, :, :-1] * s[:, :, j, None]
                    polynomial *= r[:, :, j, None]
                    polynomial[:, :, 1:] += raised
            tables[:, :, i] = (s[:, :, i] - r[:, :, i]) * np.add.reduce(polynomial * weights, axis=2)
        for place, table in zip(which.tolist(), tables, strict=True):
            out[place] = table
    return iter(out)


def _offsets(tables: list[FloatArray]) -> Array:
    sizes = np.array([len(table) for table in tables], dtype=np.intp)
    return np.cumsum(sizes) - sizes


def _each(work: Any, starts: range, threads: int) -> None:
    """Does the work for every start; several at a time where there are many."""
    if threads > 1 and len(starts) > 2:
        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(work, starts))
    else:
        for start in starts:
            work(start)


def _header(block: str) -> Mapping[str, str]:
    return dict(re.findall(r"^(\w+)=(.*)$", block, re.MULTILINE))


def _trees(text: str) -> list[_Tree]:
    """The trees of a model text; none where one of them is categorical, linear or takes nought for missing."""
    body = text[: text.index("end of trees\n")]
    out = []
    for block in re.split(r"^(?=Tree=\d+$)", body, flags=re.MULTILINE)[1:]:
        said = _header(block)
        if int(said["num_cat"]) or int(said.get("is_linear", "0")):
            return []
        decision = _numbers(said.get("decision_type", ""), np.int64)
        if (((decision >> 2) & 3) == 1).any():
            return []
        cut = _numbers(said.get("threshold", ""), np.float64)
        left, right = _numbers(said.get("left_child", ""), np.int64), _numbers(said.get("right_child", ""), np.int64)
        nodes = np.arange(len(cut))
        for child in (left, right):
            if len(child) != len(cut) or (child >= len(cut)).any() or ((child >= 0) & (child <= nodes)).any():
                raise ValueError("a tree leads back to a node above, or to none")  # and would be walked for ever
        # Where no value was missing in training, LightGBM takes a missing one for nought.
        missing_left = np.where((decision >> 2) & 3 == 0, cut >= 0, (decision & 2) > 0)
        out.append(
            _Tree(
                feature=_numbers(said.get("split_feature", ""), np.int64),
                cut=cut,
                missing_left=missing_left,
                left=left,
                right=right,
                value=_numbers(said["leaf_value"], np.float64),
                leaf_count=_numbers(said.get("leaf_count", "1"), np.float64),
                node_count=_numbers(said.get("internal_count", ""), np.float64),
            )
        )
    return out


def _numbers(words: str, dtype: Any) -> Array:
    return np.array([float(word) for word in words.split()], dtype=dtype)
