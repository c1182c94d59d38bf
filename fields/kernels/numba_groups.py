"""Groups of similar patches on the CPU, each taken as draws from one Gaussian.

A group is a patch and those around it that look most like it. Its mean and covariance say how the
pixels of such patches go together: `fill` draws from them what is missing in a patch given what is
known [Yu, Sapiro & Mallat 2012, arXiv:1006.3056, sec. III; Aguerrebere et al. 2017,
arXiv:1607.07263], `clean` what was there before the noise [Lebrun, Buades & Morel 2013, "A nonlocal
Bayesian image denoising algorithm", SIAM J. Imaging Sci. 6(3)].

Bands of patches are shared out to threads. Each sums into an array of its own, and those are added
in order, so that the result does not depend on the threads.
"""

import numpy as np

from .groups import BAND
from .numba_gemm import COLUMNS, ROWS, Matrix, multiply
from .numba_tools import helper, kernel, take

FLAT = np.float32(1.05)  # of the noise's variance, below which a group shows nothing else
LOWEST = np.float32(-np.inf)  # nothing that is multiplied is cut off


@helper
def _stride(size):
    """From row to row of a matrix of so many columns, with the room that `multiply` wants."""
    return size + COLUMNS


@helper
def _kth(values, n, k):
    """The value that is k-th from below, of the first n, whose order is lost."""
    low, high = 0, n - 1
    while low < high:
        pivot = values[(low + high) // 2]
        i, j = low, high
        while i <= j:
            while values[i] < pivot:
                i += 1
            while values[j] > pivot:
                j -= 1
            if i <= j:
                values[i], values[j] = values[j], values[i]
                i += 1
                j -= 1
        if k <= j:
            high = j
        elif k >= i:
            low = i
        else:
            break
    return values[k]


@helper
def _alike(looks, y, x, size, search, distance, scratch, first, second, found):
    """Row-major places of the patches most like the one at (y, x): the nearest `first`, then others
    up to `second`. Returns how many there are in both."""
    channels, high, wide = looks.shape
    top, bottom = max(0, y - search), min(high - size, y + search)
    left, right = max(0, x - search), min(wide - size, x + search)
    rows, columns = bottom - top + 1, right - left + 1
    n = 0
    for i in range(rows):
        for j in range(columns):
            distance[i, j] = 0
        for channel in range(channels):
            for row in range(size):
                for column in range(size):
                    value = looks[channel, y + row, x + column]
                    for j in range(columns):
                        d = looks[channel, top + i + row, left + column + j] - value
                        distance[i, j] += d * d
        for j in range(columns):
            scratch[n] = distance[i, j]
            n += 1
    distance[y - top, x - left] = -1  # itself, before all others
    second = min(second, n)
    first = min(first, second)
    far = _kth(scratch, n, second - 1)
    near = _kth(scratch, second, first - 1)  # what is nearer than `far` now comes first
    found[0] = y * wide + x
    a, b = 1, first
    for i in range(rows):
        for j in range(columns):
            d = distance[i, j]
            if d < 0:
                continue
            place = (top + i) * wide + left + j
            if d <= near and a < first:
                found[a] = place
                a += 1
            elif d <= far and b < second:
                found[b] = place
                b += 1
    # Equal distances may leave one of the two short of what it may hold.
    while a < first and b > first:
        b -= 1
        found[a] = found[b]
        a += 1
    if a < first:
        return a, a
    return first, b


@helper
def _room(size, search, count, wide):
    """Distances, as a square and as a list; a group's places; and where a patch's pixels are."""
    reach = 2 * search + 1
    offset = np.empty(size * size, np.int64)
    for row in range(size):
        for column in range(size):
            offset[row * size + column] = row * wide + column
    return (
        np.empty((reach, reach), np.float32),
        np.empty(reach * reach, np.float32),
        np.empty(count, np.int64),
        offset,
    )


@helper
def _matrices(every, count, stride, across):
    """A group's patches, mean and covariance; the rows to eliminate and a panel of them; and as
    many ones as zeros."""
    ones = np.zeros(2 * across, np.float32)
    ones[:across] = 1
    return (
        np.zeros(count * stride + COLUMNS, np.float32),
        np.empty(every, np.float32),
        np.empty((every + ROWS) * stride, np.float32),
        np.zeros((every + ROWS) * across, np.float32),
        np.empty(every * ROWS, np.float32),
        ones,
    )


@helper
def _gather(flat, places, count, offset, patches, stride):
    """Patches of channels * len(offset) values at their places, `stride` apart."""
    channels, n = flat.shape[0], len(offset)
    for k in range(count):
        for channel in range(channels):
            for t in range(n):
                patches[k * stride + channel * n + t] = flat[channel, places[k] + offset[t]]


@helper
def _moments(patches, count, size, stride, mean, covariance, ones):
    """Mean and covariance; `patches` are then without their mean. Rows are `stride` apart."""
    share = np.float32(1) / np.float32(count)
    for d in range(size):
        mean[d] = 0
    for k in range(count):
        for d in range(size):
            mean[d] += patches[k * stride + d]
    for d in range(size):
        mean[d] *= share
    for k in range(count):
        for d in range(size):
            patches[k * stride + d] -= mean[d]
    a = Matrix(patches, 0, 1, stride)
    b = Matrix(patches, 0, stride, 1)
    none = Matrix(ones, len(ones) // 2, 0, 1)
    gate, out = Matrix(ones, 0, 0, 1), Matrix(covariance, 0, stride, 1)
    multiply(a, b, none, gate, out, size, size, count, LOWEST)
    for d in range(size):
        for e in range(size):
            covariance[d * stride + e] *= share


@helper
def _add_product(rows, stride, top, panel, depth, below, start, columns, ones):
    """To 4 rows from `top`, add those that follow `below`, times a panel [depth, 4]."""
    here = Matrix(rows, top * stride + start, stride, 1)
    a = Matrix(panel, 0, 1, ROWS)
    b = Matrix(rows, below * stride + start, stride, 1)
    multiply(a, b, here, Matrix(ones, 0, 0, 1), here, ROWS, columns - start, depth, LOWEST)


@helper
def _eliminate(rows, stride, n, columns, panel, ones, least):
    """Cholesky's elimination of the first n columns, of [n, n] a symmetric matrix's upper triangle:
    U in its place, and to its right U^-T of what was there. `least` is the smallest pivot."""
    for top in range(0, n, ROWS):
        if top > 0:
            for j in range(top):
                for r in range(ROWS):
                    panel[j * ROWS + r] = -rows[j * stride + top + r]
            _add_product(rows, stride, top, panel, top, 0, top, columns, ones)
        for i in range(top, min(n, top + ROWS)):
            here = i * stride
            for j in range(top, i):
                there = j * stride
                f = rows[there + i]
                for m in range(i, columns):
                    rows[here + m] -= f * rows[there + m]
            inverse = np.float32(1) / np.sqrt(max(rows[here + i], least))
            for m in range(i, columns):
                rows[here + m] *= inverse


@helper
def _substitute(rows, stride, n, columns, panel, ones):
    """After `_eliminate`, U^-1 of what is to the right of U."""
    blocks = (n + ROWS - 1) // ROWS
    for block in range(blocks):
        top = (blocks - 1 - block) * ROWS
        end = min(n, top + ROWS)
        if end < n:
            for j in range(end, n):
                for r in range(ROWS):
                    panel[(j - end) * ROWS + r] = -rows[(top + r) * stride + j]
            _add_product(rows, stride, top, panel, n - end, end, n, columns, ones)
        for back in range(end - top):
            i = end - 1 - back
            here = i * stride
            for j in range(i + 1, end):
                f, there = rows[here + j], j * stride
                for m in range(n, columns):
                    rows[here + m] -= f * rows[there + m]
            inverse = np.float32(1) / rows[here + i]
            for m in range(n, columns):
                rows[here + m] *= inverse


@kernel
def fill(ticket, values, known, ys, xs, how, spread, noise, tops, totals, weights):
    """Sums of estimates of the missing pixels, and of their weights, band by band."""
    size, search, count, estimate = how
    channels, _, wide = values.shape
    flat, flags = values.reshape(channels, -1), known.reshape(-1)
    n = size * size
    every = channels * n
    stride, across = _stride(every), _stride(every + 1)
    distance, scratch, places, offset = _room(size, search, count, wide)
    patches, mean, covariance, rows, panel, ones = _matrices(every, count, stride, across)
    guess = np.empty(every, np.float32)
    variance = np.empty(every, np.float32)
    seen = np.empty(every, np.int64)
    gone = np.empty(every, np.int64)
    one, least = np.float32(1), np.float32(1e-9)
    parts = (len(ys) + BAND - 1) // BAND
    part = take(ticket)
    while part < parts:
        start = tops[part] * wide
        total = totals[part].reshape(channels, -1)
        weight = weights[part].reshape(-1)
        for row in range(part * BAND, min(len(ys), (part + 1) * BAND)):
            for column in range(len(xs)):
                y, x = ys[row], xs[column]
                whole = True
                for t in range(n):
                    whole &= flags[y * wide + x + offset[t]] != 0
                if whole:
                    continue
                few, many = _alike(
                    values, y, x, size, search, distance, scratch, estimate, count, places
                )
                _gather(flat, places, many, offset, patches, stride)
                _moments(patches, many, every, stride, mean, covariance, ones)
                for d in range(every):
                    covariance[d * stride + d] += spread
                for k in range(few):
                    known_count, gone_count = 0, 0
                    for channel in range(channels):
                        for t in range(n):
                            if flags[places[k] + offset[t]]:
                                seen[known_count] = channel * n + t
                                known_count += 1
                            else:
                                gone[gone_count] = channel * n + t
                                gone_count += 1
                    if gone_count == 0:
                        continue
                    # Known by known, known by missing, and what the known ones are off the mean.
                    last = known_count + gone_count
                    for i in range(known_count):
                        at, here = i * across, seen[i] * stride
                        for j in range(i, known_count):
                            rows[at + j] = covariance[here + seen[j]]
                        rows[at + i] += noise
                        for m in range(gone_count):
                            rows[at + known_count + m] = covariance[here + gone[m]]
                        rows[at + last] = patches[k * stride + seen[i]]
                    columns = last + 1
                    _eliminate(rows, across, known_count, columns, panel, ones, least)
                    for m in range(gone_count):
                        guess[m] = mean[gone[m]]
                        variance[m] = covariance[gone[m] * stride + gone[m]]
                    for i in range(known_count):
                        at = i * across + known_count
                        s = rows[i * across + last]
                        for m in range(gone_count):
                            f = rows[at + m]
                            guess[m] += s * f
                            variance[m] -= f * f
                    base = places[k] - start
                    pixels = gone_count // channels
                    for m in range(pixels):
                        sure = np.float32(0)
                        for channel in range(channels):
                            sure += max(variance[channel * pixels + m], np.float32(0))
                        sure = one / (sure / np.float32(channels) + np.float32(1e-5))
                        where = base + offset[gone[m]]
                        weight[where] += sure
                        for channel in range(channels):
                            total[channel, where] += sure * guess[channel * pixels + m]
        part = take(ticket)


@kernel
def clean(ticket, looks, guide, noisy, ys, xs, how, noise, first, tops, totals, weights):
    """Sums of estimates of all pixels, and how many there are of each, band by band."""
    size, search, count, _ = how
    channels, _, wide = noisy.shape
    guides, seen = guide.reshape(channels, -1), noisy.reshape(channels, -1)
    n = size * size
    every = channels * n
    stride, across = _stride(every), _stride(every + count)
    distance, scratch, places, offset = _room(size, search, count, wide)
    patches, mean, covariance, rows, panel, ones = _matrices(every, count, stride, across)
    one, least = np.float32(1), np.float32(1e-9)
    parts = (len(ys) + BAND - 1) // BAND
    part = take(ticket)
    while part < parts:
        start = tops[part] * wide
        total = totals[part].reshape(channels, -1)
        weight = weights[part].reshape(-1)
        for row in range(part * BAND, min(len(ys), (part + 1) * BAND)):
            for column in range(len(xs)):
                y, x = ys[row], xs[column]
                _, many = _alike(
                    looks, y, x, size, search, distance, scratch, count, count, places
                )
                _gather(guides, places, many, offset, patches, stride)
                _moments(patches, many, every, stride, mean, covariance, ones)
                for k in range(many):
                    for t in range(n):
                        weight[places[k] - start + offset[t]] += one
                if first:
                    # Nothing but noise: the mean over all pixels is the best there is.
                    spread = np.float32(0)
                    for channel in range(channels):
                        level, square = np.float32(0), np.float32(0)
                        for t in range(n):
                            level += mean[channel * n + t]
                        level /= np.float32(n)
                        for t in range(n):
                            d = channel * n + t
                            square += covariance[d * stride + d] + (mean[d] - level) ** 2
                        spread += square / np.float32(n)
                    if spread <= FLAT * noise * np.float32(channels):
                        for channel in range(channels):
                            level = np.float32(0)
                            for t in range(n):
                                level += mean[channel * n + t]
                            level /= np.float32(n)
                            for k in range(many):
                                for t in range(n):
                                    total[channel, places[k] - start + offset[t]] += level
                        continue
                for channel in range(channels):
                    for t in range(n):
                        d = channel * n + t
                        for e in range(d, every):
                            rows[d * across + e] = covariance[d * stride + e]
                        rows[d * across + d] += np.float32(0.01) * noise if first else noise
                        for k in range(many):
                            value = seen[channel, places[k] + offset[t]]
                            rows[d * across + every + k] = value - mean[d]
                _eliminate(rows, across, every, every + many, panel, ones, least)
                _substitute(rows, across, every, every + many, panel, ones)
                for channel in range(channels):
                    for t in range(n):
                        for k in range(many):
                            place = places[k] + offset[t]
                            off = rows[(channel * n + t) * across + every + k]
                            total[channel, place - start] += seen[channel, place] - noise * off
        part = take(ticket)
