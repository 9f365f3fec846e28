"""Which 32 bytes are a usable Ed25519 key, and which points are of small order.

The library that checks signatures does not say. Keeps: the verdict is that of every other
implementation of these formats, so that no key and no signature is good for one and bad for another.
"""

_P = 2**255 - 19
_D = 37095705934669439343138083508754565189542113879843219016388785533085940283555
"""The curve's constant, -121665/121666."""
_Y_OF_ORDER_8 = 0x7A03AC9277FDC74EC6CC392CFA53202A0F67100D760B3CBA4FD84D3D706A17C7
"""The y of points whose order divides eight; the negative of it is another."""
_SMALL = {0, 1, _P - 1, _Y_OF_ORDER_8, _P - _Y_OF_ORDER_8}


def is_usable_key(key: bytes) -> bool:
    """Whether the bytes are a point, and none for which anybody can sign."""
    return not is_of_small_order(key) and _is_on_curve(_y_of(key))


def is_of_small_order(point: bytes) -> bool:
    """Whether the bytes stand for a point of small order, however they write it."""
    return _y_of(point) in _SMALL


def _y_of(point: bytes) -> int:
    """Without the bit of the sign. Values beyond the field are taken, as all do."""
    return int.from_bytes(point, "little") % 2**255 % _P


def _is_on_curve(y: int) -> bool:
    """x² = (y² - 1) / (d·y² + 1) has a root."""
    above, below = y * y - 1, _D * y * y + 1
    # Whether a quotient is a square, its product says as well; zero is one.
    return pow(above * below, (_P - 1) // 2, _P) != _P - 1
