"""Writes random_goldens.txt: what core/seed.h must draw, from an implementation of its own in plain Python.

    python tests/golden/core/make_goldens.py

Philox4x32-10 (Salmon et al., SC'11, section 3.3) from the paper's definition; the distributions from the papers and the
layout that core/seed.h states. Python floats are IEEE doubles, so the numbers are exact to the last bit; they are written
as hexadecimal floats. Before anything is written, the Philox known answers of the Random123 distribution, the accuracy of
log, exp and cos against Python's own, and the moments of the samples are checked.
"""

import math
import pathlib

MASK32 = 0xFFFFFFFF
MASK64 = 0xFFFFFFFFFFFFFFFF
PURPOSES = dict(init=1, partition=2, split=3, cohort=4, shuffle=5, augment=6, mask=7, candidates=8, rounding=9, score=10,
                test=11, bootstrap=12, test_secret=13)


def philox4x32(counter, key, rounds=10):
    c, k = list(counter), list(key)
    for _ in range(rounds):
        product0, product1 = 0xD2511F53 * c[0], 0xCD9E8D57 * c[2]
        c = [(product1 >> 32) ^ c[1] ^ k[0], product1 & MASK32, (product0 >> 32) ^ c[3] ^ k[1], product0 & MASK32]
        k = [(k[0] + 0x9E3779B9) & MASK32, (k[1] + 0xBB67AE85) & MASK32]
    return c


LN2_HIGH, LN2_LOW = float.fromhex("0x1.62e42feep-1"), float.fromhex("0x1.a39ef35793c76p-33")


def portable_log(x):
    m, exponent = math.frexp(x)
    if m < 0.70710678118654752:
        m *= 2.0
        exponent -= 1
    s = (m - 1.0) / (m + 1.0)
    z = s * s
    total = 0.0
    for k in range(23, 0, -2):
        total = total * z + 1.0 / k
    return exponent * LN2_HIGH + (2.0 * s * total + exponent * LN2_LOW)


def portable_exp(x):
    if x < -745.2:
        return 0.0
    if x > 709.79:
        return math.inf
    k = float(math.floor(x * float.fromhex("0x1.71547652b82fep+0") + 0.5))
    r = (x - k * LN2_HIGH) - k * LN2_LOW
    total = 1.0
    for i in range(14, 0, -1):
        total = 1.0 + total * r / i
    return math.ldexp(total, int(k))


def portable_cos_of_turn(u):
    quarter = float(math.floor(4.0 * u + 0.5))
    t = (u - 0.25 * quarter) * float.fromhex("0x1.921fb54442d18p+2")
    z = t * t

    def series(start):
        total = 1.0
        for k in range(start, 1, -2):
            total = 1.0 - total * z / (k * (k - 1.0))
        return total

    cos_t, sin_t = series(18), series(19) * t
    return [cos_t, -sin_t, -cos_t, sin_t][int(quarter) & 3]


class Stream:
    def __init__(self, run, round_, client, purpose, salt=0):
        self.key = [run & MASK32, run >> 32]
        self.counter = [0, client, round_, PURPOSES[purpose] << 24 | salt]
        self.words = []

    def next_u32(self):
        if not self.words:
            self.words = philox4x32(self.counter, self.key)
            self.counter[0] += 1
        return self.words.pop(0)

    def next_u64(self):
        low = self.next_u32()
        return low | self.next_u32() << 32

    def uniform(self):
        return (self.next_u64() >> 11) * 2.0**-53

    def below(self, bound):
        while True:
            product = self.next_u64() * bound
            if product & MASK64 >= (2**64 - bound) % bound:
                return product >> 64

    def normal(self):
        radius = math.sqrt(-2.0 * portable_log(1.0 - self.uniform()))
        return radius * portable_cos_of_turn(self.uniform())

    def log_gamma_draw(self, shape):
        boost = portable_log(1.0 - self.uniform()) / shape if shape < 1.0 else 0.0
        d = (shape + 1.0 if shape < 1.0 else shape) - 1.0 / 3.0
        c = 1.0 / math.sqrt(9.0 * d)
        while True:
            x = self.normal()
            root = 1.0 + c * x
            if root <= 0.0:
                continue
            v = root * root * root
            log_v = portable_log(v)
            if portable_log(1.0 - self.uniform()) < 0.5 * x * x + d - d * v + d * log_v:
                return portable_log(d) + log_v + boost

    def gamma(self, shape):
        return portable_exp(self.log_gamma_draw(shape))

    def dirichlet(self, alpha):
        logs = [self.log_gamma_draw(shape) for shape in alpha]
        shares = [portable_exp(value - max(logs)) for value in logs]
        total = 0.0
        for share in shares:
            total += share
        return [share / total for share in shares]

    def shuffle(self, values):
        for i in range(len(values), 1, -1):
            j = self.below(i)
            values[i - 1], values[j] = values[j], values[i - 1]
        return values

    def sample_without_replacement(self, population, count):
        values = list(range(population))
        for i in range(count):
            j = i + self.below(population - i)
            values[i], values[j] = values[j], values[i]
        return values[:count]


