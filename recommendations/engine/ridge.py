"""Local ridge: for each item, the few others that together explain it best. The model R.

For a target item j with candidates N, the items nearest by cosine, solve

.. math::
   \\min_{w \\ge 0} \\; \\tfrac12 w^T (G_{NN} + \\lambda I + \\delta\\,\\mathrm{diag}\\,G_{NN}) w
   - G_{Nj}^T w, \\qquad G = X^T D_u^{-g} X

The Gram matrix is never whole in memory: each item keeps its largest ``reach`` cosines, and what
two candidates do not list of each other counts as zero.

References
----------
Ning, Karypis: "SLIM: sparse linear methods for top-n recommender systems", ICDM 2011. Steck:
"Embarrassingly shallow autoencoders for sparse data", WWW 2019. Beck, Teboulle: "A fast iterative
shrinkage-thresholding algorithm for linear inverse problems", SIAM J. Imaging Sciences 2(1), 2009.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import sparse

from recommendations.engine.matrix import ranks_within, row_numbers
from recommendations.engine.scaling import (
    column_sums,
    inverse_power,
    row_sums,
    scale,
    scale_in_place,
)
from recommendations.engine.topk import gram_blocks, threads_or_all

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

# Systems solved together: 32 of 100 unknowns stay in a core's own cache.
BATCH = 32
ITERATIONS = 20


class LocalRidge:
    """Weights towards each refined item, filled in as far as time allows.

    Parameters
    ----------
    matrix : csr_matrix of float64, shape (n_users, n_items)
        Weights x, not negative.
    candidates : int
        Size of N.
    reach : int
        Cosines kept per item, at least ``candidates``.
    user_exponent : float
        g.
    penalty, diagonal_penalty : float
        λ and δ, both positive.
    threads : int, optional
        All cores when None; the result does not depend on it.
    overwrite : bool
        Work in the memory of ``matrix``, which is of no use afterwards.

    Attributes
    ----------
    refined : ndarray of bool, shape (n_items,)
        Targets solved so far.
    sources : ndarray of int32, shape (n_items, candidates)
        N of each item; the number of items stands for "none".
    values : ndarray of float32, shape (n_items, candidates)
        w of each refined item, zero elsewhere.
    """

    def __init__(
        self,
        matrix: sparse.csr_matrix,
        *,
        candidates: int = 100,
        reach: int = 256,
        user_exponent: float = 0.25,
        penalty: float = 20.0,
        diagonal_penalty: float = 1.0,
        threads: int | None = None,
        overwrite: bool = False,
    ) -> None:
        n_items = matrix.shape[1]
        candidates = min(candidates, max(n_items - 1, 1))
        self.reach = min(max(reach, candidates), max(n_items - 1, 1))
        self.penalty, self.diagonal_penalty, self.threads = penalty, diagonal_penalty, threads
        users = inverse_power(row_sums(matrix), user_exponent / 2)
        if not (overwrite and matrix.dtype == np.float64):
            matrix = scale(matrix)
        scale_in_place(matrix, rows=users)
        squares = column_sums(matrix, exponent=2.0)
        scale_in_place(matrix, columns=inverse_power(squares, 0.5))
        # Item number n_items stands for "none", so that short rows need no special case.
        self._squares = np.append(squares, 1.0)
        self._near, self._cosines = self._gram(matrix)
        self.sources = self._near[:-1, :candidates].copy()
        self.values = np.zeros(self.sources.shape, dtype=np.float32)
        self.refined = np.zeros(n_items, dtype=bool)

    def refine(
        self, targets: NDArray[np.int64], *, keep_going: Callable[[], bool] = lambda: True
    ) -> None:
        """Solve for targets not yet refined, in the given order, while ``keep_going`` says so.

        May be called again to go on. Each item is solved on its own, so that the order, the
        batches and the number of threads do not change any weight.
        """
        open_targets = targets[~self.refined[targets]]
        batches = [open_targets[at : at + BATCH] for at in range(0, open_targets.size, BATCH)]
        threads = threads_or_all(self.threads)
        with ThreadPoolExecutor(threads) as pool:
            for at in range(0, len(batches), threads):
                if not keep_going():
                    return
                group = batches[at : at + threads]
                for batch, values in zip(group, pool.map(self._solve, group), strict=True):
                    self.values[batch] = values
                    self.refined[batch] = True

    def table(self) -> sparse.csr_matrix:
        """Return R, shape (n_items, n_items): row i holds the weights from item i to targets."""
        n_items, candidates = self.sources.shape
        targets = np.repeat(np.arange(n_items, dtype=np.int32), candidates)
        used = (self.values > 0).ravel()
        return sparse.csr_matrix(
            (self.values.ravel()[used], (self.sources.ravel()[used], targets[used])),
            shape=(n_items, n_items),
        )

    def progress(self) -> dict[str, NDArray[Any]]:
        """Return what has been solved, as arrays that `numpy.savez` can keep for `resume`."""
        return {
            "refined": self.refined.copy(),
            "values": self.values[self.refined],
            "problem": np.frombuffer(self._problem(), dtype=np.uint8),
        }

    def resume(self, progress: Mapping[str, NDArray[Any]]) -> None:
        """Take over what another run has solved.

        Raises
        ------
        ValueError
            If that run had other data or parameters.
        """
        if bytes(progress["problem"]) != self._problem():
            raise ValueError("the progress belongs to other data or parameters")
        self.refined = progress["refined"].astype(bool)
        self.values[self.refined] = progress["values"]

    def _problem(self) -> bytes:
        digest = sha256(np.array([self.penalty, self.diagonal_penalty]).tobytes())
        for part in (self.sources, self._near, self._cosines, self._squares):
            digest.update(np.ascontiguousarray(part).data)
        return digest.digest()

    def _gram(self, unit: sparse.csr_matrix) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
        """Return each item's nearest by cosine, from a matrix whose columns have length one."""
        n_items = unit.shape[1]
        near = np.full((n_items + 1, self.reach), n_items, dtype=np.int32)
        cosines = np.zeros((n_items + 1, self.reach), dtype=np.float32)
        start = 0
        for block in gram_blocks(unit, k=self.reach, threads=self.threads):
            rows = row_numbers(block)
            places = ranks_within(rows)
            near[start + rows, places] = block.indices
            cosines[start + rows, places] = block.data
            start += block.shape[0]
        return near, cosines

    def _solve(self, targets: NDArray[np.int64]) -> NDArray[np.float32]:
        """Return w of some targets, shape (n_targets, candidates)."""
        sources = self.sources[targets]
        right = self._cosines[targets, : sources.shape[1]]
        # In units of the items' norms the system has cosines and a diagonal of at least one.
        squares = self._squares[sources]
        gram = self._local_gram(sources)
        diagonal = np.arange(sources.shape[1])
        gram[:, diagonal, diagonal] = (
            1.0 + self.diagonal_penalty + self.penalty / np.maximum(squares, 1e-12)
        )
        solution = nonnegative_least_squares(gram, right)
        solution[right <= 0] = 0.0
        norms = np.sqrt(self._squares[targets])[:, None] / np.sqrt(np.maximum(squares, 1e-12))
        weights: NDArray[np.float32] = (solution * norms).astype(np.float32)
        return weights

    def _local_gram(self, sources: NDArray[np.int32]) -> NDArray[np.float32]:
        n_targets, size = sources.shape
        symmetric = np.empty((n_targets, size, size), dtype=np.float32)
        # Cosines with items outside N fall into one more column, which is then cut off.
        wide = np.empty((size, size + 1), dtype=np.float32)
        square = wide[:, :size]
        places = np.full(self._near.shape[0], size, dtype=np.intp)
        offsets = (np.arange(size) * (size + 1))[:, None]
        for target, near in enumerate(sources):
            places[near] = np.arange(size)
            places[-1] = size
            # "clip" only saves the check for codes out of range, which there are none of.
            cells = places.take(self._near.take(near, axis=0), mode="clip")
            cells += offsets
            wide.fill(0.0)
            wide.reshape(-1)[cells.ravel()] = self._cosines.take(near, axis=0).ravel()
            np.maximum(square, square.T, out=symmetric[target])
            places[near] = size
        return symmetric


def nonnegative_least_squares(
    gram: NDArray[np.float32], right: NDArray[np.float32], *, iterations: int = ITERATIONS
) -> NDArray[np.float32]:
    """Return the non-negative w that make ``w·Gw/2 - right·w`` smallest, one per system.

    Accelerated projected gradient steps. They run through `numpy.einsum`, not BLAS, whose own
    threads would compete with ours.

    Parameters
    ----------
    gram : ndarray of float32, shape (n, m, m)
        Symmetric, without negative entries.
    right : ndarray of float32, shape (n, m)
    iterations : int

    Returns
    -------
    ndarray of float32, shape (n, m)
    """
    step = 1.0 / gram.sum(axis=2).max(axis=1, keepdims=True)
    current = np.zeros_like(right)
    ahead = current
    momentum = 1.0
    for _ in range(iterations):
        gradient = np.einsum("nij,nj->ni", gram, ahead) - right
        following = np.maximum(ahead - step * gradient, 0.0)
        next_momentum = (1.0 + (1.0 + 4.0 * momentum**2) ** 0.5) / 2.0
        ahead = following + np.float32((momentum - 1.0) / next_momentum) * (following - current)
        current, momentum = following, next_momentum
    return current
