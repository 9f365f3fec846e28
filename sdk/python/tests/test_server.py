import asyncio
import unittest
from decimal import Decimal
from types import SimpleNamespace

from vectors import VECTORS
from x402 import x402ResourceServerSync
from x402.schemas import (
    AssetAmount,
    PaymentAbortedError,
    PaymentPayload,
    ResourceConfig,
    ResourceInfo,
    SettleResponse,
    SupportedResponse,
    VerifyResponse,
)

from farthing_x402 import ExactFarthingServer, parse_price
from farthing_x402.purchase import read_purchase

REQUIREMENTS = VECTORS["x402"][0]["requirements"]
NETWORK = REQUIREMENTS["network"]


def adapter(url, method="GET", body=None, request=None):
    return SimpleNamespace(
        get_method=lambda: method,
        get_url=lambda: url,
        get_body=lambda: body,
        _request=request,
    )


def transport(*args, **options):
    return SimpleNamespace(request=SimpleNamespace(adapter=adapter(*args, **options)))


class Facilitator:
    """Takes every payment, until told otherwise."""

    def __init__(self):
        self.calls = []
        self.valid = True

    def get_supported(self):
        kind = {"x402Version": 2, "scheme": "exact", "network": NETWORK, "extra": {}}
        return SupportedResponse.model_validate({"kinds": [kind], "extensions": [], "signers": {}})

    def verify(self, payload, requirements):
        self.calls.append("verify")
        reason = None if self.valid else "duplicate_settlement"
        return VerifyResponse(is_valid=self.valid, invalid_reason=reason)

    def settle(self, payload, requirements):
        self.calls.append("settle")
        return SettleResponse(success=True, transaction="pay_x", network=NETWORK)


class Seller:
    def __init__(self, **options):
        self.facilitator = Facilitator()
        self.server = x402ResourceServerSync(self.facilitator)
        self.server.register("farthing:*", ExactFarthingServer(**options))
        self.server.initialize()
        config = ResourceConfig(
            scheme="exact",
            network=NETWORK,
            pay_to=REQUIREMENTS["payTo"],
            price="$0.002",
            max_timeout_seconds=60,
        )
        self.offers = self.server.build_payment_requirements(config)

    def challenge(self, transport_context):
        return self.server.create_payment_required_response(
            self.offers, ResourceInfo(url="http://x/"), transport_context=transport_context
        ).accepts


def payment(accepted, order="AAAA"):
    return PaymentPayload(accepted=accepted, payload={"order": order, "signature": ""})


async def _awaited(value):
    return await value


