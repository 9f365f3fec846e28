"""Just enough arithmetic of the curve of Ed25519 (RFC 8032, 5.1) to craft signatures.

For generate.py alone: slow, and open about its secrets.
"""

from layout import FIELD_PRIME, GROUP_ORDER

D = -121665 * pow(121666, -1, FIELD_PRIME) % FIELD_PRIME
IDENTITY = (0, 1)


def add(a, b):
    (x1, y1), (x2, y2) = a, b
    product = D * x1 * x2 * y1 * y2
    x = (x1 * y2 + x2 * y1) * pow(1 + product, -1, FIELD_PRIME)
    y = (y1 * y2 + x1 * x2) * pow(1 - product, -1, FIELD_PRIME)
    return x % FIELD_PRIME, y % FIELD_PRIME


def multiply(number, point):
    total = IDENTITY
    while number:
        if number & 1:
            total = add(total, point)
        point = add(point, point)
        number >>= 1
    return total


def encode(point):
    x, y = point
    return (y | (x & 1) << 255).to_bytes(32, "little")


def decode(data):
    """The point, or None if there is none. Takes y at or above the prime."""
    number = int.from_bytes(data, "little")
    y, sign = (number & 2**255 - 1) % FIELD_PRIME, number >> 255
    square = (y * y - 1) * pow(D * y * y + 1, -1, FIELD_PRIME) % FIELD_PRIME
    x = pow(square, (FIELD_PRIME + 3) // 8, FIELD_PRIME)
    if (x * x - square) % FIELD_PRIME:
        x = x * pow(2, (FIELD_PRIME - 1) // 4, FIELD_PRIME) % FIELD_PRIME
    if (x * x - square) % FIELD_PRIME:
        return None
    return (FIELD_PRIME - x) % FIELD_PRIME if x & 1 != sign else x, y


BASE = decode(bytes([0x58]) + bytes([0x66]) * 31)


def torsion_point():
    """A point of order eight, the same on every run."""
    for y in range(2, 1000):
        point = decode(y.to_bytes(32, "little"))
        if point is not None:
            small = multiply(GROUP_ORDER, point)
            if multiply(4, small) != IDENTITY:
                return small
    raise AssertionError("no point of order eight found")


def off_curve():
    """32 bytes that are no point."""
    return next(
        y.to_bytes(32, "little")
        for y in range(2, 1000)
        if decode(y.to_bytes(32, "little")) is None
    )