def check():
    ones = [MASK32] * 4
    pi = [0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344]
    assert philox4x32([0] * 4, [0] * 2) == [0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8]
    assert philox4x32(ones, ones[:2]) == [0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD]
    assert philox4x32(pi, [0xA4093822, 0x299F31D0]) == [0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1]
    s = Stream(99, 0, 0, "test")
    for _ in range(20000):
        u = 1.0 - s.uniform()
        assert abs(portable_log(u) - math.log(u)) <= 6e-16 * abs(math.log(u)) + 1e-300
        x = (s.uniform() - 0.5) * 1400
        assert abs(portable_exp(x) / math.exp(x) - 1.0) < 1e-15
        turn = s.uniform()
        assert abs(portable_cos_of_turn(turn) - math.cos(2.0 * math.pi * turn)) < 1e-15
    n = 40000
    normals = [s.normal() for _ in range(n)]
    assert abs(sum(normals) / n) < 0.02 and abs(sum(x * x for x in normals) / n - 1.0) < 0.03
    for shape in (0.2, 0.7, 1.0, 4.5):
        draws = [s.gamma(shape) for _ in range(n)]
        assert abs(sum(draws) / n - shape) < 6 * math.sqrt(shape / n), shape
    # A share of a Dirichlet has mean a / A and variance a (A - a) / (A^2 (A + 1)).
    shares = [s.dirichlet([0.3, 0.7, 1.0])[0] for _ in range(n)]
    mean = sum(shares) / n
    assert abs(mean - 0.15) < 6 * math.sqrt(0.0425 / n)
    assert abs(sum((x - mean) ** 2 for x in shares) / n - 0.3 * 1.7 / (4 * 3)) < 0.002


def main():
    check()
    lines = []

    def put(name, values):
        shown = [value.hex() if isinstance(value, float) else str(value) for value in values]
        lines.append(name + " " + " ".join(shown))

    big = 0xFEDCBA9876543210
    put("u32", [s.next_u32() for s in [Stream(1, 0, 0, "init")] for _ in range(9)])
    put("u32_all_fields", [s.next_u32() for s in [Stream(big, 7, MASK32, "bootstrap", 0xFFFFFF)] for _ in range(6)])
    put("u64", [s.next_u64() for s in [Stream(big, 3, 2, "shuffle", 1)] for _ in range(5)])
    put("uniform", [s.uniform() for s in [Stream(2, 1, 0, "augment")] for _ in range(6)])
    put("below_10", [s.below(10) for s in [Stream(3, 0, 5, "cohort")] for _ in range(20)])
    put("below_huge", [s.below(2**63 + 1) for s in [Stream(4, 0, 0, "mask")] for _ in range(8)])
    put("normal", [s.normal() for s in [Stream(5, 0, 0, "init", 4)] for _ in range(8)])
    put("gamma_0.1", [s.gamma(0.1) for s in [Stream(6, 0, 0, "test")] for _ in range(6)])
    put("gamma_1", [s.gamma(1.0) for s in [Stream(6, 0, 1, "test")] for _ in range(6)])
    put("gamma_7.5", [s.gamma(7.5) for s in [Stream(6, 0, 2, "test")] for _ in range(6)])
    put("dirichlet_0.5", Stream(8, 0, 0, "partition").dirichlet([0.5] * 6))
    put("dirichlet_0.0001", Stream(8, 0, 3, "partition").dirichlet([0.0001] * 4))
    put("shuffle_12", Stream(9, 0, 0, "shuffle").shuffle(list(range(12))))
    put("sample_100_10", Stream(10, 2, 0, "cohort").sample_without_replacement(100, 10))
    put("sample_8_8", Stream(10, 3, 0, "cohort").sample_without_replacement(8, 8))
    put("secret_bytes", [s.next_u32() & 0xFF for s in [Stream(11, 0, 0, "test_secret")] for _ in range(8)])
    put("log", [portable_log(x) for x in (1.0, 2.0, 0.1, 1e-300, 5e-324, 0.70710678118654752, 1.7e308)])
    put("exp", [portable_exp(x) for x in (0.0, 1.0, -1.0, 700.5, -708.0, -745.0, 1e-9)])
    put("cos_of_turn", [portable_cos_of_turn(x) for x in (0.0, 0.125, 0.2, 0.25, 0.4, 0.5, 0.7, 0.75, 0.9, 1 - 2.0**-53)])
    path = pathlib.Path(__file__).with_name("random_goldens.txt")
    path.write_text("# made by make_goldens.py\n" + "\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