class Server(unittest.TestCase):
    def test_prices_are_exact(self):
        cases = [
            ("$0.002", "2000000"),
            ("0.002", "2000000"),
            ("$0.00001 USD", "10000"),
            ("0.000000001", "1"),
            ("$1", "1000000000"),
            ("$0", "0"),
            ("$0.10", "100000000"),
            ("123456789012345678901.000000001", "123456789012345678901000000001"),
            (0.002, "2000000"),
            (1e-9, "1"),
            (1.5e-7, "150"),
            (3, "3000000000"),
            (Decimal("0.003"), "3000000"),
        ]
        for price, amount in cases:
            self.assertEqual(parse_price(price, 9)[0], amount)
        for price in (
            "",
            "$",
            "-1",
            "1,5",
            "1e9",
            "0.0000000001",
            "$.5",
            "5 usd",
            1e-10,
            -1,
            "\uff11",
        ):
            with self.assertRaises(ValueError):
                parse_price(price, 9)

    def test_the_stock_server_builds_our_requirements(self):
        [offer] = Seller().offers
        expected = REQUIREMENTS | {"extra": {"scale": 9}}
        self.assertEqual(offer.model_dump(by_alias=True), expected)
        scheme = ExactFarthingServer()
        with self.assertRaisesRegex(ValueError, "EUR"):
            scheme.parse_price("1 EUR", NETWORK)
        explicit = scheme.parse_price(AssetAmount(amount="7", asset="USD"), NETWORK)
        self.assertEqual(explicit.extra, {"scale": 9})

    def test_each_request_has_its_own_purchase(self):
        seller = Seller()
        offers = [
            seller.challenge(context)
            for context in (
                transport("http://shop.example/a"),
                transport("http://shop.example/b"),
                transport("http://shop.example/a?"),
                transport("http://shop.example/a%2Fb"),
                transport("http://shop.example/a/b"),
                transport("http://shop.example/a", method="POST"),
                transport("http://shop.example/a", method="POST", body={"n": 1}),
                transport("http://shop.example/a", method="POST", body=b"x"),
                transport("https://shop.example/a"),
            )
        ]
        for index, [paid] in enumerate(offers):
            for other, available in enumerate(offers):
                match = seller.server.find_matching_requirements(available, payment(paid))
                self.assertEqual((match is not None), (index == other))

    def test_the_purchase_is_the_one_of_the_format_document(self):
        row = next(row for row in VECTORS["purchases"] if row["method"] == "POST")
        body = bytes.fromhex(row["body"])
        url = row["origin"] + row["path"] + row["query"]
        for given in (body, body.decode()):
            [offer] = Seller().challenge(transport(url, method="POST", body=given))
            self.assertEqual(offer.extra["purchase"], row["digest"])
        seller = Seller(origin=row["origin"], request_body=lambda adapter: body)
        [offer] = seller.challenge(transport("http://inner" + row["path"], method="POST"))
        self.assertEqual(offer.extra["purchase"], row["digest"])

    def test_raw_path_and_body_come_from_the_web_framework(self):
        row = next(row for row in VECTORS["purchases"] if "%2F" in row["path"])

        class Request:
            scope = {"raw_path": row["path"].encode()}

            async def body(self):
                return b""

        decoded = row["origin"] + row["path"].replace("%2F", "/")
        purchase = asyncio.run(
            _awaited(read_purchase(adapter(decoded, request=Request()), None, None))
        )
        self.assertEqual(purchase.digest().hex(), row["digest"])
        flask = SimpleNamespace(get_data=lambda: b"sent", environ={})
        self.assertEqual(read_purchase(adapter(decoded, request=flask), None, None).body, b"sent")
        self.assertEqual(flask.environ["wsgi.input"].read(), b"sent")

    def test_a_request_whose_purchase_cannot_be_named_is_refused(self):
        def broken(_adapter):
            raise OSError("gone")

        seller = Seller(request_body=broken)
        context = transport("http://shop.example/a")
        [offer] = seller.challenge(context)
        self.assertTrue("purchase" not in offer.extra)
        with self.assertRaisesRegex(PaymentAbortedError, "purchase_not_named"):
            seller.server.verify_payment(payment(offer), offer, transport_context=context)
        self.assertEqual(seller.facilitator.calls, [])

    def test_copies_in_flight_are_refused_and_afterwards_the_facilitator_decides(self):
        seller = Seller()
        [offer] = seller.offers
        copy = payment(offer)

        def verify(presented):
            result = seller.server.verify_payment(presented, offer)
            return result.invalid_reason or result.is_valid

        self.assertIs(verify(copy), True)
        with self.assertRaisesRegex(PaymentAbortedError, "payment_in_flight"):
            verify(copy)
        self.assertIs(verify(payment(offer, "BBBB")), True)
        self.assertEqual(seller.facilitator.calls, ["verify", "verify"])

        seller.server.settle_payment(copy, offer)
        self.assertIs(verify(copy), True)
        seller.server.settle_payment(copy, offer)
        seller.facilitator.valid = False
        self.assertEqual(verify(copy), "duplicate_settlement")
        self.assertEqual(verify(copy), "duplicate_settlement")


if __name__ == "__main__":
    unittest.main()
